//! What anyone may know about the relay.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi, payload::Json, types::Base64};

use super::{Bytes, Section, problem::ApiError};
use crate::service::{Services, StatusReport};

/// The relay in numbers. Never a name.
#[derive(Object, Debug, Clone)]
pub struct Status {
    /// Version of the relay software
    pub version: String,
    /// The protocol suite it serves
    pub suite: u8,
    /// The relay's name: the part after the @ in addresses here
    pub relay_name: String,
    /// Fingerprint of the relay's own identity key, 64 lower-case hex digits
    pub relay_key_fingerprint: String,
    /// What it stores in
    pub storage_engine: String,
    /// The relay's clock, milliseconds since the Unix epoch
    pub time: u64,
    /// Accounts registered
    pub accounts: u64,
    /// Envelopes waiting to be fetched, in all mailboxes together
    pub messages_pending: u64,
    /// Play licenses that can still be played
    pub licenses_active: u64,
    /// Gate keys stored
    pub gate_keys: u64,
    /// Oblivious plays that wait for a thread at this moment
    pub gate_queue: u64,
    /// Records in the audit log
    pub audit_length: u64,
    /// The hash that the audit log ends with, 64 lower-case hex digits. Whoever keeps it can tell later whether the log was rewritten
    pub audit_head: String,
}

impl From<StatusReport> for Status {
    fn from(report: StatusReport) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            suite: protocol::prekey::SUITE,
            relay_name: report.identity.name.to_string(),
            relay_key_fingerprint: report.identity.fingerprint.to_string(),
            storage_engine: report.engine.to_owned(),
            time: report.now.as_millis(),
            accounts: report.totals.accounts,
            messages_pending: report.totals.pending,
            licenses_active: report.totals.licenses_active,
            gate_keys: report.totals.gate_keys,
            gate_queue: report.gate.waiting as u64,
            audit_length: report.totals.audit.length,
            audit_head: hex::encode(report.totals.audit.hash),
        }
    }
}

/// The relay's own identity.
#[derive(Object, Debug)]
pub struct RelayKey {
    /// The key that signs play receipts: Ed25519 and ML-DSA-87, 2624 bytes
    pub identity_key: Bytes,
    /// Its fingerprint, 64 lower-case hex digits. Compare it with the one that was pinned at the first contact
    pub fingerprint: String,
}

/// Operations about the relay itself.
pub struct Relay;

#[OpenApi(tag = "Section::Relay")]
impl Relay {
    /// The relay in numbers
    ///
    /// Costs the same however many mailboxes there are, and never shows a user name.
    #[oai(path = "/v1/status", method = "get", operation_id = "status")]
    async fn status(&self, services: Data<&Arc<Services>>) -> Result<Json<Status>, ApiError> {
        Ok(Json(services.status().await?.into()))
    }

    /// The relay's own key
    ///
    /// What play receipts are checked with.
    #[oai(path = "/v1/relay-key", method = "get", operation_id = "relay_key")]
    async fn relay_key(&self, services: Data<&Arc<Services>>) -> Result<Json<RelayKey>, ApiError> {
        let identity = services.identity();
        Ok(Json(RelayKey {
            identity_key: Base64(identity.key.to_bytes()),
            fingerprint: identity.fingerprint.to_string(),
        }))
    }
}
