//! Rows from their insertion to their deletion.

use super::*;
use crate::store::sqlite::mail;

/// More small envelopes than a few pages hold.
fn fill(relay: &mut Relay, from: u128, count: u128, to: impl Fn(u128) -> u8, body: &[u8]) {
    for batch in 0..count.div_ceil(200) {
        let ids = (from + batch * 200)..(from + count).min(from + (batch + 1) * 200);
        let answers = relay.send_all(ids.map(|id| deposit(to(id), id, body)).collect());
        assert!(answers.iter().all(|answer| matches!(answer, Ok(DONE))), "{answers:?}");
    }
}

#[test]
fn rows_of_what_was_read_go_and_their_pages_are_used_again() {
    let mut relay = Relay::new();
    let body = [7; 3000];
    fill(&mut relay, 0, 2000, |_| 1, &body);
    let pages = relay.count("PRAGMA page_count");
    for round in 1..5 {
        let last = relay.envelopes.index.usage(mailbox(1)).last;
        relay.acknowledge(1, last);
        relay.keep_up();
        assert_eq!(relay.rows(), 0);
        fill(&mut relay, round * 2000, 2000, |_| 1, &body);
        assert!(relay.count("PRAGMA page_count") < pages + pages / 4, "round {round}");
    }
    assert_eq!(relay.read(1).len(), 2000);
    relay.is_sound();
}

/// Somebody stays away, and everyone else's rows lie behind that mail.
#[test]
fn mail_that_nobody_fetches_does_not_keep_the_rows_behind_it() {
    let mut relay = Relay::new();
    let body = [7; 4096];
    // One of fifty is for somebody who stays away.
    fill(&mut relay, 0, 20_000, |id| if id % 50 == 0 { 2 } else { 1 }, &body);
    let away = relay.read(2);
    assert_eq!(away.len(), 400);
    let last = relay.envelopes.index.usage(mailbox(1)).last;
    relay.acknowledge(1, last);
    relay.keep_up();
    let (rows, bytes) = (relay.rows(), relay.envelopes.blocks.bytes());
    assert!(
        bytes <= 4 * 400 * 4096 + (17 << 20),
        "{rows} rows of {bytes} bytes are kept"
    );
    assert_eq!(relay.read(2), away);
    relay.reopen();
    assert_eq!(relay.read(2), away, "moved, in order, once");
    relay.keep_up();
    assert_eq!(relay.send(2, 100_000, b"next"), DONE);
    assert_eq!(relay.read(2).last().unwrap().0, 401);
    relay.is_sound();
}

/// A crash after the copy was made and before the row that it replaces was erased.
#[test]
fn of_an_envelope_that_is_there_twice_the_later_row_counts() {
    let mut relay = Relay::new();
    fill(&mut relay, 0, 20_000, |id| if id < 10 { 2 } else { 1 }, &[7; 4096]);
    let away = relay.read(2);
    let last = relay.envelopes.index.usage(mailbox(1)).last;
    relay.acknowledge(1, last);
    // Until something was moved, and no further.
    let copies =
        "SELECT count(*) - count(DISTINCT seq) FROM envelope WHERE mailbox = x'02020202020202020202020202020202'";
    for _ in 0..10_000 {
        relay.envelopes.upkeep(&relay.c, true).unwrap();
        if relay.count(copies) > 0 {
            break;
        }
    }
    assert_eq!(relay.count(copies), 10);
    relay.reopen();
    assert_eq!(relay.read(2), away);
    assert_eq!(relay.envelopes.index.totals().0, 10);
    relay.keep_up();
    assert_eq!(relay.count(copies), 0);
    assert_eq!(relay.read(2), away);
}

