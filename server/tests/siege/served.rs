//! How long somebody new waits at a relay under attack, and how much of that is the relay's.
//!
//! A wait has three parts: the relay works for others; a thread of the relay, or this one, waits for a processor that another program has; nothing of the relay runs, though it could. The
//! second is the machine's, and Linux counts it for each thread (`/proc/PID/task/TID/schedstat`, <https://docs.kernel.org/scheduler/sched-stats.html>). What is left is the relay's. So a
//! loaded machine makes no request too slow, and a relay that serves its attackers first is seen on any machine.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{HOSTILE, process::Process};

/// What a request may wait for the relay. Or as long as the relay works for one request of each attacker, if that is longer: in a development build, on a slow machine.
const MOST_TIME: Duration = Duration::from_millis(100);
/// Until a request is given up that is not answered. What of the time is the relay's is judged otherwise.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Requests that are looked at.
pub const REQUESTS: usize = 20;

/// Times of all threads together.
#[derive(Clone, Copy, Default)]
struct Times {
    /// On a processor.
    worked: Duration,
    /// Ready, while other threads had the processors.
    delayed: Duration,
}

/// The times of threads by their folders. Where the system does not count them there are none, and each wait is the relay's.
fn times(threads: impl Iterator<Item = PathBuf>) -> HashMap<PathBuf, Times> {
    let read = |thread: PathBuf| {
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
        let mut next = || Duration::from_nanos(numbers.next().unwrap());
        let (worked, delayed) = (next(), next());
        Some((thread, Times { worked, delayed }))
    };
    threads.filter_map(read).collect()
}

/// What threads did since.
fn since(before: &HashMap<PathBuf, Times>, after: &HashMap<PathBuf, Times>) -> Times {
    let mut sum = Times::default();
    for (thread, times) in after {
        let then = before.get(thread).copied().unwrap_or_default();
        sum.worked += times.worked - then.worked;
        sum.delayed += times.delayed - then.delayed;
    }
    sum
}

fn of_relay(process: u32) -> HashMap<PathBuf, Times> {
    let threads = std::fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")).unwrap();
    times(threads.map(|thread| thread.unwrap().path()))
}

fn of_this_thread() -> HashMap<PathBuf, Times> {
    times(std::iter::once("/proc/thread-self".into()))
}

/// What of a request's time is the relay's.
async fn waited(relay: &Process, request: impl Future<Output = ()>) -> Duration {
    let process = relay.child.id();
    let (relay, own) = (of_relay(process), of_this_thread());
    let begun = Instant::now();
    let answered = timeout(PATIENCE, request).await;
    let whole = begun.elapsed();
    assert!(answered.is_ok(), "no answer in {whole:?}");
    let (relay, own) = (since(&relay, &of_relay(process)), since(&own, &of_this_thread()));
    // What it worked is its own, whatever the machine did besides; so is what is left when no thread was kept from working.
    let left = whole.saturating_sub(relay.delayed + own.delayed);
    whole.min(relay.worked.max(left))
}

/// What the relay works for one request, with nobody else about.
pub async fn alone(relay: &Process, request: impl AsyncFn(&str)) -> Duration {
    let before = of_relay(relay.child.id());
    for _ in 0..REQUESTS {
        request(&relay.url).await;
    }
    since(&before, &of_relay(relay.child.id())).worked / u32::try_from(REQUESTS).unwrap()
}

/// Somebody new is served soon, one `request` after the other, each with a connection of its own, while the attackers stay; `alone` is what such a request takes. Every request counts but one:
/// the system's queue is in the order of arrival, and the first stands in it behind all attackers.
pub async fn is_served_soon(relay: &Process, alone: Duration, request: impl AsyncFn(&str)) {
    timeout(PATIENCE, request(&relay.url)).await.expect("the queue moves");
    let mut all = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        all.push(waited(relay, request(&relay.url)).await);
    }
    all.sort_unstable();
    let (median, worst) = (all[REQUESTS / 2], all[REQUESTS - 1]);
    let most = MOST_TIME.max(alone * u32::try_from(HOSTILE).unwrap());
    let said = format!(
        "somebody new waited for the relay {median:?} at the median, {worst:?} at most; allowed {most:?}, a request takes {alone:?}"
    );
    println!("{said}");
    assert!(worst <= most, "{said}");
}

/// A request of a client that comes anew.
pub async fn request(url: &str) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream
        .write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
