//! A start: what is on the disk becomes what is in memory.

use std::{
    collections::{HashMap, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

use super::{
    FIRST_SEGMENT, Item, MailLog, Purpose, entry,
    index::{Entry, Index},
    keeper::Keeper,
    receipts::Receipts,
    record::Header,
    salt, scan,
    segment::{self, START, Segment},
};
use crate::{
    model::{BodyDigest, MailboxId},
    store::{
        Result,
        sqlite::{mail, open::OpenError, segments},
    },
};

/// Envelopes taken over from the tables in one commit.
const TAKEN_AT_ONCE: u32 = 128;
/// Of these commits, so many until the write-ahead log is folded in: 16 MiB of envelopes of 4 KiB, written with their pads.
const FOLD_AFTER: usize = 16;

impl MailLog {
    /// Reads the log of the database `c` in `directory`, and changes nothing: what is damaged stays as it is.
    pub fn read(directory: &Path, c: &Connection) -> std::result::Result<Reading, OpenError> {
        let sqlite = |source| OpenError::Sqlite {
            path: directory.to_owned(),
            source,
        };
        let rows = segments::known(c).map_err(sqlite)?;
        let mut reading = Reading {
            unknown: unknown(directory, &rows)?,
            ..Reading::default()
        };
        if !rows.is_empty() {
            let acked = mail::all_acked(c).map_err(sqlite)?;
            let gone = |header: &Header| {
                let acked = acked.get(&header.mailbox);
                acked.is_none_or(|acked| header.sequence <= *acked)
            };
            for row in &rows {
                reading.take(directory, row, &gone)?;
            }
            reading.check(directory)?;
        }
        reading.rows = rows;
        Ok(reading)
    }

    /// Goes on with the log that was read, or begins one. What envelopes the database has in tables (older relays had them all there, and a backup has)
    /// are taken over.
    pub fn open(
        directory: &Path,
        c: &Connection,
        limit: Option<u64>,
        mut reading: Reading,
    ) -> std::result::Result<(Self, Arc<Index>), OpenError> {
        let io = |path: PathBuf| move |source: io::Error| OpenError::MailLog { path, source };
        let sqlite = |source| OpenError::Sqlite {
            path: directory.to_owned(),
            source,
        };
        for path in std::mem::take(&mut reading.unknown) {
            // It may hold what was delivered and not overwritten yet.
            segment::shred(&path).map_err(io(path))?;
        }
        if reading.rows.is_empty() {
            let id = segments::fresh(c).map_err(sqlite)?;
            let file = salt()
                .and_then(|salt| Segment::create(directory, id, FIRST_SEGMENT, salt, None))
                .map_err(io(segment::path(directory, id)))?;
            segments::begin(c, id).map_err(sqlite)?;
            let file = Arc::new(file);
            reading.index.add_segment(Arc::clone(&file));
            reading.active = Some((file, START, 0));
        }
        let Reading {
            rows,
            active,
            index,
            mut receipts,
            commit,
            dead,
            ..
        } = reading;
        let (active, tail, garbage) = active.ok_or_else(|| OpenError::Damaged {
            path: directory.to_owned(),
            what: "no segment of the mail log is open".into(),
        })?;
        // What is left of a commit that nobody was told of goes. What is whole may have been written by a process that was killed before it could wait for the
        // disk: from here on it counts, so it is waited for now.
        active
            .zero(tail, garbage)
            .and_then(|()| active.sync())
            .map_err(io(segment::path(directory, active.id)))?;
        segments::each_receipt(c, |segment, key, forget_at| receipts.put_away(key, segment, forget_at))
            .map_err(sqlite)?;
        let index = Arc::new(index);
        let unfolded = rows.iter().filter(|row| row.sealed.is_some() && !row.away);
        let mut log = Self {
            directory: directory.to_owned(),
            index: Arc::clone(&index),
            active,
            tail,
            commit: commit + 1,
            heads: HashMap::new(),
            receipts,
            buffer: Vec::new(),
            limit,
            abandoned: false,
            tight: false,
            erase: Vec::new(),
            erase_since: None,
            unfolded: unfolded.map(|row| row.id).collect::<VecDeque<_>>(),
            folded: 0,
            moving: Vec::new(),
            keeper: Keeper::start(directory, limit.is_some()).map_err(io(directory.to_owned()))?,
        };
        dead.iter().for_each(|entry| log.bury(entry));
        log.take_over(c).map_err(|error| OpenError::TakingOver {
            path: directory.to_owned(),
            error,
        })?;
        Ok((log, index))
    }

    /// Puts envelopes that lie in tables into the log. A crash in between leaves some in both, which the place in the mailbox tells.
    fn take_over(&mut self, c: &Connection) -> Result<()> {
        let (mut taken, mut batches) = (0, 0);
        loop {
            let rows = mail::in_tables(c, TAKEN_AT_ONCE)?;
            if rows.is_empty() {
                break;
            }
            let new = rows
                .iter()
                .filter(|row| self.index.between(row.mailbox, row.sequence - 1, row.sequence) == 0);
            let items: Vec<Item<'_>> = new
                .map(|row| Item {
                    mailbox: row.mailbox,
                    sequence: row.sequence,
                    stored_at: row.stored_at,
                    expires: row.expires,
                    // Their receipts, if they have any, are in the database.
                    forget_at: protocol::Timestamp(0),
                    key: [0; 16],
                    digest: BodyDigest::from_bytes([0; 16]),
                    check: super::check(&row.envelope),
                    envelope: &row.envelope,
                })
                .collect();
            self.append(c, &items, Purpose::Keep)
                .into_iter()
                .collect::<Result<()>>()?;
            mail::forget_tables(c, &rows)?;
            taken += rows.len();
            batches += 1;
            if batches % FOLD_AFTER == 0 {
                // What is deleted goes through the write-ahead log, which nobody else folds in yet.
                c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            }
        }
        if taken > 0 {
            tracing::info!(
                envelopes = taken,
                "envelopes were taken over from the database's tables into the mail log"
            );
        }
        Ok(())
    }
}

/// Files that no row knows: a segment that was to be deleted, or one that was never used. One that holds records and is younger than all that are known
/// belongs to another database, and is refused.
fn unknown(directory: &Path, rows: &[segments::Row]) -> std::result::Result<Vec<PathBuf>, OpenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::MailLog { path, source }
    };
    let last = rows.iter().map(|row| row.id).max();
    let mut unknown = Vec::new();
    for file in fs::read_dir(directory).map_err(failed(directory))? {
        let file = file.map_err(failed(directory))?;
        let Some(id) = file.file_name().to_str().and_then(segment::id_of) else {
            continue;
        };
        if rows.iter().any(|row| row.id == id) {
            continue;
        }
        let path = file.path();
        let records = |bytes: Vec<u8>| bytes.iter().skip(START as usize).any(|byte| *byte != 0);
        let used = last.is_none_or(|last| id > last) && fs::read(&path).map(records).map_err(failed(&path))?;
        if used {
            return Err(OpenError::Damaged {
                path,
                what: "it holds mail that the database beside it does not know of. Was another database put here? Its own mail is not in this file: move the \
                       file out of the directory"
                    .into(),
            });
        }
        unknown.push(path);
    }
    Ok(unknown)
}

