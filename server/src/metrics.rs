//! The relay in numbers that change all the time: counted where things happen, with atomics alone, and written down when somebody asks.
//!
//! Label sets are bounded and known before the first request (operations of the contract, classes of status, kinds of limits): nothing is ever
//! counted by account, address or name, so what a monitoring system keeps for years says nothing about anyone.

mod histogram;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use histogram::{Histogram, Reading};

use crate::store::Swept;

/// Seconds of a request. The last is above the longest wait for mail.
const REQUEST_SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 31.0,
];
/// Seconds of a commit or a checkpoint: from a fast disk's fsync to a disk that is about to fail.
const DISK_SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];
/// Jobs of a commit.
const BATCH_JOBS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How an answer went, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Done.
    Success,
    /// Elsewhere; the documentation's pages do that.
    Redirection,
    /// The caller's fault.
    Client,
    /// Ours.
    Server,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Success, Self::Redirection, Self::Client, Self::Server];

    /// Of an HTTP status.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            0..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::Client,
            _ => Self::Server,
        }
    }

    /// Its label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::Client => "4xx",
            Self::Server => "5xx",
        }
    }
}

/// One operation's requests.
#[derive(Debug)]
pub struct Requests {
    /// Its label.
    pub operation: String,
    /// Answers by class.
    pub answers: [AtomicU64; 4],
    /// How long they took, waits for mail included.
    pub seconds: Histogram,
}

/// What the relay counts about itself. The store counts for itself ([`crate::store::Activity`]).
#[derive(Debug)]
pub struct Metrics {
    pub(crate) started: f64,
    pub(crate) requests: Vec<Requests>,
    /// Open connections.
    pub connections: Arc<AtomicI64>,
    /// Sweeps by outcome.
    pub sweeps: Sweeps,
    /// Records of the audit log that could not be written.
    pub audit_failures: AtomicU64,
}

/// What became of sweeps.
#[derive(Debug, Default)]
pub struct Sweeps {
    /// Those that removed all that had expired.
    pub done: AtomicU64,
    /// Those that the store ended early.
    pub failed: AtomicU64,
    /// Those that were put off because the clock had jumped.
    pub put_off: AtomicU64,
    /// Steps, each of which is one job of the writer.
    pub steps: AtomicU64,
    /// Rows removed, by kind.
    pub removed: [AtomicU64; 5],
}

impl Sweeps {
    /// Notes a step.
    pub fn step(&self, swept: &Swept) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        for (counter, (_, rows)) in self.removed.iter().zip(swept.by_kind()) {
            counter.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }
}

impl Metrics {
    /// For requests of these operations; the index of each is what [`Self::answered`] takes.
    #[must_use]
    pub fn new(operations: impl IntoIterator<Item = String>) -> Self {
        let requests = operations.into_iter().map(|operation| Requests {
            operation,
            answers: Default::default(),
            seconds: Histogram::seconds(REQUEST_SECONDS),
        });
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: since.as_secs_f64(),
            requests: requests.collect(),
            connections: Arc::default(),
            sweeps: Sweeps::default(),
            audit_failures: AtomicU64::new(0),
        }
    }

    /// A request of `operation` was answered.
    pub fn answered(&self, operation: usize, status: u16, took: Duration) {
        if let Some(requests) = self.requests.get(operation) {
            requests.answers[Class::of(status) as usize].fetch_add(1, Ordering::Relaxed);
            requests.seconds.observe(took);
        }
    }

    /// What was counted, by operation.
    #[must_use]
    pub fn requests(&self) -> &[Requests] {
        &self.requests
    }
}

/// Buckets for the time of a commit or a checkpoint.
pub(crate) fn disk_seconds() -> Histogram {
    Histogram::seconds(DISK_SECONDS)
}

/// Buckets for the jobs of a commit.
pub(crate) fn batch_jobs() -> Histogram {
    Histogram::counts(BATCH_JOBS)
}
