//! Whether the disk has room, as far as the writer knows.

use std::time::{Duration, Instant};

use crate::store::sqlite::reserve::Reserve;

/// The disk's room, as the writer knows it.
#[derive(Default)]
pub(super) struct Room {
    /// What is kept in reserve; none when nothing is.
    pub(super) reserve: Option<Reserve>,
    /// Since the reserve was given up: when to look for room again.
    pub(super) look_at: Option<Instant>,
}

impl Room {
    /// `short` says that there was no room when the database was opened.
    pub fn new(reserve: Option<Reserve>, short: bool) -> Self {
        Self {
            look_at: reserve.as_ref().filter(|_| short).map(|_| Instant::now()),
            reserve,
        }
    }

    /// The disk has no room, as far as is known.
    pub const fn is_short(&self) -> bool {
        self.look_at.is_some()
    }

    /// How long until it is to be looked for room.
    pub fn patience(&self) -> Option<Duration> {
        Some(self.look_at?.saturating_duration_since(Instant::now()))
    }
}
