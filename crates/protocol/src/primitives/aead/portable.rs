//! AES-256-GCM in Rust, for WebAssembly, where AWS-LC does not go. Everywhere else it is compiled with the tests, which compare the two.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

use super::sizes::{KEY_LENGTH, NONCE_LENGTH, TAG_LENGTH};

/// Enciphers `text` where it stands; the tag, or `None` if the library will not.
pub(super) fn seal(
    key: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    aad: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_LENGTH]> {
    let tag = Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce.into(), aad, text.into());
    tag.ok().map(Into::into)
}

/// Deciphers `sealed` into `out`, which is as long. `None` if the tag is wrong; what is in `out` then is not to be used.
pub(super) fn open(
    key: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    aad: &[u8],
    (sealed, tag): (&[u8], &[u8; TAG_LENGTH]),
    out: &mut [u8],
) -> Option<()> {
    out.copy_from_slice(sealed);
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(&nonce.into(), aad, out.into(), tag.into())
        .ok()
}
