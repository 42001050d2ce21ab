//! The content key of a limited message, and what it seals.
//!
//! ```text
//! H(x)   = SHA-512(x)              lp(x) = u32be length of x ‖ x
//! okm    = HKDF-SHA-512(salt = license_id, ikm = C ‖ S, info = lp("latchkey/1/play-content") ‖ H(policy), 64 bytes) = key[32] ‖ commit[32]
//! sealed = AES-256-GCM(key, nonce = 0^12, aad = policy, plaintext)
//! ```
//!
//! - `C` and `S` are drawn afresh for each message, so each key seals once and a fixed nonce is safe.
//! - `commit` travels inside the envelope beside `C`. It is compared, in constant time, before anything is opened: AES-GCM alone does not commit to its
//!   key, and without it a wrong share would look like damaged content.
//! - Everything the recipient holds came authenticated from the sender, so a commitment that does not fit speaks about the share: the relay released
//!   another one than was deposited.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::policy::Policy;
use crate::share::{ContentShare, PlayShare, SHARE_LEN};

/// The sender's random half of a license id. The other half, the recipient's mailbox, tells the relay where to look and is no part of the key.
pub const LICENSE_ID_LEN: usize = 16;

/// Length in bytes of the key commitment: collision resistance of 128 bits.
pub const COMMIT_LEN: usize = 32;

/// What sealing adds to the plaintext, in bytes: the AES-GCM tag.
pub const SEAL_OVERHEAD: usize = 16;

/// The longest plaintext in bytes: the relay's largest envelope, which a sealed content has to fit into anyway. It also bounds what a hostile
/// sender can make a recipient decrypt.
pub const MAX_PLAINTEXT_LEN: usize = 256 * 1024;

/// Domain separation of the content key.
const LABEL: &[u8] = b"latchkey/1/play-content";
const LABEL_LEN: u32 = 23;

const KEY_LEN: usize = 32;

/// Zero, because each key seals exactly one message.
const NONCE: [u8; 12] = [0; 12];

/// A message under a play limit, taken apart by who gets what.
#[derive(Clone, Debug)]
pub struct SealedContent {
    /// `C`, for the recipient alone: inside the envelope.
    pub content_share: ContentShare,
    /// `S`, for the relay alone: deposited with the license, and forgotten by the sender.
    pub play_share: PlayShare,
    /// The key commitment, for the recipient: inside the envelope.
    pub commit: [u8; COMMIT_LEN],
    /// The sealed content, for the recipient: inside the envelope.
    pub ciphertext: Vec<u8>,
}

/// Why a message could not be put under a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Longer than [`MAX_PLAINTEXT_LEN`].
    #[error("a message under a play limit holds at most {MAX_PLAINTEXT_LEN} bytes; shorten it or send it in parts")]
    TooLarge,
    /// A primitive refused input within its bounds. It means a fault in this build.
    #[error("the cipher refused a message within its bounds; this build is faulty, do not use it")]
    Cipher,
}

/// Why a message under a limit did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The released share is not the one that was deposited.
    #[error(
        "the relay released a share that does not belong to this message, and the play may be spent; ask the sender to send the message again"
    )]
    RelayFault,
    /// The share is the right one and the content is damaged.
    #[error("the message is damaged; ask the sender to send it again")]
    Corrupt,
}

/// Puts `plaintext` under `policy`.
///
/// The shares are fresh each time: sealing twice gives two messages that have nothing in common.
///
/// # Errors
/// [`SealError::TooLarge`] above [`MAX_PLAINTEXT_LEN`] bytes; [`SealError::Cipher`] does not happen in a sound build.
pub fn seal(
    license_id: &[u8; LICENSE_ID_LEN],
    policy: &Policy,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<SealedContent, SealError> {
    if plaintext.len() > MAX_PLAINTEXT_LEN {
        return Err(SealError::TooLarge);
    }
    let content_share = ContentShare::generate(rng);
    let play_share = PlayShare::generate(rng);
    let policy = policy.encode();
    let key = ContentKey::derive(license_id, &policy, &content_share, &play_share).ok_or(SealError::Cipher)?;
    let ciphertext = key
        .cipher()
        .encrypt(
            &Nonce::from(NONCE),
            Payload {
                msg: plaintext,
                aad: &policy,
            },
        )
        .map_err(|_| SealError::Cipher)?;
    Ok(SealedContent {
        content_share,
        play_share,
        commit: key.commit,
        ciphertext,
    })
}

/// Opens a message with the share of one granted play.
///
/// `policy` are the bytes as they arrived in the envelope. Whether the relay should have granted the play is not asked here: who holds both shares
/// can open.
///
/// # Errors
/// [`OpenError::RelayFault`] when the share does not fit the commitment, [`OpenError::Corrupt`] when it does and the content is damaged.
pub fn open(
    license_id: &[u8; LICENSE_ID_LEN],
    policy: &[u8],
    content_share: &ContentShare,
    commit: &[u8; COMMIT_LEN],
    play_share: &PlayShare,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    if ciphertext.len() > MAX_PLAINTEXT_LEN + SEAL_OVERHEAD {
        return Err(OpenError::Corrupt);
    }
    let key = ContentKey::derive(license_id, policy, content_share, play_share).ok_or(OpenError::Corrupt)?;
    if !bool::from(key.commit.ct_eq(commit)) {
        return Err(OpenError::RelayFault);
    }
    key.cipher()
        .decrypt(
            &Nonce::from(NONCE),
            Payload {
                msg: ciphertext,
                aad: policy,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Corrupt)
}

/// The two halves of the derived 64 bytes.
struct ContentKey {
    key: Zeroizing<[u8; KEY_LEN]>,
    commit: [u8; COMMIT_LEN],
}

impl ContentKey {
    /// `None` would be HKDF refusing an output above 255 · 64 bytes; this one is 64. It is handed on, never replaced by a key of zeros.
    fn derive(license_id: &[u8; LICENSE_ID_LEN], policy: &[u8], c: &ContentShare, s: &PlayShare) -> Option<Self> {
        let mut ikm = Zeroizing::new([0; 2 * SHARE_LEN]);
        ikm[..SHARE_LEN].copy_from_slice(c.as_bytes());
        ikm[SHARE_LEN..].copy_from_slice(s.as_bytes());
        let mut okm = Zeroizing::new([0; KEY_LEN + COMMIT_LEN]);
        Hkdf::<Sha512>::new(Some(license_id), ikm.as_slice())
            .expand_multi_info(
                &[&LABEL_LEN.to_be_bytes(), LABEL, &Sha512::digest(policy)],
                okm.as_mut_slice(),
            )
            .ok()?;
        let mut derived = Self {
            key: Zeroizing::default(),
            commit: [0; COMMIT_LEN],
        };
        derived.key.copy_from_slice(&okm[..KEY_LEN]);
        derived.commit.copy_from_slice(&okm[KEY_LEN..]);
        Some(derived)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.key).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_prefixed_with_its_own_length() {
        assert_eq!(usize::try_from(LABEL_LEN).unwrap(), LABEL.len());
    }
}
