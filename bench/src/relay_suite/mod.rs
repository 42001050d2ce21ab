//! The relay under load, as a process of its own behind a real socket, with real accounts.
//!
//! The unit is a bare echo in the same framework, measured in turns with the relay. Processor time is the server's own, so it does not depend on what
//! the load generator costs.

pub mod account;
pub mod echo;
mod load;
pub mod process;
mod quiet;
#[cfg(unix)]
mod rivals;
mod scale;
mod seed;

use std::ops::AddAssign;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use account::Account;
use anyhow::{Context, Result, bail};
use load::Burst;
use process::Process;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
#[cfg(unix)]
use rivals::Rivals;
use tempfile::TempDir;

use crate::measure::{Effort, median};
use crate::table::{self, Row, Target};

const SUITE: &str = "relay";

/// Connections at once when nothing else is said.
pub const CONNECTIONS: u16 = 64;

/// The size of an ordinary message with its padding and envelope.
pub const BODY_LEN: usize = 4096;

/// Mailboxes that are sent to in turn: a page of each is touched again only much later, as in earnest.
const MAILBOXES: usize = 1000;

/// So often in a round echo and send take turns: what else the machine does changes within seconds, and is to be the same for both.
const TURNS: u32 = 4;

/// A relay that delivers slower than it accepts fills up.
const DELIVER_TO_SEND: f64 = 1.5;
/// What decided for envelopes as rows (decision 0020): as fast as Redis, which keeps everything in memory, and several times PostgreSQL.
const SEND_TO_REDIS: f64 = 1.0;
const SEND_TO_POSTGRES: f64 = 4.0;

/// How large the large things are.
#[derive(Clone, Copy)]
pub struct Size {
    /// Envelopes in a full store.
    pub stored: usize,
    /// Inboxes that wait.
    pub waiting: usize,
    /// Mailboxes of a large relay.
    pub mailboxes: usize,
}

