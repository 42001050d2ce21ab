//! Documents that are the same for everybody: the contract, and the page to try it in.
//!
//! Each is made once, when it is first asked for, and compressed then. All clients are sent the same bytes: however many connections do not read what they have asked for, memory holds
//! one copy. `/` is not among them: it shows numbers, and is smaller than the buffer of its connection.

use std::{io::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use hyper::body::Bytes;
use poem::{
    Body, Endpoint, Request, Response,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use protocol::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::{
    api,
    api::problem::{Problem, ProblemCode},
    http::answer_memory::Shared,
    service::Refusal,
};

/// How documents are to be used by a browser: as what they are, from no other page, without telling others where one was.
const GUARDS: [(header::HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Puts what keeps a page to itself on an answer: `policy` is its Content-Security-Policy.
pub(crate) fn guard(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A document that all clients share.
pub(crate) struct Document {
    kind: &'static str,
    text: fn(Timestamp) -> String,
    now: Timestamp,
    made: OnceCell<Arc<Made>>,
}

struct Made {
    plain: Bytes,
    packed: Bytes,
    policy: HeaderValue,
}

impl Document {
    /// The contract.
    pub fn contract() -> Self {
        Self::new("application/yaml; charset=utf-8", |_| api::openapi_yaml(), Timestamp(0))
    }

    /// The page to try it in, with examples for the time `now`.
    pub fn docs(now: Timestamp) -> Self {
        Self::new("text/html; charset=utf-8", api::swagger_page, now)
    }

    const fn new(kind: &'static str, text: fn(Timestamp) -> String, now: Timestamp) -> Self {
        Self {
            kind,
            text,
            now,
            made: OnceCell::const_new(),
        }
    }

    async fn made(&self) -> Option<&Arc<Made>> {
        let (text, now) = (self.text, self.now);
        let make = async move || {
            tokio::task::spawn_blocking(move || make(text(now)))
                .await
                .ok()
                .flatten()
                .ok_or(())
        };
        self.made.get_or_try_init(make).await.ok()
    }
}

impl Endpoint for Document {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let Some(made) = self.made().await else {
            tracing::error!("a document could not be made");
            return Ok(Problem::new(ProblemCode::Internal, Refusal::Internal.to_string()).into_http());
        };
        let packed = takes_gzip(request.headers());
        let bytes = if packed { &made.packed } else { &made.plain };
        let mut answer = Response::builder()
            .status(StatusCode::OK)
            .content_type(self.kind)
            .extension(Shared)
            .header(header::VARY, "Accept-Encoding")
            .body(Body::from_bytes(bytes.clone()));
        if packed {
            let gzip = HeaderValue::from_static("gzip");
            answer.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        }
        guard(answer.headers_mut(), made.policy.clone());
        Ok(answer)
    }
}

fn make(text: String) -> Option<Arc<Made>> {
    let policy = HeaderValue::from_str(&policy(&text)).ok()?;
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).ok()?;
    let mut packed = packer.finish().ok()?;
    packed.shrink_to_fit();
    Some(Arc::new(Made {
        plain: text.into(),
        packed: packed.into(),
        policy,
    }))
}

/// Nothing is run but the scripts of this very text, nothing is loaded from elsewhere, and requests go to this relay alone. Styles are the one thing that is not held to a hash:
/// Swagger UI writes some as attributes, and they run nothing.
fn policy(text: &str) -> String {
    let hashes: String = scripts(text)
        .map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    let scripts = if hashes.is_empty() { " 'none'" } else { &hashes };
    format!(
        "default-src 'none'; script-src{scripts}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// The scripts between their tags.
fn scripts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, from_tag) = rest.split_once("<script")?;
        let (_, from_script) = from_tag.split_once('>')?;
        let (script, after) = from_script.split_once("</script>")?;
        rest = after;
        Some(script)
    })
}

/// Whether the client takes gzip: named, or anything, and not with a weight of zero (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut anything = false;
    for offer in headers.get_all(header::ACCEPT_ENCODING) {
        for coding in offer.to_str().unwrap_or_default().split(',') {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let taken = weight.is_ok_and(|weight| weight > 0.0);
            match name.trim() {
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => return taken,
                "*" => anything = taken,
                _ => {}
            }
        }
    }
    anything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whom_it_is_welcome() {
        let takes = |offer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, offer.parse().unwrap());
            takes_gzip(&headers)
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate, *", "*;q=0.1", "gzip ; q=1"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "*, gzip;q=0.0", "gzip;q=many", "gzipped"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_policy_names_each_script_by_its_hash_and_no_other() {
        let text = "<p><script a>alert(1)</script><script>2</script>";
        let of = |script: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
        let policy = policy(text);
        let scripts = format!("script-src {} {};", of("alert(1)"), of("2"));
        assert!(policy.contains(&scripts), "{policy}");
        assert!(super::policy("<p>none").contains("script-src 'none';"));
    }
}
