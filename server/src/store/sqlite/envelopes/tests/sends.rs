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
        assert_eq!(relay.envelopes.index.totals(), (3, 11));
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
    relay.is_sound();
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
    assert_eq!(relay.count("SELECT sum(refused_total) FROM mailbox"), 1);
}

#[test]
fn each_part_of_a_mailbox_has_the_quota_for_itself_after_a_restart_too() {
    let mut relay = Relay::new();
    let quota = Quota {
        envelopes: 3,
        bytes: 1000,
        licenses: 0,
    };
    let send = |relay: &mut Relay, id: u128, part: Part, size: usize| {
        let sent = Deposit {
            part,
            quota,
            ..deposit(1, id, &vec![7; size])
        };
        relay.send_all(vec![sent]).remove(0).unwrap()
    };
    for (at, part) in [(0, Part::Stranger), (10, Part::Known)] {
        assert_eq!(send(&mut relay, at, part, 400), DONE);
        assert_eq!(send(&mut relay, at + 1, part, 601), Deposited::Full);
        assert_eq!(send(&mut relay, at + 1, part, 600), DONE);
    }
    for _ in 0..2 {
        assert_eq!(send(&mut relay, 20, Part::Stranger, 1), Deposited::Full);
        assert_eq!(send(&mut relay, 20, Part::Known, 1), Deposited::Full);
        relay.reopen();
    }
    // Strangers are refused without a write.
    assert_eq!(relay.count("SELECT sum(refused_total) FROM mailbox"), 1 + 2);
    assert_eq!(relay.acknowledge(1, 1), Acked::Done(1));
    for id in 30..32 {
        assert_eq!(send(&mut relay, id, Part::Known, 1), Deposited::Full);
        assert_eq!(send(&mut relay, id, Part::Stranger, 1), DONE);
    }
    assert_eq!(send(&mut relay, 32, Part::Stranger, 1), Deposited::Full, "three");
    relay.is_sound();
}