/// Measures the suite.
pub fn run(effort: Effort, size: Size, relay: Option<&Path>, quiet: bool) -> Result<Vec<Row>> {
    let binary = process::named_or_built(relay)?;
    let time = Duration::from_secs_f64(effort.seconds);
    let say = |text: &str| {
        if !quiet {
            table::line(text);
        }
    };
    say(&format!(
        "relay: SQLite, {} connections, {MAILBOXES} mailboxes, {BODY_LEN} byte envelopes, {} rounds of {} s, defaults otherwise",
        effort.connections, effort.rounds, effort.seconds
    ));
    say(
        "registered accounts for sends and deliveries; for size, accounts and envelopes are put into the database through the store",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = runtime.block_on(mail(effort, time, &binary, quiet))?;
    rows.extend(runtime.block_on(scale::idle(effort, &binary))?);
    rows.extend(runtime.block_on(scale::waiting(size, &binary))?);
    rows.extend(runtime.block_on(scale::status(effort, size, &binary))?);
    rows.extend(runtime.block_on(scale::fill(effort, size, &binary))?);
    Ok(rows)
}

/// A relay with a throw-away data directory.
pub struct Relay {
    pub process: Process,
    pub client: latchkey_sdk::Client,
    data: TempDir,
}

impl Relay {
    /// With nothing in it.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::start_on(binary, tempfile::tempdir()?)
    }

    fn start_on(binary: &Path, data: TempDir) -> Result<Self> {
        let mut command = Command::new(binary);
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--rate-limits",
                "false",
                "--data-dir",
            ])
            .arg(data.path());
        let process = Process::start(command)?;
        let client = latchkey_sdk::connect(&format!("http://{}", process.host))?;
        Ok(Self { process, client, data })
    }

    /// Ends the relay; its data stay.
    fn stop(self) -> TempDir {
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

/// None is known here.
#[cfg(not(unix))]
struct Rivals;

#[cfg(not(unix))]
impl Rivals {
    fn start(_quiet: bool) -> Result<Self> {
        Ok(Self)
    }
    fn round(&mut self, _effort: Effort, _sent: f64) -> Result<()> {
        Ok(())
    }
    fn rows(&self, _sends: &[f64]) -> Vec<Row> {
        Vec::new()
    }
}

async fn mail(effort: Effort, time: Duration, binary: &Path, quiet: bool) -> Result<Vec<Row>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut echo = Command::new(std::env::current_exe().context("where am I?")?);
    echo.arg("--serve-echo");
    let echo = Process::start(echo)?;
    let relay = Relay::start(binary)?;
    let accounts = relay.accounts("u", MAILBOXES, &mut rng).await?;
    let mut rivals = Rivals::start(quiet)?;
    let mut body = vec![0; BODY_LEN];
    rng.fill_bytes(&mut body);
    let body = Arc::new(body);

    let (mut echoes, mut sends, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    // The first round warms caches, pools and the database's pages, and is not counted.
    for round in 0..=effort.rounds {
        let (mut echoed, mut sent) = (Measured::default(), Measured::default());
        for _ in 0..TURNS {
            let time = time / TURNS;
            echoed += timed(&echo, load::echo(&echo.host, effort.connections, &body, time)).await?;
            sent += timed(
                &relay.process,
                load::send(&relay.process.host, effort.connections, &accounts, &body, time),
            )
            .await?;
        }
        let delivered = timed(
            &relay.process,
            load::deliver(&relay.process.host, effort.connections, &accounts),
        )
        .await?;
        if delivered.burst.requests != sent.burst.requests {
            bail!(
                "{} messages were accepted and {} delivered",
                sent.burst.requests,
                delivered.burst.requests
            );
        }
        tokio::task::block_in_place(|| rivals.round(effort, sent.burst.rate()))?;
        if round > 0 {
            echoes.push(echoed);
            sends.push(sent);
            deliveries.push(delivered);
        }
    }
    let rates = |bursts: &[Measured]| bursts.iter().map(|of| of.burst.rate()).collect::<Vec<_>>();
    let cpu = |bursts: &[Measured]| bursts.iter().filter_map(Measured::cpu).collect::<Vec<_>>();
    let ratio = |over: &[f64], under: &[f64]| median(over.iter().zip(under).map(|(a, b)| a / b).collect());

    let (echo_rate, send_rate, deliver_rate) = (rates(&echoes), rates(&sends), rates(&deliveries));
    let mut rows = vec![
        Row::new(SUITE, "bare echo of 4 KiB", median(echo_rate.clone()), "1/s"),
        Row::new(SUITE, "durable send of 4 KiB", median(send_rate.clone()), "1/s"),
        Row::new(SUITE, "durable send / echo", ratio(&send_rate, &echo_rate), "ratio"),
        Row::new(
            SUITE,
            "deliver and acknowledge 4 KiB",
            median(deliver_rate.clone()),
            "1/s",
        ),
        Row::new(
            SUITE,
            "deliver and acknowledge / durable send",
            ratio(&deliver_rate, &send_rate),
            "ratio",
        )
        .with(Target::AtLeast(DELIVER_TO_SEND)),
    ];
    let (echo_cpu, send_cpu, deliver_cpu) = (cpu(&echoes), cpu(&sends), cpu(&deliveries));
    if !echo_cpu.is_empty() {
        rows.extend([
            Row::new(SUITE, "processor time of an echo", median(echo_cpu.clone()), "µs"),
            Row::new(
                SUITE,
                "processor time of a durable send",
                median(send_cpu.clone()),
                "µs",
            ),
            Row::new(
                SUITE,
                "processor time, durable send / echo",
                ratio(&send_cpu, &echo_cpu),
                "ratio",
            ),
            Row::new(
                SUITE,
                "processor time of a delivery with its acknowledgement",
                median(deliver_cpu),
                "µs",
            ),
        ]);
    }
    rows.extend(rivals.rows(&send_rate));
    Ok(rows)
}

/// A burst, and the seconds of processor time that the server spent on it, with what it did afterwards: receipts that are put away, mail that is overwritten.
#[derive(Clone, Copy, Default)]
struct Measured {
    burst: Burst,
    spent: Option<f64>,
}

impl Measured {
    /// Microseconds of processor time for each request.
    fn cpu(&self) -> Option<f64> {
        Some(self.spent? * 1e6 / self.burst.requests as f64)
    }
}

impl AddAssign for Measured {
    fn add_assign(&mut self, other: Self) {
        self.burst.requests += other.burst.requests;
        self.burst.seconds += other.burst.seconds;
        self.spent = other.spent.map(|spent| spent + self.spent.unwrap_or_default());
    }
}

async fn timed(server: &Process, load: impl Future<Output = Result<Burst>>) -> Result<Measured> {
    let before = server.cpu_seconds();
    let burst = load.await?;
    tokio::task::block_in_place(quiet::wait);
    let spent = before.zip(server.cpu_seconds()).map(|(before, after)| after - before);
    Ok(Measured { burst, spent })
}
