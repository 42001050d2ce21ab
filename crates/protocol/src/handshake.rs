//! The handshake: one envelope makes a session, with post-quantum authentication of both ends.
//!
//! ```text
//! P     = lp("latchkey/1/handshake") ‖ u8 suite ‖ u8 has_opk ‖ lp(addr_B) ‖ fp_B ‖ u32 spk_id ‖ H(spk signed payload)
//!         ‖ (has_opk: u32 opk_id ‖ H(batch signed payload) ‖ H(opk_pk)) ‖ ct1[1600] ‖ lp(ct2 or ∅) ‖ rk_A[1600] ‖ u64 created_at
//! T0    = H(P)
//! okm   = HKDF(salt = T0, ikm = ss1, info = lp("latchkey/1/id"), 64) = key ‖ commitment
//! T1    = H(lp("latchkey/1/transcript") ‖ T0 ‖ lp(addr_A) ‖ fp_A);   session_id = T1[..32]
//! sig   = HybridSign(ik_A, handshake, T1)
//! idbox = commitment ‖ AES-GCM(key, nonce, aad = T0, lp(addr_A) ‖ identity key ‖ sig)
//! ```
//!
//! Bob rebuilds P from the wire and from his own records, so an answer to a bundle that he did not publish does not open.

use std::sync::Arc;
use std::time::Duration;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::address::{Address, MAX_ADDRESS};
use crate::envelope::{Handshake, Preamble};
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IDENTITY_KEY_LENGTH, IdentityKey, Purpose, SIGNATURE_LENGTH};
use crate::labels;
use crate::prekey::{PreKeyError, PublishedOneTime, PublishedSignedPreKey, SUITE};
use crate::primitives::aead::CommittedKey;
use crate::primitives::hash;
use crate::primitives::kdf::hkdf;
use crate::primitives::kem::{KemPublicKey, KemSecretKey, SharedSecret};
use crate::primitives::truncate;
use crate::ratchet::{EpochKeys, Role};
use crate::session::{Beginning, EMPTY_HASH, Session, SessionId, Turn};
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// A handshake created further ahead of our clock than this is refused: its session would outrank later ones for as long.
pub const MAX_FUTURE: Duration = Duration::from_secs(600);

/// What the relay serves of a peer: nothing in it is trusted before [`PreKeyBundle::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyBundle {
    /// Whose bundle it is.
    pub address: Address,
    /// The peer's identity key.
    pub identity_key: IdentityKey,
    /// The signed prekey.
    pub signed_prekey: PublishedSignedPreKey,
    /// A one-time prekey, while there are any.
    pub one_time: Option<PublishedOneTime>,
}

/// A bundle whose signatures, dates and owner are right.
#[derive(Clone, Debug)]
pub struct VerifiedBundle {
    pub(crate) address: Address,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) identity_key: IdentityKey,
    pub(crate) signed_seq: u64,
    spk_id: u32,
    spk_hash: [u8; 64],
    spk: KemPublicKey,
    one_time: Option<(u32, [u8; 64], KemPublicKey)>,
}

impl PreKeyBundle {
    /// Verifies everything about the bundle that `expected` should have; `least_seq` is the highest sequence number seen of this identity.
    ///
    /// # Errors
    /// [`PreKeyError`]: nothing is sent to such a bundle.
    pub fn verify(&self, expected: &Address, least_seq: u64, now: Timestamp) -> Result<VerifiedBundle, PreKeyError> {
        if self.address != *expected {
            return Err(PreKeyError::WrongOwner);
        }
        let spk = self.signed_prekey.verify(&self.identity_key, expected, now)?;
        if spk.seq < least_seq {
            return Err(PreKeyError::Rollback);
        }
        let one_time = match &self.one_time {
            None => None,
            Some(key) => {
                key.verify(&self.identity_key, expected, now)?;
                Some((key.id, hash(&[&key.payload]), KemPublicKey::from_bytes(&key.key)?))
            }
        };
        Ok(VerifiedBundle {
            address: expected.clone(),
            fingerprint: self.identity_key.fingerprint(expected),
            identity_key: self.identity_key.clone(),
            signed_seq: spk.seq,
            spk_id: spk.id,
            spk_hash: hash(&[&self.signed_prekey.payload]),
            spk: KemPublicKey::from_bytes(&spk.key)?,
            one_time,
        })
    }
}

impl VerifiedBundle {
    /// The fingerprint of the peer's identity.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// What Bob and Alice both know of Bob's prekeys.
pub(crate) struct Responder<'a> {
    pub(crate) address: &'a Address,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) spk_hash: &'a [u8; 64],
    /// H(batch payload) and H(key).
    pub(crate) one_time: Option<(&'a [u8; 64], &'a [u8; 64])>,
}

