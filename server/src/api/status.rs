//! What anyone may know about the relay.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi, payload::Json};

use super::{Section, problem::ApiError};
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
        }
    }
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
}
