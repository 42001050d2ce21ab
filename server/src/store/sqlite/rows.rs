//! Between SQLite's signed integers and ours, and the status row.

use protocol::Timestamp;
use rusqlite::{Connection, Row, types::Type};

use super::writer::Sums;
use crate::store::{DiskUse, Result, StoreError, Totals};

/// The statement that reads the status: one row by its key, whatever else there is.
pub(super) const TOTALS: &str =
    "SELECT accounts, licenses_active, gate_keys, audit_length, audit_head FROM relay WHERE one = 1";

/// A number of ours for SQLite. What does not fit (2^63 milliseconds are 292 million years) becomes the greatest that does.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time for SQLite.
pub(super) fn time(at: Timestamp) -> i64 {
    int(at.as_millis())
}

/// A column that is never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let value: i64 = row.get(column)?;
    T::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A column with a time.
pub(super) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    number(row, column).map(Timestamp::from_millis)
}

/// A column of exactly N bytes.
pub(super) fn array<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    let bytes = row.get_ref(column)?.as_blob()?;
    bytes
        .try_into()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// A stored value that no verb of ours can have written.
pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Fault(format!("the database is damaged: {what}"))
}

/// The numbers of the status page, but those of the envelopes.
pub(super) fn totals(connection: &Connection) -> Result<Totals> {
    let totals = connection.prepare_cached(TOTALS)?.query_row([], |row| {
        Ok(Totals {
            accounts: number(row, 0)?,
            licenses_active: number(row, 1)?,
            gate_keys: number(row, 2)?,
            audit: super::audit::head(row, 3, 4)?,
            ..Totals::default()
        })
    })?;
    Ok(totals)
}

/// Changes the numbers of the status page, in the transaction that is their reason.
pub(super) fn add_totals(connection: &Connection, sums: Sums) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE relay SET accounts = accounts + ?1, licenses_active = licenses_active + ?2 WHERE one = 1",
        )?
        .execute([sums.accounts, sums.licenses])?;
    Ok(())
}

/// What the database takes of the disk, without its log.
pub(super) fn disk_use(connection: &Connection) -> Result<DiskUse> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| number::<u64>(row, 0));
    let page = pragma("page_size")?;
    Ok(DiskUse {
        database: pragma("page_count")? * page,
        free: pragma("freelist_count")? * page,
        log: 0,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Steps of SQLite's virtual machine, which unlike the clock do not depend on the machine's load.
    fn cost(connection: &Connection) -> i32 {
        let mut statement = connection.prepare(TOTALS).unwrap();
        statement.query_row([], |_| Ok(())).unwrap();
        statement.get_status(StatementStatus::VmStep)
    }

    #[test]
    fn status_costs_the_same_with_10_and_with_100_000_mailboxes() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::migrations::run_sqlite(&mut connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        let mut grow = |from: i64, to: i64| {
            let tx = connection.transaction().unwrap();
            for i in from..to {
                let id = [&[0; 8][..], &i.to_be_bytes()].concat();
                tx.prepare_cached("INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, ?1)")
                    .unwrap()
                    .execute([&id])
                    .unwrap();
                let one = Sums {
                    accounts: 1,
                    ..Sums::default()
                };
                add_totals(&tx, one).unwrap();
            }
            tx.commit().unwrap();
            let totals = totals(&connection).unwrap();
            assert_eq!(totals.accounts, u64::try_from(to).unwrap());
            cost(&connection)
        };
        let (small, large) = (grow(0, 10), grow(10, 100_000));
        assert!(small > 0);
        assert_eq!(small, large);
    }
}
