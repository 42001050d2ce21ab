//! Load: many connections at once, for a while or until nothing is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::account::Account;
use crate::http::Connection;

const JSON: &str = "Content-Type: application/json\r\n";
const BYTES: &str = "Content-Type: application/octet-stream\r\n";

/// What a burst of load did.
#[derive(Clone, Copy, Debug)]
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

/// Posts `body` to an echo for `time`.
pub async fn echo(host: &str, connections: usize, body: &Arc<Vec<u8>>, time: Duration) -> Result<Burst> {
    let body = Arc::clone(body);
    for_a_while(host, connections, time, move |_| {
        Ok(("POST /echo".to_owned(), BYTES.to_owned(), Arc::clone(&body)))
    })
    .await
}

/// Sends `body` to the mailboxes of `to` in turn for `time`, each as a message of its own.
pub async fn send(
    host: &str,
    connections: usize,
    from: &Arc<Vec<Account>>,
    to: &Arc<Vec<Account>>,
    body: &Arc<Vec<u8>>,
    time: Duration,
) -> Result<Burst> {
    let (from, to, body) = (Arc::clone(from), Arc::clone(to), Arc::clone(body));
    for_a_while(host, connections, time, move |n| {
        let sender = from.get(n % from.len()).context("no senders")?;
        let recipient = to.get(n % to.len()).context("no recipients")?;
        let path = format!("POST /v1/messages?to={}&id={}", recipient.user, uuid::Uuid::new_v4());
        Ok((path, format!("{BYTES}{}", sender.authorization), Arc::clone(&body)))
    })
    .await
}

/// Asks for the status for `time`, over one connection.
pub async fn status(host: &str, time: Duration) -> Result<Burst> {
    let mut connection = Connection::open(host).await?;
    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed() < time {
        expect_ok(&connection.request("GET /v1/status", "", &[]).await?)?;
        requests += 1;
    }
    Ok(Burst {
        requests,
        seconds: start.elapsed().as_secs_f64(),
    })
}

type Request = (String, String, Arc<Vec<u8>>);

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
                    expect_ok(&connection.request(&path, &headers, &body).await?)?;
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

/// Fetches and acknowledges all mailboxes empty, one connection each, the biggest pages there are.
pub async fn deliver(host: &str, owners: &Arc<Vec<Account>>) -> Result<Burst> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..owners.len())
        .map(|n| {
            let (host, owners) = (host.to_owned(), Arc::clone(owners));
            tokio::spawn(async move {
                let owner = owners.get(n).context("no owner")?;
                let headers = format!("{JSON}{}", owner.authorization);
                let mut connection = Connection::open(&host).await?;
                let (mut body, mut delivered) = ("{\"limit\":64}".to_owned(), 0u64);
                loop {
                    let answer = connection.request("POST /v1/inbox", &headers, body.as_bytes()).await?;
                    expect_ok(&answer)?;
                    let page: Page = serde_json::from_slice(&answer.body)?;
                    let Some(last) = page.envelopes.last() else {
                        return anyhow::Ok(delivered);
                    };
                    delivered += page.envelopes.len() as u64;
                    let ack = serde_json::json!({"incarnation": page.incarnation, "sequence": last.sequence});
                    body = serde_json::json!({"limit": 64, "ack": ack}).to_string();
                }
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

fn expect_ok(answer: &crate::http::Answer) -> Result<()> {
    if answer.status == 200 {
        return Ok(());
    }
    bail!("HTTP {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
}
