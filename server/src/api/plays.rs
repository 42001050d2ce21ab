//! Counted plays. No account is involved: whoever holds the capability may.

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
    service::Services,
    store::{self, LicenseView},
};

/// How a limit is enforced.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum PlayMode {
    /// The relay counts
    Counted,
}

/// What can still be done with a license.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[oai(rename_all = "snake_case")]
pub enum LicenseState {
    /// Plays are left
    Active,
    /// Every play is spent; the share is destroyed
    Exhausted,
    /// The sender took it back; the share is destroyed
    Revoked,
    /// Past its time; the share is destroyed
    Expired,
}

/// One play.
#[derive(Object)]
pub struct PlayRequest {
    /// A fresh id for each play, repeated unchanged when the answer was lost
    pub play_id: Uuid,
    /// The capability to play, 32 bytes, out of the envelope
    pub capability: Bytes,
}

/// A play was granted.
#[derive(Object)]
pub struct Played {
    /// How the limit is enforced
    pub mode: PlayMode,
    /// Which play this is, from 1
    pub play: u8,
    /// How many there are in all
    pub plays: u8,
    /// The relay's half of the content key, 32 bytes
    pub share: Bytes,
}

/// A license as its sender sees it.
#[derive(Object, Debug)]
pub struct LicenseStatus {
    /// How the limit is enforced
    pub mode: PlayMode,
    /// How often it may be played
    pub plays: u8,
    /// How often it was
    pub used: u8,
    /// What can still be done with it
    pub state: LicenseState,
    /// When it expires, milliseconds since the Unix epoch
    pub expires_at: u64,
}

impl From<LicenseView> for LicenseStatus {
    fn from(view: LicenseView) -> Self {
        Self {
            mode: PlayMode::Counted,
            plays: view.plays,
            used: view.used,
            state: match view.state {
                store::LicenseState::Active => LicenseState::Active,
                store::LicenseState::Exhausted => LicenseState::Exhausted,
                store::LicenseState::Revoked => LicenseState::Revoked,
                store::LicenseState::Expired => LicenseState::Expired,
            },
            expires_at: view.expires.as_millis(),
        }
    }
}

/// Operations on licenses.
pub struct Plays;

#[OpenApi(tag = "Section::Plays")]
impl Plays {
    /// Play once
    ///
    /// Counts first, answers then. Repeating it with the same play id costs nothing and gives the same answer, for ten minutes or until
    /// `confirm_play`; after that it is `answer_gone`. An unknown license and a wrong capability answer alike: `no_such_license`.
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
        }))
    }

    /// Confirm that a play's answer arrived
    ///
    /// The kept answer is shredded; the play id remains and answers `answer_gone` from here on. Confirming twice is a success too.
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

    /// Look at a license one has given
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

    /// Take a license back
    ///
    /// At once and for good: the share and every kept answer are destroyed. Revoking twice is a success too.
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
        Ok(Json(services.plays.revoke(&id, &capability).await?.into()))
    }
}
