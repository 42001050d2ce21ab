//! Sending and delivering, in turns with the echo and the rivals: every contender in bursts of the same length, short ones and long ones.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::load::{self, Burst};
use super::process::Process;
use super::quiet::Rests;
#[cfg(unix)]
use super::rivals::Rivals;
use super::setting::{BODY_LEN, MAILBOXES, Relay, Size, Stored, flags};
use super::{account::Account, metrics};
use crate::measure::{Effort, median};
use crate::place;
use crate::table::{Report, Row, Target};

/// Who comes back after a long time is not to be kept from the mail by those who send.
const FETCH_TO_SEND: f64 = 1.5;
/// A relay that deletes slower than it accepts fills up.
const DELIVER_TO_SEND: f64 = 1.0;
/// What decided for envelopes as rows (decision 0020): as fast as Redis, which keeps everything in memory, and several times PostgreSQL.
const SEND_TO_REDIS: f64 = 1.0;
const SEND_TO_POSTGRES: f64 = 4.0;

/// Measures.
pub async fn run(effort: Effort, size: Size, binary: &Path) -> Result<Report> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut echo = Command::new(std::env::current_exe().context("where am I?")?);
    // Of this process: the echo is killed, and would leave it behind.
    let echo_data = place::directory()?;
    echo.arg("--serve-echo").arg(echo_data.path());
    let echo = Process::start(echo, false)?;
    let relay = Relay::start(binary)?;
    let accounts = relay.accounts("u", MAILBOXES, &mut rng).await?;
    let mut body = vec![0; BODY_LEN];
    rng.fill_bytes(&mut body);
    let rivals = Rivals::start()?;
    let (sustained, seconds) = size.sustained;
    let mut report = Report {
        settings: vec![
            format!(
                "bursts of {} s in {} rounds and of {seconds} s in {sustained}, for every contender alike and in turns; {} connections, {MAILBOXES} mailboxes, {BODY_LEN} byte envelopes",
                effort.seconds, effort.rounds, effort.connections
            ),
            format!(
                "relay: {}; SQLite with a write-ahead log, synchronous = FULL: a send is on the disk before its answer; registered accounts (for the rows by size, accounts and envelopes are put into the database through the store)",
                flags()
            ),
            "echo: the relay's listener, threads, connections, HTTP library, rates and counting, with the same flags; the same request, an answer of the same length; no authentication, no storing".to_owned(),
        ],
        ..Report::default()
    };
    let mut bench = Bench {
        echo,
        relay,
        accounts,
        body: Arc::new(body),
        connections: effort.connections,
        rivals,
        rests: Rests::default(),
    };
    report.settings.extend(bench.rivals.settings()?);
    report.skipped.extend(bench.rivals.skipped());
    // The first round warms caches, pools and the database's pages, and is not counted.
    bench.round(effort.seconds).await?;
    for (rounds, seconds, sort) in [(effort.rounds, effort.seconds, ""), (sustained, seconds, ", sustained")] {
        let mut measured = Vec::new();
        for _ in 0..rounds {
            measured.push(bench.round(seconds).await?);
        }
        report.rows.extend(rows(&measured, sort));
    }
    report.rows.extend(bench.rests.rows());
    Ok(report)
}

/// The contenders.
struct Bench {
    echo: Process,
    relay: Relay,
    accounts: Arc<Vec<Account>>,
    body: Arc<Vec<u8>>,
    connections: usize,
    rivals: Rivals,
    rests: Rests,
}

/// What each did in a round.
#[derive(Clone, Debug, Default)]
struct Round {
    echo: Measured,
    send: Measured,
    fetch: Measured,
    /// Seconds from the first request of the deliveries until nothing of them is left.
    gone: f64,
    rivals: Stored,
}

/// A burst, and the seconds of processor time that the server spent on it, with what it did afterwards: receipts that are put away, mail that is overwritten.
#[derive(Clone, Copy, Debug, Default)]
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

impl Bench {
    async fn round(&mut self, seconds: f64) -> Result<Round> {
        let time = Duration::from_secs_f64(seconds);
        let (accounts, body, connections) = (&self.accounts, &self.body, self.connections);
        let load = load::send(&self.echo.host, connections, accounts, body, time);
        let echo = timed(&self.echo, load, &mut self.rests).await?;
        let relay = &self.relay.process;
        let load = load::send(&relay.host, connections, accounts, body, time);
        let send = timed(relay, load, &mut self.rests).await?;
        metrics::until(&relay.metrics, metrics::ERASING, 0.0).await?;
        let mut gone = 0.0;
        let load = async {
            let start = Instant::now();
            let fetched = load::deliver(&relay.host, connections, accounts).await?;
            metrics::until(&relay.metrics, metrics::ERASING, 0.0).await?;
            gone = start.elapsed().as_secs_f64();
            Ok(fetched)
        };
        let fetch = timed(relay, load, &mut self.rests).await?;
        ensure!(
            fetch.burst.requests == send.burst.requests,
            "{} messages were accepted and {} delivered",
            send.burst.requests,
            fetch.burst.requests
        );
        let (rivals, rests) = (&mut self.rivals, &mut self.rests);
        let rivals = tokio::task::block_in_place(|| rivals.round(connections, seconds, rests))?;
        Ok(Round {
            echo,
            send,
            fetch,
            gone,
            rivals,
        })
    }
}

async fn timed(server: &Process, load: impl Future<Output = Result<Burst>>, rests: &mut Rests) -> Result<Measured> {
    let before = server.cpu_seconds();
    let burst = load.await?;
    tokio::task::block_in_place(|| rests.take());
    let spent = before.zip(server.cpu_seconds()).map(|(before, after)| after - before);
    Ok(Measured { burst, spent })
}

