//! What does not depend on the machine (bytes, messages), and how the work of a jump grows.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use protocol::Timestamp;
use protocol::content::Content;
use protocol::party::{Party, Received};
use protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;

use super::pair::{NOW, bundle, exchange, never, opened, party, text};
use crate::measure::{Effort, timed};
use crate::table::{Row, Target};

/// `ver ‖ type ‖ id ‖ tag`.
const HEAD: usize = 34;
/// Suite, flag, two ids, two KEM ciphertexts, the ratchet key and a time.
const PREAMBLE: usize = 2 + 4 + 4 + 3 * 1600 + 8;
/// An epoch's header: ciphertext and new public key.
const HEADER: usize = 3200;
/// Steps of padding below 4 KiB.
const STEP: usize = 256;
/// Messages passed over by the longer of the two jumps that are compared.
const JUMP: u32 = 1000;

/// Sizes, healing and jumps.
pub fn rows(effort: Effort, rng: &mut ChaCha20Rng) -> Result<Vec<Row>> {
    let (mut alice, mut bob) = (party("alice", rng)?, party("bob", rng)?);
    let bundle = bundle(&mut bob, rng)?;
    alice.start(&bundle, NOW, rng)?;
    let first = least_overhead(&alice, &bob, rng)?;
    let hello = text(16, rng);
    let envelope = alice.clone().send(bob.address(), &hello, NOW, rng)?.envelope;
    let identity = envelope
        .get(HEAD + PREAMBLE..)
        .and_then(|rest| rest.first_chunk())
        .map(|length| 4 + u32::from_be_bytes(*length) as usize)
        .context("a first envelope without an identity box")?;
    let mut state = 0;
    let mut watch = |alice: &Party, bob: &Party| state = state.max(session_bytes(alice)).max(session_bytes(bob));
    watch(&alice, &bob);
    for _ in 0..3 {
        exchange(&mut alice, &mut bob, &hello, rng)?;
        watch(&alice, &bob);
        exchange(&mut bob, &mut alice, &hello, rng)?;
        watch(&alice, &bob);
    }
    exchange(&mut alice, &mut bob, &hello, rng)?;
    alice.set_policy(never());
    let steady = least_overhead(&alice, &bob, rng)?;
    alice.set_policy(RekeyPolicy::default());
    let (messages, hours) = (
        until_advance(&alice, &bob, rng)?,
        hours_until_advance(&alice, &bob, rng)?,
    );
    alice.set_policy(never());
    let mut jumps = [Vec::new(), Vec::new()];
    for _ in 0..effort.rounds * 3 {
        for (count, times) in [JUMP / 2, JUMP].into_iter().zip(&mut jumps) {
            times.push(jump(&alice, &bob, count, &hello, rng)?);
        }
    }
    // One envelope opens in a millisecond or two: what another process takes of it is no part of the answer.
    let [half, whole] = jumps.map(|times| times.into_iter().fold(f64::INFINITY, f64::min));
    let bytes = |name: &str, value: usize| Row::new(name, value as f64, "bytes");
    Ok(vec![
        bytes("overhead of a steady envelope, before padding", steady).with(Target::AtMost(90.0)),
        bytes("overhead of a first envelope, before padding", first),
        bytes("  of it: ciphertexts, ratchet key, ids", PREAMBLE),
        bytes("  of it: identity key, its signature, address", identity),
        bytes(
            "  of it: its number, and a steady envelope's",
            first - PREAMBLE - identity,
        ),
        Row::new(
            "own messages until a stolen state heals, answered",
            f64::from(messages),
            "messages",
        )
        .with(Target::AtMost(20.0)),
        Row::new("or hours, and one message", hours, "hours").with(Target::AtMost(1.0)),
        bytes("session state at its largest, skipped keys aside", state).with(Target::AtMost(16.0 * 1024.0)),
        Row::new("opening one message after 1000 lost", whole / 1e3, "ms"),
        Row::new("  for each message passed over", whole / f64::from(JUMP), "µs"),
        Row::new("  time for 1000 / time for 500 (2 is linear)", whole / half, "ratio").with(Target::AtMost(2.3)),
    ])
}

/// Bytes around a content where the padding is least: its mark alone, which is counted as padding. On copies.
fn least_overhead(from: &Party, to: &Party, rng: &mut ChaCha20Rng) -> Result<usize> {
    let mut least = usize::MAX;
    for length in 0..STEP {
        let content = text(length, rng);
        let sealed = from.clone().send(to.address(), &content, NOW, rng)?.envelope;
        least = least.min(sealed.len() - content.encode().len() - 1);
    }
    Ok(least)
}

/// Bytes of all sessions of a party as its vault has them, without their skipped keys.
fn session_bytes(party: &Party) -> usize {
    let records = party.all_records().into_iter();
    records
        .filter(|record| record.key.starts_with("session/"))
        .map(|record| record.value.map_or(0, |value| value.len()))
        .sum()
}

/// A message and its answer; says whether the message carried a new epoch's header.
fn turn(alice: &mut Party, bob: &mut Party, now: Timestamp, rng: &mut ChaCha20Rng) -> Result<bool> {
    let content = text(16, rng);
    let sent = alice.send(bob.address(), &content, now, rng)?;
    opened(&bob.receive(&sent.envelope, now, rng))?;
    let answer = bob.send(alice.address(), &content, now, rng)?;
    opened(&alice.receive(&answer.envelope, now, rng))?;
    Ok(sent.envelope.len() > HEADER)
}

/// A state stolen right after its owner's advance: how many of the owner's messages, each answered, until the next advance is out.
fn until_advance(alice: &Party, bob: &Party, rng: &mut ChaCha20Rng) -> Result<u32> {
    let (mut alice, mut bob) = (alice.clone(), bob.clone());
    while !turn(&mut alice, &mut bob, NOW, rng)? {}
    let mut messages = 1;
    while !turn(&mut alice, &mut bob, NOW, rng)? {
        messages += 1;
        ensure!(messages < 1000, "no advance in a thousand messages");
    }
    Ok(messages)
}

/// The same without a word in between: after how many hours the owner's next message is an advance.
fn hours_until_advance(alice: &Party, bob: &Party, rng: &mut ChaCha20Rng) -> Result<f64> {
    let (mut alice, mut bob) = (alice.clone(), bob.clone());
    while !turn(&mut alice, &mut bob, NOW, rng)? {}
    turn(&mut alice, &mut bob, NOW, rng)?; // the peer's advance, which is what the next one needs
    for minutes in (10..600).step_by(10) {
        let later = NOW.plus(Duration::from_secs(60 * minutes));
        if turn(&mut alice.clone(), &mut bob.clone(), later, rng)? {
            return Ok(minutes as f64 / 60.0);
        }
    }
    bail!("no advance in ten hours")
}

/// Microseconds to open one envelope after `lost` others.
fn jump(alice: &Party, bob: &Party, lost: u32, content: &Content, rng: &mut ChaCha20Rng) -> Result<f64> {
    let (mut alice, mut bob) = (alice.clone(), bob.clone());
    let mut last = Vec::new();
    for _ in 0..=lost {
        last = alice.send(bob.address(), content, NOW, rng)?.envelope;
    }
    let (received, time) = timed(|| bob.receive(&last, NOW, rng));
    match received {
        Received::Opened(opened) if opened.missing == u64::from(lost) => Ok(time * 1e6),
        other => bail!("not what was lost: {other:?}"),
    }
}
