//! Delivery tokens, and the two ways to say who sends.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use poem::{
    Request, RequestBody,
    http::{HeaderName, HeaderValue},
    web::Data,
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions, Object, OpenApi, param::Path, payload::Json,
    registry::Registry,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Bytes, Section, auth::Auth, problem::ApiError};
use crate::{
    model::{BearerToken, Bytes32, Sender},
    service::{Refusal, Services},
    store::AuditEvent,
};

/// The header that carries a delivery token.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("latchkey-delivery-token");
/// Bytes of a delivery token, of which the relay knows the SHA-256.
const TOKEN_BYTES: usize = 32;

/// SHA-256 of the delivery token that a header shows, if it is one by its form.
pub(crate) fn shown(header: &HeaderValue) -> Option<Bytes32> {
    // What three bytes more would take, because that much is asked for before the padding is looked at.
    let mut token = Zeroizing::new([0; TOKEN_BYTES.next_multiple_of(3)]);
    let length = STANDARD.decode_slice(header.as_bytes(), &mut *token).ok()?;
    let token = token.get(..length).filter(|token| token.len() == TOKEN_BYTES)?;
    Some(Sha256::digest(token).into())
}

/// Who sends: the holder of a delivery token, or an account. With a delivery token the relay looks at no account, not even at a bearer token beside it.
pub enum SentBy {
    /// An account.
    Account(Auth),
    /// The holder of the delivery token with this SHA-256. Whether the token is registered is looked at when it sends.
    Token(Bytes32),
}

impl SentBy {
    /// Who sends, now: see [`Auth::live`].
    pub async fn live(&self, services: &Services) -> Result<Sender, ApiError> {
        Ok(match self {
            Self::Account(auth) => Sender::Account(auth.live(services).await?.mailbox),
            Self::Token(hash) => Sender::Token(*hash),
        })
    }
}

impl<'a> ApiExtractor<'a> for SentBy {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Auth::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Auth::security_schemes()
    }

    /// The header is described as a parameter, so that the generated client has it; to OpenAPI that is an operation that may go without.
    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let Some(header) = request.headers().get(HEADER) else {
            return Ok(Self::Account(Auth::from_request(request, body, options).await?));
        };
        match shown(header) {
            Some(hash) => Ok(Self::Token(hash)),
            // Of any text of this form, whether or not there is such a session: none is looked for.
            None if header.to_str().is_ok_and(|text| BearerToken::parse(text).is_some()) => {
                Err(ApiError::from(Refusal::SessionAsDelivery).into())
            }
            // What is no token gets the same answer as one that is not registered.
            None => Err(ApiError::from(Refusal::Unauthorized).into()),
        }
    }
}

/// A delivery token, by its hash.
#[derive(Object, Debug)]
pub struct DeliveryTokenRequest {
    /// SHA-256 of the token, 32 bytes. The token itself is 32 random bytes, which the contact gets inside a message
    pub token_hash: Bytes,
}

/// How many tokens a mailbox has.
#[derive(Object, Debug)]
pub struct DeliveryTokens {
    /// Delivery tokens registered, at most 4096
    pub tokens: u32,
}

/// Operations on delivery tokens.
pub struct Tokens;

#[OpenApi(tag = "Section::Messages")]
impl Tokens {
    /// Register a delivery token
    ///
    /// From now on a client that shows the token may `send`, `send_limited` and `send_oblivious` to this mailbox without an account. Make a token for one contact, and give it to
    /// that contact inside a message: then the requests of `send` and `send_limited` do not name the sender. Registering it again succeeds again.
    #[oai(path = "/v1/delivery-tokens", method = "put", operation_id = "put_delivery_token")]
    async fn put_delivery_token(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        body: Json<DeliveryTokenRequest>,
    ) -> Result<Json<DeliveryTokens>, ApiError> {
        let owner = auth.live(*services).await?;
        Ok(Json(DeliveryTokens {
            tokens: services.tokens.put(owner, &body.token_hash).await?,
        }))
    }

    /// Delete a delivery token
    ///
    /// From now on sends with the token are refused. If no token has this hash, the answer is the same.
    #[oai(
        path = "/v1/delivery-tokens/:hash",
        method = "delete",
        operation_id = "delete_delivery_token"
    )]
    async fn delete_delivery_token(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// SHA-256 of the token, 64 lower-case hex digits
        hash: Path<String>,
    ) -> Result<Json<DeliveryTokens>, ApiError> {
        let owner = auth.live(*services).await?;
        let tokens = services.tokens.delete(owner, &hash).await?;
        services.audit.note(AuditEvent::TokenDeleted, owner.mailbox).await?;
        Ok(Json(DeliveryTokens { tokens }))
    }
}
