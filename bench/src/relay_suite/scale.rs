//! What must not grow: with envelopes stored, with inboxes that wait; and what a relay costs that does nothing.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::setting::{BODY_LEN, Relay, Size};
use super::{load, metrics, seed};
use crate::http::Connection;
use crate::measure::{Effort, median};
use crate::place;
use crate::table::{Row, Target};

/// A waiting inbox: a connection, its task, and a request that is not answered yet.
const WAITING_KIB: f64 = 20.0;
/// A B-tree of 1 000 000 rows is one or two levels deeper than one of 1 000.
const FULL_TO_EMPTY: f64 = 1.2;
const IDLE_MB: f64 = 30.0;
const START_MS: f64 = 150.0;
/// A start reads a row for each envelope that waits, but no envelope.
const FULL_START_MS: f64 = 3000.0;

/// Envelopes in the store that is called empty.
const FEW_STORED: usize = 1000;
/// Waits that a mailbox allows, less one.
const WAITS_A_MAILBOX: usize = 3;
/// Trips of each kind in each round of the comparison by the size of the store.
const TRIPS: usize = 100;

async fn seeded(
    binary: &Path,
    accounts: usize,
    envelopes: usize,
    body: &[u8],
) -> Result<(Relay, Vec<super::account::Account>)> {
    let data = place::directory()?;
    let accounts = seed::seed(data.path(), accounts, envelopes, body).await?;
    let relay = Relay::start_on(binary, data)?;
    settled(&relay).await?;
    Ok((relay, accounts))
}

/// Until the receipts of what was seeded are in order: that is no part of what is measured then.
async fn settled(relay: &Relay) -> Result<()> {
    metrics::until(&relay.process.metrics, metrics::ERASING, 0.0).await
}

/// Memory of waiting inboxes.
pub async fn waiting(size: Size, binary: &Path) -> Result<Vec<Row>> {
    let (relay, accounts) = seeded(binary, size.waiting.div_ceil(WAITS_A_MAILBOX).max(2), 0, &[]).await?;
    // What the first requests allocate for good is not the waiting inboxes' own.
    load::trips(&relay.process.host, &accounts, &[1], 200, true).await?;
    let before = relay
        .process
        .resident_kib()
        .context("the memory of a process is known on Linux only")?;
    let waiting = load::wait(&relay.process.host, &accounts, size.waiting).await?;
    metrics::until(&relay.process.metrics, "latchkey_waiting_inboxes", waiting.len() as f64).await?;
    let after = relay.process.resident_kib().context("the relay has ended")?;
    let each = (after - before) / waiting.len() as f64;
    let name = format!("memory of a waiting inbox, {} of them", waiting.len());
    Ok(vec![Row::new(name, each, "KiB").with(Target::AtMost(WAITING_KIB))])
}

/// Round trips in a full store against those in one that is almost empty. Each round has both orders, told apart: a machine that becomes slower meanwhile shows in one of them.
pub async fn fill(effort: Effort, size: Size, binary: &Path) -> Result<Vec<Row>> {
    let body = vec![5; BODY_LEN];
    let data = place::directory()?;
    let full_accounts = seed::seed(data.path(), 1000, size.stored, &body).await?;
    let start = Instant::now();
    let full = Relay::start_on(binary, data)?;
    let start = start.elapsed().as_secs_f64() * 1e3;
    let (empty, empty_accounts) = seeded(binary, 1000, FEW_STORED, &body).await?;
    settled(&full).await?;
    let name = format!("start with {} stored", size.stored);
    let mut rows = vec![Row::new(name, start, "ms").with(Target::AtMost(FULL_START_MS))];
    for (reading, what) in [(false, "send"), (true, "inbox")] {
        let few = async || {
            anyhow::Ok(median(
                load::trips(&empty.process.host, &empty_accounts, &body, TRIPS, reading).await?,
            ))
        };
        let many = async || {
            anyhow::Ok(median(
                load::trips(&full.process.host, &full_accounts, &body, TRIPS, reading).await?,
            ))
        };
        // Once for nothing: connections, pages and caches.
        few().await?;
        many().await?;
        let mut trips = Trips::default();
        for _ in 0..effort.rounds {
            let (before, after) = (few().await?, many().await?);
            trips.empty_first.push((before, after));
            let (before, after) = (many().await?, few().await?);
            trips.full_first.push((after, before));
        }
        rows.extend(trips.rows(what, size.stored));
    }
    Ok(rows)
}

/// Microseconds in the store that is almost empty and in the full one, a pair a round.
#[derive(Default)]
struct Trips {
    empty_first: Vec<(f64, f64)>,
    full_first: Vec<(f64, f64)>,
}

impl Trips {
    fn rows(&self, what: &str, stored: usize) -> Vec<Row> {
        let all = || self.empty_first.iter().chain(&self.full_first);
        let p50 = |stored, times| Row::new(format!("p50 of {what}, {stored} stored"), median(times), "µs");
        let ratio = |order: &str, pairs: &[(f64, f64)]| {
            let name = format!("p50 of {what}, {stored} stored / {FEW_STORED}, {order} first");
            let ratios = pairs.iter().map(|(few, many)| many / few).collect();
            Row::new(name, median(ratios), "ratio").with(Target::AtMost(FULL_TO_EMPTY))
        };
        vec![
            p50(FEW_STORED, all().map(|(few, _)| *few).collect()),
            p50(stored, all().map(|(_, many)| *many).collect()),
            ratio("few", &self.empty_first),
            ratio("many", &self.full_first),
        ]
    }
}

/// A relay that was just started, on a directory that has a database.
pub async fn idle(effort: Effort, binary: &Path) -> Result<Vec<Row>> {
    let (mut starts, mut resident) = (Vec::new(), Vec::new());
    let mut data: TempDir = place::directory()?;
    for round in 0..=effort.rounds {
        let start = Instant::now();
        let relay = Relay::start_on(binary, data)?;
        let mut connection = Connection::open(&relay.process.host).await?;
        connection.request("GET /v1/status", "", &[]).await?;
        if round > 0 {
            starts.push(start.elapsed().as_secs_f64() * 1e3);
            resident.extend(relay.process.resident_kib().map(|kib| kib * 1024.0 / 1e6));
        }
        data = relay.stop();
    }
    let start = Row::new("cold start to the first answer", median(starts), "ms").with(Target::AtMost(START_MS));
    let mut rows = vec![start];
    if !resident.is_empty() {
        rows.push(Row::new("idle relay, resident", median(resident), "MB").with(Target::AtMost(IDLE_MB)));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_shows_in_one_of_the_orders() {
        // Nothing grows with the store; each measurement takes a half longer than the one before.
        let trips = Trips {
            empty_first: vec![(100.0, 150.0)],
            full_first: vec![(150.0, 100.0)],
        };
        let rows = trips.rows("send", 5000);
        let ratios: Vec<_> = rows
            .iter()
            .filter(|row| row.unit == "ratio")
            .map(|row| (row.value, row.holds()))
            .collect();
        assert_eq!(ratios, [(1.5, false), (100.0 / 150.0, true)]);
        assert_eq!(rows[3].name, "p50 of send, 5000 stored / 1000, many first");
    }
}
