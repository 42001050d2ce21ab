//! Play receipts: what a relay signs for each play that it answers, each naming the one before.
//!
//! The relay of a play-limited message is trusted to count. A receipt makes it commit to what it answered: whoever holds two receipts of one
//! license that cannot both belong to one chain can prove that the relay went back (a restored backup) or showed different histories to
//! different people. It proves nothing about a relay and a recipient who work together: they can make a chain of their own.
//!
//! The relay signs, whoever pinned its key verifies; nothing here needs the feature `session`.

use rand_core::CryptoRng;

use crate::error::{DecodeError, SignatureError};
use crate::identity::{IdentityKey, IdentityKeyPair, Purpose, SIGNATURE_LENGTH, relay_fingerprint};
use crate::labels;
use crate::primitives::{hash, truncate};
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// The version byte of a receipt.
const VERSION: u8 = 1;
/// Bytes of what is signed: version, license, play id, number, three hashes, time.
pub(crate) const PAYLOAD_LENGTH: usize = 1 + 32 + 16 + 8 + 3 * 32 + 8;
/// Bytes of a receipt with its signature.
pub const RECEIPT_LENGTH: usize = PAYLOAD_LENGTH + SIGNATURE_LENGTH;
/// What the first receipt of a license names as the one before.
pub const NO_RECEIPT: [u8; 32] = [0; 32];

/// What the relay says about one play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayReceipt {
    /// The license, whole.
    pub license: [u8; 32],
    /// The play id.
    pub play_id: [u8; 16],
    /// Which play of this license it was, from 1. In oblivious mode every request is one, granted or not.
    pub number: u64,
    /// [`request_hash`] of what was asked.
    pub request: [u8; 32],
    /// [`answer_hash`] of what was answered.
    pub answer: [u8; 32],
    /// [`PlayReceipt::digest`] of the receipt before; [`NO_RECEIPT`] for the first.
    pub previous: [u8; 32],
    /// The relay's clock.
    pub time: Timestamp,
}

/// A receipt as it travels: payload and signature, [`RECEIPT_LENGTH`] bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedPlayReceipt(Vec<u8>);

/// Why a receipt is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt's bytes.
    #[error("the relay's receipt is malformed: {0}")]
    Decode(#[from] DecodeError),
    /// Not this relay's.
    #[error("the receipt was not signed by this relay")]
    Signature(#[from] SignatureError),
    /// Signed, and about something else than what was asked and answered.
    #[error("the relay signed another play than the one it answered")]
    OtherPlay,
    /// Signed, and not a continuation of what this relay signed before.
    #[error("the relay's receipts contradict each other: it denies a play that it had answered")]
    Forked,
}

impl PlayReceipt {
    /// `u8 1 ‖ license ‖ play id ‖ u64 number ‖ request ‖ answer ‖ previous ‖ u64 time`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(PAYLOAD_LENGTH);
        payload
            .put_u8(VERSION)
            .put(&self.license)
            .put(&self.play_id)
            .put_u64(self.number)
            .put(&self.request)
            .put(&self.answer)
            .put(&self.previous)
            .put_u64(self.time.0);
        payload
    }

    /// `H(lp("latchkey/1/play-receipt-id") ‖ payload)[..32]`: what the next receipt names. Not over the signature, whose bytes are no id.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.payload())
    }

    /// Signs as the relay with these keys.
    pub fn sign(&self, relay: &IdentityKeyPair, rng: &mut impl CryptoRng) -> SignedPlayReceipt {
        let mut bytes = self.payload();
        let signer = relay_fingerprint(relay.public());
        let signature = relay.sign(Purpose::PlayReceipt, &signer, &bytes, rng);
        bytes.put(&signature);
        SignedPlayReceipt(bytes)
    }

    /// Whether this receipt is about this play: the license, the id, what was asked and what was answered.
    ///
    /// # Errors
    /// [`ReceiptError::OtherPlay`].
    pub fn is_for(
        &self,
        license: &[u8; 32],
        play_id: &[u8; 16],
        request: &[u8],
        answer: &[u8],
    ) -> Result<(), ReceiptError> {
        let same = self.license == *license
            && self.play_id == *play_id
            && self.request == request_hash(license, play_id, request)
            && self.answer == answer_hash(license, play_id, answer);
        if same { Ok(()) } else { Err(ReceiptError::OtherPlay) }
    }

    /// Whether this receipt can belong to one chain with an `earlier` one of the same license that somebody holds: it has the same number and is the same, or a higher
    /// number, and where that is the next one it names the earlier.
    ///
    /// Across a gap nothing more can be said than that the number grew.
    ///
    /// # Errors
    /// [`ReceiptError::Forked`] when it cannot; [`ReceiptError::OtherPlay`] for another license.
    pub fn continues(&self, earlier: &Self) -> Result<(), ReceiptError> {
        if self.license != earlier.license {
            return Err(ReceiptError::OtherPlay);
        }
        let holds = match self.number.checked_sub(earlier.number) {
            None => false,
            Some(0) => self.digest() == earlier.digest(),
            Some(1) => self.previous == earlier.digest(),
            Some(_) => true,
        };
        if holds { Ok(()) } else { Err(ReceiptError::Forked) }
    }
}

