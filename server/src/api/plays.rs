//! Plays. No account is involved: a client that holds the capability may play.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Path},
    payload::Json,
    types::Base64,
};
use uuid::Uuid;

use super::{Bytes, Section, auth::Done, problem::ApiError};
use crate::{
    model::LicenseId,
    service::Services,
    store::{self, AuditEvent, LicenseView, LimitView},
};

/// How a limit is enforced.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum PlayMode {
    /// The relay counts
    Counted,
    /// The relay computes on a ciphertext: it learns neither the limit, nor the count, nor whether a play was granted
    Oblivious,
}

/// What can still be done with a license.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum LicenseState {
    /// Plays are left
    Active,
    /// Every play is spent; the share is destroyed
    Exhausted,
    /// The sender revoked it; the share is destroyed
    Revoked,
    /// Expired; the share is destroyed
    Expired,
}

/// One counted play.
#[derive(Object)]
pub struct PlayRequest {
    /// A fresh id for each play; if the answer was lost, repeat the request with the same id
    pub play_id: Uuid,
    /// The capability to play, 32 bytes, out of the envelope
    pub capability: Bytes,
}

/// A counted play was granted.
#[derive(Object)]
pub struct Played {
    /// How the limit is enforced
    pub mode: PlayMode,
    /// Which play this is, from 1
    pub play: u8,
    /// How many plays there are in all
    pub plays: u8,
    /// The relay's half of the content key, 32 bytes
    pub share: Bytes,
    /// The relay's signed receipt, 4852 bytes; the answer it is about is `play ‖ plays ‖ share`
    pub receipt: Bytes,
}

/// One play in oblivious mode.
#[derive(Object)]
pub struct ObliviousPlayRequest {
    /// A fresh id for each play; if the answer was lost, repeat the same request with the same id
    pub play_id: Uuid,
    /// The capability to play, 32 bytes, out of the envelope
    pub capability: Bytes,
    /// The encrypted request, at most 128 bytes: a play, or a decoy that costs none. Only its maker can tell which
    pub request: Bytes,
}

/// The answer to a request. Only the request's maker can tell whether a play was granted.
#[derive(Object)]
pub struct Released {
    /// An encryption of the share, or of nothing, at most 4 KB
    pub release: Bytes,
    /// The relay's signed receipt, 4852 bytes; the answer it is about is the release
    pub receipt: Bytes,
}

/// A license as its sender sees it.
#[derive(Object, Debug)]
pub struct LicenseStatus {
    /// How the limit is enforced
    pub mode: PlayMode,
    /// What can still be done with it
    pub state: LicenseState,
    /// When it expires, milliseconds since the Unix epoch
    pub expires_at: u64,
    /// How many requests were answered; in oblivious mode this includes decoys and denied plays
    pub requests: u64,
    /// Counted mode: how often it may be played
    #[oai(skip_serializing_if_is_none)]
    pub plays: Option<u8>,
    /// Counted mode: how often it was
    #[oai(skip_serializing_if_is_none)]
    pub used: Option<u8>,
    /// Oblivious mode: the greatest limit that the ciphertext can hold, 15 or 255
    #[oai(skip_serializing_if_is_none)]
    pub class: Option<u8>,
    /// Oblivious mode, while it is active: how many plays are left, encrypted; the sender's gate key opens it
    #[oai(skip_serializing_if_is_none)]
    pub counter: Option<Bytes>,
    /// The relay's signed receipt for the last play, if there was one. It must not be older than the receipts that the recipient has
    #[oai(skip_serializing_if_is_none)]
    pub receipt: Option<Bytes>,
}

impl From<LicenseView> for LicenseStatus {
    fn from(view: LicenseView) -> Self {
        let (mode, plays, used, class, counter) = match view.limit {
            LimitView::Counted(plays) => {
                let used = u8::try_from(view.requests).unwrap_or(plays);
                (PlayMode::Counted, Some(plays), Some(used), None, None)
            }
            LimitView::Oblivious { class, state } => (PlayMode::Oblivious, None, None, Some(class), state.map(Base64)),
        };
        Self {
            mode,
            state: match view.state {
                store::LicenseState::Active => LicenseState::Active,
                store::LicenseState::Exhausted => LicenseState::Exhausted,
                store::LicenseState::Revoked => LicenseState::Revoked,
                store::LicenseState::Expired => LicenseState::Expired,
            },
            expires_at: view.expires.as_millis(),
            requests: view.requests,
            plays,
            used,
            class,
            counter,
            receipt: view.receipt.map(Base64),
        }
    }
}

/// Operations on licenses.
pub struct Plays;

