//! Succession: an identity names, under its own signature, the one that takes its place.
//!
//! ```text
//! statement : u8 suite ‖ lp(addr) ‖ old fp[32] ‖ new fp[32] ‖ u64 counter ‖ u64 time          purpose succession, signed by the old key as old fp
//! ```
//!
//! A fingerprint commits to a key, not the other way round, so a published statement carries the old key: whoever pinned the old fingerprint
//! recognises it. Statements join to a chain, and a contact that was away for two of them follows both.
//!
//! Not its concern: whether to follow (`party`), and who may publish (the relay).

use crate::address::{Address, MAX_ADDRESS};
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IdentityKey, Purpose};
use crate::prekey::{MAX_CLOCK_SKEW, SUITE};
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// Statements that a relay keeps of one account, and that a contact remembers of another: 60 KB with a bundle. Whoever was away for more meets an
/// unknown identity and compares safety numbers, as after any change.
pub const MAX_SUCCESSIONS: usize = 8;
/// Most bytes of a statement.
pub const MAX_STATEMENT: usize = 1 + 4 + MAX_ADDRESS + 32 + 32 + 8 + 8;

/// Why a statement, or a chain of them, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The statement or the key in it does not parse.
    #[error("the succession is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The signature does not verify under the old identity.
    #[error("the succession's signature does not verify")]
    BadSignature,
    /// Of another address, or signed by another key than the one it replaces.
    #[error("the succession belongs to another address or identity")]
    WrongOwner,
    /// An identity that succeeds itself.
    #[error("the succession names the identity that it replaces as its successor")]
    OneSelf,
    /// Made more than a day ahead of our clock.
    #[error("the succession is dated more than a day ahead; check the clocks of both devices")]
    FromTheFuture,
    /// The statements do not join, or do not lead to the identity that is served.
    #[error("the successions do not lead from one identity to the next")]
    Broken,
    /// More than [`MAX_SUCCESSIONS`].
    #[error("there are more than {MAX_SUCCESSIONS} successions")]
    TooMany,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Whose identity.
    pub address: Address,
    /// The identity that goes, and signs.
    pub old: Fingerprint,
    /// The identity that comes.
    pub new: Fingerprint,
    /// Which succession of the address this is, from 1.
    pub counter: u64,
    /// When it was made: a claim.
    pub time: Timestamp,
}

impl Succession {
    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(MAX_STATEMENT);
        payload
            .put_u8(SUITE)
            .put_lp(self.address.as_bytes())
            .put(self.old.as_bytes())
            .put(self.new.as_bytes())
            .put_u64(self.counter)
            .put_u64(self.time.0);
        payload
    }

    /// The inverse of [`Self::payload`].
    ///
    /// # Errors
    /// [`DecodeError`] for any other bytes.
    pub fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(payload);
        match input.u8()? {
            SUITE => {}
            other => return Err(DecodeError::Unknown(other)),
        }
        let statement = Self {
            address: Address::from_wire(input.lp(MAX_ADDRESS)?)?,
            old: Fingerprint::from_bytes(input.array()?),
            new: Fingerprint::from_bytes(input.array()?),
            counter: input.u64()?,
            time: Timestamp(input.u64()?),
        };
        input.finish()?;
        Ok(statement)
    }
}

/// A succession as it is published: nothing in it is trusted before [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSuccession {
    /// The old identity key, [`crate::identity::IDENTITY_KEY_LENGTH`] bytes.
    pub identity_key: Vec<u8>,
    /// The statement.
    pub payload: Vec<u8>,
    /// The old key's hybrid signature over it, with [`Purpose::Succession`].
    pub signature: Vec<u8>,
}

impl PublishedSuccession {
    /// What it says, if its old key says so about itself at `address`.
    ///
    /// # Errors
    /// [`SuccessionError`].
    pub fn verify(&self, address: &Address, now: Timestamp) -> Result<Succession, SuccessionError> {
        let key = IdentityKey::from_bytes(&self.identity_key)?;
        let statement = Succession::parse(&self.payload)?;
        if statement.address != *address || key.fingerprint(address) != statement.old {
            return Err(SuccessionError::WrongOwner);
        }
        if statement.old == statement.new {
            return Err(SuccessionError::OneSelf);
        }
        if statement.time > now.plus(MAX_CLOCK_SKEW) {
            return Err(SuccessionError::FromTheFuture);
        }
        key.verify(Purpose::Succession, &statement.old, &self.payload, &self.signature)
            .map_err(|_| SuccessionError::BadSignature)?;
        Ok(statement)
    }
}

/// A chain that leads to `current`, oldest first: each holds, each begins where the one before ended, under the next counter, and none comes
/// back to an identity that was left.
///
/// # Errors
/// [`SuccessionError`]: then nothing of the chain counts.
pub fn verify_chain(
    chain: &[PublishedSuccession],
    address: &Address,
    current: &Fingerprint,
    now: Timestamp,
) -> Result<Vec<Succession>, SuccessionError> {
    if chain.len() > MAX_SUCCESSIONS {
        return Err(SuccessionError::TooMany);
    }
    let mut verified: Vec<Succession> = Vec::with_capacity(chain.len());
    for link in chain {
        let statement = link.verify(address, now)?;
        if let Some(before) = verified.last()
            && (before.new != statement.old || before.counter.checked_add(1) != Some(statement.counter))
        {
            return Err(SuccessionError::Broken);
        }
        if verified.iter().any(|earlier| earlier.old == statement.new) {
            return Err(SuccessionError::Broken);
        }
        verified.push(statement);
    }
    match verified.last() {
        Some(last) if last.new != *current => Err(SuccessionError::Broken),
        _ => Ok(verified),
    }
}
