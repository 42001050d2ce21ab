//! Chance drives conversations: a relay that drops, repeats, reorders and delays; parties that crash between commit and transmit, restore old
//! backups, start anew, lose one-time prekeys; a stranger who alters and reflects. Afterwards the network is fair, and everything must come
//! together: both ends on one session, every message delivered or reported missing, none shown twice.

mod chaos;
mod net;

use std::time::Duration;

use crate::party::Party;
use net::Net;

/// Seeds `from..from + count`; the environment variable `DRIVER_ROUNDS` multiplies the count for long runs.
fn run(from: u64, count: u64, people: usize, hostile: bool) {
    let rounds = std::env::var("DRIVER_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let (mut sent, mut delivered, mut handshakes) = (0, 0, 0);
    for seed in from..from + count * rounds {
        let result = std::panic::catch_unwind(|| {
            let mut net = Net::new(seed, people, [1, 3, 20][(seed % 3) as usize], seed % 4 == 0);
            net.chaos(150, hostile);
            net.settle();
            (net.sent.len(), net.delivered.len(), net.handshakes)
        });
        let Ok(counts) = result else {
            panic!("seed {seed} with {people} people, hostile: {hostile}")
        };
        sent += counts.0;
        delivered += counts.1;
        handshakes += counts.2;
    }
    // The drivers must not idle: a run in which hardly anything was said proves nothing.
    assert!(
        sent > 500 && delivered * 3 > sent && handshakes > 10,
        "{sent} sent, {delivered} delivered, {handshakes} handshakes"
    );
}

#[test]
fn a_network_that_loses_repeats_and_reorders() {
    run(0, 24, 2, false);
}

#[test]
fn crashes_restores_lost_keys_and_new_beginnings() {
    run(1_000_000, 30, 2, true);
}

#[test]
fn three_parties() {
    run(2_000_000, 15, 3, true);
}

/// People change their identities at any moment, with messages under way in both directions. Nobody has to be asked, nothing is lost or shown twice.
#[test]
fn identities_that_succeed_each_other() {
    let mut successions = 0;
    for seed in 0..24 {
        let result = std::panic::catch_unwind(|| {
            let mut net = Net::new(
                3_000_000 + seed,
                2 + (seed % 2) as usize,
                [1, 3, 20][(seed % 3) as usize],
                seed % 4 == 0,
            );
            net.rotating = true;
            net.chaos(150, seed % 2 == 0);
            net.restores += net.successions; // a succession costs the rounds of a restore
            net.settle();
            net.successions
        });
        successions += result.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(successions > 12, "{successions}");
}

#[test]
fn crossing_handshakes_converge_in_two_messages_each_way() {
    for seed in 0..8 {
        let mut net = Net::new(seed, 2, 20, true);
        net.say(0, 1);
        net.now = net.now.plus(Duration::from_secs(5));
        net.say(1, 0); // nothing was delivered yet: both are initiators
        net.drain();
        assert!(net.settle() <= 2);
        assert_eq!(net.delivered.len(), 2);
        assert_eq!(net.handshakes, 2);
    }
}

#[test]
fn an_unnoticed_rollback_is_seen_and_nothing_is_lost() {
    // Inside an epoch: the peer's acknowledgement is beyond what the old state has sent.
    let mut net = Net::new(3, 2, 20, false);
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    let old = net.records(0);
    (0..3).for_each(|_| net.say(0, 1));
    net.drain();
    net.rolled.extend(net.parties[0].sessions.keys());
    net.parties[0] = Party::load(old).unwrap();
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    net.restored.insert(1);
    net.unopenable.clear();
    net.restores = 1;
    net.settle();
    assert_eq!(net.delivered.len(), net.sent.len(), "and everything said was heard");
    assert!(net.handshakes >= 2, "on a new session");

    // Before an advance: two headers for one epoch.
    let mut net = Net::new(4, 2, 1, false);
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    let old = net.records(0);
    net.say(0, 1);
    net.drain();
    net.rolled.extend(net.parties[0].sessions.keys());
    net.parties[0] = Party::load(old).unwrap();
    net.parties[0].set_policy(net.policy);
    net.say(0, 1);
    net.flush(0);
    assert_eq!(net.deliver(0, false), "forked");
    net.restores = 1;
    net.settle();
    assert_eq!(net.delivered.len(), net.sent.len());
}
