//! Load: many connections at once, for a while or until nothing is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::account::Account;
use crate::http::Connection;

const JSON: &str = "Content-Type: application/json\r\n";
const BYTES: &str = "Content-Type: application/octet-stream\r\n";

/// What a burst of load did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Burst {
    pub requests: u64,
    pub seconds: f64,
}

impl Burst {
    /// Requests or messages a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// Sends `body` to the mailboxes of `accounts` in turn for `time`, each as a message of its own, each from its neighbour. To a relay, or to an echo, which is asked the same.
pub async fn send(
    host: &str,
    connections: usize,
    accounts: &Arc<Vec<Account>>,
    body: &Arc<Vec<u8>>,
    time: Duration,
) -> Result<Burst> {
    let (accounts, body) = (Arc::clone(accounts), Arc::clone(body));
    // Made before: the generator shares the machine with the relay.
    let headers = accounts
        .iter()
        .map(|account| format!("{BYTES}{}", account.authorization).into());
    let headers: Arc<Vec<Arc<str>>> = Arc::new(headers.collect());
    let first = uuid::Uuid::new_v4().as_u128();
    for_a_while(host, connections, time, move |n| {
        let sender = headers.get((n + 1) % headers.len()).context("no senders")?;
        let recipient = accounts.get(n % accounts.len()).context("no recipients")?;
        let id = uuid::Uuid::from_u128(first.wrapping_add(n as u128));
        let path = format!("POST /v1/messages?to={}&id={id}", recipient.user);
        Ok((path, Arc::clone(sender), Arc::clone(&body)))
    })
    .await
}

type Request = (String, Arc<str>, Arc<Vec<u8>>);

async fn for_a_while(
    host: &str,
    count: usize,
    time: Duration,
    next: impl Fn(usize) -> Result<Request> + Clone + Send + 'static,
) -> Result<Burst> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Connection::open(host).await?);
    }
    let start = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(mut n, mut connection)| {
            let next = next.clone();
            tokio::spawn(async move {
                let mut requests = 0u64;
                while start.elapsed() < time {
                    let (path, headers, body) = next(n)?;
                    connection.request(&path, &headers, &body).await?.expect_ok()?;
                    requests += 1;
                    n += count;
                }
                anyhow::Ok(requests)
            })
        })
        .collect();
    let mut requests = 0;
    for task in tasks {
        requests += task.await??;
    }
    Ok(Burst {
        requests,
        seconds: start.elapsed().as_secs_f64(),
    })
}

#[derive(Deserialize)]
struct Page {
    incarnation: String,
    envelopes: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    sequence: u64,
}

/// Fetches and acknowledges all mailboxes empty over `connections` connections, the biggest pages there are.
pub async fn deliver(host: &str, connections: usize, owners: &Arc<Vec<Account>>) -> Result<Burst> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections.min(owners.len()))
        .map(|n| {
            let (host, owners) = (host.to_owned(), Arc::clone(owners));
            tokio::spawn(async move {
                let mut connection = Connection::open(&host).await?;
                let mut delivered = 0;
                for owner in owners.iter().skip(n).step_by(connections) {
                    delivered += empty(&mut connection, owner).await?;
                }
                anyhow::Ok(delivered)
            })
        })
        .collect();
    let mut requests = 0;
    for task in tasks {
        requests += task.await??;
    }
    Ok(Burst {
        requests,
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn empty(connection: &mut Connection, owner: &Account) -> Result<u64> {
    let headers = format!("{JSON}{}", owner.authorization);
    let (mut body, mut delivered) = ("{\"limit\":64}".to_owned(), 0u64);
    loop {
        let answer = connection.request("POST /v1/inbox", &headers, body.as_bytes()).await?;
        answer.expect_ok()?;
        let page: Page = serde_json::from_slice(&answer.body)?;
        let Some(last) = page.envelopes.last() else {
            return Ok(delivered);
        };
        delivered += page.envelopes.len() as u64;
        let ack = serde_json::json!({"incarnation": page.incarnation, "sequence": last.sequence});
        body = serde_json::json!({"limit": 64, "ack": ack}).to_string();
    }
}

/// Microseconds of each of `count` sends, or readings of an inbox, one after the other over one connection; mailboxes in turn.
pub async fn trips(host: &str, accounts: &[Account], body: &[u8], count: usize, reading: bool) -> Result<Vec<f64>> {
    let mut connection = Connection::open(host).await?;
    let mut times = Vec::with_capacity(count);
    for (n, account) in accounts.iter().cycle().take(count).enumerate() {
        let (path, headers, body) = if reading {
            let headers = format!("{JSON}{}", account.authorization);
            ("POST /v1/inbox".to_owned(), headers, &b"{\"limit\":1}"[..])
        } else {
            let to = accounts.get((n * 7 + 1) % accounts.len()).context("no recipient")?;
            let path = format!("POST /v1/messages?to={}&id={}", to.user, uuid::Uuid::new_v4());
            (path, format!("{BYTES}{}", account.authorization), body)
        };
        let start = Instant::now();
        connection.request(&path, &headers, body).await?.expect_ok()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Inboxes that wait, each on a connection of its own, for as long as what is returned lives.
pub async fn wait(host: &str, accounts: &[Account], count: usize) -> Result<Vec<Connection>> {
    let mut waiting = Vec::with_capacity(count);
    for account in accounts.iter().cycle().take(count) {
        let mut connection = Connection::open(host).await?;
        let headers = format!("{JSON}{}", account.authorization);
        connection
            .ask("POST /v1/inbox", &headers, b"{\"wait_seconds\":30}")
            .await?;
        waiting.push(connection);
    }
    Ok(waiting)
}
