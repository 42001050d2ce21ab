//! The numbers of the status page, in one row.

use rusqlite::Connection;

use super::{audit, rows::number, writer::Sums};
use crate::store::{DiskUse, Result, Totals};

/// The statement that reads the status: one row by its key, whatever else there is.
pub(super) const TOTALS: &str =
    "SELECT accounts, licenses_active, gate_keys, audit_length, audit_head FROM relay WHERE one = 1";

/// The numbers of the status page, but those of the envelopes.
pub(super) fn totals(connection: &Connection) -> Result<Totals> {
    let totals = connection.prepare_cached(TOTALS)?.query_row([], |row| {
        Ok(Totals {
            accounts: number(row, 0)?,
            licenses_active: number(row, 1)?,
            gate_keys: number(row, 2)?,
            audit: audit::head(row, 3, 4)?,
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
