//! What goes over the wire and what comes back, in the engine's terms; and the translation from and to the SDK's.

use std::time::Duration;

use protocol::Timestamp;
use protocol::account::Publication;
use protocol::address::UserName;
use protocol::identity::Fingerprint;
use protocol::prekey::{PublishedBatch, PublishedSignedPreKey};
use protocol::succession::PublishedSuccession;
use sdk::{Base64, LicenseId, types};
use zeroize::Zeroizing;

use super::RelayError;
use crate::vault::Ended;

/// What a relay says about itself before a signature.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    pub(crate) server_nonce: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) relay_name: String,
    pub(crate) relay_fingerprint: Fingerprint,
}

/// How long a challenge is good for: the contract's number.
const CHALLENGE_LIFE: Duration = Duration::from_secs(60);

impl Challenge {
    /// The relay's clock when it made this.
    pub(crate) fn relay_time(&self) -> Timestamp {
        let life = u64::try_from(CHALLENGE_LIFE.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.expires_at.as_millis().saturating_sub(life))
    }
}

/// A signed claim, ready to be sent.
pub(crate) struct SignedClaim {
    pub(crate) user: UserName,
    pub(crate) server_nonce: [u8; 32],
    pub(crate) client_nonce: [u8; 32],
    pub(crate) expires_at: Timestamp,
    pub(crate) signature: Vec<u8>,
}

/// What is left of our published keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyStatus {
    pub(crate) one_time_left: u32,
    pub(crate) signed_prekey_id: u32,
    pub(crate) signed_prekey_expires_at: u64,
}

/// Keys to publish.
pub(crate) struct Upload<'a> {
    pub(crate) signed_prekey: Option<&'a PublishedSignedPreKey>,
    pub(crate) one_time_batch: Option<&'a PublishedBatch>,
    pub(crate) replace_one_time: bool,
}

impl<'a> Upload<'a> {
    pub(crate) fn of(publication: &'a Publication) -> Self {
        Self {
            signed_prekey: publication.signed_prekey.as_ref(),
            one_time_batch: publication.one_time_batch.as_ref(),
            replace_one_time: publication.replace_one_time,
        }
    }

    /// About how many bytes go out.
    pub(super) fn bytes(&self) -> usize {
        let signed = self
            .signed_prekey
            .map_or(0, |key| key.payload.len() + key.signature.len());
        let batch = self.one_time_batch.map_or(0, |batch| {
            batch.payload.len() + batch.signature.len() + batch.keys.iter().map(Vec::len).sum::<usize>()
        });
        signed + batch
    }
}

/// What waits in the mailbox.
pub(crate) struct Page {
    pub(crate) incarnation: [u8; 16],
    /// (sequence, envelope), ascending.
    pub(crate) envelopes: Vec<(u64, Vec<u8>)>,
    pub(crate) expired_total: u64,
    pub(crate) refused_total: u64,
    /// Whose sends were refused since the last answer, and how often.
    pub(crate) floods: Vec<(Flood, u64)>,
    /// The greatest commit counter that this account ever told of.
    pub(crate) commit_counter: u64,
}

/// A sender whose sends were refused, as far as the relay can say who it is.
pub(crate) enum Flood {
    /// An account.
    Account(UserName),
    /// Whoever holds the delivery token with this hash.
    Token([u8; 32]),
}

/// What the relay says of a refused sender; none where that makes no sense.
pub(super) fn flood(refused: types::RefusedSender) -> Option<(Flood, u64)> {
    let by = match (refused.user, refused.token_hash) {
        (Some(user), None) => Flood::Account(UserName::parse(&user).ok()?),
        (None, Some(hash)) => {
            let mut bytes = [0; 32];
            hex::decode_to_slice(hash, &mut bytes).ok()?;
            Flood::Token(bytes)
        }
        _ => return None,
    };
    Some((by, refused.times))
}

/// A granted play.
pub(crate) struct Played {
    pub(crate) play: u8,
    pub(crate) plays: u8,
    pub(crate) share: Zeroizing<[u8; 32]>,
    /// What the relay signed about it.
    pub(crate) receipt: Vec<u8>,
}

