//! AES-256-GCM by AWS-LC, which enciphers and authenticates in one pass with the processor's widest instructions. It cleanses a key's schedule when
//! the key is dropped (`EVP_AEAD_CTX_cleanup`).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::sizes::{KEY_LENGTH, NONCE_LENGTH, TAG_LENGTH};

fn key(bytes: &[u8; KEY_LENGTH]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

/// Enciphers `text` where it stands; the tag, or `None` if the library will not.
pub(super) fn seal(
    bytes: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    aad: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_LENGTH]> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key(bytes)?
        .seal_in_place_separate_tag(nonce, Aad::from(aad), text)
        .ok()?;
    tag.as_ref().try_into().ok()
}

/// Deciphers `sealed` into `out`, which is as long. `None` if the tag is wrong; what is in `out` then is not to be used.
pub(super) fn open(
    bytes: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    aad: &[u8],
    (sealed, tag): (&[u8], &[u8; TAG_LENGTH]),
    out: &mut [u8],
) -> Option<()> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    key(bytes)?
        .open_separate_gather(nonce, Aad::from(aad), sealed, tag, out)
        .ok()
}
