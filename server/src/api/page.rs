//! A page of mail: its shape, and how it is written.
//!
//! A page is up to a megabyte of base64. As the framework writes JSON it would be copied four times: into a string for each envelope, a tree of
//! values, a buffer that grows, and with each character looked at for what has to be escaped.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::PAD};
use poem::{
    IntoResponse, Response,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
};
use poem_openapi::{
    ApiResponse, Object,
    payload::{Json, Payload},
    registry::{MetaResponses, Registry},
    types::ToJSON as _,
};
use uuid::Uuid;

use super::Bytes;
use crate::{
    service::mailbox::{self, Known, MAX_TOLD},
    store::Page,
};

/// Room for the headers of an answer: its type, the request id, and one more.
const HEADERS: usize = 3;

/// Bytes that are JSON already, as an answer.
pub(super) fn json(body: Vec<u8>) -> Response {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(<Json<InboxPage> as Payload>::CONTENT_TYPE),
    );
    let mut answer = Response::default();
    *answer.headers_mut() = headers;
    answer.set_body(body);
    answer
}

/// One envelope out of the inbox.
#[derive(Object, Debug)]
pub struct Delivery {
    /// Its place in the mailbox, ascending
    pub sequence: u64,
    /// When the relay received it, milliseconds since the Unix epoch
    pub received_at: u64,
    /// The sealed envelope
    pub envelope: Bytes,
}

/// A sender that sent too much: `user` or `token_hash` says which.
#[derive(Object, Debug)]
pub struct RefusedSender {
    /// The account's name, for `block_account`
    #[oai(skip_serializing_if_is_none)]
    pub user: Option<String>,
    /// SHA-256 of the delivery token that it showed, 64 lower-case hex digits, for `delete_delivery_token`
    #[oai(skip_serializing_if_is_none)]
    pub token_hash: Option<String>,
    /// How many of its sends were refused, at least
    pub times: u64,
}

impl From<mailbox::RefusedSender> for RefusedSender {
    fn from(refused: mailbox::RefusedSender) -> Self {
        let (user, token_hash) = match refused.who {
            Known::Account(user) => (Some(user.to_string()), None),
            Known::Token(hash) => (None, Some(hex::encode(hash))),
        };
        Self {
            user,
            token_hash,
            times: refused.times,
        }
    }
}

/// The waiting envelopes.
#[derive(Object, Debug)]
pub struct InboxPage {
    /// The life of the mailbox that the sequence numbers belong to; new after `clear_inbox`
    pub incarnation: Uuid,
    /// The oldest envelopes that are not acknowledged, in order; empty if there are none. At most about 1 MiB at once
    pub envelopes: Vec<Delivery>,
    /// How many envelopes of this mailbox have expired undelivered so far
    pub expired_total: u64,
    /// How many sends to this mailbox have been refused so far because it was full
    pub refused_total: u64,
    /// Senders whose sends were refused because there were too many of them, since the last answer: most first, at most 16. The relay reports each refusal once, and
    /// forgets it when it restarts
    pub refused_senders: Vec<RefusedSender>,
    /// The greatest commit_counter ever sent for this account, this request's included; 0 if none
    pub commit_counter: u64,
}

/// The page as JSON, written from the store's rows into one buffer. To the contract it is an [`InboxPage`].
pub(super) struct WrittenPage {
    page: Page,
    /// Few, and seldom any.
    refused_senders: Vec<RefusedSender>,
}

/// Bytes of an envelope's JSON besides the envelope, and of a page's besides its envelopes: names, punctuation, numbers at their longest, a UUID.
const FRAME: usize = 256;

impl IntoResponse for WrittenPage {
    fn into_response(self) -> Response {
        json(self.write())
    }
}

impl WrittenPage {
    /// Bytes of what this page will be at most, with as many refused senders as there are ever told.
    pub fn most(page: &Page) -> usize {
        let sizes = page.envelopes.iter().map(|row| row.body.len().div_ceil(3) * 4 + FRAME);
        sizes.sum::<usize>() + FRAME + MAX_TOLD * FRAME
    }

    /// `page`, and whose sends were refused.
    pub fn new(page: Page, refused: Vec<mailbox::RefusedSender>) -> Self {
        Self {
            page,
            refused_senders: refused.into_iter().map(RefusedSender::from).collect(),
        }
    }

