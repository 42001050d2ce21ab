//! What a send comes to.

use super::*;

#[test]
fn what_was_stored_is_there_after_a_restart_and_repetitions_are_known() {
    let mut relay = Relay::new();
    assert_eq!(relay.send(1, 1, b"one"), DONE);
    assert_eq!(relay.send(2, 2, b"two"), DONE);
    assert_eq!(relay.send(1, 3, b"three"), DONE);
    assert_eq!(relay.send(7, 4, b"nobody"), Deposited::NoSuchMailbox);
    for _ in 0..2 {
        assert_eq!(relay.read(1), [(1, b"one".to_vec()), (2, b"three".to_vec())]);
        assert_eq!(relay.read(2), [(1, b"two".to_vec())]);
        assert_eq!(relay.send(1, 1, b"one"), DONE);
        assert_eq!(relay.send(1, 1, b"else"), Deposited::Conflict);
        assert_eq!(relay.index.totals(), (3, 11));
        relay.reopen();
    }
    assert_eq!(relay.acknowledge(1, 1), Acked::Done(1));
    assert_eq!(relay.acknowledge(1, 3), Acked::Stale);
    relay.reopen();
    assert_eq!(relay.read(1), [(2, b"three".to_vec())]);
    assert_eq!(relay.acknowledge(1, 2), Acked::Done(1));
    relay.keep_up();
    relay.reopen();
    assert_eq!(relay.send(1, 5, b"five"), DONE);
    assert_eq!(relay.read(1), [(3, b"five".to_vec())], "numbers go on");
    assert_eq!(relay.send(1, 3, b"three"), DONE, "read, and still known");
    assert_eq!(relay.read(1).len(), 1);
}

#[test]
fn sends_of_one_commit_know_of_each_other() {
    let mut relay = Relay::new();
    let mut third = deposit(1, 3, b"three");
    third.quota.envelopes = 2;
    let answers = relay.send_all(vec![
        deposit(1, 1, b"one"),
        deposit(1, 1, b"one"),
        deposit(1, 1, b"other"),
        deposit(1, 2, b"two"),
        third,
    ]);
    let answers: Vec<Deposited> = answers.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers, [DONE, DONE, Deposited::Conflict, DONE, Deposited::Full]);
    assert_eq!(relay.read(1), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
    let refused: i64 = relay
        .c
        .query_row("SELECT sum(refused_total) FROM mailbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(refused, 1);
}

#[test]
fn envelopes_in_tables_are_taken_over_once() {
    let mut relay = Relay::new();
    relay.send(1, 1, b"in the log");
    let put = |sequence: u64, body: &[u8]| {
        mail::put_into_tables(&relay.c, mailbox(1), sequence, [NOW, Timestamp(2000)], body).unwrap();
    };
    // As after a crash between the log and the tables.
    put(1, b"in the log");
    for sequence in 2..=300 {
        put(sequence, &sequence.to_be_bytes());
    }
    relay.reopen();
    let read = relay.read(1);
    assert_eq!(read.len(), 300);
    assert_eq!(read[299], (300, 300_u64.to_be_bytes().to_vec()));
    let left: i64 = relay
        .c
        .query_row(
            "SELECT (SELECT count(*) FROM envelope) + (SELECT count(*) FROM sealed)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    relay.send(1, 5, b"next");
    assert_eq!(relay.read(1).last().unwrap().0, 301);
}

/// The first of two with one id finds no room: the second, whatever it holds, is told so too.
#[test]
fn nothing_is_a_repetition_of_what_was_not_stored() {
    let mut relay = Relay::new();
    relay.log().limit = Some(1 << 20);
    for id in 0..5 {
        relay.send(1, id, &[1; 200_000]);
    }
    let answers = relay.send_all(vec![
        deposit(1, 10, &[2; 200_000]),
        deposit(1, 10, &[2; 200_000]),
        deposit(1, 10, &[3; 200_000]),
    ]);
    assert!(
        answers.iter().all(|answer| matches!(answer, Err(StoreError::Full(_)))),
        "{answers:?}"
    );
}

#[test]
fn a_removed_mailbox_knows_no_repetitions() {
    let mut relay = Relay::new();
    assert_eq!(relay.send(1, 1, b"one"), DONE);
    relay
        .c
        .execute("DELETE FROM mailbox WHERE mailbox = ?1", [mailbox(1).as_bytes()])
        .unwrap();
    relay.log().gone(mailbox(1), 1);
    relay.log().forget(mailbox(1));
    assert_eq!(relay.send(1, 1, b"one"), Deposited::NoSuchMailbox);
    // Nor when its receipt has been put away.
    for id in 10..16 {
        relay.send(2, id, &large(1));
    }
    relay.keep_up();
    let away: i64 = relay
        .c
        .query_row("SELECT count(*) FROM receipt_run", [], |row| row.get(0))
        .unwrap();
    assert_eq!(away, 1);
    assert_eq!(relay.send(1, 1, b"one"), Deposited::NoSuchMailbox);
}

/// An id comes again when its time is over, while its first receipt is on its way into the database.
#[test]
fn an_id_used_again_is_known_by_its_last_use() {
    let mut relay = Relay::new();
    assert_eq!(relay.send(1, 1, b"one"), DONE);
    // Enough of others that the first segment is sealed.
    for id in 10..16 {
        relay.send(2, id, &[1; 200_000]);
    }
    let later = Timestamp(4000);
    let again = |body: &[u8]| Deposit {
        now: later,
        expires: Timestamp(9000),
        forget_at: Timestamp(9000),
        ..deposit(1, 1, body)
    };
    let done = Deposited::Done {
        stored_at: later,
        expires: Timestamp(9000),
    };
    assert_eq!(relay.send_all(vec![again(b"two")]).pop().unwrap().unwrap(), done);
    relay.keep_up();
    assert_eq!(relay.send_all(vec![again(b"two")]).pop().unwrap().unwrap(), done);
    assert_eq!(
        relay.send_all(vec![again(b"six")]).pop().unwrap().unwrap(),
        Deposited::Conflict
    );
    assert_eq!(relay.index.usage(mailbox(1)).count, 2);
}

/// The database knows before the index does what was read.
#[test]
fn a_page_shows_nothing_that_was_read() {
    let mut relay = Relay::new();
    for id in 1..=3 {
        relay.send(1, id, &[id as u8]);
    }
    let shown = |acked, limit| {
        let page = page(&relay.index, mailbox(1), acked, (limit, usize::MAX), NOW).unwrap();
        page.into_iter().map(|row| row.sequence).collect::<Vec<_>>()
    };
    assert_eq!(shown(0, 2), [1, 2]);
    assert_eq!(shown(2, 2), [3]);
    assert_eq!(shown(3, 2), [0; 0]);
}
