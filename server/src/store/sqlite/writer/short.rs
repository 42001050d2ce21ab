//! A disk without room: what was kept in reserve is given up for what makes room again, and sends wait until there is some.
//!
//! Until the disk has room the database may not grow. So everything that is written overwrites what the relay has already: pages of the file, and a log that is folded in
//! before it has used up its own room. What would grow the database is refused as at `--max-database`; what acknowledged mail leaves free is used by sends again.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{Loop, Result, StoreError};
use crate::store::sqlite::envelopes;

/// So often it is looked whether the disk has room again.
const LOOK: Duration = Duration::from_secs(5);
/// The log is folded in when so much of its room is used: the rest takes a piece of erasing or of deleting.
const FOLD_BYTES: u64 = 1 << 20;

impl Loop {
    /// Gives the reserve up when that is what the error asks for; true when what failed is worth another try. No transaction is open.
    pub(super) fn give_up_reserve(&mut self, error: &StoreError) -> bool {
        let Some(reserve) = self.room.reserve.as_ref().filter(|_| !self.room.is_short()) else {
            return false;
        };
        // Not when it is the database that has grown as far as it may.
        if !matches!(error, StoreError::Full(_)) || self.envelopes.is_at_limit(&self.connection) {
            return false;
        }
        let bytes = reserve.bytes();
        match reserve.give_up() {
            Ok(_) => {
                tracing::error!(
                    bytes,
                    %error,
                    "the disk is full: what was kept in reserve is used for acknowledgements and deletions; sends are refused until there is room"
                );
            }
            Err(error) => tracing::error!(%error, "what is kept in reserve on the disk could not be given up"),
        }
        self.run_short();
        true
    }

    /// From here on the database does not grow.
    pub(super) fn run_short(&mut self) {
        self.room.look_at = Some(Instant::now() + LOOK);
        self.activity.refusing.store(true, Ordering::Relaxed);
        self.envelopes.give_room();
        // First of all the log's room, before others take it.
        self.checkpoint();
        if let Some(reserve) = &self.room.reserve {
            reserve.keep_rest();
        }
        if let Err(error) = self.spread() {
            tracing::warn!(%error, "no pages could be made for what is written on a full disk");
        }
        self.checkpoint();
        if let Err(error) = self.envelopes.stop_growth(&self.connection) {
            tracing::error!(%error, "the database could not be kept from growing");
        }
    }

    /// Adds free pages to the database, for sign-ins, plays and acknowledgements that need one: a table that is dropped again, of which every page was written.
    fn spread(&self) -> Result<()> {
        let Some(pages) = envelopes::lacking(&self.connection)? else {
            return Ok(());
        };
        let page: u64 = self
            .connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?
            .into();
        let grown = self.connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; CREATE TABLE room (pages BLOB); INSERT INTO room VALUES (zeroblob({})); DROP TABLE room; COMMIT",
            pages * page
        ));
        if grown.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        Ok(grown?)
    }

    /// Between two commits, on a disk that is full: the log stays within its room, and it is looked whether there is some again.
    pub(super) fn tend_short(&mut self) {
        if !self.room.is_short() || self.damaged.is_some() {
            return;
        }
        if self.room.patience().is_some_and(|wait| wait.is_zero()) {
            self.room.look_at = Some(Instant::now() + LOOK);
            if self.take_reserve() {
                return;
            }
        }
        let waits = self.retry_at.is_some_and(|at| at > Instant::now());
        if self.growth.bytes() >= FOLD_BYTES && !waits {
            self.checkpoint();
        }
        let takes_sends = envelopes::takes_sends(&self.connection).unwrap_or(false);
        self.activity.refusing.store(!takes_sends, Ordering::Relaxed);
    }

    /// Takes the reserve again, if the disk has room for it.
    fn take_reserve(&mut self) -> bool {
        let Some(reserve) = self.room.reserve.as_ref().filter(|reserve| reserve.has_room()) else {
            return false;
        };
        if reserve.take().is_err() {
            return false;
        }
        if let Err(error) = self.envelopes.allow_growth(&self.connection) {
            tracing::error!(%error, "the database could not be allowed to grow again");
            return false;
        }
        self.room.look_at = None;
        self.activity.refusing.store(false, Ordering::Relaxed);
        // Folds the log in and lets go of its room.
        self.erase_since.get_or_insert_with(Instant::now);
        tracing::warn!(
            bytes = reserve.bytes(),
            "the disk has room again, and the reserve is taken"
        );
        true
    }
}
