//! Randomness that a snapshot of the machine cannot repeat.

use std::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

/// Where the system's entropy comes from; says whether it came.
type Source = fn(&mut [u8]) -> bool;

/// A generator seeded by the operating system, whose every output is also masked by fresh bytes of that system. It is unpredictable while either of the two is: a
/// process that goes on twice after a snapshot gets other bytes each time, and a system that gives nothing leaves the seeded generator.
pub(crate) struct Randomness {
    seeded: ChaCha20Rng,
    system: Source,
}

impl Randomness {
    /// None when the system gives no seed.
    pub(crate) fn new() -> Option<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        system(seed.as_mut()).then(|| Self {
            seeded: ChaCha20Rng::from_seed(*seed),
            system,
        })
    }

    fn mask(&mut self, out: &mut [u8]) {
        let mut fresh = Zeroizing::new(vec![0; out.len()]);
        if (self.system)(&mut fresh) {
            for (byte, mask) in out.iter_mut().zip(fresh.iter()) {
                *byte ^= mask;
            }
        }
    }
}

fn system(out: &mut [u8]) -> bool {
    getrandom::fill(out).is_ok()
}

impl TryRng for Randomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.seeded.fill_bytes(out);
        self.mask(out);
        Ok(())
    }
}

impl TryCryptoRng for Randomness {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process of which a snapshot was taken.
    fn twins(system: Source) -> [Randomness; 2] {
        let seeded = ChaCha20Rng::from_seed([7; 32]);
        [(); 2].map(|()| Randomness {
            seeded: seeded.clone(),
            system,
        })
    }

    fn drawn(mut from: Randomness) -> (u32, u64, [u8; 40]) {
        let mut bytes = [0; 40];
        let numbers = (from.next_u32(), from.next_u64());
        from.fill_bytes(&mut bytes);
        (numbers.0, numbers.1, bytes)
    }

    #[test]
    fn a_snapshot_that_goes_on_twice_draws_other_bytes_each_time() {
        let [one, two] = twins(system).map(drawn);
        assert!(one.0 != two.0 && one.1 != two.1 && one.2 != two.2);
        // The control: without the system's part the two agree, and a system that gives nothing is no end.
        let [one, two] = twins(|_| false).map(drawn);
        assert_eq!(one, two);
        assert_ne!(one.2, [0; 40]);
    }

    #[test]
    fn a_system_that_repeats_itself_does_not_show_what_is_drawn() {
        let mut draws = twins(|out| {
            out.fill(0x55);
            true
        })
        .map(drawn);
        assert_eq!(draws[0], draws[1], "the control");
        let plain = drawn(twins(|_| false).into_iter().next().unwrap());
        for (masked, seeded) in draws[0].2.iter_mut().zip(plain.2) {
            *masked ^= 0x55;
            assert_eq!(
                *masked, seeded,
                "the mask is added to the seeded generator, and does not replace it"
            );
        }
    }
}