#[OpenApi(tag = "Section::Plays")]
impl Plays {
    /// Play once, counted
    ///
    /// The relay counts before it answers. Repeating the request with the same play id costs nothing and gives the same answer, for ten minutes or until
    /// `confirm_play`; after that it is `answer_gone`. An unknown license and a wrong capability get the same answer: `no_such_license`.
    #[oai(path = "/v1/licenses/:id/plays", method = "post", operation_id = "play")]
    async fn play(
        &self,
        services: Data<&Arc<Services>>,
        /// The license id, 64 lower-case hex digits
        id: Path<String>,
        body: Json<PlayRequest>,
    ) -> Result<Json<Played>, ApiError> {
        let granted = services.plays.play(&id, body.play_id, &body.capability).await?;
        Ok(Json(Played {
            mode: PlayMode::Counted,
            play: granted.number,
            plays: granted.limit,
            share: Base64(granted.share.as_bytes().to_vec()),
            receipt: Base64(granted.receipt),
        }))
    }

    /// Play once, obliviously
    ///
    /// The relay computes the answer on ciphertexts, stores the new counter, and then answers. It learns only that a request came. Repeating a request with the
    /// same play id and the same bytes costs nothing and gives the same bytes, for ten minutes or until `confirm_play`; after that it is
    /// `answer_gone`. Another request under the same play id is `play_conflict`, and a used slot of the pad is `slot_used`; both change nothing. An
    /// answer takes a few hundred milliseconds, or seconds if the gate key has to be loaded; if too many requests wait, it is `busy`. A license answers 4096
    /// requests, then it is `play_limit_reached`.
    #[oai(
        path = "/v1/licenses/:id/oblivious-plays",
        method = "post",
        operation_id = "play_oblivious"
    )]
    async fn play_oblivious(
        &self,
        services: Data<&Arc<Services>>,
        /// The license id, 64 lower-case hex digits
        id: Path<String>,
        body: Json<ObliviousPlayRequest>,
    ) -> Result<Json<Released>, ApiError> {
        let Json(body) = body;
        let released = services
            .plays
            .play_oblivious(&id, body.play_id, &body.capability, body.request.0)
            .await?;
        Ok(Json(Released {
            release: Base64(released.release),
            receipt: Base64(released.receipt),
        }))
    }

    /// Confirm that a play's answer arrived
    ///
    /// For both modes. The relay erases the stored answer; from now on the play id answers `answer_gone`. Confirming twice succeeds too.
    #[oai(
        path = "/v1/licenses/:id/plays/:play_id",
        method = "delete",
        operation_id = "confirm_play"
    )]
    async fn confirm_play(
        &self,
        services: Data<&Arc<Services>>,
        /// The license id, 64 lower-case hex digits
        id: Path<String>,
        /// The play's id
        play_id: Path<Uuid>,
        /// The capability to play, standard base64
        #[oai(name = "Latchkey-Capability")]
        capability: Header<Bytes>,
    ) -> Result<Json<Done>, ApiError> {
        services.plays.confirm(&id, play_id.0, &capability).await?;
        Ok(Json(Done {}))
    }

    /// Look up a license
    ///
    /// For the holder of the owner's capability, which is the sender: what the relay enforces, and what is left, as far as the mode lets the relay know it.
    #[oai(path = "/v1/licenses/:id", method = "get", operation_id = "license")]
    async fn license(
        &self,
        services: Data<&Arc<Services>>,
        /// The license id, 64 lower-case hex digits
        id: Path<String>,
        /// The capability of the owner, standard base64
        #[oai(name = "Latchkey-Capability")]
        capability: Header<Bytes>,
    ) -> Result<Json<LicenseStatus>, ApiError> {
        Ok(Json(services.plays.view(&id, &capability).await?.into()))
    }

    /// Revoke a license
    ///
    /// At once and for good: the relay destroys the share, an encrypted counter and every stored answer. Revoking twice succeeds too.
    #[oai(path = "/v1/licenses/:id", method = "delete", operation_id = "revoke")]
    async fn revoke(
        &self,
        services: Data<&Arc<Services>>,
        /// The license id, 64 lower-case hex digits
        id: Path<String>,
        /// The capability of the owner, standard base64
        #[oai(name = "Latchkey-Capability")]
        capability: Header<Bytes>,
    ) -> Result<Json<LicenseStatus>, ApiError> {
        let view = services.plays.revoke(&id, &capability).await?;
        if let Some(license) = LicenseId::parse(&id) {
            services.audit.note(AuditEvent::LicenseRevoked, license.mailbox).await?;
        }
        Ok(Json(view.into()))
    }
}