impl SignedPlayReceipt {
    /// Takes the bytes if they have the length of a receipt.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.len() {
            n if n < RECEIPT_LENGTH => Err(DecodeError::Truncated),
            RECEIPT_LENGTH => Ok(Self(bytes.to_vec())),
            _ => Err(DecodeError::TrailingBytes),
        }
    }

    /// The bytes, [`RECEIPT_LENGTH`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// [`PlayReceipt::digest`], whoever signed it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        // The length was checked where the value was made.
        digest(self.0.get(..PAYLOAD_LENGTH).unwrap_or_default())
    }

    /// What the relay with this key said.
    ///
    /// # Errors
    /// [`ReceiptError::Signature`] when it was not this relay, [`ReceiptError::Decode`] when it is of a version that we do not know.
    pub fn verify(&self, relay: &IdentityKey) -> Result<PlayReceipt, ReceiptError> {
        let (payload, signature) = self.0.split_at_checked(PAYLOAD_LENGTH).ok_or(DecodeError::Truncated)?;
        relay.verify(Purpose::PlayReceipt, &relay_fingerprint(relay), payload, signature)?;
        Ok(read(payload)?)
    }
}

fn digest(payload: &[u8]) -> [u8; 32] {
    let mut head = Vec::new();
    head.put_lp(labels::PLAY_RECEIPT_ID);
    truncate(&hash(&[&head, payload]))
}

fn read(payload: &[u8]) -> Result<PlayReceipt, DecodeError> {
    let mut reader = Reader::new(payload);
    match reader.u8()? {
        VERSION => {}
        other => return Err(DecodeError::Unknown(other)),
    }
    let receipt = PlayReceipt {
        license: reader.array()?,
        play_id: reader.array()?,
        number: reader.u64()?,
        request: reader.array()?,
        answer: reader.array()?,
        previous: reader.array()?,
        time: Timestamp(reader.u64()?),
    };
    reader.finish()?;
    Ok(receipt)
}

/// `H(lp("latchkey/1/play-request") ‖ license ‖ play id ‖ lp(request))[..32]`. In counted mode the request is empty: id and capability are all there is.
#[must_use]
pub fn request_hash(license: &[u8; 32], play_id: &[u8; 16], request: &[u8]) -> [u8; 32] {
    labelled(labels::PLAY_REQUEST, license, play_id, request)
}

/// `H(lp("latchkey/1/play-answer") ‖ license ‖ play id ‖ lp(answer))[..32]`. In counted mode the answer is [`counted_answer`], in oblivious mode the
/// release as it travels.
#[must_use]
pub fn answer_hash(license: &[u8; 32], play_id: &[u8; 16], answer: &[u8]) -> [u8; 32] {
    labelled(labels::PLAY_ANSWER, license, play_id, answer)
}

/// What is answered to a counted play, as one byte string: `u8 play ‖ u8 plays ‖ share`.
#[must_use]
pub fn counted_answer(play: u8, plays: u8, share: &[u8; 32]) -> zeroize::Zeroizing<[u8; 34]> {
    let mut answer = zeroize::Zeroizing::new([0; 34]);
    answer[0] = play;
    answer[1] = plays;
    answer[2..].copy_from_slice(share);
    answer
}

