//! A checksum for each row, because SQLite has none in its file: a disk that flips a byte of `acked_seq` would make mail disappear, one of `used` would grant a play.
//!
//! The writer's connection fills `checksum` by temporary triggers, so no statement can forget it. `check` computes all of them again, and a start those that decide what
//! waits. Tables whose rows are only inserted and deleted by one statement each (`envelope`, `sealed`, receipts) compute theirs there, without a trigger's second update.
//!
//! CRC-32 is against decaying disks: it sees every single flipped byte. A person who can write the file can compute it too; what such a person gains is in the threat model.

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    types::ValueRef,
};

use super::rows::number;
use crate::plural::counted;

/// Tables with a trigger: all of their columns but `checksum` are covered.
const TABLES: [&str; 18] = [
    "relay",
    "bulletin",
    "account",
    "removed_account",
    "invite",
    "batch",
    "one_time",
    "succession",
    "token",
    "mailbox",
    "delivery_token",
    "blocked_account",
    "receipt_generation",
    "license",
    "play_op",
    "gate_key",
    "oblivious",
    "play_receipt",
];
/// Tables whose statements compute it, and over which columns.
const INSERTED: [(&str, &str); 3] = [
    ("sealed", "content"),
    ("receipt_batch", "place, items"),
    ("receipt_run", "place, items"),
];
/// Where a wrong row could make mail disappear: looked at by every start.
const AT_EVERY_START: [&str; 1] = ["mailbox"];

/// CRC-32 over values, each with its type and, where it varies, its length.
fn row_checksum(context: &Context<'_>) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for n in 0..context.len() {
        let bytes = |hasher: &mut crc32fast::Hasher, tag: u8, bytes: &[u8]| {
            hasher.update(&[tag]);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        match context.get_raw(n) {
            ValueRef::Null => hasher.update(&[0]),
            ValueRef::Integer(value) => {
                hasher.update(&[1]);
                hasher.update(&value.to_le_bytes());
            }
            ValueRef::Real(value) => {
                hasher.update(&[2]);
                hasher.update(&value.to_le_bytes());
            }
            ValueRef::Text(text) => bytes(&mut hasher, 3, text),
            ValueRef::Blob(blob) => bytes(&mut hasher, 4, blob),
        }
    }
    i64::from(hasher.finalize())
}

/// Gives a connection the SQL function `row_checksum(…)`.
pub(super) fn function(c: &Connection) -> rusqlite::Result<()> {
    // Innocuous: it may run inside triggers although the schema is not trusted.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    c.create_scalar_function("row_checksum", -1, flags, |context| Ok(row_checksum(context)))
}

/// The columns of a table that its checksum covers, and those by which a trigger finds the row again.
fn columns(c: &Connection, table: &str) -> rusqlite::Result<(Vec<String>, Vec<String>)> {
    let without_rowid: bool = c.query_row("SELECT wr FROM pragma_table_list WHERE name = ?1", [table], |row| {
        row.get(0)
    })?;
    let (mut covered, mut key) = (Vec::new(), Vec::new());
    let mut statement = c.prepare("SELECT name, pk FROM pragma_table_info(?1)")?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (name, place): (String, i64) = (row.get(0)?, row.get(1)?);
        if place > 0 {
            key.push(name.clone());
        }
        if name != "checksum" {
            covered.push(name);
        }
    }
    if !without_rowid {
        key = vec!["rowid".into()];
    }
    Ok((covered, key))
}

/// Gives a connection that writes the function and the triggers.
pub(super) fn install(c: &Connection) -> rusqlite::Result<()> {
    function(c)?;
    for table in TABLES {
        let (covered, key) = columns(c, table)?;
        let list = covered.join(", ");
        let new = covered.iter().map(|name| format!("new.{name}")).collect::<Vec<_>>();
        let new = new.join(", ");
        let this = key
            .iter()
            .map(|name| format!("{name} = new.{name}"))
            .collect::<Vec<_>>();
        let this = this.join(" AND ");
        for (kind, event) in [("insert", "INSERT".to_owned()), ("update", format!("UPDATE OF {list}"))] {
            c.execute_batch(&format!(
                "CREATE TEMP TRIGGER {table}_checksum_{kind} AFTER {event} ON main.{table} BEGIN
                 UPDATE {table} SET checksum = row_checksum({new}) WHERE {this}; END"
            ))?;
        }
    }
    // The row that the schema's first step makes has none yet.
    c.execute("UPDATE relay SET is_backup = is_backup WHERE checksum = 0", [])?;
    Ok(())
}

