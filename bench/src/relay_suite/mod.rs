//! The relay under load, as a process of its own behind a real socket, with real accounts.
//!
//! The unit is a bare echo in the same framework, measured in turns with the relay. Processor time is the server's own, so it does not depend on what
//! the load generator costs.

mod account;
pub mod echo;
mod load;
pub mod process;

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
use tempfile::TempDir;

use crate::measure::{Effort, median};
use crate::table::{self, Row, Target};

const SUITE: &str = "relay";

/// Connections at once when nothing else is said. As many as it takes for the relay to be busy instead of waiting for its disk: with few, each commit is
/// shared by few, and the disk is what is measured.
pub const CONNECTIONS: u16 = 128;

/// The size of an ordinary message with its padding and envelope.
const BODY_LEN: usize = 4096;

/// Mailboxes that are sent to. More than the processor has threads, few enough for full pages.
const MAILBOXES: usize = 16;

/// Accounts of the relay whose status is compared with one that has only [`MAILBOXES`].
const MANY: usize = 400;

/// A durable send was 0.31 to 0.35 of a bare echo in the laboratory, on the same framework and database: less means that something was added.
const SEND_TO_ECHO: f64 = 0.30;
/// A relay that delivers slower than it accepts fills up.
const DELIVER_TO_SEND: f64 = 1.0;
/// The status costs the same however many mailboxes there are; the rest is the noise of two processes.
const STATUS_MANY_TO_FEW: f64 = 1.25;

/// Measures the suite.
pub fn run(effort: Effort, relay: Option<&Path>, quiet: bool) -> Result<Vec<Row>> {
    let binary = match relay {
        Some(binary) => binary.to_path_buf(),
        None => process::relay_binary()?,
    };
    let time = Duration::from_secs_f64(effort.seconds);
    if !quiet {
        table::line(&format!(
            "relay: {}, SQLite, {} connections, {MAILBOXES} mailboxes, {BODY_LEN} byte envelopes, {} rounds of {} s, defaults otherwise",
            binary.display(),
            effort.connections,
            effort.rounds,
            effort.seconds
        ));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = runtime.block_on(mail(effort, time, &binary))?;
    rows.extend(runtime.block_on(status(effort, time, &binary))?);
    Ok(rows)
}

/// A relay with a throw-away data directory.
struct Relay {
    process: Process,
    client: latchkey_sdk::Client,
    _data: TempDir,
}

impl Relay {
    fn start(binary: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
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
        Ok(Self {
            process,
            client,
            _data: data,
        })
    }

    async fn accounts(&self, prefix: &str, count: usize, rng: &mut ChaCha20Rng) -> Result<Arc<Vec<Account>>> {
        let mut accounts = Vec::with_capacity(count);
        for n in 0..count {
            accounts.push(account::register(&self.client, &format!("{prefix}{n}"), rng).await?);
        }
        Ok(Arc::new(accounts))
    }
}

async fn mail(effort: Effort, time: Duration, binary: &Path) -> Result<Vec<Row>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut echo = Command::new(std::env::current_exe().context("where am I?")?);
    echo.arg("--serve-echo");
    let echo = Process::start(echo)?;
    let relay = Relay::start(binary)?;
    let senders = relay.accounts("s", MAILBOXES, &mut rng).await?;
    let owners = relay.accounts("r", MAILBOXES, &mut rng).await?;
    let mut body = vec![0; BODY_LEN];
    rng.fill_bytes(&mut body);
    let body = Arc::new(body);

    let (mut echoes, mut sends, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    // The first round warms caches, pools and the database's pages, and is not counted.
    for round in 0..=effort.rounds {
        let echoed = timed(&echo, load::echo(&echo.host, effort.connections, &body, time)).await?;
        let sent = timed(
            &relay.process,
            load::send(&relay.process.host, effort.connections, &senders, &owners, &body, time),
        )
        .await?;
        let delivered = timed(&relay.process, load::deliver(&relay.process.host, &owners)).await?;
        if delivered.0.requests != sent.0.requests {
            bail!(
                "{} messages were accepted and {} delivered",
                sent.0.requests,
                delivered.0.requests
            );
        }
        if round > 0 {
            echoes.push(echoed);
            sends.push(sent);
            deliveries.push(delivered);
        }
    }
    let rates = |bursts: &[Measured]| bursts.iter().map(|(burst, _)| burst.rate()).collect::<Vec<_>>();
    let cpu = |bursts: &[Measured]| bursts.iter().filter_map(|(_, cpu)| *cpu).collect::<Vec<_>>();
    let ratio = |over: &[f64], under: &[f64]| median(over.iter().zip(under).map(|(a, b)| a / b).collect());

    let (echo_rate, send_rate, deliver_rate) = (rates(&echoes), rates(&sends), rates(&deliveries));
    let mut rows = vec![
        Row::new(SUITE, "bare echo of 4 KiB", median(echo_rate.clone()), "1/s"),
        Row::new(SUITE, "durable send of 4 KiB", median(send_rate.clone()), "1/s"),
        Row::new(SUITE, "durable send / echo", ratio(&send_rate, &echo_rate), "ratio")
            .with(Target::AtLeast(SEND_TO_ECHO)),
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
    Ok(rows)
}

async fn status(effort: Effort, time: Duration, binary: &Path) -> Result<Vec<Row>> {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (few, many) = (Relay::start(binary)?, Relay::start(binary)?);
    let _few = few.accounts("u", MAILBOXES, &mut rng).await?;
    let accounts = many.accounts("u", MANY, &mut rng).await?;
    // Something in the mailboxes too: counting envelopes must not cost more either.
    load::send(
        &many.process.host,
        effort.connections,
        &accounts,
        &accounts,
        &Arc::new(vec![1; 64]),
        time,
    )
    .await?;

    let (mut trips, mut small, mut large) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let (alone, alone_cpu) = timed(&few.process, load::status(&few.process.host, time)).await?;
        let (crowded, crowded_cpu) = timed(&many.process, load::status(&many.process.host, time)).await?;
        if round > 0 {
            trips.push(1e6 / alone.rate());
            // Where processor time is not known, the round trip has to do.
            small.push(alone_cpu.unwrap_or(1e6 / alone.rate()));
            large.push(crowded_cpu.unwrap_or(1e6 / crowded.rate()));
        }
    }
    let ratio = median(large.iter().zip(&small).map(|(a, b)| a / b).collect());
    Ok(vec![
        Row::new(SUITE, "status, round trip", median(trips), "µs"),
        Row::new(SUITE, "processor time of a status", median(small), "µs"),
        Row::new(
            SUITE,
            format!("processor time, status of {MANY} accounts with mail / of {MAILBOXES} without"),
            ratio,
            "ratio",
        )
        .with(Target::AtMost(STATUS_MANY_TO_FEW)),
    ])
}

/// A burst, and the microseconds of processor time that the server spent on each of its requests.
type Measured = (Burst, Option<f64>);

async fn timed(server: &Process, load: impl Future<Output = Result<Burst>>) -> Result<Measured> {
    let before = server.cpu_seconds();
    let burst = load.await?;
    let spent = before
        .zip(server.cpu_seconds())
        .map(|(before, after)| (after - before) * 1e6 / burst.requests as f64);
    Ok((burst, spent))
}
