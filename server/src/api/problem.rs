//! Every error of the relay as one shape, in the spirit of RFC 9457 (Problem Details for HTTP APIs).
//!
//! Not its concern: deciding what is an error (the services do) and logging.

mod code;

use poem::http::StatusCode;
use poem_openapi::{
    ApiResponse, Object,
    payload::Json,
    types::{Example, ToJSON},
};
use protocol::address::UserName;

pub use code::ProblemCode;

use crate::{http::request_id::RequestId, service::Refusal};

/// The one error body.
#[derive(Object, Debug, Clone)]
#[oai(example)]
pub struct Problem {
    /// `urn:latchkey:problem:` followed by the code
    #[oai(rename = "type")]
    pub kind: String,
    /// The machine-readable reason
    pub code: ProblemCode,
    /// A short headline, the same for every problem of this code
    pub title: String,
    /// The HTTP status, repeated
    pub status: u16,
    /// What was wrong, for a human
    pub detail: String,
    /// What to do about it, for a human
    pub action: String,
    /// Seconds to wait before trying again, when that helps
    #[oai(skip_serializing_if_is_none)]
    pub retry_after_seconds: Option<u64>,
    /// With `slot_used`: the first slot of the pad that is not
    #[oai(skip_serializing_if_is_none)]
    pub next_slot: Option<u16>,
    /// Names this answer in the relay's log, 16 lower-case hex digits: tell it to the operator. Also in the header `X-Request-Id` of every answer
    #[oai(skip_serializing_if_is_none)]
    pub request_id: Option<String>,
}

impl Example for Problem {
    fn example() -> Self {
        example(ProblemCode::NoSuchUser, "no account named 'alice'")
    }
}

fn example(code: ProblemCode, detail: &str) -> Problem {
    Problem {
        request_id: Some("9f1c2a1e3b584d0a".to_owned()),
        ..Problem::new(code, detail)
    }
}

/// What an answer of this status may look like, for the page: one of its codes, with what the relay says then.
pub(super) fn example_of(status: u16) -> Option<Problem> {
    let user = || UserName::parse("alice").ok();
    let refusal = match status {
        400 => Refusal::BadRequest("limit is 0 and must be 1 to 64".to_owned()),
        401 => Refusal::Unauthorized,
        403 => Refusal::InviteRequired,
        404 => Refusal::NoSuchUser(user()?),
        405 => {
            return Some(example(
                ProblemCode::MethodNotAllowed,
                "this path does not have this method",
            ));
        }
        409 => Refusal::MessageConflict,
        410 => Refusal::PlayLimitReached,
        413 => Refusal::TooLarge("the body is larger than this operation takes".to_owned()),
        429 => Refusal::MailboxFull(user()?),
        500 => Refusal::Internal,
        503 => Refusal::Busy,
        507 => Refusal::StorageFull,
        _ => return None,
    };
    Some(example(ProblemCode::from(&refusal), &refusal.to_string()))
}

/// A longer detail would only repeat what the caller sent.
const MAX_DETAIL_CHARS: usize = 300;

impl Problem {
    /// The problem for `code` with a sentence of its own.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if detail.chars().count() > MAX_DETAIL_CHARS {
            detail = detail.chars().take(MAX_DETAIL_CHARS).chain("…".chars()).collect();
        }
        Self {
            kind: format!("urn:latchkey:problem:{}", code.to_json_string().trim_matches('"')),
            code,
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail,
            action: code.action().to_owned(),
            retry_after_seconds: code.retry_after_seconds(),
            next_slot: None,
            request_id: RequestId::current().map(|id| id.to_string()),
        }
    }

    /// The response for errors that do not come from an operation: unknown paths, unparsable requests, panics.
    #[must_use]
    pub fn into_http(self) -> poem::Response {
        poem::IntoResponse::into_response(ApiError::from(self))
    }
}

/// Every operation's error type: a `Problem` under the status of its code.
#[derive(ApiResponse, Debug)]
pub enum ApiError {
    /// Malformed: bad_request, bad_name, bad_signature, bad_gate_key
    #[oai(status = 400)]
    BadRequest(Json<Problem>),
    /// Not signed in: unauthorized
    #[oai(status = 401)]
    Unauthorized(Json<Problem>),
    /// Not admitted: registration_closed, invite_required, invite_refused
    #[oai(status = 403)]
    Forbidden(Json<Problem>),
    /// Unknown: not_found, no_such_user, no_such_license, no_such_gate_key
    #[oai(status = 404)]
    NotFound(Json<Problem>),
    /// Known path, wrong method: method_not_allowed
    #[oai(status = 405)]
    MethodNotAllowed(Json<Problem>),
    /// In conflict with what is stored: name_taken, message_conflict, license_conflict, play_conflict, stale_incarnation, counter_too_far, stale_key,
    /// identity_replaced, gate_key_conflict, gate_keys_full, slot_used
    #[oai(status = 409)]
    Conflict(Json<Problem>),
    /// No longer available: play_limit_reached, license_revoked, license_expired, answer_gone
    #[oai(status = 410)]
    Gone(Json<Problem>),
    /// Above a limit: too_large
    #[oai(status = 413)]
    TooLarge(Json<Problem>),
    /// Try later: mailbox_full, rate_limited
    #[oai(status = 429)]
    TooMany(
        Json<Problem>,
        /// Seconds to wait
        #[oai(header = "Retry-After")]
        u64,
    ),
    /// A fault of the relay: internal
    #[oai(status = 500)]
    Internal(Json<Problem>),
    /// Overloaded: busy
    #[oai(status = 503)]
    Busy(
        Json<Problem>,
        /// Seconds to wait
        #[oai(header = "Retry-After")]
        u64,
    ),
    /// The disk is full: storage_full
    #[oai(status = 507)]
    StorageFull(
        Json<Problem>,
        /// Seconds to wait
        #[oai(header = "Retry-After")]
        u64,
    ),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let wait = problem.retry_after_seconds.unwrap_or(1);
        let code = problem.code;
        let body = Json(problem);
        match code.status() {
            StatusCode::BAD_REQUEST => Self::BadRequest(body),
            StatusCode::UNAUTHORIZED => Self::Unauthorized(body),
            StatusCode::FORBIDDEN => Self::Forbidden(body),
            StatusCode::NOT_FOUND => Self::NotFound(body),
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed(body),
            StatusCode::CONFLICT => Self::Conflict(body),
            StatusCode::GONE => Self::Gone(body),
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(body),
            StatusCode::TOO_MANY_REQUESTS => Self::TooMany(body, wait),
            StatusCode::SERVICE_UNAVAILABLE => Self::Busy(body, wait),
            StatusCode::INSUFFICIENT_STORAGE => Self::StorageFull(body, wait),
            _ => Self::Internal(body),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Problem::new(ProblemCode::from(&refusal), refusal.to_string());
        if let Refusal::StrangersWait { wait, .. } = refusal {
            problem.retry_after_seconds = Some(wait.as_secs());
        }
        if let Refusal::TooFast { wait, .. } = refusal {
            // Rounded up: who comes a moment too early is refused again.
            problem.retry_after_seconds = Some(wait.as_secs() + 1);
        }
        if let Refusal::SlotUsed { next } = refusal {
            problem.next_slot = Some(next);
        }
        problem.into()
    }
}
