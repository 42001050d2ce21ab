//! Secret bits, packed where they rest and spread out where they are used.

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A binary secret key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Bits {
    packed: Vec<u8>,
    #[zeroize(skip)]
    len: usize,
}

impl Bits {
    /// Draws `len` bits.
    pub(crate) fn generate(len: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut packed = vec![0; len.div_ceil(8)];
        rng.fill_bytes(&mut packed);
        Self::from_packed(packed, len)
    }

    /// `packed` has ⌈len / 8⌉ bytes; what is above the last bit is cleared.
    pub(crate) fn from_packed(mut packed: Vec<u8>, len: usize) -> Self {
        if let (Some(last), 1..) = (packed.last_mut(), len % 8) {
            *last &= (1 << (len % 8)) - 1;
        }
        Self { packed, len }
    }

    pub(crate) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// One word a bit, as tfhe's keys are.
    pub(crate) fn words<T: From<bool> + Zeroize>(&self) -> Zeroizing<Vec<T>> {
        // The capacity is exact: growing would leave copies behind that nobody wipes.
        let mut words = Zeroizing::new(Vec::with_capacity(self.len));
        words.extend((0..self.len).map(|i| T::from(self.packed[i / 8] >> (i % 8) & 1 == 1)));
        words
    }
}