/// What is on the disk.
#[derive(Default)]
pub(in crate::store::sqlite) struct Reading {
    rows: Vec<segments::Row>,
    /// Files to be deleted.
    unknown: Vec<PathBuf>,
    /// The segment that is being written, where its records end, and how many bytes behind that are not zeros.
    active: Option<(Arc<Segment>, u32, usize)>,
    index: Index,
    receipts: Receipts,
    commit: u64,
    /// Envelopes that do not count any more and are still there.
    dead: Vec<Entry>,
    /// Envelopes that are not what was stored; nothing is wrong if they were moved before they were overwritten.
    broken: Vec<(MailboxId, Entry)>,
}

impl Reading {
    fn take(
        &mut self,
        directory: &Path,
        row: &segments::Row,
        gone: &impl Fn(&Header) -> bool,
    ) -> std::result::Result<(), OpenError> {
        let path = || segment::path(directory, row.id);
        let unusable = |source| OpenError::MailLog { path: path(), source };
        let file = Arc::new(Segment::open(directory, row.id, true).map_err(unusable)?);
        let bytes = file.bytes().map_err(unusable)?;
        let scan = scan::records(&bytes, file.mark(), row.sealed, gone).map_err(|damage| OpenError::Damaged {
            path: path(),
            what: damage.to_string(),
        })?;
        if row.sealed.is_none() {
            let rest = bytes.get(scan.end as usize..).unwrap_or_default();
            let garbage = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            self.active = Some((Arc::clone(&file), scan.end, garbage));
        }
        self.index.add_segment(file);
        for found in &scan.records {
            let (header, entry) = (&found.header, entry(&found.header, found.offset));
            self.commit = self.commit.max(header.commit);
            if !row.away && header.has_receipt() {
                self.receipts.add(row.id, header);
            }
            if gone(header) {
                if found.envelope(&bytes).iter().any(|byte| *byte != 0) {
                    self.dead.push(entry);
                }
                continue;
            }
            if !found.whole {
                self.broken.push((header.mailbox, entry));
            }
            self.dead.extend(self.index.add([(header.mailbox, entry)]));
        }
        Ok(())
    }

    fn check(&self, directory: &Path) -> std::result::Result<(), OpenError> {
        match self
            .broken
            .iter()
            .find(|(mailbox, entry)| self.index.holds(*mailbox, entry))
        {
            None => Ok(()),
            Some((_, entry)) => Err(OpenError::Damaged {
                path: segment::path(directory, entry.segment),
                what: format!("the envelope at byte {} is not the one that was stored", entry.offset),
            }),
        }
    }
}
