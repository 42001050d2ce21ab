//! Envelopes as rows: the SQL, and nothing about when.
//!
//! A row is appended at the table's right edge, erased in its place, and deleted at the left edge. Each of the three leaves no copy of an envelope behind: decision 0020
//! (`docs/decisions/0020-mail-in-rows.md`) says why, and `tests/erased.rs` searches the files.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    model::MailboxId,
    plural::counted,
    store::{
        EnvelopeRow, Part, Result, StoreError,
        sqlite::{
            PAGE_BYTES,
            rows::{array, int, number, time, timestamp},
        },
    },
};

use super::index::Entry;

/// The mailbox of a row that was erased. No name has it: it would have to hash to zeros.
const ERASED: MailboxId = MailboxId::from_bytes([0; 16]);
/// The least of a row that lies in the tree's own page, for pages of 4096 bytes: `(4096 - 12) * 32 / 255 - 23`
/// (<https://www.sqlite.org/fileformat2.html#cell_payload_overflow_pages>).
const LEAST_LOCAL: u64 = 489;
/// So many pages' worth of rows stay between what is deleted and the first row that waits. SQLite balances a page whose rows were deleted with at most two beside it
/// (`balance_nonroot`), so the rows of three pages may be copied, and must hold nothing.
const MARGIN_PAGES: u64 = 3;

/// An envelope to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct New<'a> {
    /// Its row.
    pub id: u64,
    /// For whom.
    pub mailbox: MailboxId,
    /// Its place there.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// In which part of the mailbox it counts.
    pub part: Part,
    /// [`body_sum`] of the body.
    pub body_sum: u32,
    /// The envelope.
    pub body: &'a [u8],
}

/// The checksum of a body: CRC-32.
pub(in crate::store::sqlite) fn body_sum(body: &[u8]) -> u32 {
    crc32fast::hash(body)
}

/// The checksum of a row: CRC-32 over everything, with the body's own checksum in the place of the body. The `numbers` begin with its id: another one in the last row of all would
/// not disturb their order, which is all that SQLite looks at.
fn checksum(mailbox: MailboxId, numbers: [u64; 5], length: u64, body_sum: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(mailbox.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&length.to_le_bytes());
    hasher.update(&body_sum.to_le_bytes());
    hasher.finalize()
}

/// A part as it is stored.
fn stranger(part: Part) -> u64 {
    u64::from(part == Part::Stranger)
}

fn part(stranger: u64) -> Part {
    // Another number than these two is seen by its checksum.
    if stranger == 0 { Part::Known } else { Part::Stranger }
}

/// Appends a row.
pub(super) fn insert(c: &Connection, new: &New<'_>) -> Result<()> {
    let stranger = stranger(new.part);
    let numbers = [
        new.id,
        new.sequence,
        new.stored_at.as_millis(),
        new.expires.as_millis(),
        stranger,
    ];
    c.prepare_cached(
        "INSERT INTO envelope (id, mailbox, seq, stored_at, expires, stranger, checksum, body_sum, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        int(new.id),
        new.mailbox.as_bytes(),
        int(new.sequence),
        time(new.stored_at),
        time(new.expires),
        int(stranger),
        checksum(new.mailbox, numbers, new.body.len() as u64, new.body_sum),
        new.body_sum,
        new.body
    ])?;
    Ok(())
}

/// Nothing in the place of an envelope and of everything that its row says but its length: zeros, or the greatest number of as many bytes. All lengths stay, so SQLite
/// overwrites the row where it lies, and moves nothing (`btreeOverwriteCell` in its source; `an_erased_row_stays_where_it_is` looks).
///
/// The checksums too: with everything else known, one of them would tell for which of all mailboxes it was.
pub(super) fn erase(c: &Connection, id: u64) -> Result<()> {
    c.prepare_cached(&format!(
        "UPDATE envelope SET mailbox = zeroblob(16), stranger = 0, {}, body = zeroblob(length(body)) WHERE id = ?1",
        ["seq", "stored_at", "expires", "checksum", "body_sum"]
            .map(blank)
            .join(", ")
    ))?
    .execute([int(id)])?;
    Ok(())
}

/// The greatest numbers of as many bytes as SQLite stores a number in (<https://www.sqlite.org/fileformat2.html#record_format>); 0 and 1 take none.
const GREATEST: [i64; 6] = [127, 32_767, 8_388_607, 2_147_483_647, 140_737_488_355_327, i64::MAX];

/// Sets a column that is never negative to the greatest number that takes as much room as what is in it.
fn blank(column: &str) -> String {
    let mut cases = format!("{column} = CASE WHEN {column} < 2 THEN {column}");
    for greatest in GREATEST {
        cases.push_str(&format!(" WHEN {column} <= {greatest} THEN {greatest}"));
    }
    cases.push_str(" END");
    cases
}

