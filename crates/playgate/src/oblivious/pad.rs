//! The pads of a license's first requests.

use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::request::{Form, PlayRequest};
use super::{PAD_SLOTS, Want};
use crate::share::secret_32;

const LABEL: &[u8] = b"latchkey/1/oblivious-pads";
const LABEL_LEN: u32 = 25;

secret_32! {
    /// The key of a license's pads: in the envelope, for the recipient alone. The relay holds their encryptions.
    PadKey
}

impl PadKey {
    /// One secret bit a slot: SHA-512(lp(label) ‖ key), from the first byte's least significant bit on. The input has one length, so a hash is
    /// all that is needed.
    pub(crate) fn bits(&self) -> impl Iterator<Item = bool> + use<> {
        let hash = Sha512::new()
            .chain_update(LABEL_LEN.to_be_bytes())
            .chain_update(LABEL)
            .chain_update(self.as_bytes())
            .finalize();
        (0..usize::from(PAD_SLOTS)).map(move |slot| hash[slot / 8] >> (slot % 8) & 1 == 1)
    }
}

impl PlayRequest {
    /// A request on a pad. `None`: there is no such slot, all are below [`PAD_SLOTS`].
    ///
    /// **Never the same slot for two play ids:** the two bits together would tell the relay whether both asked the same. The caller stores the slot as
    /// used before the request leaves.
    #[must_use]
    pub fn padded(pads: &PadKey, slot: u16, want: Want) -> Option<Self> {
        let pad = pads.bits().nth(slot.into())?;
        let bit = pad != (want == Want::Play);
        u8::try_from(slot).ok().map(|slot| Self(Form::Padded { slot, bit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_prefixed_with_its_own_length() {
        assert_eq!(usize::try_from(LABEL_LEN).unwrap(), LABEL.len());
    }

    #[test]
    fn a_bit_and_its_pad_are_the_want() {
        let pads = PadKey::from_bytes([7; 32]);
        for (slot, pad) in (0..).zip(pads.bits()) {
            for want in [Want::Play, Want::Decoy] {
                let Some(PlayRequest(Form::Padded { slot: at, bit })) = PlayRequest::padded(&pads, slot, want) else {
                    panic!("slot {slot}");
                };
                assert_eq!((u16::from(at), bit ^ pad), (slot, want == Want::Play));
            }
        }
        assert!(PlayRequest::padded(&pads, PAD_SLOTS, Want::Play).is_none());
    }
}
