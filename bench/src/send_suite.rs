//! What a limit costs its sender: whole messages through the client engine, its vault and a relay, until the relay has stored them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use client::vault::Passphrase;
use client::{GateWatch, LimitRequest, Messenger, Options, RelayUrl, UserName};

use crate::measure::{Effort, median};
use crate::place;
use crate::relay_suite::{self, process::named_or_built};
use crate::table::{Row, Target};

/// Messages of each kind in a round; the median of the rounds is shown.
const MESSAGES: u32 = 20;
const TEXT: &str = "the door code is 4711";
const LIMIT: LimitRequest = LimitRequest {
    plays: 5,
    expires_in: None,
};

/// Sealing a counter and 28 more words in the request: it may cost half as much again, no more.
const OBLIVIOUS_TO_PLAIN: f64 = 1.5;

/// Measures the suite.
pub fn run(effort: Effort, relay: Option<&Path>) -> Result<Vec<Row>> {
    let binary = named_or_built(relay)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(effort, &binary))
}

async fn measure(effort: Effort, binary: &Path) -> Result<Vec<Row>> {
    let place = place::directory()?;
    let process = relay_suite::start(binary, &place.path().join("relay"))?;
    let url = RelayUrl::parse(&format!("http://{}", process.host))?;
    let passphrase = Passphrase::new("correct horse battery staple".to_owned())?;
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let home = place.path().join(name);
        let user = UserName::parse(name)?;
        people.push(Messenger::register(&home, &passphrase, &user, url.clone(), Options::default()).await?);
    }
    let [alice, bob] = people.as_mut_slice() else {
        bail!("two people");
    };
    let to = bob.address()?;
    // A conversation both ways, delivery tokens and the gate key: what happens once has happened.
    let start = Instant::now();
    let watch: GateWatch = Arc::new(|_| ());
    alice.send_oblivious(&to, TEXT, LIMIT, &watch).await?;
    let first = start.elapsed().as_secs_f64();
    settle(alice, bob).await?;

    let mut times = [const { Vec::new() }; 3];
    for round in 0..effort.rounds as usize {
        // Each kind is first, second and last equally often.
        for turn in 0..times.len() {
            let kind = (round + turn) % times.len();
            times[kind].push(match kind {
                0 => timed(async || alice.send_text(&to, TEXT).await.map(drop)).await?,
                1 => timed(async || alice.send_limited(&to, TEXT, LIMIT).await.map(drop)).await?,
                _ => timed(async || alice.send_oblivious(&to, TEXT, LIMIT, &watch).await.map(drop)).await?,
            });
        }
        settle(alice, bob).await?;
    }
    // Behind the answer to a play the relay still computes, so plays come when no sending is measured any more.
    let mut play = Vec::new();
    for _ in 0..effort.rounds {
        alice.send_oblivious(&to, TEXT, LIMIT, &watch).await?;
        settle(alice, bob).await?;
        play.push(one_play(bob).await?);
    }
    let [plain, counted, oblivious] = times.map(median);
    Ok(vec![
        Row::new("the first oblivious message, with its gate key", first, "s"),
        Row::new("a message without a limit", plain * 1e3, "ms"),
        Row::new("counted", counted * 1e3, "ms"),
        Row::new("oblivious, once the key is up", oblivious * 1e3, "ms"),
        Row::new("oblivious to one without a limit", oblivious / plain, "ratio")
            .with(Target::AtMost(OBLIVIOUS_TO_PLAIN)),
        Row::new(
            "an oblivious play, from the request to the text",
            median(play) * 1e3,
            "ms",
        ),
    ])
}

/// Seconds for one of [`MESSAGES`].
async fn timed<E: Into<anyhow::Error>>(mut send: impl AsyncFnMut() -> Result<(), E>) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..MESSAGES {
        send().await.map_err(Into::into)?;
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(MESSAGES))
}

/// Everything is fetched and acknowledged.
async fn settle(alice: &mut Messenger, bob: &mut Messenger) -> Result<()> {
    for person in [bob, alice] {
        person.receive(Duration::ZERO).await?;
    }
    Ok(())
}

async fn one_play(bob: &mut Messenger) -> Result<f64> {
    let Some(message) = bob.history(None, 1)?.pop() else {
        bail!("nothing came");
    };
    let id = message.id.to_string();
    let start = Instant::now();
    let playback = bob.play(&id).await?;
    let elapsed = start.elapsed().as_secs_f64();
    bob.finish_play(playback).await?;
    Ok(elapsed)
}