/// Medians of the rounds, and of their ratios.
fn rows(rounds: &[Round], sort: &str) -> Vec<Row> {
    type Of<'a> = &'a dyn Fn(&Round) -> Option<f64>;
    let row = |name: &str, unit, of: Of<'_>| {
        let values: Vec<f64> = rounds.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| Row::new(format!("{name}{sort}"), median(values), unit))
    };
    let rate = |name: &str, of: Of<'_>| row(name, "1/s", of);
    let ratio =
        |name: &str, over: Of<'_>, under: Of<'_>| row(name, "ratio", &|round| Some(over(round)? / under(round)?));
    let cpu = |name: &str, of: Of<'_>| row(&format!("processor time of {name}"), "µs", of);

    let echo = |round: &Round| Some(round.echo.burst.rate());
    let send = |round: &Round| Some(round.send.burst.rate());
    let fetch = |round: &Round| Some(round.fetch.burst.rate());
    let deliver = |round: &Round| Some(round.fetch.burst.requests as f64 / round.gone);
    let redis = |round: &Round| round.rivals.redis;
    let appended = |round: &Round| round.rivals.appended;
    let postgres = |round: &Round| round.rivals.postgres;
    let at_least = |row: Option<Row>, bound| row.map(|row| row.with(Target::AtLeast(bound)));
    [
        rate("echo of 4 KiB", &echo),
        rate("durable send of 4 KiB", &send),
        ratio("durable send / echo", &send, &echo),
        rate("fetch and acknowledge 4 KiB", &fetch),
        at_least(
            ratio("fetch and acknowledge / durable send", &fetch, &send),
            FETCH_TO_SEND,
        ),
        rate("deliver 4 KiB: fetch, acknowledge, erase, delete", &deliver),
        at_least(ratio("deliver / durable send", &deliver, &send), DELIVER_TO_SEND),
        cpu("an echo", &|round| round.echo.cpu()),
        cpu("a durable send", &|round| round.send.cpu()),
        cpu("a delivery, with its deletion", &|round| round.fetch.cpu()),
        ratio(
            "processor time, durable send / echo",
            &|round| round.send.cpu(),
            &|round| round.echo.cpu(),
        ),
        rate("stored by Redis", &redis),
        at_least(ratio("durable send / Redis", &send, &redis), SEND_TO_REDIS),
        rate("stored by Redis, append only, no checks", &appended),
        ratio("durable send / Redis, append only, no checks", &send, &appended),
        rate("stored by PostgreSQL", &postgres),
        at_least(ratio("durable send / PostgreSQL", &send, &postgres), SEND_TO_POSTGRES),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// None is known here.
#[cfg(not(unix))]
struct Rivals;

#[cfg(not(unix))]
impl Rivals {
    fn start() -> Result<Self> {
        Ok(Self)
    }
    fn settings(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn skipped(&self) -> Vec<String> {
        ["redis", "postgresql"]
            .map(|name| format!("{name}: not measured on this system"))
            .into()
    }
    fn round(&mut self, _connections: usize, _seconds: f64, _rests: &mut Rests) -> Result<Stored> {
        Ok(Stored::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(requests: u64, seconds: f64, spent: Option<f64>) -> Measured {
        Measured {
            burst: Burst { requests, seconds },
            spent,
        }
    }

    fn round(sent: u64, redis: Option<f64>) -> Round {
        Round {
            echo: measured(400, 2.0, Some(0.2)),
            send: measured(sent, 2.0, Some(0.3)),
            fetch: measured(sent, 0.5, None),
            gone: 4.0,
            rivals: Stored {
                redis,
                ..Stored::default()
            },
        }
    }

    fn value(rows: &[Row], name: &str) -> f64 {
        rows.iter()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("no {name}"))
            .value
    }

    #[test]
    fn medians_are_of_the_ratios_of_each_round() {
        let rows = rows(
            &[round(100, Some(50.0)), round(300, Some(100.0)), round(200, Some(40.0))],
            ", sustained",
        );
        assert_eq!(value(&rows, "durable send of 4 KiB, sustained"), 100.0);
        assert_eq!(value(&rows, "durable send / echo, sustained"), 0.5);
        // 1, 1.5 and 2.5: not the ratio of the medians, which is 2.
        assert_eq!(value(&rows, "durable send / Redis, sustained"), 1.5);
        assert_eq!(value(&rows, "fetch and acknowledge / durable send, sustained"), 4.0);
        assert_eq!(value(&rows, "processor time of an echo, sustained"), 500.0);
    }

    #[test]
    fn a_delivery_lasts_until_what_was_delivered_is_gone() {
        let rows = rows(&[round(200, None)], "");
        assert_eq!(value(&rows, "fetch and acknowledge 4 KiB"), 400.0);
        assert_eq!(value(&rows, "deliver 4 KiB: fetch, acknowledge, erase, delete"), 50.0);
        let row = rows.iter().find(|row| row.name == "deliver / durable send").unwrap();
        assert_eq!((row.value, row.holds()), (0.5, false));
    }

    #[test]
    fn who_is_not_there_has_no_rows() {
        let rows = rows(&[round(200, None)], "");
        assert!(
            rows.iter()
                .all(|row| !row.name.contains("Redis") && !row.name.contains("PostgreSQL"))
        );
        // The deliveries' processor time was not told.
        assert!(
            rows.iter()
                .all(|row| !row.name.starts_with("processor time of a delivery"))
        );
    }
}
