//! What anyone may know about the relay.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, payload::Json, types::Base64};

use super::{Bytes, Section, problem::ApiError};
use crate::service::{Registrations, Services, StatusReport};

/// What the relay tells every client about itself. It has no user names.
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
    /// The database engine
    pub storage_engine: String,
    /// The relay's clock, milliseconds since the Unix epoch
    pub time: u64,
    /// Who may register
    pub registration: Registration,
    /// Accounts registered, roughly. This and the following numbers are taken once an hour and rounded at random to a power of two: within a factor of two once there are some
    /// hundreds; 0 stands for few. Absent if the operator shows no numbers
    #[oai(skip_serializing_if_is_none)]
    pub accounts: Option<u64>,
    /// Envelopes waiting to be fetched, in all mailboxes together, roughly
    #[oai(skip_serializing_if_is_none)]
    pub messages_pending: Option<u64>,
    /// Play licenses that can still be played, roughly
    #[oai(skip_serializing_if_is_none)]
    pub licenses_active: Option<u64>,
    /// Gate keys stored, roughly
    #[oai(skip_serializing_if_is_none)]
    pub gate_keys: Option<u64>,
    /// The hash that the audit log ended with when this hour began, 64 lower-case hex digits; it changes every hour, whatever happened. If you keep it, the operator can show later
    /// that the log was not rewritten (`audit verify --kept`). Absent while the relay has not been able to write its log since its start
    #[oai(skip_serializing_if_is_none)]
    pub audit_head: Option<String>,
}

/// Who may register.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum Registration {
    /// Anyone
    Open,
    /// Clients that show an invitation of the operator's
    Invite,
    /// No new accounts
    Closed,
}

impl From<StatusReport> for Status {
    fn from(report: StatusReport) -> Self {
        let numbers = report.numbers;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            suite: protocol::prekey::SUITE,
            relay_name: report.identity.name.to_string(),
            relay_key_fingerprint: report.identity.fingerprint.to_string(),
            storage_engine: report.engine.to_owned(),
            time: report.now.as_millis(),
            registration: match report.registrations {
                Registrations::Open => Registration::Open,
                Registrations::Invite => Registration::Invite,
                Registrations::Closed => Registration::Closed,
            },
            accounts: numbers.map(|numbers| numbers.accounts),
            messages_pending: numbers.map(|numbers| numbers.messages_pending),
            licenses_active: numbers.map(|numbers| numbers.licenses_active),
            gate_keys: numbers.map(|numbers| numbers.gate_keys),
            audit_head: report.audit_head.map(hex::encode),
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
    /// The relay's identity and rough numbers
    ///
    /// The numbers are rough and up to an hour old, so that they do not reveal others' sends and fetches. There are no user names in it.
    #[oai(path = "/v1/status", method = "get", operation_id = "status")]
    async fn status(&self, services: Data<&Arc<Services>>) -> Result<Json<Status>, ApiError> {
        Ok(Json(services.status().into()))
    }

    /// The relay's own key
    ///
    /// Clients check play receipts with it.
    #[oai(path = "/v1/relay-key", method = "get", operation_id = "relay_key")]
    async fn relay_key(&self, services: Data<&Arc<Services>>) -> Result<Json<RelayKey>, ApiError> {
        let identity = services.identity();
        Ok(Json(RelayKey {
            identity_key: Base64(identity.key.to_bytes()),
            fingerprint: identity.fingerprint.to_string(),
        }))
    }
}
