//! The work that rivals are given: what is sent, and what a mailbox may hold.

use std::ops::Deref;

use rand_core::Rng;
use sha2::{Digest as _, Sha256};

use crate::relay_suite::setting::BODY_LEN;

/// The relay's defaults. No mailbox comes near them here.
pub const QUOTA: Quota = Quota {
    envelopes: 10_000,
    bytes: 64 << 20,
};

/// Bytes of a digest.
pub const DIGEST_LEN: usize = 16;

/// What a mailbox may hold.
#[derive(Clone, Copy)]
pub struct Quota {
    pub envelopes: u64,
    pub bytes: u64,
}

/// What is sent: text without a backslash, because pgbench sends text, which is then its own encoding as `bytea`, and redis-benchmark ends at a NUL.
pub struct Body {
    pub text: String,
    /// As long as the relay's digest, hexadecimal.
    pub digest: String,
}

impl Body {
    pub fn random(rng: &mut impl Rng) -> Self {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = vec![0; BODY_LEN];
        rng.fill_bytes(&mut bytes);
        let text: String = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]))
            .collect();
        let digest = hex::encode(&Sha256::digest(text.as_bytes())[..DIGEST_LEN]);
        Self { text, digest }
    }
}

impl Deref for Body {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}
