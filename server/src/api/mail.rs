//! Sending, fetching, acknowledging.

use std::{io::Write as _, sync::Arc};

use poem::{IntoResponse as _, Request, Response, web::Data};
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Query},
    payload::{Binary, Json},
    types::Example,
};
use uuid::Uuid;

use super::{
    Bytes, Section,
    auth::Auth,
    page::{WrittenPage, json},
    problem::ApiError,
    tokens::SentBy,
};
use crate::{
    http::{admission::Guest, answer_memory, deferred::Eventually},
    model::Principal,
    service::{
        Refusal, Services,
        licenses::{LicenseParts, LimitParts},
        mailbox::{Inbox, MAX_PAGE, Reading, Receipt},
    },
    store::{AuditEvent, Page},
};

/// Bytes of [`Stored`] in JSON, until times have more than 13 digits in the year 2286.
const STORED_LENGTH: usize = 98;
/// An envelope is stored.
#[derive(Object, Debug)]
pub struct Stored {
    /// The message id
    pub id: Uuid,
    /// When it was stored, milliseconds since the Unix epoch
    pub stored_at: u64,
    /// When the relay gives up on delivering it, milliseconds since the Unix epoch
    pub expires_at: u64,
}

impl From<Receipt> for Stored {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id.uuid(),
            stored_at: receipt.stored_at.as_millis(),
            expires_at: receipt.expires.as_millis(),
        }
    }
}

impl Stored {
    /// The same answer as `Json` gives, written down at once.
    pub(crate) fn into_http(self) -> Response {
        let Self {
            id,
            stored_at,
            expires_at,
        } = self;
        let mut body = Vec::with_capacity(STORED_LENGTH);
        // Writing to memory does not fail.
        let _ = write!(
            body,
            r#"{{"expires_at":{expires_at},"id":"{id}","stored_at":{stored_at}}}"#
        );
        json(body)
    }
}

/// A license to play, for the recipient of the envelope beside it.
#[derive(Object)]
pub struct NewLicense {
    /// The license id, 64 lower-case hex digits: the recipient's mailbox id followed by 16 random bytes of the sender
    pub id: String,
    /// How many times it may be played, 1 to 255
    pub plays: u8,
    /// When it expires, milliseconds since the Unix epoch
    pub expires_at: u64,
    /// The relay's half of the content key, 32 bytes
    pub share: Bytes,
    /// SHA-256 of the capability to play, which travels inside the envelope, 32 bytes
    pub play_capability_hash: Bytes,
    /// SHA-256 of the capability to inspect and revoke, which the sender keeps, 32 bytes
    pub owner_capability_hash: Bytes,
}

/// An envelope together with the license that goes with it.
#[derive(Object)]
pub struct LimitedRequest {
    /// The recipient's user name
    pub to: String,
    /// The message id, chosen by the sender
    pub id: Uuid,
    /// The sealed envelope, 1 byte to 256 KiB
    pub envelope: Bytes,
    /// The license
    pub license: NewLicense,
}

/// A license in oblivious mode, for the recipient of the envelope beside it.
#[derive(Object)]
pub struct NewObliviousLicense {
    /// The license id, 64 lower-case hex digits: the recipient's mailbox id followed by 16 random bytes of the sender
    pub id: String,
    /// The gate key under which the relay computes, 32 lower-case hex digits
    pub gate_key: String,
    /// The write capability of that gate key, 32 bytes
    pub gate_key_capability: Bytes,
    /// The sealed counter, at most 256 bytes: how many times it may be played, encrypted
    pub counter: Bytes,
    /// When it expires, milliseconds since the Unix epoch
    pub expires_at: u64,
    /// The relay's half of the content key, 32 bytes
    pub share: Bytes,
    /// SHA-256 of the capability to play, which travels inside the envelope, 32 bytes
    pub play_capability_hash: Bytes,
    /// SHA-256 of the capability to inspect and revoke, which the sender keeps, 32 bytes
    pub owner_capability_hash: Bytes,
}

/// An envelope together with the oblivious license that goes with it.
#[derive(Object)]
pub struct ObliviousRequest {
    /// The recipient's user name
    pub to: String,
    /// The message id, chosen by the sender
    pub id: Uuid,
    /// The sealed envelope, 1 byte to 256 KiB
    pub envelope: Bytes,
    /// The license
    pub license: NewObliviousLicense,
}

/// How far an inbox has been read.
#[derive(Object, Debug, Clone)]
pub struct Acknowledgement {
    /// The incarnation that `inbox` answered
    pub incarnation: Uuid,
    /// The sequence number of the last envelope that the client has stored safely; the relay deletes it and all before it
    pub sequence: u64,
}

