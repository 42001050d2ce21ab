//! What the sender deposits: the counter and the pads of the first requests.

use super::lwe::{Lwe, Mask, SEED_LEN};
use super::wire::{Reader, VERSION, WireError, exactly};
use super::{Class, GATE_KEY_ID_LEN, PAD_SLOTS};

/// The counter of a license and its pads, encrypted: the relay learns the class and nothing else.
///
/// ```text
/// version ‖ class ‖ gate key id[8] ‖ seed[16] ‖ counters: u64le each ‖ 24 pads: u64le each
/// counters, to 15:  left             to 255:  left mod 16 ‖ left div 16 ‖ [left mod 16 > 0] ‖ [left div 16 > 0]
/// ```
///
/// They are the first coefficients, in this order, of one GLWE encryption, whose mask is expanded from the seed: one polynomial serves all. A pad is the encryption of one secret bit in units of four.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCounter {
    pub(crate) class: Class,
    pub(crate) key_id: [u8; GATE_KEY_ID_LEN],
    pub(crate) seed: [u8; SEED_LEN],
    /// Counters and pads.
    pub(crate) bodies: Vec<u64>,
}

impl SealedCounter {
    /// Bytes of the wire form.
    #[must_use]
    pub const fn len(class: Class) -> usize {
        2 + GATE_KEY_ID_LEN + SEED_LEN + 8 * (counters(class) + PAD_SLOTS as usize)
    }

    /// Whether limits to 15 or to 255.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The wire form: at most 256 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::len(self.class));
        self.write(&mut out);
        out
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend([VERSION, self.class.to_byte()]);
        out.extend(self.key_id);
        out.extend(self.seed);
        out.extend(self.bodies.iter().flat_map(|body| body.to_le_bytes()));
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`WireError`] for anything but a version, a class and as many bytes as it has. Whether the bytes encrypt a counter cannot be seen.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut head = Reader::new(bytes);
        head.version()?;
        let class = head.class()?;
        Self::read(&mut exactly(bytes, Self::len(class))?)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.version()?;
        let class = reader.class()?;
        let key_id = reader.array()?;
        let seed = reader.array()?;
        let bodies = (0..counters(class) + PAD_SLOTS as usize)
            .map(|_| reader.array().map(u64::from_le_bytes))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            class,
            key_id,
            seed,
            bodies,
        })
    }

    /// The counters as ciphertexts.
    pub(crate) fn counters(&self) -> Vec<Lwe> {
        let mask = Mask::expand(self.seed);
        let bodies = self.bodies.iter().take(counters(self.class));
        bodies
            .enumerate()
            .map(|(place, body)| mask.coefficient(place, *body))
            .collect()
    }

    /// The pad of a slot below [`PAD_SLOTS`].
    pub(crate) fn pad(&self, slot: u8) -> Option<Lwe> {
        let place = counters(self.class) + usize::from(slot);
        Some(Mask::expand(self.seed).coefficient(place, *self.bodies.get(place)?))
    }
}

/// How many ciphertexts a counter is.
pub(crate) const fn counters(class: Class) -> usize {
    match class {
        Class::To15 => 1,
        Class::To255 => 4,
    }
}