/// How many rows of a table have another checksum than they should.
fn wrong(c: &Connection, table: &str, covered: &str) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM {table} WHERE checksum IS NOT row_checksum({covered})");
    c.query_row(&sql, [], |row| number(row, 0))
}

fn said(table: &str, wrong: u64) -> Option<String> {
    (wrong > 0).then(|| format!("{} in {table}", counted(wrong, "damaged row")))
}

/// What is wrong with any row, in words. The connection has the function.
pub(super) fn faults(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    for table in TABLES {
        let (covered, _) = columns(c, table)?;
        faults.extend(said(table, wrong(c, table, &covered.join(", "))?));
    }
    for (table, covered) in INSERTED {
        faults.extend(said(table, wrong(c, table, covered)?));
    }
    Ok(faults)
}

/// The same for what every start looks at.
pub(super) fn faults_at_start(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    for table in AT_EVERY_START {
        let (covered, _) = columns(c, table)?;
        faults.extend(said(table, wrong(c, table, &covered.join(", "))?));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;

    fn database() -> Connection {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        c.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF;")
            .unwrap();
        install(&c).unwrap();
        c
    }

    #[test]
    fn every_table_with_a_checksum_is_covered() {
        let c = database();
        let mut with: Vec<String> = c
            .prepare("SELECT DISTINCT m.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS t WHERE t.name = 'checksum' AND m.name NOT LIKE 'refinery%'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        let mut known: Vec<&str> = TABLES.to_vec();
        known.extend(INSERTED.map(|(table, _)| table));
        known.push("envelope"); // `envelopes::rows` computes and checks it
        with.sort();
        known.sort_unstable();
        assert_eq!(with, known);
        // All others, by name: a new table has to be put on one of the lists.
        let without: Vec<String> = c
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap()
            .map(Result::unwrap)
            .filter(|name| !with.contains(name))
            .collect();
        assert_eq!(
            without,
            ["audit", "refinery_schema_history"],
            "the first is a hash chain; the second is compared at each start"
        );
    }

    #[test]
    fn inserts_and_updates_keep_it_and_a_change_behind_their_back_is_seen() {
        let c = database();
        assert_eq!(faults(&c).unwrap(), [""; 0]);
        c.execute_batch(
            "INSERT INTO mailbox (mailbox, incarnation) VALUES (zeroblob(16), zeroblob(16));
             UPDATE mailbox SET acked_seq = acked_seq + 3;
             INSERT OR REPLACE INTO token (mailbox, hash, expires) VALUES (zeroblob(16), zeroblob(32), 5);
             INSERT OR REPLACE INTO token (mailbox, hash, expires) VALUES (zeroblob(16), zeroblob(32), 6);
             INSERT INTO play_receipt (mailbox, license, number, receipt) VALUES (zeroblob(16), zeroblob(16), 1, x'00');
             UPDATE play_receipt SET receipt = x'01';
             INSERT INTO receipt_generation (generation, forget_at) VALUES (1, 1)
                 ON CONFLICT (generation) DO UPDATE SET forget_at = 2;
             INSERT INTO receipt_generation (generation, forget_at) VALUES (1, 1)
                 ON CONFLICT (generation) DO UPDATE SET forget_at = 2;",
        )
        .unwrap();
        assert_eq!(faults(&c).unwrap(), [""; 0]);
        assert_eq!(
            c.query_row("SELECT acked_seq FROM mailbox", [], |row| row.get(0)),
            Ok(3)
        );
        for (table, change) in [
            ("mailbox", "acked_seq = acked_seq + 1"),
            ("token", "expires = 7"),
            ("play_receipt", "receipt = x'02'"),
            ("receipt_generation", "merged = 1"),
            ("relay", "accounts = 1"),
        ] {
            c.execute_batch(&format!(
                "DROP TRIGGER {table}_checksum_update; UPDATE {table} SET {change}"
            ))
            .unwrap();
            let faults = faults(&c).unwrap();
            assert!(
                faults.iter().any(|fault| fault.ends_with(&format!(" in {table}"))),
                "{faults:?}"
            );
        }
        assert_eq!(faults_at_start(&c).unwrap(), ["1 damaged row in mailbox"]);
    }
}
