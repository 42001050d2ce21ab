//! How long somebody new waits at a relay under attack, and how much of that is the relay's.
//!
//! A wait has three parts: the relay works for others; a thread of the relay, or this one, waits for a processor that another program has; nothing of the relay runs, though it could. The
//! second is the machine's, and Linux counts it for each thread (`/proc/PID/task/TID/schedstat`, <https://docs.kernel.org/scheduler/sched-stats.html>). What is left is the relay's. So a
//! loaded machine makes hardly a request too slow, and a relay that serves its attackers first, or sleeps, is seen on any machine.
//!
//! Of the relay's threads the one counts that waited longest for a processor. Their sum would be more than the machine's part: threads wait side by side, also such as
//! the request does not need. Where the request needs two of them in turn, a part of what they waited for is called the relay's.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{ALONE, HOSTILE, process::Process};

/// What a request may wait for the relay. In a development build, which takes several times as long for all that it does: or as long as the relay works for one request of each attacker, if
/// that is longer.
const MOST_TIME: Duration = Duration::from_millis(100);
/// Until a request is given up that is not answered. What of the time is the relay's is judged otherwise.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Requests that are looked at.
pub const REQUESTS: usize = 20;

/// Times of a thread.
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

/// What each thread did since.
fn since(before: &HashMap<PathBuf, Times>, after: &HashMap<PathBuf, Times>) -> Vec<Times> {
    let did = |(thread, times): (&PathBuf, &Times)| {
        let then = before.get(thread).copied().unwrap_or_default();
        Times {
            worked: times.worked - then.worked,
            delayed: times.delayed - then.delayed,
        }
    };
    after.iter().map(did).collect()
}

fn worked(threads: &[Times]) -> Duration {
    threads.iter().map(|times| times.worked).sum()
}

/// The longest that one of them was kept from working.
fn delayed(threads: &[Times]) -> Duration {
    threads.iter().map(|times| times.delayed).max().unwrap_or_default()
}

/// What of a request that took `whole` is the relay's, by what its threads did meanwhile and what `own`, that of its client, did.
fn of_the_relay(whole: Duration, relay: &[Times], own: &[Times]) -> Duration {
    // What it worked is its own, whatever the machine did besides; so is what is left when no thread was kept from working.
    let left = whole.saturating_sub(delayed(relay) + delayed(own));
    whole.min(worked(relay).max(left))
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
    of_the_relay(whole, &relay, &own)
}

/// What the relay works for one request, with nobody else about.
pub async fn alone(relay: &Process, request: impl AsyncFn(&str)) -> Duration {
    let before = of_relay(relay.child.id());
    for _ in 0..REQUESTS {
        request(&relay.url).await;
    }
    worked(&since(&before, &of_relay(relay.child.id()))) / u32::try_from(REQUESTS).unwrap()
}

/// Somebody new is served soon, one `request` after the other, each with a connection of its own, while the attackers stay; `alone` is what such a request takes. Every request counts but one:
/// the system's queue is in the order of arrival, and the first stands in it behind all attackers.
pub async fn is_served_soon(relay: &Process, alone: Duration, request: impl AsyncFn(&str)) {
    are_served_soon(relay, alone, 1, request).await;
}

/// The same of `several` requests in a row, each of which waits for the others.
pub async fn are_served_soon(relay: &Process, alone: Duration, several: u32, request: impl AsyncFn(&str)) {
    timeout(PATIENCE, request(&relay.url)).await.expect("the queue moves");
    let mut all = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        all.push(waited(relay, request(&relay.url)).await);
    }
    all.sort_unstable();
    let (median, worst) = (all[REQUESTS / 2], all[REQUESTS - 1]);
    let most = several
        * if cfg!(debug_assertions) {
            MOST_TIME.max(alone * u32::try_from(HOSTILE).unwrap())
        } else {
            MOST_TIME
        };
    let said = format!(
        "somebody new waited for the relay {median:?} at the median, {worst:?} at most; allowed {most:?}, it takes {alone:?} of an idle relay"
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

/// A relay that stands still is seen, whatever other programs do meanwhile: a thread that sleeps waits for no processor.
#[tokio::test]
async fn a_relay_that_stands_still_is_called_slow() {
    const STILL: Duration = Duration::from_millis(500);
    let _alone = ALONE.lock().await;
    let dir = TempDir::new().unwrap();
    let relay = Process::start(&dir.path().join("data"), "127.0.0.1:0");
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args([name, &relay.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    };
    request(&relay.url).await;
    signal("-STOP");
    let wakes = async {
        tokio::time::sleep(STILL).await;
        signal("-CONT");
    };
    let (waited, ()) = tokio::join!(waited(&relay, request(&relay.url)), wakes);
    // What the machine kept it from working before it stood and after it went on is no part of that.
    assert!(waited >= STILL * 9 / 10, "{waited:?}");
}

/// Threads that the machine keeps from working side by side hide no sleep of the one that a request needs.
#[test]
fn delays_of_many_threads_hide_no_sleep() {
    let millis = Duration::from_millis;
    let thread = |worked, delayed| Times {
        worked: millis(worked),
        delayed: millis(delayed),
    };
    let crowd: Vec<_> = (0..20).map(|_| thread(1, 40)).collect();
    assert_eq!(of_the_relay(millis(400), &crowd, &[thread(0, 10)]), millis(350));
    assert_eq!(
        of_the_relay(millis(400), &[thread(10, 380)], &[thread(0, 10)]),
        millis(10)
    );
    assert_eq!(
        of_the_relay(millis(400), &[thread(300, 380)], &[]),
        millis(300),
        "its work is its own"
    );
    assert_eq!(
        of_the_relay(millis(400), &[thread(300, 0), thread(300, 0)], &[]),
        millis(400)
    );
}
