//! What is signed towards a relay: signing in, and claiming a name. The relay checks the same bytes.

use crate::address::Address;
use crate::identity::Fingerprint;
use crate::labels;
use crate::prekey::{PublishedBatch, PublishedSignedPreKey};
use crate::primitives::hash;
use crate::time::Timestamp;
use crate::wire::Put;

/// Proof of possession of an identity key, for one relay, one challenge and one minute.
///
/// Signed with [`crate::identity::Purpose::SignIn`]. The origin as dialled keeps a relay in the middle from passing the proof on.
#[derive(Clone, Copy, Debug)]
pub struct SignInClaim<'a> {
    /// `scheme://host[:port]` as the client dialled it.
    pub origin: &'a str,
    /// The relay's key, as the client pinned it.
    pub relay: &'a Fingerprint,
    /// Who signs in.
    pub address: &'a Address,
    /// The identity that signs.
    pub fingerprint: &'a Fingerprint,
    /// The relay's challenge.
    pub server_nonce: &'a [u8; 32],
    /// Fresh randomness of the client.
    pub client_nonce: &'a [u8; 32],
    /// When the challenge ends.
    pub expires_at: Timestamp,
}

impl SignInClaim<'_> {
    /// `lp(origin) ‖ relay fp ‖ lp(addr) ‖ fp ‖ server nonce ‖ client nonce ‖ u64 expiry`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(256);
        payload
            .put_lp(self.origin.as_bytes())
            .put(self.relay.as_bytes())
            .put_lp(self.address.as_bytes())
            .put(self.fingerprint.as_bytes())
            .put(self.server_nonce)
            .put(self.client_nonce)
            .put_u64(self.expires_at.0);
        payload
    }
}

/// A sign-in claim that also commits to the first bundle; signed with [`crate::identity::Purpose::Register`].
#[derive(Clone, Copy, Debug)]
pub struct RegisterClaim<'a> {
    /// Who, where and when.
    pub claim: SignInClaim<'a>,
    /// [`bundle_digest`] of what is published along.
    pub bundle_digest: [u8; 64],
}

impl RegisterClaim<'_> {
    /// The sign-in payload followed by the digest.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = self.claim.payload();
        payload.put(&self.bundle_digest);
        payload
    }
}

/// `H(lp("latchkey/1/bundle") ‖ lp(spk payload) ‖ lp(spk signature) ‖ (u8 1 ‖ lp(batch payload) ‖ lp(batch signature) | u8 0))`.
#[must_use]
pub fn bundle_digest(signed_prekey: &PublishedSignedPreKey, batch: Option<&PublishedBatch>) -> [u8; 64] {
    let mut bytes = Vec::new();
    bytes
        .put_lp(labels::BUNDLE)
        .put_lp(&signed_prekey.payload)
        .put_lp(&signed_prekey.signature);
    match batch {
        Some(batch) => bytes.put_u8(1).put_lp(&batch.payload).put_lp(&batch.signature),
        None => bytes.put_u8(0),
    };
    hash(&[&bytes])
}