/// Acknowledge and fetch.
#[derive(Object, Debug)]
#[oai(example)]
pub struct InboxRequest {
    /// What the client has stored safely and the relay can delete
    #[oai(skip_serializing_if_is_none)]
    pub ack: Option<Acknowledgement>,
    /// How long to wait if there is nothing, 0 to 30 seconds (0 if absent)
    #[oai(skip_serializing_if_is_none)]
    pub wait_seconds: Option<u32>,
    /// At most this many envelopes, 1 to 64 (64 if absent)
    #[oai(skip_serializing_if_is_none)]
    pub limit: Option<u32>,
    /// A number of the client's that only grows, below 2^53. The relay keeps the greatest, so that a client that was restored from a backup notices. A number more than
    /// 2^18 above the kept one is `counter_too_far`: sign in with it first
    #[oai(skip_serializing_if_is_none)]
    pub commit_counter: Option<u64>,
}

impl Example for InboxRequest {
    fn example() -> Self {
        Self {
            ack: None,
            wait_seconds: Some(0),
            limit: Some(16),
            commit_counter: None,
        }
    }
}

/// How much was deleted.
#[derive(Object, Debug)]
pub struct Cleared {
    /// Envelopes deleted
    pub deleted: u64,
}

/// A page with whose sends were refused. They are told once, so not in an answer for which there is no memory, which is withheld.
async fn written(
    services: &Services,
    guest: Option<&Arc<Guest>>,
    owner: Principal,
    page: Page,
) -> Result<WrittenPage, Refusal> {
    let refused = if answer_memory::reserve(guest, WrittenPage::most(&page)) {
        services.mailboxes.refused_senders(owner).await?
    } else {
        Vec::new()
    };
    Ok(WrittenPage::new(page, refused))
}

/// Operations on mailboxes.
pub struct Mail;

#[OpenApi(tag = "Section::Messages")]
impl Mail {
    /// Send an envelope
    ///
    /// A 200 means that the envelope is on disk and survives a crash of the relay. Repeating the send with the same id and the same bytes
    /// succeeds again (for 30 days); with other bytes it is `message_conflict`.
    ///
    /// With a delivery token of the recipient no account is involved, and the relay ignores a bearer token beside it. An unknown token, a deleted
    /// one and an unknown recipient get the same answer: `unauthorized`. A token allows 64 sends at once and 4 a second after that (`rate_limited`).
    ///
    /// All accounts without a delivery token share one part of the mailbox, and each gets a small share of it, counted by time. If either is used up, or if the recipient
    /// blocked the account, the answer is `rate_limited`: nothing was stored, and the same message may be sent again later.
    #[oai(path = "/v1/messages", method = "post", operation_id = "send")]
    async fn send(
        &self,
        services: Data<&Arc<Services>>,
        from: SentBy,
        /// A delivery token of the recipient, 32 bytes as standard base64, instead of a session
        #[oai(name = "Latchkey-Delivery-Token")]
        _token: Header<Option<Bytes>>,
        /// The recipient's user name
        to: Query<String>,
        /// The message id, chosen by the sender
        id: Query<Uuid>,
        /// The sealed envelope, 1 byte to 256 KiB
        body: Binary<Vec<u8>>,
    ) -> Result<Json<Stored>, ApiError> {
        let from = from.live(*services).await?;
        let receipt = services.mailboxes.deposit(from, &to, id.0, body.0, None).await?;
        Ok(Json(receipt.into()))
    }

    /// Send an envelope with a play license
    ///
    /// A 200 means that the envelope and the license are both stored; after a refusal neither is. If a license with this id and the same parameters exists, it stays as it is,
    /// played or not; with other parameters the send is `license_conflict`, and nothing is stored. Delivery tokens work as in `send`.
    #[oai(path = "/v1/messages/limited", method = "post", operation_id = "send_limited")]
    async fn send_limited(
        &self,
        services: Data<&Arc<Services>>,
        from: SentBy,
        /// A delivery token of the recipient, 32 bytes as standard base64, instead of a session
        #[oai(name = "Latchkey-Delivery-Token")]
        _token: Header<Option<Bytes>>,
        body: Json<LimitedRequest>,
    ) -> Result<Json<Stored>, ApiError> {
        let Json(body) = body;
        let license = LicenseParts {
            id: body.license.id,
            limit: LimitParts::Counted(body.license.plays),
            expires_at: body.license.expires_at,
            share: body.license.share.0,
            play_hash: body.license.play_capability_hash.0,
            owner_hash: body.license.owner_capability_hash.0,
        };
        let receipt = services
            .mailboxes
            .deposit(
                from.live(*services).await?,
                &body.to,
                body.id,
                body.envelope.0,
                Some(license),
            )
            .await?;
        Ok(Json(receipt.into()))
    }

