//! The end-to-end protocol: what a conversation costs in time and bytes.

mod pair;
mod shape;

use anyhow::Result;
use protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use vodozemac::olm::OlmMessage;

use crate::measure::{Effort, median, micros, timed};
use crate::olm;
use crate::table::{Row, Target};
use pair::{NOW, bundle, exchange, never, opened, party, text};

const TEXT_LEN: usize = 4096;

/// Post-quantum sessions are to cost no more than this share of a classical one in its steady state.
const OLM_TARGET: Target = Target::AtMost(0.6);

/// Messages in one direction that a round seals and opens: fewer than the 64 after which numbers are boxed, enough to be timed.
const BURST: u32 = 60;

/// Measures the suite.
pub fn run(effort: Effort) -> Result<Vec<Row>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (mut alice, mut bob) = (party("alice", &mut rng)?, party("bob", &mut rng)?);
    let bundle = bundle(&mut bob, &mut rng)?;
    let hello = text(16, &mut rng);
    let letter = text(TEXT_LEN, &mut rng);

    let (mut initiate, mut accept, mut first_overhead) = (Vec::new(), Vec::new(), 0);
    for _ in 0..effort.rounds {
        // On copies: every set-up is the first one.
        let (mut alice, mut bob) = (alice.clone(), bob.clone());
        let (first, time) = timed(|| -> Result<_> {
            alice.start(&bundle, NOW, &mut rng)?;
            Ok(alice.send(bob.address(), &hello, NOW, &mut rng)?)
        });
        let first = first?;
        initiate.push(time);
        first_overhead = first.envelope.len() - hello.encode().len();
        let (received, time) = timed(|| bob.receive(&first.envelope, NOW, &mut rng));
        accept.push(time);
        opened(&received)?;
    }

    // A steady session: both have been heard, and nobody's turn comes up while it is measured.
    alice.start(&bundle, NOW, &mut rng)?;
    exchange(&mut alice, &mut bob, &hello, &mut rng)?;
    exchange(&mut bob, &mut alice, &hello, &mut rng)?;
    exchange(&mut alice, &mut bob, &hello, &mut rng)?;
    alice.set_policy(never());
    let (mut seal, mut open, mut overhead) = (Vec::new(), Vec::new(), 0);
    let (mut olm_out, mut olm_back) = olm::steady_pair()?;
    let (mut olm_seal, mut olm_open) = (Vec::new(), Vec::new());
    let words = "a".repeat(TEXT_LEN);
    for _ in 0..effort.rounds {
        // Contents carry their own ids; what is measured is sealing and opening, not remembering ten thousand unacknowledged ones.
        let (mut alice, mut bob) = (alice.clone(), bob.clone());
        let (sealed, time) = timed(|| -> Result<Vec<_>> {
            (0..BURST)
                .map(|_| Ok(alice.send(bob.address(), &letter, NOW, &mut rng)?.envelope))
                .collect()
        });
        let sealed = sealed?;
        seal.push(time / f64::from(BURST));
        overhead = sealed.last().map_or(0, Vec::len) - letter.encode().len();
        let (outcome, time) = timed(|| {
            sealed
                .iter()
                .try_for_each(|envelope| opened(&bob.receive(envelope, NOW, &mut rng)))
        });
        outcome?;
        open.push(time / f64::from(BURST));
        // The same work by Olm, in turns with ours: from a text to the bytes on the wire, and from these to the text.
        let (sealed, time) = timed(|| {
            (0..BURST)
                .map(|_| Ok(olm_out.encrypt(&words)?.to_parts()))
                .collect::<Result<Vec<_>>>()
        });
        let sealed = sealed?;
        olm_seal.push(time / f64::from(BURST));
        let (outcome, time) = timed(|| {
            sealed.iter().try_for_each(|(kind, bytes)| -> Result<()> {
                olm_back.decrypt(&OlmMessage::from_parts(*kind, bytes)?)?;
                Ok(())
            })
        });
        outcome?;
        olm_open.push(time / f64::from(BURST));
    }

    // A conversation in which every message advances the ratchet.
    let always = RekeyPolicy {
        messages: 0,
        ..RekeyPolicy::default()
    };
    alice.set_policy(always);
    bob.set_policy(always);
    exchange(&mut bob, &mut alice, &hello, &mut rng)?;
    let mut failed = None;
    let [turn] = micros(
        effort,
        [&mut || {
            let there = exchange(&mut alice, &mut bob, &hello, &mut rng);
            let back = there.and_then(|()| exchange(&mut bob, &mut alice, &hello, &mut rng));
            failed = failed.take().or(back.err());
        }],
    );
    if let Some(error) = failed {
        return Err(error);
    }

    let median_micros = |seconds| median(seconds) * 1e6;
    let (initiate, accept) = (median_micros(initiate), median_micros(accept));
    let [seal, open, olm_seal, olm_open] = [seal, open, olm_seal, olm_open].map(median_micros);
    let mut rows = vec![
        Row::new("session set-up, initiate and first message", initiate / 1e3, "ms"),
        Row::new("session set-up, accept and first message", accept / 1e3, "ms"),
        Row::new("session set-up, both", (initiate + accept) / 1e3, "ms"),
        Row::new("encrypt 4 KiB in a steady session", seal, "µs"),
        Row::new("decrypt 4 KiB in a steady session", open, "µs"),
        Row::new("encrypt / Olm's encrypt (vodozemac)", seal / olm_seal, "ratio").with(OLM_TARGET),
        Row::new("decrypt / Olm's decrypt (vodozemac)", open / olm_open, "ratio").with(OLM_TARGET),
        Row::new(
            "encrypt and decrypt / Olm's",
            (seal + open) / (olm_seal + olm_open),
            "ratio",
        )
        .with(OLM_TARGET),
        Row::new("  Olm's encrypt", olm_seal, "µs"),
        Row::new("  Olm's decrypt", olm_open, "µs"),
        Row::new("a message each way, both advancing", turn / 1e3, "ms"),
        Row::new("envelope and padding around 4 KiB of text", overhead as f64, "bytes"),
        Row::new(
            "envelope and padding around a first message of 16 bytes",
            first_overhead as f64,
            "bytes",
        ),
    ];
    rows.extend(shape::rows(effort, &mut rng)?);
    Ok(rows)
}