/// The first of two with one id finds no room: the second, whatever it holds, is told so too.
#[test]
fn nothing_is_a_repetition_of_what_was_not_stored() {
    let mut relay = Relay::with_limit(Some(3 << 20));
    let mut id = 0;
    while relay.send_all(vec![deposit(1, id, &large(1))])[0].is_ok() {
        id += 1;
        assert!(id < 20, "the limit never came");
    }
    let answers = relay.send_all(vec![
        deposit(1, 100, &large(2)),
        deposit(1, 100, &large(2)),
        deposit(1, 100, &large(3)),
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
    relay.envelopes.gone(mailbox(1), 1);
    relay.envelopes.forget(mailbox(1));
    assert_eq!(relay.send(1, 1, b"one"), Deposited::NoSuchMailbox);
}

/// An id comes again when its time is over, while its first receipt is being merged.
#[test]
fn an_id_used_again_is_known_by_its_last_use() {
    let mut relay = Relay::new();
    assert_eq!(relay.send(1, 1, b"one"), DONE);
    let later = NOW.plus(std::time::Duration::from_secs(48 * 3600));
    let again = |body: &[u8]| Deposit {
        now: later,
        expires: later.plus(std::time::Duration::from_secs(1)),
        forget_at: later.plus(std::time::Duration::from_secs(2)),
        ..deposit(1, 1, body)
    };
    let done = Deposited::Done {
        stored_at: later,
        expires: again(b"x").expires,
    };
    assert_eq!(relay.send_all(vec![again(b"two")]).pop().unwrap().unwrap(), done);
    for _ in 0..2 {
        relay.keep_up();
        assert_eq!(relay.send_all(vec![again(b"two")]).pop().unwrap().unwrap(), done);
        assert_eq!(
            relay.send_all(vec![again(b"six")]).pop().unwrap().unwrap(),
            Deposited::Conflict
        );
        relay.reopen();
    }
    assert_eq!(relay.envelopes.index.usage(mailbox(1)).held[0].count, 2);
    assert_eq!(
        relay.count("SELECT count(*) FROM receipt_run"),
        1,
        "the first generation was merged"
    );
}

/// The database knows before the index does what was read.
#[test]
fn a_page_shows_nothing_that_was_read() {
    let mut relay = Relay::new();
    for id in 1..=3 {
        relay.send(1, id, &[id as u8]);
    }
    let shown = |acked, limit| {
        let page = page(
            &relay.c,
            &relay.envelopes.index,
            mailbox(1),
            acked,
            (limit, usize::MAX),
            NOW,
        )
        .unwrap();
        page.into_iter().map(|row| row.sequence).collect::<Vec<_>>()
    };
    assert_eq!(shown(0, 2), [1, 2]);
    assert_eq!(shown(2, 2), [3]);
    assert_eq!(shown(3, 2), [0; 0]);
}

/// A row that is not what was stored is an error, and not an empty mailbox.
#[test]
fn an_altered_envelope_is_not_delivered() {
    let mut relay = Relay::new();
    relay.send(1, 1, b"one");
    relay.send(1, 2, b"two");
    relay
        .c
        .execute_batch("UPDATE envelope SET body = x'6f6e66' WHERE id = 1")
        .unwrap();
    let look = |relay: &Relay| page(&relay.c, &relay.envelopes.index, mailbox(1), 0, (9, usize::MAX), NOW);
    assert!(matches!(look(&relay), Err(StoreError::Damaged(_))));
    relay.c.execute_batch("DELETE FROM envelope WHERE id = 1").unwrap();
    assert!(
        matches!(look(&relay), Err(StoreError::Damaged(_))),
        "nor one that is missing"
    );
}

/// Many receipts: they are merged by pieces, and each is found by reading one row.
#[test]
fn receipts_of_a_busy_relay_are_found_without_reading_them_all() {
    const MANY: u128 = 70_000;
    let mut relay = Relay::new();
    let small = |id: u128| deposit(1, id, &[id as u8 | 1]);
    for batch in 0..MANY / 250 {
        let sent = relay.send_all((0..250).map(|n| small(batch * 250 + n)).collect());
        assert!(sent.iter().all(|answer| matches!(answer, Ok(DONE))));
    }
    // A merge that is cut off, as by a crash: the next start begins it anew.
    relay.envelopes.upkeep(&relay.c, false).unwrap();
    assert_eq!(relay.count("SELECT merged FROM receipt_generation"), 0);
    relay.reopen();
    relay.keep_up();
    assert_eq!(relay.count("SELECT merged FROM receipt_generation"), 1);
    let (runs, longest) = (
        relay.count("SELECT count(*) FROM receipt_run"),
        relay.count("SELECT max(length(items)) FROM receipt_run"),
    );
    assert!(
        runs >= 65_536 / 64 && longest <= 66 * 56,
        "{runs} runs, {longest} bytes"
    );
    assert_eq!(
        relay.count("SELECT count(*) FROM receipt_batch WHERE place < 2 << 32"),
        0,
        "what is merged is not there twice"
    );
    for restart in [false, true] {
        if restart {
            relay.reopen();
        }
        for id in (0..MANY).step_by(71) {
            let answers = relay.send_all(vec![small(id)]);
            assert!(matches!(answers[..], [Ok(DONE)]), "{id}: {answers:?}");
            let other = Deposit {
                digest: BodyDigest::from_bytes([77; 16]),
                ..small(id)
            };
            let answers = relay.send_all(vec![other]);
            assert!(matches!(answers[..], [Ok(Deposited::Conflict)]), "{id}: {answers:?}");
        }
    }
    assert_eq!(
        u128::from(relay.envelopes.index.usage(mailbox(1)).held[0].count),
        MANY,
        "nothing was stored twice"
    );
    relay.is_sound();
    // Forgotten by bounded steps.
    let forget = |limit| crate::store::sqlite::deposit_receipts::forget_rows(&relay.c, Timestamp(3000), limit).unwrap();
    assert_eq!(forget(10), 10);
    assert_eq!(forget(10_000) as u64, runs + 1 - 10);
    relay.envelopes.forget_receipts(Timestamp(3000));
}