/// A license as the relay sees it.
#[derive(Clone, Debug)]
pub(crate) struct LicenseStatus {
    /// Counted mode: the limit and the count.
    pub(crate) counted: Option<(u8, u8)>,
    /// Oblivious mode, while it can be played: the count, encrypted.
    pub(crate) counter: Option<Vec<u8>>,
    pub(crate) ended: Option<Ended>,
    pub(crate) expires_at: u64,
    /// How many requests were answered, granted or not.
    pub(crate) requests: u64,
    /// The receipt for the last of them.
    pub(crate) receipt: Option<Vec<u8>>,
}

/// The relay as it shows itself to everybody.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelayStatus {
    /// Version of its software.
    pub version: String,
    /// Its name: what follows the @ in addresses.
    pub name: String,
    /// Fingerprint of its key.
    pub fingerprint: Fingerprint,
    /// What it stores in.
    pub storage_engine: String,
    /// Its clock, milliseconds since the epoch.
    pub time: u64,
    /// Who may register.
    pub registration: Registration,
    /// Accounts registered. This and the next are rough, an hour old, and none where the operator shows no numbers; 0 stands for few.
    pub accounts: Option<u64>,
    /// Envelopes waiting, in all mailboxes together.
    pub messages_pending: Option<u64>,
    /// Licenses that can still be played.
    pub licenses_active: Option<u64>,
}

/// Who may register at a relay.
pub type Registration = types::Registration;

/// A license id for a message to `recipient`, from sixteen fresh random bytes of the sender.
pub(crate) fn license_id(recipient: &UserName, own_half: [u8; 16]) -> [u8; 32] {
    *LicenseId::new(recipient.as_str(), own_half).as_bytes()
}

/// The sender's half of a license id, which is part of the content key.
pub(crate) fn own_half(license: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&license[16..]);
    half
}

pub(super) fn base64(bytes: &[u8]) -> Base64 {
    Base64::from(bytes.to_vec())
}

pub(super) fn fixed<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], RelayError> {
    bytes.try_into().map_err(|_| RelayError::Malformed(what))
}

pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, RelayError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| RelayError::Malformed("relay_key_fingerprint"))?;
    Ok(Fingerprint::from_bytes(bytes))
}

pub(super) fn signed(key: &PublishedSignedPreKey) -> types::SignedPreKey {
    types::SignedPreKey {
        payload: base64(&key.payload),
        signature: base64(&key.signature),
    }
}

pub(super) fn succession(statement: types::SuccessionStatement) -> PublishedSuccession {
    PublishedSuccession {
        identity_key: statement.identity_key.into_vec(),
        payload: statement.payload.into_vec(),
        signature: statement.signature.into_vec(),
    }
}

pub(super) fn batch(batch: &PublishedBatch) -> types::OneTimeBatch {
    types::OneTimeBatch {
        payload: base64(&batch.payload),
        signature: base64(&batch.signature),
        keys: batch.keys.iter().map(|key| base64(key)).collect(),
    }
}

pub(super) fn key_status(answer: &types::KeyStatus) -> KeyStatus {
    KeyStatus {
        one_time_left: answer.one_time_left,
        signed_prekey_id: answer.signed_prekey_id,
        signed_prekey_expires_at: answer.signed_prekey_expires_at,
    }
}

pub(super) fn license_status(answer: types::LicenseStatus) -> LicenseStatus {
    LicenseStatus {
        counted: answer.plays.zip(answer.used),
        counter: answer.counter.map(Base64::into_vec),
        ended: match answer.state {
            types::LicenseState::Active => None,
            types::LicenseState::Exhausted => Some(Ended::Exhausted),
            types::LicenseState::Revoked => Some(Ended::Revoked),
            types::LicenseState::Expired => Some(Ended::Expired),
        },
        expires_at: answer.expires_at,
        requests: answer.requests,
        receipt: answer.receipt.map(Base64::into_vec),
    }
}