fn labelled(label: &[u8], license: &[u8; 32], play_id: &[u8; 16], bytes: &[u8]) -> [u8; 32] {
    let mut head = Vec::new();
    head.put_lp(label).put(license).put(play_id);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    truncate(&hash(&[&head, &length, bytes]))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn receipt(number: u64, previous: [u8; 32]) -> PlayReceipt {
        PlayReceipt {
            license: [1; 32],
            play_id: [2; 16],
            number,
            request: request_hash(&[1; 32], &[2; 16], b"ask"),
            answer: answer_hash(&[1; 32], &[2; 16], b"answer"),
            previous,
            time: Timestamp(7),
        }
    }

    #[test]
    fn a_receipt_is_its_relays_and_every_bit_counts() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (relay, other) = (IdentityKeyPair::generate(&mut rng), IdentityKeyPair::generate(&mut rng));
        let receipt = receipt(3, [9; 32]);
        let signed = receipt.sign(&relay, &mut rng);
        assert_eq!(signed.as_bytes().len(), RECEIPT_LENGTH);
        let travelled = SignedPlayReceipt::from_bytes(signed.as_bytes()).unwrap();
        assert_eq!(travelled.verify(relay.public()), Ok(receipt));
        assert_eq!(travelled.digest(), receipt.digest());
        assert_eq!(
            travelled.verify(other.public()),
            Err(ReceiptError::Signature(SignatureError))
        );
        // Each byte of what is said, and a few of the signature.
        for at in (0..PAYLOAD_LENGTH).chain([PAYLOAD_LENGTH, PAYLOAD_LENGTH + 100, RECEIPT_LENGTH - 1]) {
            let mut bytes = signed.as_bytes().to_vec();
            bytes[at] ^= 1;
            let altered = SignedPlayReceipt::from_bytes(&bytes).unwrap();
            assert_eq!(
                altered.verify(relay.public()),
                Err(ReceiptError::Signature(SignatureError)),
                "byte {at}"
            );
        }
        let long = [signed.as_bytes(), &[0]].concat();
        assert_eq!(SignedPlayReceipt::from_bytes(&long), Err(DecodeError::TrailingBytes));
        assert_eq!(SignedPlayReceipt::from_bytes(&long[..100]), Err(DecodeError::Truncated));
    }

    #[test]
    fn a_receipt_of_a_later_version_is_said_to_be_one() {
        let mut payload = receipt(1, NO_RECEIPT).payload();
        assert_eq!(read(&payload), Ok(receipt(1, NO_RECEIPT)));
        payload[0] = 2;
        assert_eq!(read(&payload), Err(DecodeError::Unknown(2)));
    }

    #[test]
    fn a_receipt_is_for_one_play() {
        let receipt = receipt(1, NO_RECEIPT);
        assert_eq!(receipt.is_for(&[1; 32], &[2; 16], b"ask", b"answer"), Ok(()));
        for wrong in [
            receipt.is_for(&[0; 32], &[2; 16], b"ask", b"answer"),
            receipt.is_for(&[1; 32], &[0; 16], b"ask", b"answer"),
            receipt.is_for(&[1; 32], &[2; 16], b"", b"answer"),
            receipt.is_for(&[1; 32], &[2; 16], b"ask", b"answers"),
            receipt.is_for(&[1; 32], &[2; 16], b"answer", b"ask"),
        ] {
            assert_eq!(wrong, Err(ReceiptError::OtherPlay));
        }
        // Hashes of another play than the receipt names, as no relay makes it.
        let torn = |license: [u8; 32], play_id: [u8; 16]| PlayReceipt {
            license,
            play_id,
            ..receipt
        };
        for torn in [torn([0; 32], [2; 16]), torn([1; 32], [0; 16])] {
            let verdict = torn.is_for(&[1; 32], &[2; 16], b"ask", b"answer");
            assert_eq!(verdict, Err(ReceiptError::OtherPlay));
        }
    }

    #[test]
    fn a_chain_goes_forward_and_does_not_fork() {
        let first = receipt(1, NO_RECEIPT);
        let second = receipt(2, first.digest());
        let third = receipt(3, second.digest());
        assert_eq!(second.continues(&first), Ok(()));
        assert_eq!(third.continues(&first), Ok(()));
        assert_eq!(second.continues(&second), Ok(()));
        assert_eq!(first.continues(&second), Err(ReceiptError::Forked), "gone back");
        let other = PlayReceipt {
            play_id: [3; 16],
            ..second
        };
        assert_eq!(other.continues(&second), Err(ReceiptError::Forked), "two second plays");
        let unrelated = receipt(2, [8; 32]);
        assert_eq!(unrelated.continues(&first), Err(ReceiptError::Forked));
        let elsewhere = PlayReceipt {
            license: [4; 32],
            ..second
        };
        assert_eq!(elsewhere.continues(&first), Err(ReceiptError::OtherPlay));
    }

    #[test]
    fn the_counted_answer_has_every_part_at_its_place() {
        let answer = counted_answer(2, 5, &[7; 32]);
        assert_eq!((answer[0], answer[1]), (2, 5));
        assert!(answer[2..].iter().all(|b| *b == 7));
    }
}