#[test]
fn a_full_database_is_said_and_has_room_again_when_something_was_read() {
    let mut relay = Relay::with_limit(Some(8 << 20));
    let mut stored = 0;
    for id in 0..60 {
        match relay.send_all(vec![deposit(1, id, &large(id as u8))]).pop().unwrap() {
            Ok(answer) => {
                assert_eq!(answer, DONE);
                stored += 1;
            }
            Err(StoreError::Full(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((25..40).contains(&stored), "{stored}");
    assert_eq!(relay.read(1).len(), stored);
    relay.acknowledge(1, stored as u64);
    relay.keep_up();
    relay.reopen();
    assert_eq!(relay.send(1, 100, &large(1)), DONE);
    assert_eq!(relay.read(1), [(stored as u64 + 1, large(1))]);
}

/// At its limit, and a little waits everywhere: what is moved needs pages too, and finds them.
#[test]
fn a_full_database_of_which_a_little_is_left_everywhere_empties_itself() {
    let mut relay = Relay::with_limit(Some(24 << 20));
    let (mut stored, mut id) = (0_u128, 0);
    let full = loop {
        // One of seven is for somebody who stays away.
        let to = if id % 7 == 0 { 2 } else { 1 };
        match relay.send_all(vec![deposit(to, id, &[id as u8; 4000])]).pop().unwrap() {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        id += 1;
    };
    assert!(matches!(full, StoreError::Full(_)) && stored > 4000, "{stored}: {full}");
    // The writer says so.
    relay.envelopes.give_room();
    let away = relay.read(2);
    let last = relay.envelopes.index.usage(mailbox(1)).last;
    relay.acknowledge(1, last);
    relay.keep_up();
    assert!(
        u128::from(relay.rows()) < stored / 3,
        "{} of {stored} rows are kept",
        relay.rows()
    );
    fill(&mut relay, 100_000, stored / 2, |_| 1, &[1; 4000]);
    relay.reopen();
    assert_eq!(relay.read(2), away);
    relay.is_sound();
}

/// At its limit, and one small envelope waits in front of all others: there are too few of them for a block behind its own.
#[test]
fn a_full_database_empties_itself_behind_one_envelope_that_stays() {
    let mut relay = Relay::with_limit(Some(8 << 20));
    assert_eq!(relay.send(2, 0, b"stays"), DONE);
    for round in 0..3_u128 {
        let mut stored = 0;
        while let Ok(answer) = relay
            .send_all(vec![deposit(1, 1 + round * 1000 + stored, &large(1))])
            .remove(0)
        {
            assert_eq!(answer, DONE);
            stored += 1;
            assert!(stored < 60, "the limit never came");
        }
        assert!(stored > 20, "round {round}: {stored}");
        // The writer says so.
        relay.envelopes.give_room();
        let last = relay.envelopes.index.usage(mailbox(1)).last;
        relay.acknowledge(1, last);
        relay.keep_up();
        assert!(relay.rows() < 5, "round {round}: {} rows are kept", relay.rows());
        if round == 1 {
            relay.reopen();
        }
    }
    assert_eq!(relay.read(2), [(1, b"stays".to_vec())]);
    relay.is_sound();
}

/// The row itself, and its checksum.
#[test]
fn one_row_decides_however_much_was_read() {
    let mut relay = Relay::new();
    fill(&mut relay, 0, 10_000, |_| 1, &[7; 40]);
    let before = relay.c.total_changes();
    assert_eq!(relay.acknowledge(1, 9000), Acked::Done(9000));
    assert_eq!(relay.c.total_changes() - before, 2);
    let (mut effects, index) = (Effects::default(), relay.envelopes.index());
    let before = relay.c.total_changes();
    let cleared = mail::clear(&relay.c, &index, &mut effects, mailbox(1), Incarnation(Uuid::nil())).unwrap();
    assert_eq!(cleared, Some(1000));
    assert_eq!(
        relay.c.total_changes() - before,
        4,
        "where it was read to, and the incarnation"
    );
}

/// However much there is to erase, sends get in between.
#[test]
fn no_piece_of_upkeep_touches_more_than_its_bound() {
    let mut relay = Relay::new();
    fill(&mut relay, 0, 20_000, |id| if id % 50 == 0 { 2 } else { 1 }, &[7; 40]);
    let last = relay.envelopes.index.usage(mailbox(1)).last;
    relay.acknowledge(1, last);
    let (mut pieces, mut most) = (0, 0);
    loop {
        let before = relay.c.total_changes();
        let kept = relay.envelopes.upkeep(&relay.c, true).unwrap();
        most = most.max(relay.c.total_changes() - before);
        pieces += 1;
        if kept != Upkeep::More {
            break;
        }
    }
    // Erased, deleted and merged: a thousand each.
    assert!(pieces > 15 && most <= 3 * 1024, "{most} rows in one of {pieces} pieces");
}

/// There is always something to erase, so the relay is never idle: rows still go, receipts are still merged, and mail that stays is moved out of the way.
#[test]
fn under_steady_load_nothing_piles_up() {
    let mut relay = Relay::new();
    let mut most = 0;
    for turn in 0..1200_u128 {
        // One for somebody who stays away, every now and then.
        let away = turn % 40 == 0;
        fill(
            &mut relay,
            turn * 64,
            64,
            |id| if away && id % 64 == 0 { 2 } else { 1 },
            &[7; 1000],
        );
        let last = relay.envelopes.index.usage(mailbox(1)).last;
        relay.acknowledge(1, last);
        // As if it had waited long enough.
        relay.envelopes.erase_since = Instant::now().checked_sub(std::time::Duration::from_secs(1));
        relay.envelopes.upkeep(&relay.c, false).unwrap();
        assert!(relay.envelopes.take_erased());
        most = most.max(relay.rows());
    }
    let slack = (16 << 20) / 1000;
    assert!(most < slack + slack / 2, "{most} rows of 76 800 at once");
    assert!(
        relay.envelopes.erase.len() < 1024,
        "{} to be erased",
        relay.envelopes.erase.len()
    );
    assert_eq!(
        relay.count("SELECT count(*) FROM receipt_generation WHERE merged = 1"),
        1
    );
    assert_eq!(relay.read(2).len(), 30);
    relay.is_sound();
}
