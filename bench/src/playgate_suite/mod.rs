//! Play limits: what sealing and opening under a limit cost, and what a play costs that the relay cannot see.

use std::path::Path;

use anyhow::Result;
use playgate::{Counter, Mode, PlayLimit, Policy, open, seal};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::measure::{Effort, micros};
use crate::relay_suite::process::named_or_built;
use crate::table::{Report, Row};

#[cfg(feature = "naive")]
mod naive;
mod oblivious;
mod saturation;
pub mod soak;

/// Measures the suite.
pub fn run(effort: Effort, relay: Option<&Path>) -> Result<Report> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let policy = Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(3)?,
        expires_at: Some(1_800_000_000_000),
    };
    let license = [7; 16];
    let text = vec![0x61; 4096];
    let sealed = seal(&license, &policy, &text, &mut rng)?;
    let policy_bytes = policy.encode();
    let [sealing, opening, turning] = micros(
        effort,
        [
            &mut || drop(std::hint::black_box(seal(&license, &policy, &text, &mut rng))),
            &mut || {
                drop(std::hint::black_box(open(
                    &license,
                    &policy_bytes,
                    &sealed.content_share,
                    &sealed.commit,
                    &sealed.play_share,
                    &sealed.ciphertext,
                )));
            },
            &mut || _ = std::hint::black_box(Counter::new(std::hint::black_box(policy.limit)).turn()),
        ],
    );
    let mut rows = vec![
        Row::new("counted: seal 4 KiB", sealing, "µs"),
        Row::new("counted: open 4 KiB", opening, "µs"),
        Row::new("counted: turn the counter", turning, "µs"),
    ];
    rows.extend(oblivious::run(effort)?);
    rows.extend(saturation::run(effort, &named_or_built(relay)?)?);
    Ok(Report {
        #[cfg(feature = "naive")]
        settings: vec![naive::NAIVE.to_owned()],
        #[cfg(not(feature = "naive"))]
        settings: vec!["the naive play is not compared with: build with --features bench/naive".to_owned()],
        rows,
        ..Report::default()
    })
}
