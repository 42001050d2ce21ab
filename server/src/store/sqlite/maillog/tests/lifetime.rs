//! Segments from their beginning to their end.

use super::*;

#[test]
fn a_segment_lives_from_its_sealing_to_its_deletion() {
    let mut relay = Relay::new();
    for id in 0..40 {
        assert_eq!(relay.send(1 + (id % 3) as u8, id, &large(id as u8)), DONE);
    }
    assert!(relay.files().len() >= 3, "{:?}", relay.files());
    relay.keep_up();
    relay.reopen();
    assert_eq!((0..3).map(|n| relay.read(1 + n).len()).sum::<usize>(), 40);
    let single: i64 = relay
        .c
        .query_row("SELECT count(*) FROM receipt_run", [], |row| row.get(0))
        .unwrap();
    assert!(single >= 3, "receipts were put away");
    for id in 0..40 {
        assert_eq!(
            relay.send(1 + (id % 3) as u8, id, &large(id as u8)),
            DONE,
            "known, wherever its receipt is"
        );
        assert_eq!(relay.send(1 + (id % 3) as u8, id, b"else"), Deposited::Conflict);
    }
    assert_eq!(relay.index.totals().0, 40);
    // One stays; its segment is almost empty then, and gives it up.
    for of in 1..=3 {
        let last = relay.index.usage(mailbox(of)).last;
        relay.acknowledge(of, if of == 2 { last - 1 } else { last });
    }
    let kept = relay.read(2);
    assert_eq!(kept.len(), 1);
    relay.keep_up();
    assert_eq!(relay.read(2), kept);
    // What was to be deleted is when the log is closed.
    relay.reopen();
    let files = relay.files();
    assert_eq!(files.len(), 1, "only the one that is written: {files:?}");
    assert_eq!(relay.read(2), kept);
    for id in [0, 20, 39] {
        assert_eq!(relay.send(1 + (id % 3) as u8, id, &large(id as u8)), DONE);
    }
    assert_eq!(relay.index.totals().0, 1, "known still");
    relay.log().forget_receipts(Timestamp(3000));
    segments::forget_receipts(&relay.c, Timestamp(3000), 1000).unwrap();
    assert_eq!(relay.send(1, 0, &large(0)), DONE);
    assert_eq!(relay.index.totals().0, 2, "forgotten when its time was over");
}

/// Their files, that is: under load none is filled anew.
#[test]
fn segments_that_were_emptied_are_used_again() {
    let mut relay = Relay::new();
    // So that all segments are of one length.
    relay.log().limit = Some(8 << 20);
    let spares = |relay: &Relay| {
        let names = std::fs::read_dir(relay.dir.path()).unwrap();
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("mail-spare")).count()
    };
    for id in 0..23 {
        assert_eq!(relay.send(1, id, &large(9)), DONE);
    }
    let segments = relay.files().len();
    assert!(segments >= 4, "{segments}");
    relay.acknowledge(1, 23);
    relay.keep_up();
    let deadline = Instant::now() + std::time::Duration::from_secs(30);
    // All but the active one.
    while relay.files().len() > 1 {
        assert!(Instant::now() < deadline, "{:?} are left", relay.files());
        std::thread::yield_now();
    }
    let before = spares(&relay);
    assert!(before >= segments - 1, "{before} of {segments} are kept");
    for id in 30..42 {
        assert_eq!(relay.send(2, id, &large(7)), DONE);
    }
    assert!(spares(&relay) < before, "none was taken");
    relay.reopen();
    assert_eq!(relay.read(2).len(), 12);
    assert!(relay.read(2).iter().all(|(_, body)| *body == large(7)));
}

