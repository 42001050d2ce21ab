//! Rows that stay where they are when they are erased, and tell when they were changed.

use super::*;
use crate::store::{migrations, sqlite::prepare_writer};

fn database(dir: &std::path::Path) -> Connection {
    let mut c = Connection::open(dir.join("db")).unwrap();
    prepare_writer(&c, None).unwrap();
    migrations::run_sqlite(&mut c).unwrap();
    c.execute_batch("PRAGMA synchronous = OFF").unwrap();
    c
}

fn put(c: &Connection, id: u64, body: &[u8]) {
    let new = New {
        id,
        mailbox: MailboxId::from_bytes([1; 16]),
        sequence: id,
        stored_at: Timestamp(1000),
        expires: Timestamp(2000),
        part: Part::Stranger,
        body_sum: body_sum(body),
        body,
    };
    insert(c, &new).unwrap();
}

/// Which pages a commit wrote, in the write-ahead log: the numbers in its frames' headers.
fn pages(dir: &std::path::Path, c: &Connection, change: impl FnOnce()) -> Vec<u32> {
    c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    change();
    let log = std::fs::read(dir.join("db-wal")).unwrap();
    let frames = log[32..].chunks_exact(24 + PAGE_BYTES as usize);
    let mut pages: Vec<u32> = frames
        .map(|frame| u32::from_be_bytes(frame[..4].try_into().unwrap()))
        .collect();
    pages.sort_unstable();
    pages
}

/// What the whole scheme stands on: an `UPDATE` of the same lengths writes the pages that the row lies in, and no other.
#[test]
fn an_erased_row_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let c = database(dir.path());
    for size in [1, 70, 600, 4000, 4096, 9000, 200_000] {
        let from = c
            .query_row("SELECT coalesce(max(id), 0) FROM envelope", [], |row| {
                number::<u64>(row, 0)
            })
            .unwrap();
        for n in 1..=9 {
            put(&c, from + n, &vec![0xa5; size]);
        }
        let mut own: Vec<u32> = c
            .prepare("SELECT pageno FROM dbstat WHERE name = 'envelope'")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .unwrap_or_default();
        own.sort_unstable();
        let before: i64 = c.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let written = pages(dir.path(), &c, || erase(&c, from + 5).unwrap());
        let expected = 1 + (size + 40).saturating_sub(4061).div_ceil(4092);
        assert!(
            written.len() <= expected + 1,
            "{size} bytes: {} pages written, {expected} expected",
            written.len()
        );
        let after: i64 = c.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        assert_eq!(before, after, "{size}: nothing was moved");
        assert!(read(&c, from + 5).unwrap().is_none());
        let left: Vec<i64> = ["seq", "stored_at", "expires", "checksum", "body_sum"]
            .map(|column| {
                let sql = format!("SELECT {column} FROM envelope WHERE id = ?1");
                c.query_row(&sql, [int(from + 5)], |row| row.get(0)).unwrap()
            })
            .to_vec();
        let sql = "SELECT stranger FROM envelope WHERE id = ?1";
        let stranger: i64 = c.query_row(sql, [int(from + 5)], |row| row.get(0)).unwrap();
        assert_eq!(stranger, 0, "where it came from");
        assert!(
            left.iter().all(|value| is_blank(*value)),
            "{left:?} says something of it"
        );
        assert!(
            read(&c, from + 4)
                .unwrap()
                .is_some_and(|row| row.sound && row.row.body == vec![0xa5; size])
        );
    }
}

#[test]
fn a_changed_row_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let c = database(dir.path());
    put(&c, 1, b"one");
    put(&c, 2, b"two");
    assert_eq!(faults(&c).unwrap(), [""; 0]);
    for change in [
        "body = x'6f6e66'",
        "seq = 2",
        "stored_at = 999",
        "expires = 999",
        "stranger = 0",
        "checksum = checksum + 1",
        "body_sum = body_sum + 1",
        "mailbox = x'01010101010101010101010101010102'",
    ] {
        let undo = c.unchecked_transaction().unwrap();
        c.execute_batch(&format!("UPDATE envelope SET {change} WHERE id = 1"))
            .unwrap();
        assert_eq!(faults(&c).unwrap(), ["1 damaged envelope"], "{change}");
        assert!(!read(&c, 1).unwrap().unwrap().sound);
        undo.rollback().unwrap();
    }
    // Another id, whether it disturbs the order or not.
    for (id, row) in [(3_u32, 1), (66, 2)] {
        let undo = c.unchecked_transaction().unwrap();
        c.execute("UPDATE envelope SET id = ?1 WHERE id = ?2", [id, row])
            .unwrap();
        assert_eq!(faults(&c).unwrap(), ["1 damaged envelope"], "{row} has the id {id}");
        assert!(!read(&c, id.into()).unwrap().unwrap().sound);
        let mut sound = 0;
        each(&c, |found| sound += u32::from(found.sound)).unwrap();
        assert_eq!(sound, 1, "what a start looks at");
        undo.rollback().unwrap();
    }
    erase(&c, 1).unwrap();
    assert_eq!(faults(&c).unwrap(), [""; 0]);
    for says in ["body = x'000001'", "stranger = 1"] {
        let undo = c.unchecked_transaction().unwrap();
        c.execute_batch(&format!("UPDATE envelope SET {says} WHERE id = 1"))
            .unwrap();
        assert_eq!(faults(&c).unwrap(), ["1 envelope not erased completely"], "{says}");
        undo.rollback().unwrap();
    }
}

#[test]
fn overwriting_is_on_again_after_a_deletion_that_failed() {
    let dir = tempfile::tempdir().unwrap();
    let c = database(dir.path());
    let now = || {
        c.pragma_query_value(None, "secure_delete", |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(now(), 1);
    let failed = without_overwriting(&c, |c| {
        assert_eq!(
            c.pragma_query_value(None, "secure_delete", |row| row.get::<_, i64>(0))
                .unwrap(),
            2
        );
        Err(StoreError::Busy)
    });
    assert!(matches!(failed, Err(StoreError::Busy)));
    assert_eq!(now(), 1);
    assert!(c.is_autocommit());
}
