//! Challenges, sign-in, and the bearer token of every other operation.

use std::sync::Arc;

use poem::{Request, web::Data};
use poem_openapi::{
    Object, OpenApi, SecurityScheme,
    auth::Bearer,
    payload::Json,
    types::{Base64, Example},
};

use super::{Bytes, Section, problem::ApiError};
use crate::{
    http::{
        admission::{Guest, Shown},
        request_limits,
    },
    model::Principal,
    service::{Refusal, Services, rates::Network, sessions::ProofParts},
    store::AuditEvent,
};

/// The token of a session, without the word Bearer. `latchkey token` prints the one of your account, and says when it ends. Without an account at this relay, make one
/// first: `latchkey --relay URL register NAME`, with the relay's URL. Programs get a token from `register` or `sign_in`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", key_name = "token", bearer_format = "opaque", checker = "check")]
pub struct Auth(Principal);

impl Auth {
    /// Who is signed in, now: the body may have come long after the token was looked at, and a session that ended in between does nothing any more. The
    /// only way to the account, so that no operation forgets to look.
    pub async fn live(&self, services: &Services) -> Result<Principal, ApiError> {
        services.sessions.confirm(&self.0).await?;
        Ok(self.0)
    }
}

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Principal> {
    let refuse = |refusal: Refusal| poem::Error::from(ApiError::from(refusal));
    let services = request
        .data::<Arc<Services>>()
        .ok_or_else(|| refuse(Refusal::Internal))?;
    // A person pastes the word Bearer, or a whole line. That is refused and said: a token has one spelling.
    if bearer.token.contains(char::is_whitespace) {
        return Err(refuse(Refusal::NotOneToken));
    }
    let principal = services.sessions.authenticate(&bearer.token).await.map_err(refuse)?;
    if let Some(guest) = request.extensions().get::<Arc<Guest>>() {
        guest.recognise(Shown::Account(principal.mailbox));
    }
    // Only now: a bucket is kept for accounts that exist.
    services.rates.account(principal.mailbox).map_err(refuse)?;
    Ok(principal)
}

/// The `host[:port]` that the request was sent to: `:authority` in HTTP/2, `Host` in HTTP/1.
pub(super) fn host(request: &Request) -> Option<String> {
    let authority = request.uri().authority().map(|authority| authority.to_string());
    authority.or_else(|| request.header("host").map(str::to_owned))
}

/// Where the request comes from, if that counts.
pub(super) fn address(request: &Request, services: &Services) -> Option<Network> {
    request_limits::origin(request.headers(), request.remote_addr(), &services.proxies)
        .filter(|_| services.rates.tells_addresses_apart())
}

/// Who wants to sign in.
#[derive(Object, Debug)]
#[oai(example)]
pub struct ChallengeRequest {
    /// The user name, without the @ and the relay
    pub user: String,
}

impl Example for ChallengeRequest {
    fn example() -> Self {
        Self { user: "alice".into() }
    }
}

/// A nonce to sign, good for one attempt.
#[derive(Object, Debug)]
pub struct Challenge {
    /// 32 bytes to be signed; accepted once, whether the attempt succeeds or not
    pub server_nonce: Bytes,
    /// When the nonce expires, milliseconds since the Unix epoch (60 s from now). It is part of what is signed
    pub expires_at: u64,
    /// The relay's name: the part after the @ in addresses here
    pub relay_name: String,
    /// Fingerprint of the relay's own identity key, 64 lower-case hex digits. It is part of what is signed
    pub relay_key_fingerprint: String,
}

/// Proof that the caller holds the identity key of the account.
#[derive(Object)]
pub struct SignInRequest {
    /// The user name
    pub user: String,
    /// The relay's base URL as the client dialled it, `scheme://host[:port]`
    pub origin: String,
    /// The challenge's nonce, 32 bytes
    pub server_nonce: Bytes,
    /// 32 random bytes of the client
    pub client_nonce: Bytes,
    /// The challenge's expires_at, unchanged
    pub expires_at: u64,
    /// The identity key's hybrid signature over the sign-in claim, 4691 bytes
    pub signature: Bytes,
    /// As in `inbox`; here it may be any number below 2^53, however far above the number that the relay has
    #[oai(skip_serializing_if_is_none)]
    pub commit_counter: Option<u64>,
}

/// A session.
#[derive(Object)]
pub struct Session {
    /// Send it as `Authorization: Bearer …`
    pub token: String,
    /// When it ends, milliseconds since the Unix epoch
    pub expires_at: u64,
    /// The greatest commit_counter that was ever sent for this account, this request's included; 0 if none. A client whose own is lower was restored from a backup
    pub commit_counter: u64,
}

/// An empty object: the operation is done.
#[derive(Object, Debug, Default)]
pub struct Done {}

/// Operations of a session's life.
pub struct Sessions;

#[OpenApi(tag = "Section::Accounts")]
impl Sessions {
    /// Ask for a nonce to sign
    ///
    /// The first step of `register`, `sign_in` and `succeed`. The answer is the same whether the user exists or not.
    #[oai(path = "/v1/session/challenge", method = "post", operation_id = "challenge")]
    async fn challenge(
        &self,
        services: Data<&Arc<Services>>,
        body: Json<ChallengeRequest>,
    ) -> Result<Json<Challenge>, ApiError> {
        let (issued, relay) = services.sessions.challenge(&body.user)?;
        Ok(Json(Challenge {
            server_nonce: Base64(issued.nonce.to_vec()),
            expires_at: issued.expires.as_millis(),
            relay_name: relay.name.to_string(),
            relay_key_fingerprint: relay.fingerprint.to_string(),
        }))
    }

    /// Sign in
    ///
    /// An account has one session: signing in ends the earlier one. An unknown user, a wrong signature and a used or expired nonce get the same
    /// answer.
    #[oai(path = "/v1/session", method = "post", operation_id = "sign_in")]
    async fn sign_in(
        &self,
        services: Data<&Arc<Services>>,
        request: &Request,
        body: Json<SignInRequest>,
    ) -> Result<Json<Session>, ApiError> {
        let Json(body) = body;
        let (session, commit_counter) = services
            .sessions
            .sign_in(
                ProofParts {
                    user: body.user,
                    origin: body.origin,
                    host: host(request),
                    address: address(request, *services),
                    server_nonce: body.server_nonce.0,
                    client_nonce: body.client_nonce.0,
                    expires_at: body.expires_at,
                    signature: body.signature.0,
                },
                body.commit_counter,
            )
            .await?;
        Ok(Json(Session {
            token: session.token.reveal(),
            expires_at: session.row.expires.as_millis(),
            commit_counter,
        }))
    }

    /// Sign out
    ///
    /// The token is invalid from now on, and waiting calls of `inbox` end.
    #[oai(path = "/v1/session", method = "delete", operation_id = "sign_out")]
    async fn sign_out(&self, services: Data<&Arc<Services>>, auth: Auth) -> Result<Json<Done>, ApiError> {
        let owner = auth.live(*services).await?;
        services.sessions.sign_out(owner).await?;
        services.audit.note(AuditEvent::SignedOut, owner.mailbox).await?;
        Ok(Json(Done {}))
    }
}
