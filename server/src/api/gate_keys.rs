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
    /// Deleted; stays until its last license ends
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
    /// The body is a sender's evaluation key, about 23 MB, streamed. A 200 means that the relay has checked it and that it is on disk. Repeating the upload with the same bytes
    /// succeeds again; other bytes under the same id are `gate_key_conflict`, unless the relay has lost the first ones. Bytes that are no key are `bad_gate_key`, and
    /// the relay keeps nothing of them. An account uploads one key at a time (`busy`), and may have a few (`gate_keys_full`). There is no download.
    #[oai(path = "/v1/gate-keys/:id", method = "put", operation_id = "put_gate_key")]
    async fn put_gate_key(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// The key's id, 32 lower-case hex digits: 16 random bytes of the sender
        id: Path<String>,
        /// SHA-256 of the write capability, 32 bytes as standard base64: a client that knows the capability can attach licenses to this key
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

    /// Look up a gate key
    ///
    /// For the key's owner. Another account's key is `no_such_gate_key`. So is a key whose bytes the relay has lost: upload it again.
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
    /// The key takes no new licenses from now on. Its licenses can still be played; the relay removes the key when the last of them ends, or at once if there is none.
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
