use protocol::Timestamp;
use rusqlite::params;

use super::*;
use crate::store::{
    Part, migrations,
    sqlite::{checksums, envelopes::Entry},
};

const STEP: u32 = 256;
/// Rows that a step changes at most: `STEP` times those of the kind that has most, a license (itself, its share, its other half, that one's state, its
/// mailbox's counts), or a batch of 256 prekeys besides; twice the totals.
const BOUND: u64 = STEP as u64 * 5 + 257 + 2;
const PAST: i64 = 1000;
const NOW: Timestamp = Timestamp(2000);

/// A store in which much has expired: more of each kind than a step takes.
fn backlog() -> Connection {
    let mut c = Connection::open_in_memory().unwrap();
    migrations::run_sqlite(&mut c).unwrap();
    c.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    checksums::function(&c).unwrap();
    let boxes: Vec<[u8; 16]> = (0..3).map(|n| [n; 16]).collect();
    for mailbox in &boxes {
        c.execute("INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, ?1)", [mailbox])
            .unwrap();
    }
    let put = |n: usize| sealed::put(&c, &[u8::try_from(n % 256).unwrap(); 40]).unwrap();
    for place in 0..700 {
        c.execute(
            "INSERT INTO receipt_run VALUES (?1, 0, zeroblob(56))",
            [4_i64 << 32 | place],
        )
        .unwrap();
    }
    c.execute("INSERT INTO receipt_generation VALUES (4, 1, ?1, 0)", [PAST])
        .unwrap();
    let license = |mailbox: [u8; 16], n: usize, state: i64| {
        let nonce = [&[0; 8][..], &n.to_be_bytes()].concat();
        let share = (state == ACTIVE).then(|| put(n));
        c.execute(
            "INSERT INTO license (mailbox, license, state, allowed, share, parameters, play_hash, owner_hash, expires, sweep_at)
             VALUES (?1, ?2, ?3, 0, ?4, zeroblob(32), zeroblob(32), zeroblob(32), ?5, ?5)",
            params![mailbox, nonce, state, share, PAST],
        )
        .unwrap();
        let kept = (state == ACTIVE).then(|| put(n));
        c.execute(
            "INSERT INTO oblivious (mailbox, license, gate_key, class, state) VALUES (?1, ?2, CASE WHEN ?3 IS NULL THEN NULL ELSE ?1 END, 15, ?3)",
            params![mailbox, nonce, kept],
        )
        .unwrap();
        c.execute(
            "UPDATE mailbox SET licenses = licenses + 1 WHERE mailbox = ?1",
            [mailbox],
        )
        .unwrap();
        nonce
    };
    for n in 0..600 {
        license(boxes[n % 3], n, if n % 2 == 0 { ACTIVE } else { EXPIRED });
    }
    // As many plays as a license ever remembers, over and not over; answers that are still kept.
    for (n, state) in [(1000, EXPIRED), (1001, EXPIRED), (1002, ACTIVE)] {
        let nonce = license(boxes[0], n, state);
        for play in 0..1500_usize {
            let answer = (state == ACTIVE || play % 100 == 0).then(|| put(play));
            let id = [&[0; 8][..], &play.to_be_bytes()].concat();
            c.execute(
                "INSERT INTO play_op VALUES (?1, ?2, ?3, zeroblob(32), ?4, ?5, ?6, 0)",
                params![boxes[0], nonce, id, int(play as u64), answer, PAST * 100],
            )
            .unwrap();
        }
        c.execute(
            "INSERT INTO play_receipt VALUES (?1, ?2, 1499, zeroblob(40), 0)",
            params![boxes[0], nonce],
        )
        .unwrap();
    }
    for seq in 0..4 {
        c.execute(
            "INSERT INTO batch VALUES (?1, ?2, x'', x'', ?3, 256, 0)",
            params![boxes[1], seq, PAST],
        )
        .unwrap();
        for id in 0..256 {
            c.execute(
                "INSERT INTO one_time VALUES (?1, ?2, ?3, zeroblob(1600), x'', 0)",
                params![boxes[1], seq, id],
            )
            .unwrap();
        }
    }
    c.execute_batch("UPDATE relay SET licenses_active = 301").unwrap();
    c
}

/// As many envelopes that have expired, and one that has not.
fn mail() -> Index {
    let index = Index::default();
    let entries = (0..=700_u64).map(|n| {
        let entry = Entry {
            sequence: n + 1,
            expires: if n < 700 { Timestamp(1000) } else { Timestamp(3000) },
            id: n,
            length: 40,
            part: Part::Known,
        };
        (MailboxId::from_bytes([u8::try_from(n % 3).unwrap(); 16]), entry)
    });
    assert!(index.add(entries).is_empty());
    index
}

#[test]
fn no_step_touches_more_than_its_bound_and_all_of_it_goes() {
    let (c, index) = (backlog(), mail());
    // Tombstones that are made here are due at once, so that the whole road is swept.
    let rules = SweepRules {
        now: NOW,
        forget_at: NOW,
        step: STEP,
    };
    let (mut steps, mut sums) = (0, [0; 5]);
    loop {
        let before = c.total_changes();
        let mut effects = Effects::default();
        let swept = step(&c, &index, &mut effects, &rules).unwrap();
        for (mailbox, up_to) in effects.gone {
            index.remove_up_to(mailbox, up_to);
        }
        let touched = c.total_changes() - before;
        assert!(touched <= BOUND, "step {steps} touched {touched} rows");
        let kinds = swept.by_kind();
        let rows: usize = kinds.iter().map(|(_, rows)| rows).sum();
        assert!(rows - swept.prekeys <= STEP as usize, "{kinds:?}");
        for (sum, (_, rows)) in sums.iter_mut().zip(kinds) {
            *sum += rows;
        }
        steps += 1;
        assert!(steps < 1000, "it never ends");
        if !swept.more {
            break;
        }
    }
    assert!(steps > 4500 / STEP, "{steps} steps are too few for so many plays");
    assert_eq!((sums[0], sums[3], sums[4]), (700, 701, 1024));
    let left = |table: &str| -> i64 {
        c.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    for table in [
        "license",
        "oblivious",
        "play_op",
        "play_receipt",
        "receipt_run",
        "receipt_generation",
        "batch",
        "one_time",
        "sealed",
    ] {
        assert_eq!(left(table), 0, "{table}");
    }
    let active: i64 = c
        .query_row("SELECT licenses_active FROM relay", [], |row| row.get(0))
        .unwrap();
    assert_eq!(active, 0);
    assert_eq!(left("mailbox WHERE licenses > 0"), 0);
    assert_eq!(index.totals(), (1, 40), "what has not expired stays");
    let expired: i64 = c
        .query_row("SELECT sum(expired_total) FROM mailbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(expired, 700);
}
