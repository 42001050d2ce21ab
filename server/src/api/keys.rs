//! Accounts and key bundles.

use std::sync::Arc;

use poem::{Request, web::Data};
use poem_openapi::{Object, OpenApi, param::Path, payload::Json, types::Base64};
use protocol::{
    address::MAX_ADDRESS,
    identity::{IDENTITY_KEY_LENGTH, SIGNATURE_LENGTH},
    prekey::{KEM_KEY_LENGTH, MAX_BATCH, PublishedOneTime},
    succession::{MAX_STATEMENT, MAX_SUCCESSIONS},
};
use zeroize::Zeroizing;

use super::{
    Bytes, Section,
    auth::{Auth, address, host},
    prekeys::{OneTimeBatch, Registered, SignedPreKey},
    problem::ApiError,
    succession::SuccessionStatement,
};
use crate::{
    http::answer_memory,
    model::MailboxId,
    service::{
        Refusal, Services,
        directory::{Claim, MAX_PAYLOAD},
        sessions::ProofParts,
    },
    store::{AuditEvent, KeyCounts},
};

/// A one-time prekey with the proof that it belongs to its batch.
#[derive(Object, Debug, Clone)]
pub struct OneTimePreKey {
    /// The batch's signed bytes
    pub payload: Bytes,
    /// The signature over them
    pub signature: Bytes,
    /// The key's id within the account
    pub id: u32,
    /// The key, 1600 bytes
    pub key: Bytes,
    /// Its Merkle path from the leaf's sibling upwards, 64 bytes each
    pub path: Vec<Bytes>,
}

/// Bytes of a bundle in JSON, at most: what is in it as base64, and 64 for each field's name and punctuation.
const MOST_BUNDLE: usize = {
    const fn field(bytes: usize) -> usize {
        bytes.div_ceil(3) * 4 + 64
    }
    let signed = field(MAX_PAYLOAD) + field(SIGNATURE_LENGTH);
    let one_time = signed + field(KEM_KEY_LENGTH) + MAX_BATCH.ilog2() as usize * field(64);
    let succession = field(IDENTITY_KEY_LENGTH) + field(MAX_STATEMENT) + field(SIGNATURE_LENGTH);
    field(MAX_ADDRESS) + field(IDENTITY_KEY_LENGTH) + signed + one_time + MAX_SUCCESSIONS * succession
};

/// A claim to a name.
#[derive(Object)]
pub struct RegisterRequest {
    /// The name: 1 to 32 characters of a-z, 0-9, `_`, `.` and `-`, beginning with a letter or a digit, without `..`
    pub user: String,
    /// The identity key (Ed25519 and ML-DSA-87 verifying keys), 2624 bytes
    pub identity_key: Bytes,
    /// The first signed prekey
    pub signed_prekey: SignedPreKey,
    /// The first one-time prekeys
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
    /// The identity key's hybrid signature over the registration claim, which covers the key bundle, 4691 bytes
    pub signature: Bytes,
    /// The code of an invitation, 32 hexadecimal digits, for relays whose status says `invite`. The request spends one use of it only if it creates an account
    #[oai(skip_serializing_if_is_none)]
    pub invite: Option<String>,
}

/// New keys of the caller.
#[derive(Object, Debug)]
pub struct PublishRequest {
    /// A new signed prekey; its sequence number must be greater than the published one's
    #[oai(skip_serializing_if_is_none)]
    pub signed_prekey: Option<SignedPreKey>,
    /// More one-time prekeys; the batch's sequence number must be greater than every earlier batch's
    #[oai(skip_serializing_if_is_none)]
    pub one_time_batch: Option<OneTimeBatch>,
    /// Drop the one-time prekeys of all earlier batches, because their private halves are lost
    #[oai(default)]
    pub replace_one_time: bool,
}

/// What is left of the caller's published keys.
#[derive(Object, Debug)]
pub struct KeyStatus {
    /// One-time prekeys that can still be handed out
    pub one_time_left: u32,
    /// Id of the published signed prekey
    pub signed_prekey_id: u32,
    /// When it expires, milliseconds since the Unix epoch
    pub signed_prekey_expires_at: u64,
}

/// What a sender needs to begin a conversation. The sender verifies everything in it, because it does not trust the relay.
#[derive(Object, Debug)]
pub struct KeyBundle {
    /// name@relay
    pub address: String,
    /// The identity key, 2624 bytes
    pub identity_key: Bytes,
    /// The published signed prekey
    pub signed_prekey: SignedPreKey,
    /// A one-time prekey that no other account gets; absent if none is left
    #[oai(skip_serializing_if_is_none)]
    pub one_time: Option<OneTimePreKey>,
    /// The statements that led to this identity, oldest first, at most 8; absent if it is the first one
    #[oai(default, skip_serializing_if_is_empty)]
    pub successions: Vec<SuccessionStatement>,
}