/// Whether a column was set so.
fn is_blank(value: i64) -> bool {
    (0..2).contains(&value) || GREATEST.contains(&value)
}

/// A row, without its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// For whom; none when it was erased.
    pub mailbox: Option<MailboxId>,
    /// Where.
    pub entry: Entry,
    /// Whether this is what was stored, as far as it can be said without the body.
    pub sound: bool,
}

/// Shows every row, in the order of the ids. Reads no body.
pub(super) fn each(c: &Connection, mut each: impl FnMut(Found)) -> rusqlite::Result<()> {
    let mut statement = c.prepare(
        "SELECT id, mailbox, seq, stored_at, expires, checksum, body_sum, length(body), stranger FROM envelope ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mailbox = MailboxId::from_bytes(array(row, 1)?);
        let (sequence, stored_at, expires): (u64, u64, u64) = (number(row, 2)?, number(row, 3)?, number(row, 4)?);
        let (length, stranger): (u32, u64) = (number(row, 7)?, number(row, 8)?);
        let (stored, body_sum): (i64, u64) = (row.get(5)?, number(row, 6)?);
        let id = number(row, 0)?;
        let sound = if mailbox == ERASED {
            is_blank(stored)
        } else {
            // One that does not fit is none of ours.
            u32::try_from(body_sum).is_ok_and(|body_sum| {
                stored
                    == i64::from(checksum(
                        mailbox,
                        [id, sequence, stored_at, expires, stranger],
                        length.into(),
                        body_sum,
                    ))
            })
        };
        each(Found {
            mailbox: Some(mailbox).filter(|mailbox| *mailbox != ERASED),
            entry: Entry {
                id,
                sequence,
                expires: Timestamp::from_millis(expires),
                length,
                part: part(stranger),
            },
            sound,
        });
    }
    Ok(())
}

/// A row with its body.
pub(super) struct Whole {
    /// For whom.
    pub mailbox: MailboxId,
    /// The envelope.
    pub row: EnvelopeRow,
    /// When it expires.
    pub expires: Timestamp,
    /// In which part of the mailbox it counts.
    pub part: Part,
    /// Whether it is what was stored.
    pub sound: bool,
}

fn whole(row: &rusqlite::Row<'_>) -> rusqlite::Result<Whole> {
    let mailbox = MailboxId::from_bytes(array(row, 0)?);
    let (sequence, stored_at, expires) = (number(row, 1)?, timestamp(row, 2)?, timestamp(row, 3)?);
    let body: Vec<u8> = row.get(6)?;
    let stranger = number(row, 7)?;
    let numbers = [
        number(row, 8)?,
        sequence,
        stored_at.as_millis(),
        expires.as_millis(),
        stranger,
    ];
    let right = checksum(mailbox, numbers, body.len() as u64, body_sum(&body));
    Ok(Whole {
        mailbox,
        // The body's own is compared too: it is what the other covers.
        sound: row.get::<_, i64>(4)? == i64::from(right) && row.get::<_, i64>(5)? == i64::from(body_sum(&body)),
        expires,
        part: part(stranger),
        row: EnvelopeRow {
            sequence,
            stored_at,
            body,
        },
    })
}

/// Reads a row, if it is there and was not erased.
pub(super) fn read(c: &Connection, id: u64) -> Result<Option<Whole>> {
    let row = c
        .prepare_cached(
            "SELECT mailbox, seq, stored_at, expires, checksum, body_sum, body, stranger, id FROM envelope WHERE id = ?1",
        )?
        .query_row([int(id)], whole)
        .optional()?;
    Ok(row.filter(|row| row.mailbox != ERASED))
}

/// The first row that is there, and the first from `from` on that was not erased.
pub(super) fn first(c: &Connection, from: u64) -> Result<(Option<u64>, Option<u64>)> {
    let first = c
        .prepare_cached("SELECT id FROM envelope ORDER BY id LIMIT 1")?
        .query_row([], |row| number(row, 0))
        .optional()?;
    let held = c
        .prepare_cached("SELECT id FROM envelope WHERE id >= ?1 AND mailbox <> zeroblob(16) ORDER BY id LIMIT 1")?
        .query_row([int(from)], |row| number(row, 0))
        .optional()?;
    Ok((first, held))
}

