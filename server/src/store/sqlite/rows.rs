//! Between SQLite's signed integers and ours.

use protocol::Timestamp;
use rusqlite::{Row, types::Type};

use crate::store::StoreError;

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