    /// Send an envelope with an oblivious play license
    ///
    /// Like `send_limited`, but the relay gets the limit as a ciphertext under a gate key that was uploaded with `put_gate_key`, and does not learn it. An unknown gate key, a deleted one and a
    /// wrong write capability get the same answer: `no_such_gate_key`. The gate key belongs to an account, so this names the sender to the relay even if a
    /// delivery token is used.
    #[oai(path = "/v1/messages/oblivious", method = "post", operation_id = "send_oblivious")]
    async fn send_oblivious(
        &self,
        services: Data<&Arc<Services>>,
        from: SentBy,
        /// A delivery token of the recipient, 32 bytes as standard base64, instead of a session
        #[oai(name = "Latchkey-Delivery-Token")]
        _token: Header<Option<Bytes>>,
        body: Json<ObliviousRequest>,
    ) -> Result<Json<Stored>, ApiError> {
        let Json(body) = body;
        let license = LicenseParts {
            id: body.license.id,
            limit: LimitParts::Oblivious {
                gate_key: body.license.gate_key,
                capability: body.license.gate_key_capability.0,
                counter: body.license.counter.0,
            },
            expires_at: body.license.expires_at,
            share: body.license.share.0,
            play_hash: body.license.play_capability_hash.0,
            owner_hash: body.license.owner_capability_hash.0,
        };
        let receipt = services
            .mailboxes
            .deposit(
                from.live(*services).await?,
                &body.to,
                body.id,
                body.envelope.0,
                Some(license),
            )
            .await?;
        Ok(Json(receipt.into()))
    }

    /// Acknowledge, then fetch
    ///
    /// Deletes what is acknowledged, then answers with what follows. If there is nothing, it waits up to `wait_seconds`. Envelopes come again until
    /// they are acknowledged: store them first. An acknowledgement of an earlier incarnation is `stale_incarnation` and deletes nothing.
    #[oai(path = "/v1/inbox", method = "post", operation_id = "inbox")]
    async fn inbox(
        &self,
        services: Data<&Arc<Services>>,
        request: &Request,
        auth: Auth,
        body: Json<InboxRequest>,
    ) -> Result<Eventually<WrittenPage>, ApiError> {
        let Json(body) = body;
        let ack = body.ack.map(|ack| (ack.incarnation, ack.sequence));
        let reading = Reading {
            ack,
            commit_counter: body.commit_counter,
            wait_seconds: body.wait_seconds.unwrap_or(0),
            limit: body.limit.unwrap_or(MAX_PAGE),
        };
        let owner = auth.live(*services).await?;
        let guest = answer_memory::guest(request);
        match services.mailboxes.inbox(owner, reading).await? {
            Inbox::Page(page) => Ok(Eventually::Now(written(*services, guest.as_ref(), owner, page).await?)),
            Inbox::Waiting(waiting) => {
                let services = Arc::clone(*services);
                Ok(Eventually::Later(Box::pin(async move {
                    let answer = async {
                        let page = services.mailboxes.wait(waiting).await?;
                        written(&services, guest.as_ref(), owner, page).await
                    };
                    match answer.await {
                        Ok(page) => page.into_response(),
                        Err(refusal) => ApiError::from(refusal).into_response(),
                    }
                })))
            }
        }
    }

    /// Delete all waiting envelopes
    ///
    /// The mailbox gets a new incarnation. The senders are not told.
    #[oai(path = "/v1/inbox", method = "delete", operation_id = "clear_inbox")]
    async fn clear_inbox(&self, services: Data<&Arc<Services>>, auth: Auth) -> Result<Json<Cleared>, ApiError> {
        let owner = auth.live(*services).await?;
        let deleted = services.mailboxes.clear(owner).await?;
        services.audit.note(AuditEvent::MailboxCleared, owner.mailbox).await?;
        Ok(Json(Cleared { deleted }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::said;

    #[tokio::test]
    async fn what_is_written_at_once_is_what_the_framework_writes() {
        let stored = || Stored {
            id: Uuid::from_u128(7),
            stored_at: 1,
            expires_at: u64::MAX,
        };
        assert_eq!(
            said(stored().into_http()).await,
            said(Json(stored()).into_response()).await
        );
    }
}
