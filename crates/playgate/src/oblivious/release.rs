//! What the relay answers with, whether it granted the play or not.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::PlayContext;
use super::params::N;
use super::tables::{RHO_LEN, WINDOW};
use super::wire::{VERSION, WireError, exactly};
use crate::share::{PlayShare, SHARE_LEN};

/// Released coefficients are modulo 2^11: fine enough to read two bits, too coarse to tell what was computed.
pub(crate) const RELEASE_BITS: u32 = 11;

/// The share under ρ, and its tag.
pub(crate) const SEALED_SHARE_LEN: usize = SHARE_LEN + 16;

const MASK_LEN: usize = N * RELEASE_BITS as usize / 8;
const WINDOW_LEN: usize = (WINDOW * RELEASE_BITS as usize).div_ceil(8);

/// Bytes of a release.
pub const RELEASE_LEN: usize = 1 + SEALED_SHARE_LEN + MASK_LEN + WINDOW_LEN;

const LABEL: &[u8] = b"latchkey/1/oblivious-release";
const LABEL_LEN: u32 = 28;

/// Zero, because each ρ seals exactly one share.
const NONCE: [u8; 12] = [0; 12];

/// An answer that opens to the share or to nothing, and looks the same either way to all who lack the opening key.
///
/// ```text
/// version ‖ AES-256-GCM(HKDF-SHA-512(salt = license, ikm = ρ, info = lp(label) ‖ play id), nonce 0, S)[48]
///         ‖ mask: 2048 coefficients of 11 bits ‖ window: 193 coefficients of 11 bits, least significant bit first
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PlayRelease {
    pub(crate) sealed_share: [u8; SEALED_SHARE_LEN],
    pub(crate) mask: Vec<u16>,
    pub(crate) window: Vec<u16>,
}

impl PlayRelease {
    /// The wire form: [`RELEASE_LEN`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(RELEASE_LEN);
        out.push(VERSION);
        out.extend(self.sealed_share);
        pack(&self.mask, &mut out);
        pack(&self.window, &mut out);
        out
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`WireError`] for another length, another version, or bits set where there are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = exactly(bytes, RELEASE_LEN)?;
        reader.version()?;
        let sealed_share = reader.array()?;
        let mask = unpack(reader.take(MASK_LEN)?, N)?;
        let window = unpack(reader.take(WINDOW_LEN)?, WINDOW)?;
        Ok(Self {
            sealed_share,
            mask,
            window,
        })
    }
}

/// Seals the share for one play. `None`: a primitive refused input within its bounds.
pub(crate) fn seal_share(
    rho: &[u8; RHO_LEN],
    context: &PlayContext,
    share: &PlayShare,
) -> Option<[u8; SEALED_SHARE_LEN]> {
    let sealed = cipher(rho, context)?
        .encrypt(&Nonce::from(NONCE), share.as_bytes().as_slice())
        .ok()?;
    sealed.try_into().ok()
}

/// Opens it. `None`: this is not the ρ of this play.
pub(crate) fn open_share(
    rho: &[u8; RHO_LEN],
    context: &PlayContext,
    sealed: &[u8; SEALED_SHARE_LEN],
) -> Option<PlayShare> {
    let share = cipher(rho, context)?
        .decrypt(&Nonce::from(NONCE), sealed.as_slice())
        .map(Zeroizing::new)
        .ok()?;
    PlayShare::try_from(share.as_slice()).ok()
}

fn cipher(rho: &[u8; RHO_LEN], context: &PlayContext) -> Option<Aes256Gcm> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha512>::new(Some(&context.license), rho)
        .expand_multi_info(&[&LABEL_LEN.to_be_bytes(), LABEL, &context.play_id], key.as_mut_slice())
        .ok()?;
    Some(Aes256Gcm::new((&*key).into()))
}

fn pack(values: &[u16], out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0u32, 0);
    for value in values {
        held |= u32::from(*value) << bits;
        bits += RELEASE_BITS;
        while bits >= 8 {
            out.push((held & 0xff) as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push((held & 0xff) as u8);
    }
}

fn unpack(bytes: &[u8], count: usize) -> Result<Vec<u16>, WireError> {
    let mut values = Vec::with_capacity(count);
    let (mut held, mut bits) = (0u32, 0);
    let mut bytes = bytes.iter();
    while values.len() < count {
        while bits < RELEASE_BITS {
            held |= u32::from(*bytes.next().ok_or(WireError::Field)?) << bits;
            bits += 8;
        }
        values.push((held & ((1 << RELEASE_BITS) - 1)) as u16);
        held >>= RELEASE_BITS;
        bits -= RELEASE_BITS;
    }
    if held == 0 { Ok(values) } else { Err(WireError::Field) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_prefixed_with_its_own_length() {
        assert_eq!(usize::try_from(LABEL_LEN).unwrap(), LABEL.len());
    }

    #[test]
    fn eleven_bits_come_back() {
        let values: Vec<u16> = (0..WINDOW).map(|i| (i * 757 % 2048) as u16).collect();
        let mut out = Vec::new();
        pack(&values, &mut out);
        assert_eq!(out.len(), WINDOW_LEN);
        assert_eq!(unpack(&out, WINDOW).unwrap(), values);
        // 193 · 11 = 2123 bits leave five of the last byte.
        *out.last_mut().unwrap() |= 0x80;
        assert_eq!(unpack(&out, WINDOW), Err(WireError::Field));
    }
}