impl From<PublishedOneTime> for OneTimePreKey {
    fn from(published: PublishedOneTime) -> Self {
        Self {
            payload: Base64(published.payload),
            signature: Base64(published.signature),
            id: published.id,
            key: Base64(published.key),
            path: published.path.into_iter().map(Base64).collect(),
        }
    }
}

impl From<KeyCounts> for KeyStatus {
    fn from(counts: KeyCounts) -> Self {
        Self {
            one_time_left: counts.one_time_left,
            signed_prekey_id: counts.signed_prekey_id,
            signed_prekey_expires_at: counts.signed_prekey_expires.as_millis(),
        }
    }
}

/// Operations on accounts and their keys.
pub struct Keys;

#[OpenApi]
impl Keys {
    /// Claim a name
    ///
    /// Proves possession of the identity key, publishes the first keys and signs in, all in one. Repeating it with the same identity key
    /// succeeds again, so a lost answer loses nothing. Another identity key is refused with `name_taken`, also after the account was removed, unless the
    /// operator has released the name.
    #[oai(
        path = "/v1/accounts",
        method = "post",
        operation_id = "register",
        tag = "Section::Accounts"
    )]
    async fn register(
        &self,
        services: Data<&Arc<Services>>,
        request: &Request,
        body: Json<RegisterRequest>,
    ) -> Result<Json<Registered>, ApiError> {
        let Json(body) = body;
        let invite = body.invite.map(Zeroizing::new);
        let account = services
            .directory
            .register(
                Claim {
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
                },
                invite.as_deref().map(String::as_str),
            )
            .await?;
        let mailbox = MailboxId::of(&account.address.user());
        services.audit.note(AuditEvent::Registered, mailbox).await?;
        Ok(Json(account.into()))
    }

    /// Publish keys
    ///
    /// Publishes a new signed prekey, a batch of one-time prekeys, or both. The relay checks the signatures too. Publishing the same again changes nothing.
    #[oai(
        path = "/v1/keys",
        method = "put",
        operation_id = "publish_key",
        tag = "Section::Keys"
    )]
    async fn publish_key(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        body: Json<PublishRequest>,
    ) -> Result<Json<KeyStatus>, ApiError> {
        let Json(body) = body;
        let (signed_prekey, batch) = (body.signed_prekey.map(Into::into), body.one_time_batch.map(Into::into));
        let published = signed_prekey.is_some();
        let owner = auth.live(*services).await?;
        let counts = services
            .directory
            .publish(owner, signed_prekey, batch, body.replace_one_time)
            .await?;
        if published {
            services.audit.note(AuditEvent::KeysPublished, owner.mailbox).await?;
        }
        Ok(Json(counts.into()))
    }

    /// Count the caller's keys
    ///
    /// Tells a client whether it has to publish new ones.
    #[oai(
        path = "/v1/keys",
        method = "get",
        operation_id = "key_status",
        tag = "Section::Keys"
    )]
    async fn key_status(&self, services: Data<&Arc<Services>>, auth: Auth) -> Result<Json<KeyStatus>, ApiError> {
        let owner = auth.live(*services).await?;
        Ok(Json(services.directory.key_status(owner).await?.into()))
    }

    /// Fetch a user's key bundle
    ///
    /// Consumes at most one of the user's one-time prekeys. An account that fetches the same user's bundle again and again gets bundles without one.
    #[oai(
        path = "/v1/keys/:user",
        method = "get",
        operation_id = "fetch_key",
        tag = "Section::Keys"
    )]
    async fn fetch_key(
        &self,
        services: Data<&Arc<Services>>,
        request: &Request,
        auth: Auth,
        /// The user name, without the @ and the relay
        user: Path<String>,
    ) -> Result<Json<KeyBundle>, ApiError> {
        let asker = auth.live(*services).await?;
        // An answer that could not be sent would have used a prekey up.
        if !answer_memory::reserve(answer_memory::guest(request).as_ref(), MOST_BUNDLE) {
            return Err(Refusal::Busy.into());
        }
        let (address, bundle) = services.directory.fetch(asker, &user).await?;
        Ok(Json(KeyBundle {
            address: address.to_string(),
            identity_key: Base64(bundle.identity_key),
            signed_prekey: bundle.signed_prekey.into(),
            one_time: bundle.one_time.map(Into::into),
            successions: bundle.successions.into_iter().map(Into::into).collect(),
        }))
    }
}