pub(crate) fn t0(responder: &Responder<'_>, preamble: &Preamble) -> [u8; 64] {
    let mut p = Vec::with_capacity(5 * 1024);
    p.put_lp(labels::HANDSHAKE)
        .put_u8(SUITE)
        .put_u8(preamble.one_time.is_some().into())
        .put_lp(responder.address.as_bytes())
        .put(responder.fingerprint.as_bytes())
        .put_u32(preamble.spk_id)
        .put(responder.spk_hash);
    if let (Some((id, _)), Some((batch_hash, key_hash))) = (&preamble.one_time, responder.one_time) {
        p.put_u32(*id).put(batch_hash).put(key_hash);
    }
    p.put(&preamble.ct1[..]);
    p.put_lp(preamble.one_time.as_ref().map_or(&[], |(_, ct2)| &ct2[..]));
    p.put(&preamble.rk[..]).put_u64(preamble.created_at.0);
    hash(&[&p])
}

pub(crate) fn t1(t0: &[u8; 64], address: &Address, fingerprint: &Fingerprint) -> [u8; 64] {
    let mut t = Vec::with_capacity(256);
    t.put_lp(labels::TRANSCRIPT)
        .put(t0)
        .put_lp(address.as_bytes())
        .put(fingerprint.as_bytes());
    hash(&[&t])
}

pub(crate) fn identity_box_key(t0: &[u8; 64], ss1: &SharedSecret) -> CommittedKey {
    let mut info = Vec::new();
    info.put_lp(labels::IDENTITY_BOX);
    CommittedKey::new(hkdf(t0, ss1.expose(), &info))
}

/// Alice's side: a session that is ready to send. `created_at` is above everything known of this pair.
///
/// # Errors
/// [`DecodeError::BadKey`] when one of the peer's keys is degenerate.
pub(crate) fn initiate(
    account: &Account,
    bundle: &VerifiedBundle,
    created_at: Timestamp,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Session, DecodeError> {
    let (ct1, ss1) = bundle.spk.encapsulate(rng)?;
    let (one_time, ss2) = match &bundle.one_time {
        None => (None, None),
        Some((id, _, key)) => {
            let (ct2, ss2) = key.encapsulate(rng)?;
            (Some((*id, ct2)), Some(ss2))
        }
    };
    let (own_key, rk) = KemSecretKey::generate(rng);
    let preamble = Preamble {
        spk_id: bundle.spk_id,
        ct1,
        one_time,
        rk: Box::new(*rk.as_bytes()),
        created_at,
    };
    let key_hash = bundle.one_time.as_ref().map(|(_, _, key)| hash(&[key.as_bytes()]));
    let t0 = t0(
        &Responder {
            address: &bundle.address,
            fingerprint: &bundle.fingerprint,
            spk_hash: &bundle.spk_hash,
            one_time: bundle
                .one_time
                .as_ref()
                .zip(key_hash.as_ref())
                .map(|((_, batch, _), key)| (batch, key)),
        },
        &preamble,
    );
    let t1 = t1(&t0, account.address(), &account.fingerprint());
    let mut claim = Vec::with_capacity(IDENTITY_KEY_LENGTH + SIGNATURE_LENGTH + MAX_ADDRESS);
    claim
        .put_lp(account.address().as_bytes())
        .put(&account.identity_key().to_bytes())
        .put(&account.sign(Purpose::Handshake, &t1, rng));
    let identity_box = identity_box_key(&t0, &ss1).seal(&t0, &claim, Vec::new());
    let mut first = preamble.encode();
    first.put_lp(&identity_box);
    let id = SessionId(truncate(&t1));
    Ok(Session::begin(Beginning {
        id,
        role: Role::Initiator,
        own: account.fingerprint(),
        peer: bundle.fingerprint,
        peer_identity: Some(bundle.identity_key.clone()),
        created_at,
        first: Some(Arc::from(first)),
        keys: EpochKeys::initial(&t1, &ss1, ss2.as_ref(), &id.0, &EMPTY_HASH),
        turn: Turn::Theirs { own_key },
        now,
    }))
}

/// Who made a handshake: its identity box opened and its signature verified, and nothing more has happened.
pub(crate) struct Claimant {
    pub(crate) address: Address,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) created_at: Timestamp,
    /// The one-time prekey used.
    pub(crate) one_time: Option<u32>,
    /// When the signed prekey that it answers dies, and the handshake with it.
    pub(crate) dies: Timestamp,
    t1: [u8; 64],
    ss1: SharedSecret,
    stale: bool,
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It answers a prekey that we never had or that has died.
    #[error("the handshake uses a prekey that this account does not have (any more); ask the sender to write again")]
    UnknownPreKey,
    /// The identity box does not open, or holds no identity.
    #[error("the handshake was altered or is malformed; ask the sender to write again")]
    Malformed,
    /// The signature does not verify.
    #[error(
        "the handshake's signature does not verify: it was altered or forged. If you expect a message, ask its sender to write again"
    )]
    BadSignature,
    /// A handshake of our own, reflected.
    #[error(
        "the handshake claims to come from this account itself: the relay reflected it, or it was forged. There is nothing to do"
    )]
    OneSelf,
    /// Too far in the future.
    #[error("the handshake is dated more than ten minutes ahead; check the clocks of both devices")]
    FromTheFuture,
    /// The one-time prekey was used or lost.
    #[error("the one-time prekey of the handshake was used before or is deleted; ask the sender to write again")]
    OneTimeKeyGone,
    /// A key in it is degenerate.
    #[error(
        "the handshake carries a degenerate key: it was forged, or the sender's client is faulty. Ask the sender to update"
    )]
    BadKey,
}

