//! Changing an account's identity, and looking up how it changed.

use std::sync::Arc;

use poem::{Request, web::Data};
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Base64};
use protocol::succession::PublishedSuccession;

use super::{
    Bytes, Section,
    auth::{Auth, address, host},
    prekeys::{OneTimeBatch, Registered, SignedPreKey},
    problem::ApiError,
};
use crate::{
    model::MailboxId,
    service::{Services, directory::Claim, sessions::ProofParts},
    store::AuditEvent,
};

/// A statement by which an identity names its successor.
#[derive(Object, Debug, Clone)]
pub struct SuccessionStatement {
    /// The old identity key, 2624 bytes
    pub identity_key: Bytes,
    /// The signed bytes: suite, address, both fingerprints, counter, time
    pub payload: Bytes,
    /// The old key's hybrid signature over them, 4691 bytes
    pub signature: Bytes,
}

/// Another identity for an account.
#[derive(Object, Debug)]
pub struct SuccessionRequest {
    /// The user name
    pub user: String,
    /// The statement that the account's present identity signed: proof that it agrees
    pub statement: SuccessionStatement,
    /// The new identity key, 2624 bytes
    pub identity_key: Bytes,
    /// Its first signed prekey
    pub signed_prekey: SignedPreKey,
    /// Its first one-time prekeys
    #[oai(skip_serializing_if_is_none)]
    pub one_time_batch: Option<OneTimeBatch>,
    /// The relay's base URL as the client dialled it, `scheme://host[:port]`
    pub origin: String,
    /// The challenge's nonce, 32 bytes
    pub server_nonce: Bytes,
    /// 32 random bytes of the client
    pub client_nonce: Bytes,
    /// The challenge's expires_at, unchanged
    pub expires_at: u64,
    /// The new key's hybrid signature over the registration claim, which covers the new key bundle, 4691 bytes: proof that the client holds the new key
    pub signature: Bytes,
}

/// The identity of an account, and the statements that led to it. The client that asks verifies everything in it.
#[derive(Object, Debug)]
pub struct IdentityHistory {
    /// name@relay
    pub address: String,
    /// The identity key, 2624 bytes
    pub identity_key: Bytes,
    /// The statements, oldest first, at most 8; empty if it is the first identity
    pub successions: Vec<SuccessionStatement>,
}

impl From<PublishedSuccession> for SuccessionStatement {
    fn from(published: PublishedSuccession) -> Self {
        Self {
            identity_key: Base64(published.identity_key),
            payload: Base64(published.payload),
            signature: Base64(published.signature),
        }
    }
}

impl From<SuccessionStatement> for PublishedSuccession {
    fn from(wire: SuccessionStatement) -> Self {
        Self {
            identity_key: wire.identity_key.0,
            payload: wire.payload.0,
            signature: wire.signature.0,
        }
    }
}

/// Operations on identities.
pub struct Identities;

#[OpenApi]
impl Identities {
    /// Replace the account's identity key
    ///
    /// Needs both a statement by the present key that names the new one, and a registration claim by the new key over a challenge. In one step the
    /// account gets the new identity and its prekeys, and loses every session, delivery token and prekey of the old one. Waiting mail stays.
    /// Repeating it succeeds again, so a lost answer loses nothing. If the account has neither of the two identities, the request is refused with `identity_replaced`.
    #[oai(
        path = "/v1/accounts/succession",
        method = "post",
        operation_id = "succeed",
        tag = "Section::Accounts"
    )]
    async fn succeed(
        &self,
        services: Data<&Arc<Services>>,
        request: &Request,
        body: Json<SuccessionRequest>,
    ) -> Result<Json<Registered>, ApiError> {
        let Json(body) = body;
        let claim = Claim {
            proof: ProofParts {
                user: body.user,
                origin: body.origin,
                host: host(request),
                address: address(request, *services),
                server_nonce: body.server_nonce.0,
                client_nonce: body.client_nonce.0,
                expires_at: body.expires_at,
                signature: body.signature.0,
            },
            identity_key: body.identity_key.0,
            signed_prekey: body.signed_prekey.into(),
            batch: body.one_time_batch.map(Into::into),
        };
        let account = services.directory.succeed(claim, body.statement.into()).await?;
        let mailbox = MailboxId::of(&account.address.user());
        services.audit.note(AuditEvent::IdentitySucceeded, mailbox).await?;
        Ok(Json(account.into()))
    }

    /// Fetch a user's identity and how it changed
    ///
    /// For contacts that see another identity than the one they know. Consumes no prekey.
    #[oai(
        path = "/v1/keys/:user/identity",
        method = "get",
        operation_id = "fetch_identity",
        tag = "Section::Keys"
    )]
    async fn fetch_identity(
        &self,
        services: Data<&Arc<Services>>,
        // Any account may ask, as for a bundle.
        auth: Auth,
        /// The user name, without the @ and the relay
        user: Path<String>,
    ) -> Result<Json<IdentityHistory>, ApiError> {
        auth.live(*services).await?;
        let (address, identity) = services.directory.identity(&user).await?;
        Ok(Json(IdentityHistory {
            address: address.to_string(),
            identity_key: Base64(identity.identity_key),
            successions: identity.successions.into_iter().map(Into::into).collect(),
        }))
    }
}