/// The rows with ids from `from` up to `to` that were not erased, at most `limit`. Reads no body.
pub(super) fn held(c: &Connection, from: u64, to: u64, limit: usize) -> Result<Vec<(MailboxId, Entry)>> {
    Ok(c.prepare_cached(
        "SELECT id, mailbox, seq, expires, length(body), stranger FROM envelope WHERE id BETWEEN ?1 AND ?2 AND mailbox <> zeroblob(16) ORDER BY id LIMIT ?3",
    )?
    .query_map(params![int(from), int(to), int(limit as u64)], |row| {
        let entry = Entry {
            id: number(row, 0)?,
            sequence: number(row, 2)?,
            expires: timestamp(row, 3)?,
            length: number(row, 4)?,
            part: part(number(row, 5)?),
        };
        Ok((MailboxId::from_bytes(array(row, 1)?), entry))
    })?
    .collect::<rusqlite::Result<_>>()?)
}

/// The id below which rows may be deleted when all rows before `first` were erased and `first` was not: [`MARGIN_PAGES`] lie between.
pub(super) fn edge(c: &Connection, first: u64) -> Result<u64> {
    let mut statement = c.prepare_cached("SELECT id, length(body) FROM envelope WHERE id < ?1 ORDER BY id DESC")?;
    let mut rows = statement.query([int(first)])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let length: u64 = number(row, 1)?;
        bytes += length.min(LEAST_LOCAL);
        if bytes >= MARGIN_PAGES * u64::from(PAGE_BYTES) {
            return Ok(number(row, 0)?);
        }
    }
    Ok(0)
}

/// Deletes the rows with ids from `from` up to, but not, `to`: all of them erased.
///
/// What SQLite frees by that was overwritten before, so it is not overwritten a second time (`secure_delete = FAST`): each page would be written once more.
pub(super) fn delete(c: &Connection, from: u64, to: u64) -> Result<()> {
    without_overwriting(c, |c| {
        c.prepare_cached("DELETE FROM envelope WHERE id >= ?1 AND id < ?2")?
            .execute([int(from), int(to)])?;
        Ok(())
    })
}

/// The id below which the first rows before `held` have so many bytes, or one row that alone has more; and how many bytes all rows before `held` have. There are few of them
/// ([`edge`]), and all were erased.
pub(super) fn before(c: &Connection, held: u64, most: u64) -> Result<(u64, u64)> {
    let mut statement = c.prepare_cached("SELECT id, length(body) FROM envelope WHERE id < ?1 ORDER BY id")?;
    let mut rows = statement.query([int(held)])?;
    let (mut to, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        bytes += number::<u64>(row, 1)?;
        if bytes <= most || to == 0 {
            to = number::<u64>(row, 0)? + 1;
        }
    }
    Ok((to, bytes))
}

/// Deletes the rows with ids below `to`: all of them erased. SQLite overwrites what it frees, so that the rows behind them may be copied as they lie.
pub(super) fn delete_overwriting(c: &Connection, to: u64) -> Result<()> {
    c.prepare_cached("DELETE FROM envelope WHERE id < ?1")?
        .execute([int(to)])?;
    Ok(())
}

/// Runs deletions in a transaction in which SQLite does not overwrite the pages that become free; those hold nothing that was ever anyone's.
pub(in crate::store::sqlite) fn without_overwriting(
    c: &Connection,
    deletions: impl FnOnce(&Connection) -> Result<()>,
) -> Result<()> {
    c.execute_batch("PRAGMA secure_delete = FAST")?;
    let outcome = c
        .unchecked_transaction()
        .map_err(StoreError::from)
        .and_then(|transaction| {
            deletions(&transaction)?;
            Ok(transaction.commit()?)
        });
    // Everything else depends on it, so it is looked at.
    let restored: rusqlite::Result<i64> = c.query_row("PRAGMA secure_delete = ON", [], |row| row.get(0));
    match restored {
        Ok(1) => outcome,
        _ => Err(StoreError::Damaged(
            "SQLite does not overwrite what it deletes any more".into(),
        )),
    }
}

/// How many rows are not what was stored, or were erased and still say something. Reads every body.
pub(in crate::store::sqlite) fn faults(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let (mut altered, mut left) = (0u64, 0u64);
    let mut statement = c.prepare(
        "SELECT mailbox, seq, stored_at, expires, checksum, body_sum, body, stranger, id FROM envelope ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let found = whole(row)?;
        if found.mailbox == ERASED {
            let blank = is_blank(row.get(4)?) && is_blank(row.get(5)?) && found.part == Part::Known;
            left += u64::from(!blank || found.row.body.iter().any(|byte| *byte != 0));
        } else {
            altered += u64::from(!found.sound);
        }
    }
    let mut faults = Vec::new();
    if altered > 0 {
        faults.push(counted(altered, "damaged envelope"));
    }
    if left > 0 {
        faults.push(format!("{} not erased completely", counted(left, "envelope")));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests;