    /// Fields in alphabetical order, as everywhere in this contract.
    fn write(&self) -> Vec<u8> {
        let Page {
            incarnation,
            envelopes,
            expired_total,
            refused_total,
            commit_counter,
        } = &self.page;
        let sizes = envelopes.iter().map(|row| row.body.len().div_ceil(3) * 4 + FRAME);
        let mut out = Vec::with_capacity(sizes.sum::<usize>() + FRAME);
        out.extend_from_slice(format!(r#"{{"commit_counter":{commit_counter},"envelopes":["#).as_bytes());
        for (n, row) in envelopes.iter().enumerate() {
            out.extend_from_slice(if n == 0 {
                br#"{"envelope":""#
            } else {
                br#",{"envelope":""#
            });
            base64(&row.body, &mut out);
            let (received_at, sequence) = (row.stored_at.as_millis(), row.sequence);
            out.extend_from_slice(format!(r#"","received_at":{received_at},"sequence":{sequence}}}"#).as_bytes());
        }
        let incarnation = incarnation.0;
        let refused_senders = self.refused_senders.to_json_string();
        let end = format!(
            r#"],"expired_total":{expired_total},"incarnation":"{incarnation}","refused_senders":{refused_senders},"refused_total":{refused_total}}}"#
        );
        out.extend_from_slice(end.as_bytes());
        out
    }
}

/// Standard base64, by the processor's vector instructions if it has them: most of what a page costs is its base64.
static STANDARD: LazyLock<Base64Engine> = LazyLock::new(|| {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let engine = base64::engine::Simd::standard(PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let engine = base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD);
    engine
});
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Base64Engine = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Base64Engine = base64::engine::GeneralPurpose;

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    if STANDARD.encode_slice(bytes, &mut out[from..]).is_err() {
        // The room is exactly what is needed. Were it not, the page would be slow, not wrong.
        out.truncate(from);
        out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    }
}

impl ApiResponse for WrittenPage {
    fn meta() -> MetaResponses {
        Json::<InboxPage>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<InboxPage> as ApiResponse>::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Base64;
    use protocol::{Timestamp, address::UserName};
    use uuid::Uuid;

    use super::*;
    use crate::{api::said, model::Incarnation, store::EnvelopeRow};

    #[tokio::test]
    async fn what_is_written_at_once_is_what_the_framework_writes() {
        use mailbox::Known;
        let refused = || {
            let refused = |who| mailbox::RefusedSender { who, times: 7 };
            vec![
                refused(Known::Account(UserName::parse("mallory").unwrap())),
                refused(Known::Token([0xab; 32])),
            ]
        };
        for sizes in [&[][..], &[1], &[1, 2, 3, 4, 5000], &[65_537, 255]] {
            let rows: Vec<_> = (0u64..)
                .zip(sizes)
                .map(|(n, size)| EnvelopeRow {
                    sequence: u64::MAX - n,
                    stored_at: Timestamp(n),
                    body: (0..*size).map(|at| (at * 7 + n as usize) as u8).collect(),
                })
                .collect();
            let page = InboxPage {
                incarnation: Uuid::from_u128(9),
                envelopes: rows
                    .iter()
                    .map(|row| Delivery {
                        sequence: row.sequence,
                        received_at: row.stored_at.as_millis(),
                        envelope: Base64(row.body.clone()),
                    })
                    .collect(),
                expired_total: 1,
                refused_total: 2,
                refused_senders: refused().into_iter().map(RefusedSender::from).collect(),
                commit_counter: u64::MAX,
            };
            let page_of = Page {
                incarnation: Incarnation(Uuid::from_u128(9)),
                envelopes: rows,
                expired_total: 1,
                refused_total: 2,
                commit_counter: u64::MAX,
            };
            let written = WrittenPage::new(page_of, refused());
            let bytes = written.write();
            assert!(
                bytes.capacity() - bytes.len() <= FRAME * (sizes.len() + 1),
                "one buffer, of the right size"
            );
            assert_eq!(page.to_json_string(), String::from_utf8(bytes).unwrap());
            assert_eq!(
                said(Json(page).into_response()).await,
                said(written.into_response()).await
            );
        }
    }
}
