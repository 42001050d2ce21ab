//! Licenses as they come in beside an envelope.

use std::time::Duration;

use playgate::{Capability, PlayLimit, PlayShare};
use protocol::Timestamp;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Refusal, Result, exactly, gate::Gate};
use crate::{
    model::{Bytes32, GateKeyId, LicenseId, MailboxId},
    store::{LicenseRow, LimitRow, ObliviousRow},
};

/// Longest life of a play license: a year and a day. Without a bound a sender could leave rows here for ever.
pub(super) const MAX_LICENSE_TTL: Duration = Duration::from_secs(366 * 24 * 3600);

/// A license as it came in, not yet looked at.
pub struct LicenseParts {
    /// 64 hex digits.
    pub id: String,
    /// How it is limited.
    pub limit: LimitParts,
    /// Milliseconds since the Unix epoch.
    pub expires_at: u64,
    /// The relay's half of the content key.
    pub share: Vec<u8>,
    /// SHA-256 of the capability to play.
    pub play_hash: Vec<u8>,
    /// SHA-256 of the capability to inspect and revoke.
    pub owner_hash: Vec<u8>,
}

/// A limit as it came in.
pub enum LimitParts {
    /// 1 to 255.
    Counted(u8),
    /// What only its sender knows.
    Oblivious {
        /// 32 hex digits.
        gate_key: String,
        /// The right to attach licenses to that key.
        capability: Vec<u8>,
        /// The encrypted counter.
        counter: Vec<u8>,
    },
}

pub(super) fn read(parts: LicenseParts, mailbox: MailboxId, gate: &dyn Gate, now: Timestamp) -> Result<LicenseRow> {
    let id = LicenseId::parse(&parts.id)
        .ok_or_else(|| Refusal::BadRequest("license.id must be 64 lower-case hex digits".into()))?;
    if id.mailbox != mailbox {
        return Err(Refusal::BadRequest(
            "license.id must begin with the recipient's mailbox id".into(),
        ));
    }
    let expires = Timestamp::from_millis(parts.expires_at);
    if expires > now.plus(MAX_LICENSE_TTL) {
        return Err(Refusal::BadRequest(
            "license.expires_at is more than 366 days ahead".into(),
        ));
    }
    let share = Zeroizing::new(parts.share);
    let share: Zeroizing<Bytes32> = Zeroizing::new(exactly("license.share", &share)?);
    let play_hash: Bytes32 = exactly("license.play_capability_hash", &parts.play_hash)?;
    let owner_hash: Bytes32 = exactly("license.owner_capability_hash", &parts.owner_hash)?;
    let (limit, label, chosen) = read_limit(parts.limit, gate)?;
    let parameters = Sha256::new()
        .chain_update(label)
        .chain_update(mailbox.as_bytes())
        .chain_update(id.nonce)
        .chain_update(chosen)
        .chain_update(parts.expires_at.to_be_bytes())
        .chain_update(*share)
        .chain_update(play_hash)
        .chain_update(owner_hash)
        .finalize()
        .into();
    Ok(LicenseRow {
        id,
        limit,
        expires,
        share: PlayShare::from_bytes(*share),
        play_hash,
        owner_hash,
        parameters,
    })
}

/// The limit, and what of it goes into the hash over everything that the sender chose: a label and bytes of one length for each label.
fn read_limit(limit: LimitParts, gate: &dyn Gate) -> Result<(LimitRow, &'static [u8], Vec<u8>)> {
    match limit {
        LimitParts::Counted(plays) => {
            let limit = PlayLimit::new(plays)
                .map_err(|_| Refusal::BadRequest(format!("license.plays is {plays} and must be 1 to 255")))?;
            Ok((LimitRow::Counted(limit), b"latchkey/1/license-parameters", vec![plays]))
        }
        LimitParts::Oblivious {
            gate_key,
            capability,
            counter,
        } => {
            let gate_key = GateKeyId::parse(&gate_key)
                .ok_or_else(|| Refusal::BadRequest("license.gate_key must be 32 lower-case hex digits".into()))?;
            let capability = Zeroizing::new(capability);
            let capability = Capability::from_bytes(exactly("license.gate_key_capability", &capability)?);
            let admitted = gate
                .admit(&counter)
                .map_err(|reason| Refusal::BadRequest(format!("license.counter: {reason}")))?;
            let chosen = [&gate_key.as_bytes()[..], &Sha256::digest(&counter)].concat();
            let row = ObliviousRow {
                gate_key,
                capability_hash: capability.hash(),
                class: admitted.class,
                state: admitted.state,
            };
            Ok((
                LimitRow::Oblivious(row),
                b"latchkey/1/oblivious-license-parameters",
                chosen,
            ))
        }
    }
}
