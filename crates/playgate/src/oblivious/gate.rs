//! One play: the rotation that answers, and the deferred ones that prepare the next.

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use super::evaluation::{EvaluationKey, Turn};
use super::lwe::{Lwe, Stored};
use super::params::UNIT;
use super::release::{PlayRelease, seal_share};
use super::request::{Form, PlayRequest, sealed_lwe};
use super::state::{Digits, HIGH_PERIOD, High, PlayState};
use super::tables::{
    CHARGE_AT, CLEAN_OFFSET, DIGIT_OFFSET, HALF, LEFT_UNITS, ONE_BEFORE, RHO_LEN, WANT_UNITS, WRAP_OFFSET, release,
};
use super::{PAD_SLOTS, PlayContext};
use crate::share::PlayShare;

/// Why a request was not computed. The state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The slot of this request was passed already.
    #[error("slot {used} was used before; the next free one is {next}")]
    SlotUsed {
        /// What was asked with.
        used: u16,
        /// The first that is not used; with [`PAD_SLOTS`] there is none left, and requests are to be sealed.
        next: u16,
    },
    /// A sealed request while there are pads: it would cost a rotation more than it needs to.
    #[error("this license has pads left; use slot {next} or a later one")]
    PadsLeft {
        /// The first slot that is not used.
        next: u16,
    },
    /// The license was sealed under another gate key.
    #[error("the license was sealed under another gate key than the one that was loaded")]
    KeyMismatch,
    /// A primitive refused input within its bounds.
    #[error("the cipher refused a share; this build is faulty, do not use it")]
    Cipher,
}

/// Computes one play: one rotation for a padded request on a folded state, one more for a sealed request.
///
/// Pure. The caller stores the new state, by compare-and-swap on the old one, and only then lets the release out. Of two plays computed from one state
/// at most one is stored, and the release of the other is dropped.
///
/// # Errors
/// [`PlayError`].
pub fn play(
    key: &EvaluationKey,
    state: &PlayState,
    request: &PlayRequest,
    share: &PlayShare,
    context: &PlayContext,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(PlayState, PlayRelease), PlayError> {
    matches(key, state)?;
    let next_slot = advance(state, request)?;
    let mut state = fold(key, state)?;
    let want = want(key, &state, request)?;
    let digits = state.digits();

    let some = match &digits.high {
        None => digits.some_low.unpack(),
        Some(high) => digits.some_low.unpack().plus(&high.some.unpack()),
    };
    let mut rho = Zeroizing::new([0; RHO_LEN]);
    rng.fill_bytes(rho.as_mut_slice());
    let turned = key.rotate(
        &Zeroizing::new(release(&rho)),
        &key.turn(&some.times(LEFT_UNITS).plus(&want)),
    );
    // The charge and what is released are two readings of one turned polynomial.
    let charge = turned.read(CHARGE_AT);
    let (mask, window) = key.sanitise(&turned, rng);

    state.next_slot = next_slot;
    state.folded = false;
    state.digits = Some(Digits {
        low: Stored::pack(&digits.low.unpack().minus(&charge)),
        ..digits
    });
    let sealed_share = seal_share(&rho, context, share).ok_or(PlayError::Cipher)?;
    let release = PlayRelease {
        sealed_share,
        mask,
        window,
    };
    Ok((state, release))
}

/// Does the deferred half of a play: one rotation to 15; two to 255, and a third every eighth time. On a folded state it changes nothing.
///
/// The result says nothing to anybody, so the caller may do it when there is time, and drop it when another play came first: that one
/// has then folded by itself.
///
/// # Errors
/// [`PlayError::KeyMismatch`].
pub fn fold(key: &EvaluationKey, state: &PlayState) -> Result<PlayState, PlayError> {
    matches(key, state)?;
    let mut state = state.clone();
    if state.folded {
        return Ok(state);
    }
    let digits = state.digits();
    let low = key.turn(&digits.low.unpack());
    let folded = match digits.high {
        None => {
            let (low, some_low) = fold_digit(key, &low);
            Digits {
                low,
                some_low,
                high: None,
            }
        }
        Some(high) => {
            let wrapped = key.rotate(&key.wrap, &low).read(0).plus_plain(WRAP_OFFSET);
            let sign = key.rotate(&key.sign, &low);
            let borrow = sign.read(0).taken_from(HALF);
            let some_low = sign.read(0).plus(&sign.read(ONE_BEFORE)).taken_from(UNIT);
            let lowered = high.digit.unpack().minus(&borrow);
            state.age += 1;
            let high = if state.age >= HIGH_PERIOD {
                state.age = 0;
                let (digit, some) = fold_digit(key, &key.turn(&lowered));
                High { digit, some }
            } else {
                High {
                    digit: Stored::pack(&lowered),
                    some: high.some,
                }
            };
            Digits {
                low: Stored::pack(&wrapped),
                some_low: Stored::pack(&some_low),
                high: Some(high),
            }
        }
    };
    state.digits = Some(folded);
    state.folded = true;
    Ok(state)
}

/// A digit of 0…15 with fresh noise, and whether it is above 0: two readings of one rotation.
fn fold_digit(key: &EvaluationKey, by: &Turn) -> (Stored, Stored) {
    let turned = key.rotate(&key.digit, by);
    let here = turned.read(0);
    let some = turned.read(ONE_BEFORE).plus(&here);
    (Stored::pack(&here.plus_plain(DIGIT_OFFSET)), Stored::pack(&some))
}

fn matches(key: &EvaluationKey, state: &PlayState) -> Result<(), PlayError> {
    if key.id() == state.gate_key_id() {
        Ok(())
    } else {
        Err(PlayError::KeyMismatch)
    }
}

/// The first slot that is not used after this request.
fn advance(state: &PlayState, request: &PlayRequest) -> Result<u8, PlayError> {
    let next = state.next_slot;
    match request.0 {
        Form::Padded { slot, .. } if slot < next => Err(PlayError::SlotUsed {
            used: slot.into(),
            next: next.into(),
        }),
        Form::Padded { slot, .. } => Ok(slot + 1),
        Form::Sealed { .. } if u16::from(next) < PAD_SLOTS => Err(PlayError::PadsLeft { next: next.into() }),
        Form::Sealed { .. } => Ok(next),
    }
}

/// Four units for a real play, none for a decoy, whatever the recipient sent.
fn want(key: &EvaluationKey, state: &PlayState, request: &PlayRequest) -> Result<Lwe, PlayError> {
    match request.0 {
        Form::Padded { slot, bit } => {
            let pad = state.deposit.pad(slot).ok_or(PlayError::SlotUsed {
                used: slot.into(),
                next: state.next_slot.into(),
            })?;
            Ok(if bit { pad.taken_from(WANT_UNITS * UNIT) } else { pad })
        }
        Form::Sealed { seed, body } => {
            let asked = key.turn(&sealed_lwe(seed, body));
            Ok(key.rotate(&key.clean, &asked).read(0).plus_plain(CLEAN_OFFSET))
        }
    }
}
