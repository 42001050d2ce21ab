//! Gate keys: uploaded by a sender, computed with by the relay, never given out.

use std::sync::Arc;

use poem::{Body, web::Data};
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Path},
    payload::{Binary, Json},
};

use super::{
    Bytes, Section,
    auth::{Auth, Done},
    problem::ApiError,
};
use crate::{service::Services, store::GateKeyRow};

/// What a gate key is good for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum GateKeyState {
    /// Takes new licenses
    Live,
    /// Was deleted; stays until its last license is over
    Retired,
}

/// A gate key as its owner sees it.
#[derive(Object, Debug)]
pub struct GateKeyStatus {
    /// Its id
    pub id: String,
    /// What it is good for
    pub state: GateKeyState,
    /// How many bytes it has
    pub bytes: u64,
    /// SHA-256 of them, 64 lower-case hex digits
    pub sha256: String,
}

impl From<GateKeyRow> for GateKeyStatus {
    fn from(row: GateKeyRow) -> Self {
        Self {
            id: row.id.to_string(),
            state: if row.retired {
                GateKeyState::Retired
            } else {
                GateKeyState::Live
            },
            bytes: row.bytes,
            sha256: hex::encode(row.sha256),
        }
    }
}

/// Operations on gate keys.
pub struct GateKeys;

#[OpenApi(tag = "Section::GateKeys")]
impl GateKeys {
    /// Upload a gate key
    ///
    /// The evaluation key of a sender, about 23 MB, streamed. When this answers 200 it was checked and is on the disk. Repeating it with the same bytes is the same
    /// success again; other bytes under the same id are `gate_key_conflict`, unless the relay has lost the first ones. Bytes that are no key are `bad_gate_key`, and
    /// nothing of them is kept. An account uploads one at a time (`busy`) and has a few (`gate_keys_full`). There is no way to download one.
    #[oai(path = "/v1/gate-keys/:id", method = "put", operation_id = "put_gate_key")]
    async fn put_gate_key(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// The key's id, 32 lower-case hex digits: 16 random bytes of the sender
        id: Path<String>,
        /// SHA-256 of the write capability, 32 bytes as standard base64: whoever knows the capability can attach licenses to this key
        #[oai(name = "Latchkey-Capability-Hash")]
        capability_hash: Header<Bytes>,
        /// The evaluation key, at most 31.1 MB
        key: Binary<Body>,
    ) -> Result<Json<GateKeyStatus>, ApiError> {
        let stream = key.0.into_bytes_stream();
        let owner = auth.live(*services).await?;
        let row = services.gate_keys.put(owner, &id, &capability_hash, stream).await?;
        Ok(Json(row.into()))
    }

    /// Whether the relay has a gate key
    ///
    /// For its owner; another's is `no_such_gate_key`, and so is one whose bytes the relay has lost: upload it again.
    #[oai(path = "/v1/gate-keys/:id", method = "get", operation_id = "gate_key_status")]
    async fn gate_key_status(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// The key's id, 32 lower-case hex digits
        id: Path<String>,
    ) -> Result<Json<GateKeyStatus>, ApiError> {
        let owner = auth.live(*services).await?;
        Ok(Json(services.gate_keys.view(owner, &id).await?.into()))
    }

    /// Delete a gate key
    ///
    /// It takes no new licenses from here on. Those it has can be played to their end; then it is gone. Without any it is gone at once.
    #[oai(path = "/v1/gate-keys/:id", method = "delete", operation_id = "delete_gate_key")]
    async fn delete_gate_key(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// The key's id, 32 lower-case hex digits
        id: Path<String>,
    ) -> Result<Json<Done>, ApiError> {
        let owner = auth.live(*services).await?;
        services.gate_keys.delete(owner, &id).await?;
        Ok(Json(Done {}))
    }
}