/// Bob's first step: who is it?
pub(crate) fn identify(account: &Account, handshake: &Handshake<'_>) -> Result<Claimant, HandshakeError> {
    let preamble = &handshake.preamble;
    let spk = account
        .signed_prekey(preamble.spk_id)
        .ok_or(HandshakeError::UnknownPreKey)?;
    let one_time = match &preamble.one_time {
        None => None,
        Some((id, _)) => Some(account.one_time(*id).ok_or(HandshakeError::UnknownPreKey)?),
    };
    let t0 = t0(
        &Responder {
            address: account.address(),
            fingerprint: &spk.published_by.unwrap_or(account.fingerprint()),
            spk_hash: &spk.payload_hash,
            one_time: one_time.map(|(key, batch_hash)| (batch_hash, &key.key_hash)),
        },
        preamble,
    );
    let ss1 = spk
        .secret
        .decapsulate(&preamble.ct1)
        .map_err(|_| HandshakeError::BadKey)?;
    let claim = identity_box_key(&t0, &ss1)
        .open(&t0, handshake.identity_box)
        .map_err(|_| HandshakeError::Malformed)?;
    let (address, key, signature) = read_claim(&claim).map_err(|_| HandshakeError::Malformed)?;
    let fingerprint = key.fingerprint(&address);
    if address == *account.address() {
        return Err(HandshakeError::OneSelf);
    }
    let t1 = t1(&t0, &address, &fingerprint);
    key.verify(Purpose::Handshake, &fingerprint, &t1, signature)
        .map_err(|_| HandshakeError::BadSignature)?;
    Ok(Claimant {
        address,
        fingerprint,
        created_at: preamble.created_at,
        one_time: preamble.one_time.as_ref().map(|(id, _)| *id),
        dies: spk.dies(),
        t1,
        ss1,
        stale: spk.stale,
    })
}

fn read_claim(claim: &[u8]) -> Result<(Address, IdentityKey, &[u8]), DecodeError> {
    let mut reader = Reader::new(claim);
    let address = Address::from_wire(reader.lp(MAX_ADDRESS)?)?;
    let key = IdentityKey::from_bytes(reader.take(IDENTITY_KEY_LENGTH)?)?;
    let signature = reader.take(SIGNATURE_LENGTH)?;
    reader.finish()?;
    Ok((address, key, signature))
}

/// Bob's second step, once the claimant may speak: the session. The one-time prekey is erased by whoever stores the session.
pub(crate) fn accept(
    account: &Account,
    claimant: &Claimant,
    handshake: &Handshake<'_>,
    now: Timestamp,
) -> Result<Session, HandshakeError> {
    let preamble = &handshake.preamble;
    // Before the one-time prekey is missed: that outcome remembers the date, and our answer has to be later.
    if claimant.created_at > now.plus(MAX_FUTURE) {
        return Err(HandshakeError::FromTheFuture);
    }
    if claimant.stale {
        return Err(HandshakeError::OneTimeKeyGone);
    }
    let secret = match claimant.one_time {
        None => None,
        Some(id) => {
            let key = account.one_time(id).and_then(|(key, _)| key.secret.as_ref());
            Some(key.ok_or(HandshakeError::OneTimeKeyGone)?)
        }
    };
    let ss2 = match (secret, &preamble.one_time) {
        (Some(secret), Some((_, ct2))) => Some(secret.decapsulate(ct2).map_err(|_| HandshakeError::BadKey)?),
        _ => None,
    };
    let peer_key = KemPublicKey::from_bytes(&preamble.rk[..]).map_err(|_| HandshakeError::BadKey)?;
    let id = SessionId(truncate(&claimant.t1));
    Ok(Session::begin(Beginning {
        id,
        role: Role::Responder,
        own: account.fingerprint(),
        peer: claimant.fingerprint,
        peer_identity: None,
        created_at: claimant.created_at,
        first: None,
        keys: EpochKeys::initial(&claimant.t1, &claimant.ss1, ss2.as_ref(), &id.0, &EMPTY_HASH),
        turn: Turn::Mine { peer_key },
        now,
    }))
}

#[cfg(test)]
#[path = "../tests/unit/handshake/mod.rs"]
mod tests;
