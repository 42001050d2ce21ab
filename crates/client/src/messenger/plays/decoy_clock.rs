//! When the next decoy is due.

use std::time::Duration;

use protocol::Timestamp;
use rand_core::Rng;

/// Mean pause between two decoys. A play costs the relay a tenth of a second of arithmetic; more often would be a burden on it, more rarely would hide little
/// in a session of half an hour.
pub const DECOY_PAUSE: Duration = Duration::from_secs(600);
/// Bits of a uniform fraction: as many as a double holds.
const FRACTION_BITS: u32 = 53;

/// When the next decoy is due. In memory only: a pause that has no memory is drawn anew in each session, and what is due is never caught up on, which
/// would show that a session began.
#[derive(Debug, Default)]
pub(in crate::messenger) struct DecoyClock {
    due: Option<Timestamp>,
}

impl DecoyClock {
    /// The moment of the next decoy, drawn when there is none.
    pub(in crate::messenger) fn due(&mut self, now: Timestamp, rng: &mut impl Rng) -> Timestamp {
        *self.due.get_or_insert_with(|| now.plus(pause(rng)))
    }

    /// That one is over.
    pub(in crate::messenger) fn done(&mut self) {
        self.due = None;
    }
}

/// An exponential pause of mean [`DECOY_PAUSE`].
fn pause(rng: &mut impl Rng) -> Duration {
    // Above 0 and at most 1, so that its logarithm is finite.
    let fraction = ((rng.next_u64() >> (64 - FRACTION_BITS)) + 1) as f64 / (1u64 << FRACTION_BITS) as f64;
    DECOY_PAUSE.mul_f64(-fraction.ln())
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    /// The mean is the constant's, and the pauses have no memory: of those longer than the mean, as many are longer than twice the mean.
    #[test]
    fn pauses_are_exponential() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let pauses: Vec<f64> = (0..20_000)
            .map(|_| pause(&mut rng).as_secs_f64() / DECOY_PAUSE.as_secs_f64())
            .collect();
        let mean = pauses.iter().sum::<f64>() / pauses.len() as f64;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        let longer = |than: f64| pauses.iter().filter(|pause| **pause > than).count() as f64;
        let (once, twice) = (longer(1.0) / 20_000.0, longer(2.0) / longer(1.0));
        assert!((once - twice).abs() < 0.03, "{once} and {twice}");
    }

    #[test]
    fn one_is_due_until_it_is_done() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let mut clock = DecoyClock::default();
        let first = clock.due(Timestamp(1_000), &mut rng);
        assert_eq!(clock.due(Timestamp(900_000), &mut rng), first);
        clock.done();
        assert!(clock.due(Timestamp(900_000), &mut rng) > Timestamp(900_000));
    }
}