#[test]
fn a_full_log_is_said_and_has_room_again_when_something_was_read() {
    let mut relay = Relay::new();
    relay.log().limit = Some(7 << 20);
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

/// At its limit, and a little of each segment waits: what is moved needs a segment too, and finds one.
#[test]
fn a_full_log_of_which_a_little_is_left_everywhere_empties_itself() {
    let mut relay = Relay::new();
    relay.log().limit = Some(10 << 20);
    let (mut stored, mut id) = (0, 0);
    let full = loop {
        // One of seven is for somebody who stays away.
        let to = if id % 7 == 0 { 2 } else { 1 };
        match relay.send_all(vec![deposit(to, id, &large(id as u8))]).pop().unwrap() {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        id += 1;
    };
    assert!(matches!(full, StoreError::Full(_)) && stored > 35, "{stored}: {full}");
    let away = relay.read(2);
    let last = relay.index.usage(mailbox(1)).last;
    relay.acknowledge(1, last);
    relay.keep_up();
    assert!(relay.index.disk() <= 4 << 20, "{} bytes are kept", relay.index.disk());
    assert_eq!(relay.send(1, 1000, &large(1)), DONE);
    relay.reopen();
    assert_eq!(relay.read(2), away);
    assert_eq!(relay.read(1), [(last + 1, large(1))]);
}

/// Half of each segment waits: that is left alone as long as there is room, and not when there is none.
#[test]
fn where_there_is_no_room_segments_are_emptied_earlier() {
    let mut relay = Relay::new();
    relay.log().limit = Some(10 << 20);
    let mut id = 0;
    while let Some(Ok(_)) = relay
        .send_all(vec![deposit(1 + (id % 2) as u8, id, &large(id as u8))])
        .pop()
    {
        id += 1;
    }
    let (waiting, last) = (relay.read(2), relay.index.usage(mailbox(1)).last);
    relay.acknowledge(1, last);
    relay.log().tight = false;
    relay.keep_up();
    assert!(
        relay.send_all(vec![deposit(1, 1000, &large(1))])[0].is_err(),
        "half of each is left"
    );
    relay.keep_up();
    assert_eq!(relay.send(1, 1000, &large(1)), DONE);
    assert_eq!(relay.read(2), waiting);
}

/// The database refuses to take note of the end of a segment. Nothing may be written behind that end: it may have been noted after all.
#[test]
fn a_segment_whose_end_could_not_be_noted_is_not_written_any_more() {
    let mut relay = Relay::new();
    for id in 0..5 {
        relay.send(1, id, &large(id as u8));
    }
    let (sealed, end) = (relay.log().active.id, relay.log().tail);
    relay
        .c
        .execute_batch("CREATE TRIGGER refuse BEFORE INSERT ON mail_segment BEGIN SELECT RAISE(ABORT, 'refused'); END")
        .unwrap();
    assert!(relay.send_all(vec![deposit(1, 10, &large(1))])[0].is_err());
    assert!(
        relay.send_all(vec![deposit(1, 11, b"small")])[0].is_err(),
        "it would fit"
    );
    relay.c.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(relay.send(1, 11, b"small"), DONE);
    assert_ne!(relay.log().active.id, sealed);
    let rows = segments::all(&relay.c).unwrap();
    assert_eq!(rows[0].sealed, Some(end));
    relay.reopen();
    assert_eq!(relay.read(1).len(), 6);
}

/// Many to one mailbox: they are put away by pieces, and each is found by reading one of them.
#[test]
fn receipts_of_a_busy_mailbox_are_found_without_reading_them_all() {
    let mut relay = Relay::new();
    let small = |id: u128| Deposit {
        quota: Quota {
            envelopes: u64::MAX,
            ..ROOM
        },
        ..deposit(1, id, &[id as u8 | 1])
    };
    for batch in 0..30 {
        let sent = relay.send_all((0..250).map(|n| small(batch * 250 + n)).collect());
        assert!(sent.iter().all(|answer| matches!(answer, Ok(DONE))));
    }
    // Enough of others that all of these are in sealed segments.
    for id in 0..12 {
        relay.send(2, 100_000 + id, &large(1));
    }
    let sealed = relay.log().unfolded.clone();
    assert!(sealed.len() > 1, "{sealed:?}");
    // A fold that is cut off, as by a crash: the next start begins it anew.
    relay.log.as_mut().unwrap().upkeep(&relay.c, false).unwrap();
    relay.reopen();
    relay.keep_up();
    let (runs, longest): (i64, i64) = relay
        .c
        .query_row("SELECT count(*), max(length(items)) FROM receipt_run", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(runs >= 7500 / 64 && longest <= 65 * 56, "{runs} runs, {longest} bytes");
    for id in (0..7500).step_by(7) {
        let answers = relay.send_all(vec![small(id)]);
        assert!(matches!(answers[..], [Ok(DONE)]), "{id}: {answers:?}");
        let other = Deposit {
            digest: BodyDigest::from_bytes([77; 16]),
            ..small(id)
        };
        let answers = relay.send_all(vec![other]);
        assert!(matches!(answers[..], [Ok(Deposited::Conflict)]), "{id}: {answers:?}");
    }
    assert_eq!(relay.index.usage(mailbox(1)).count, 7500, "nothing was stored twice");
    // How it is looked for.
    let mut statement = relay
        .c
        .prepare(&format!("EXPLAIN QUERY PLAN {}", segments::RUN_AROUND))
        .unwrap();
    let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    let plan = lines.map(|line| line.unwrap()).collect::<Vec<_>>().join("; ");
    assert!(
        plan.contains("SEARCH") && plan.contains("PRIMARY KEY (rowid>? AND rowid<?)") && !plan.contains("TEMP"),
        "{plan}"
    );
    assert!(
        segments::forget_receipts(&relay.c, Timestamp(3000), 10).unwrap() <= 11,
        "bounded"
    );
}

#[test]
fn segments_grow_but_not_for_ever_nor_by_many_small_records() {
    let after = |size: u32, record: usize| length_after(size, LONGEST_SEGMENT, size, size as usize / record);
    assert_eq!(after(1 << 20, 4224), 2 << 20);
    assert_eq!(after(64 << 20, 4224), LONGEST_SEGMENT);
    assert_eq!(after(8 << 20, 136), 16 << 20);
    assert_eq!(after(16 << 20, 136), 16 << 20, "65 536 of them have 9 MiB");
    assert_eq!(after(64 << 20, 136), 16 << 20);
    assert_eq!(
        length_after(4 << 20, 1 << 10, 4 << 20, 1000),
        FIRST_SEGMENT,
        "of a small log"
    );
    assert_eq!(
        length_after(1 << 20, LONGEST_SEGMENT, START, 0),
        2 << 20,
        "nothing is known yet"
    );
    assert_eq!(length_after(u32::MAX, u32::MAX, u32::MAX, 1), LONGEST_SEGMENT);
}
