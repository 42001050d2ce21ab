//! The log as the operator's commands see it: read beside a relay that runs, which writes and deletes meanwhile.

use std::{collections::HashSet, io, path::Path};

use rusqlite::Connection;

use super::{
    receipts::Receipt,
    record::{Header, Key},
    scan::{self, Scan},
    segment::{self, Segment},
};
use crate::{
    model::MailboxId,
    store::sqlite::{mail, segments},
};

/// A segment that is being written is read again so often when it looks damaged: it may have been read in the middle of two commits.
const LOOKS: usize = 5;

/// Something that the log has.
pub(in crate::store::sqlite) enum Surveyed<'a> {
    /// An envelope that waits.
    Waiting {
        /// Whose.
        mailbox: MailboxId,
        /// Its place.
        sequence: u64,
        /// When it was stored and until when it is kept.
        times: [protocol::Timestamp; 2],
        /// The envelope.
        envelope: &'a [u8],
    },
    /// A receipt that is not in the database yet.
    Receipt {
        /// Of which segment.
        segment: u32,
        /// Its key.
        key: Key,
        /// What is remembered.
        receipt: Receipt,
    },
}

/// Shows `each` what the log holds at the moment that the transaction of `c` sees. Answers what is not as it should be: to be looked at again by another survey,
/// because whatever was delivered meanwhile is overwritten.
pub(in crate::store::sqlite) fn survey(
    directory: &Path,
    c: &Connection,
    mut each: impl FnMut(Surveyed<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<String>> {
    let mut rows = segments::all(c)?;
    // The youngest first: of an envelope that was moved the younger record counts.
    rows.reverse();
    let acked = mail::all_acked(c)?;
    let gone = |header: &Header| acked.get(&header.mailbox).is_none_or(|acked| header.sequence <= *acked);
    let mut seen: HashSet<(MailboxId, u64)> = HashSet::new();
    let mut faults = Vec::new();
    for row in rows {
        let path = segment::path(directory, row.id);
        let (scan, bytes) = match look(directory, &row, gone) {
            Ok(Ok(seen)) => seen,
            Ok(Err(damage)) => {
                faults.push(format!("{}: {damage}", path.display()));
                continue;
            }
            Err(error) => {
                faults.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        for found in &scan.records {
            let header = &found.header;
            if !row.away && header.has_receipt() {
                each(Surveyed::Receipt {
                    segment: row.id,
                    key: header.key,
                    receipt: Receipt::of(header),
                })?;
            }
            if gone(header) || !seen.insert((header.mailbox, header.sequence)) {
                continue;
            }
            if !found.whole {
                faults.push(fault(&path, found.offset));
                continue;
            }
            each(Surveyed::Waiting {
                mailbox: header.mailbox,
                sequence: header.sequence,
                times: [header.stored_at, header.expires],
                envelope: found.envelope(&bytes),
            })?;
        }
    }
    Ok(faults)
}

fn fault(path: &Path, offset: u32) -> String {
    format!(
        "{}: the envelope at byte {offset} is not the one that was stored",
        path.display()
    )
}

type Looked = Result<(Scan, Vec<u8>), scan::Damage>;

fn look(directory: &Path, row: &segments::Row, gone: impl Fn(&Header) -> bool) -> io::Result<Looked> {
    let file = Segment::open(directory, row.id, false)?;
    let mut looks = 0;
    loop {
        let bytes = file.bytes()?;
        looks += 1;
        match scan::records(&bytes, file.mark(), row.sealed, &gone) {
            Ok(scan) => return Ok(Ok((scan, bytes))),
            Err(damage) if looks == LOOKS => return Ok(Err(damage)),
            Err(_) => {}
        }
    }
}
