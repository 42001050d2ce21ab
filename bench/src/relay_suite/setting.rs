//! What is measured: a relay with its settings, how much there is of everything, and what rivals did beside it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use tempfile::TempDir;

use super::account::{self, Account};
use super::process::Process;
use crate::place;

/// The size of an ordinary message with its padding and envelope.
pub const BODY_LEN: usize = 4096;

/// Mailboxes that are sent to in turn: a page of each is touched again only much later, as in earnest.
pub const MAILBOXES: usize = 1000;

/// Settings of every relay that is measured, and of the echo; everything else is as it comes. Rates are limited, but by more than anybody asks for here: that they are looked at is
/// part of the work.
pub const FLAGS: &[(&str, &str)] = &[
    ("listen", "127.0.0.1:0"),
    ("metrics-listen", "127.0.0.1:0"),
    ("rate-address", "1000000/s"),
    ("rate-account", "1000000/s"),
    ("rate-register", "1000000/s"),
    ("rate-sign-in", "1000000/s"),
    ("rate-fetch-key", "1000000/s"),
    ("rate-one-time", "1000000/s"),
    ("address-connections", "1000000"),
    ("strangers", "off"),
];

/// How large the large things are, and how long the long bursts.
#[derive(Clone, Copy)]
pub struct Size {
    /// Envelopes in a full store.
    pub stored: usize,
    /// Inboxes that wait.
    pub waiting: usize,
    /// Rounds of long bursts, and their seconds.
    pub sustained: (u32, f64),
}

/// What rivals stored a second; none of those that are not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stored {
    pub redis: Option<f64>,
    pub appended: Option<f64>,
    pub postgres: Option<f64>,
}

/// What the relay is told, as one would type it.
pub fn flags() -> String {
    let flags: Vec<_> = FLAGS.iter().map(|(flag, value)| format!("--{flag} {value}")).collect();
    flags.join(" ")
}

/// A relay on `data`, as it is measured.
pub fn start(binary: &Path, data: &Path) -> Result<Process> {
    let mut command = Command::new(binary);
    for (flag, value) in FLAGS {
        command.arg(format!("--{flag}")).arg(value);
    }
    command.arg("--quiet").arg("--data-dir").arg(data);
    Process::start(command, true)
}

/// A relay with a throw-away data directory.
pub struct Relay {
    pub process: Process,
    pub client: sdk::Client,
    data: TempDir,
}

impl Relay {
    /// With nothing in it.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::start_on(binary, place::directory()?)
    }

    pub fn start_on(binary: &Path, data: TempDir) -> Result<Self> {
        let process = start(binary, data.path())?;
        let client = sdk::connect(&format!("http://{}", process.host))?;
        Ok(Self { process, client, data })
    }

    /// Ends the relay; its data stay.
    pub fn stop(self) -> TempDir {
        drop(self.process);
        self.data
    }

    /// Registers `count` accounts.
    pub async fn accounts(&self, prefix: &str, count: usize, rng: &mut ChaCha20Rng) -> Result<Arc<Vec<Account>>> {
        let mut accounts = Vec::with_capacity(count);
        for n in 0..count {
            accounts.push(account::register(&self.client, &format!("{prefix}{n}"), rng).await?);
        }
        Ok(Arc::new(accounts))
    }
}
