//! Content that leaves no trace when it is deleted; `migrations/sqlite/V1__relay.sql` says how.

use rusqlite::{Connection, params};

use super::{PAGE_BYTES, rows::damaged};
use crate::store::Result;

/// Puts content behind a pad; the id under which it is found.
pub(super) fn put(c: &Connection, content: &[u8]) -> Result<i64> {
    // At least as long as any part of a row that SQLite keeps inside the tree, which is less than a page.
    c.prepare_cached("INSERT INTO sealed (pad, content) VALUES (zeroblob(?1), ?2)")?
        .execute(params![PAGE_BYTES, content])?;
    Ok(c.last_insert_rowid())
}

/// The content.
pub(super) fn get(c: &Connection, id: i64) -> Result<Vec<u8>> {
    Ok(c.prepare_cached("SELECT content FROM sealed WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?)
}

/// Deletes the content.
pub(super) fn remove(c: &Connection, id: i64) -> Result<()> {
    match c.prepare_cached("DELETE FROM sealed WHERE id = ?1")?.execute([id])? {
        1 => Ok(()),
        _ => Err(damaged("content is missing")),
    }
}
