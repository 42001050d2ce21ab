//! How much strangers may send, in which time, at what memory.

use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);
const QUOTA: Quota = Quota {
    envelopes: 10_000,
    bytes: 64 << 20,
    licenses: 10_000,
};
/// A license is there so long.
const LICENSE: Duration = MAX_LICENSE_TTL.saturating_add(REMEMBERED);

fn shares() -> Shares {
    Shares::new(ShareRules::default(), QUOTA, DAY * 30)
}

fn id(n: u64) -> MailboxId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    MailboxId::from_bytes(id)
}

/// How many sends to mailbox 0 go through until each of `senders` is refused.
fn flood(shares: &Shares, senders: std::ops::Range<u64>, bytes: usize, license: bool, now: Timestamp) -> u64 {
    let mut through = 0;
    for sender in senders {
        while shares.take(id(0), id(sender), bytes, license, now).is_ok() {
            through += 1;
            assert!(through < 1_000_000, "there is no end to it");
        }
    }
    through
}

#[test]
fn a_stranger_has_a_small_share_and_all_of_them_less_than_half_of_the_mailbox() {
    for (bytes, license) in [(1, false), (16 << 10, false), (MAX_ENVELOPE_BYTES, false), (1, true)] {
        let shares = shares();
        let counts = (bytes as u64).max(QUOTA.bytes / QUOTA.envelopes);
        let one = flood(&shares, 1..2, bytes, license, NOW);
        assert!(one >= 2 && one * counts <= QUOTA.bytes / 64, "{one} of {bytes}");
        // Whoever comes next is served, and a crowd comes to an end.
        let all = one + flood(&shares, 2..200, bytes, license, NOW);
        assert!(all > 6 * one && all * counts <= QUOTA.bytes / 8, "{all} of {bytes}");
        assert!(shares.refused() >= 199);
        // Asked all the time while the first lie there: at most half of what the mailbox holds.
        let (mut sum, mut now) = (all, NOW);
        for _ in 0..30 * 24 {
            now = now.plus(Duration::from_secs(3600));
            sum += flood(&shares, 1..20, bytes, license, now);
        }
        assert!(sum * counts <= QUOTA.bytes / 2, "{sum} of {bytes}");
        assert!(license || sum > 3 * all, "{sum} of {bytes}");
    }
}

#[test]
fn licenses_are_counted_for_as_long_as_they_are_there() {
    let shares = shares();
    let (mut sum, mut now) = (flood(&shares, 1..200, 1, true, NOW), NOW);
    let steps = u32::try_from(LICENSE.as_secs() / DAY.as_secs()).unwrap();
    for _ in 1..steps {
        now = now.plus(DAY);
        sum += flood(&shares, 1..200, 1, true, now);
    }
    assert!((QUOTA.licenses * 2 / 5..=QUOTA.licenses / 2).contains(&sum), "{sum}");
}

#[test]
fn the_smallest_mailbox_takes_a_first_message_of_a_stranger() {
    let small = Quota {
        envelopes: 3,
        bytes: 1 << 20,
        licenses: 1,
    };
    let shares = Shares::new(ShareRules::default(), small, Duration::from_secs(1));
    assert_eq!(flood(&shares, 1..2, MAX_ENVELOPE_BYTES, true, NOW), 2);
}

#[test]
fn what_a_refused_send_took_is_given_back_and_a_repetition_costs_nothing() {
    let all = flood(&shares(), 1..2, 16 << 10, true, NOW);
    let shares = shares();
    for _ in 0..3 * all {
        let taken = shares.take(id(0), id(1), 16 << 10, true, NOW).unwrap().unwrap();
        shares.give_back(&taken, NOW);
    }
    assert_eq!(flood(&shares, 1..2, 16 << 10, true, NOW), all);
    let message = MessageId::new(uuid::Uuid::from_u128(5));
    let known = |mailbox, account, now| shares.was_stored(mailbox, account, message, now);
    assert!(!known(id(0), id(1), NOW));
    shares.note_stored(id(0), id(1), message, NOW);
    assert!(known(id(0), id(1), NOW) && known(id(0), id(1), NOW.plus(REPEATED / 2)));
    assert!(!known(id(0), id(2), NOW) && !known(id(2), id(1), NOW));
    assert!(!known(id(0), id(1), NOW.plus(REPEATED)), "paid for again");
}

#[test]
fn who_comes_when_the_others_used_all_up_is_told_from_who_used_up_its_own() {
    let shares = shares();
    flood(&shares, 1..40, 256 << 10, false, NOW);
    let take = |account| shares.take(id(0), id(account), 256 << 10, false, NOW).map(drop);
    assert_eq!(take(1), Err(UsedUp::Own));
    assert_eq!(take(100), Err(UsedUp::All));
}

#[test]
fn memory_is_bounded_and_a_crowd_does_not_wash_a_debt_away() {
    let shares = shares();
    flood(&shares, 1..2, 16 << 10, true, NOW);
    for n in 0..2 * MAX_BUCKETS as u64 {
        let _ = shares.take(id(n + 1), id(n + 2), 1, true, NOW);
    }
    let inner = shares.inner.as_ref().unwrap().lock();
    for measure in [&inner.bytes, &inner.licenses] {
        assert_eq!((measure.all.1.len(), measure.one.1.len()), (MAX_BUCKETS, MAX_BUCKETS));
    }
    drop(inner);
    assert!(shares.take(id(0), id(1), 16 << 10, true, NOW).is_err());
}

#[test]
fn a_clock_that_is_put_back_locks_nobody_out() {
    let shares = shares();
    let all = flood(&shares, 1..2, 16 << 10, false, NOW.plus(DAY * 366));
    assert_eq!(flood(&shares, 1..2, 16 << 10, false, NOW), all);
}

#[test]
fn without_shares_strangers_are_as_everybody() {
    let off = ShareRules {
        strangers: None,
        ..ShareRules::default()
    };
    let shares = Shares::new(off, QUOTA, DAY);
    for _ in 0..20_000 {
        assert!(
            shares
                .take(id(0), id(1), MAX_ENVELOPE_BYTES, true, NOW)
                .unwrap()
                .is_none()
        );
    }
    assert!(!shares.are_on());
}

#[test]
fn percents_are_whole_and_not_more_than_all() {
    for text in ["1%", "50%", "100%"] {
        assert_eq!(Percent::parse(text).unwrap().to_string(), text);
    }
    for bad in ["", "%", "0%", "101%", "50", "-1%", "5.5%", "256%"] {
        assert_eq!(Percent::parse(bad), None, "{bad}");
    }
}
