//! The audit log: appended to, and read from its beginning to its end.

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ValueRef};

use super::{
    envelopes::refuse_growth,
    rows::{array, int, number, time, timestamp},
};
use crate::{
    model::MailboxId,
    store::{AuditHead, AuditRecord, KeptHead, Result, RoughNumbers, ShownRow},
};

/// The head as the relay's row says it.
pub(super) fn head(row: &Row<'_>, length: usize, hash: usize) -> rusqlite::Result<AuditHead> {
    let length = number(row, length)?;
    let hash = if length == 0 { [0; 32] } else { array(row, hash)? };
    Ok(AuditHead { length, hash })
}

/// Appends records of what users did. The log makes no room, and anyone can cause a record, so it waits like all that adds rows.
pub(super) fn add(c: &Connection, records: &[AuditRecord]) -> Result<AuditHead> {
    refuse_growth(c)?;
    append(c, records)
}

/// Appends records, room or no room: of the operator's own acts, which are few, and of which one makes room.
pub(super) fn append(c: &Connection, records: &[AuditRecord]) -> Result<AuditHead> {
    let mut end = c
        .prepare_cached("SELECT audit_length, audit_head FROM relay WHERE one = 1")?
        .query_row([], |row| head(row, 0, 1))?;
    for record in records {
        end = end.next(record.at, record.event as u8, record.mailbox, record.times);
        c.prepare_cached("INSERT INTO audit (seq, at, event, mailbox, times, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                int(end.length),
                time(record.at),
                record.event as u8,
                record.mailbox.as_ref().map(MailboxId::as_bytes),
                int(record.times),
                end.hash
            ])?;
    }
    c.prepare_cached("UPDATE relay SET audit_length = ?1, audit_head = ?2 WHERE one = 1")?
        .execute(params![int(end.length), end.hash])?;
    Ok(end)
}

/// Appends a record, and keeps what everybody is shown with it.
pub(super) fn show(c: &Connection, numbers: &RoughNumbers, record: &AuditRecord) -> Result<AuditHead> {
    let head = add(c, std::slice::from_ref(record))?;
    c.prepare_cached(
        "INSERT INTO bulletin (one, at, accounts, messages_pending, licenses_active, gate_keys, audit_head) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (one) DO UPDATE SET at = ?1, accounts = ?2, messages_pending = ?3, licenses_active = ?4, gate_keys = ?5, audit_head = ?6",
    )?
    .execute(params![
        time(record.at),
        int(numbers.accounts),
        int(numbers.messages_pending),
        int(numbers.licenses_active),
        int(numbers.gate_keys),
        head.hash
    ])?;
    Ok(head)
}

/// What everybody was shown last.
pub(super) fn shown(c: &Connection) -> Result<Option<ShownRow>> {
    let row = c
        .prepare_cached("SELECT at, accounts, messages_pending, licenses_active, gate_keys, audit_head FROM bulletin")?
        .query_row([], |row| {
            Ok(ShownRow {
                at: timestamp(row, 0)?,
                numbers: RoughNumbers {
                    accounts: number(row, 1)?,
                    messages_pending: number(row, 2)?,
                    licenses_active: number(row, 3)?,
                    gate_keys: number(row, 4)?,
                },
                audit_head: array(row, 5)?,
            })
        })
        .optional()?;
    Ok(row)
}

/// What is wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// A record that is not what was hashed, or one that is missing before it.
    #[error("record {0} was altered, or a record before it is missing")]
    Broken(u64),
    /// The log ends elsewhere than the relay noted.
    #[error("the log ends at {found}, and the relay noted {noted}: records were cut off or added")]
    Cut {
        /// Where it ends.
        found: AuditHead,
        /// Where it should.
        noted: AuditHead,
    },
    /// The head that was kept elsewhere is not part of it.
    #[error("the log does not pass through {0}: it was rewritten, or cut before that")]
    Foreign(KeptHead),
    /// It could not be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(#[from] rusqlite::Error),
}

/// Follows the chain; `kept` is a head that somebody kept elsewhere, which it must pass through.
pub(super) fn verify(c: &Connection, kept: Option<KeptHead>) -> std::result::Result<AuditHead, AuditFault> {
    // One transaction: the relay may be writing.
    let c = c.unchecked_transaction()?;
    let noted = c.query_row("SELECT audit_length, audit_head FROM relay WHERE one = 1", [], |row| {
        head(row, 0, 1)
    })?;
    let mut end = AuditHead::default();
    let mut met = kept.is_none_or(|kept| kept.is(&end));
    let mut statement = c.prepare("SELECT seq, at, event, mailbox, times, hash FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let named = row.get_ref(3)? != ValueRef::Null;
        let mailbox = if named {
            Some(MailboxId::from_bytes(array(row, 3)?))
        } else {
            None
        };
        let next = end.next(timestamp(row, 1)?, row.get(2)?, mailbox, number(row, 4)?);
        if number::<u64>(row, 0)? != next.length || array::<32>(row, 5)? != next.hash {
            return Err(AuditFault::Broken(next.length));
        }
        end = next;
        met |= kept.is_some_and(|kept| kept.is(&end));
    }
    if end != noted {
        return Err(AuditFault::Cut { found: end, noted });
    }
    match kept {
        Some(kept) if !met => Err(AuditFault::Foreign(kept)),
        _ => Ok(end),
    }
}
