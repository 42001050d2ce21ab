//! Which web pages may use the relay from a browser (the CORS protocol of the Fetch standard).
//!
//! A browser lets a page of another origin read answers, or send more than plain forms, only where the server says so. By default nothing is said, and so
//! no page can. The operator names origins, each in full: there is no wildcard, and no echo of whatever comes.
//!
//! Who is signed in is shown by a bearer token, which a page has or has not; there are no cookies. So `Access-Control-Allow-Credentials` is never sent, and a page of a foreign origin that is
//! not named gains nothing by its visitor's browser, named ones nothing but what any client can do. What comes from an origin that is not named is served like
//! everything else, for the browser alone to withhold: refusing it would protect nobody, and break the page under `/docs`, whose own requests carry an origin as well.
//!
//! Not poem's own layer: it refuses requests of origins that it does not know, answers a preflight that asks for one header it knows and one it does not, and leaves `Vary` out.

use std::{
    future::{Future, ready},
    sync::Arc,
};

use futures_util::future::Either;
use poem::{
    Endpoint, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};

use crate::http::operations::Operations;

/// What pages are for: the contract, and nothing beside it.
const SHARED: &str = "/v1/";
/// The headers of the contract's requests that a browser asks about.
const HEADERS: &str =
    "authorization, content-type, latchkey-capability, latchkey-capability-hash, latchkey-delivery-token";
/// The headers of its answers that a page may read, besides those that it always may.
const EXPOSED: &str = "retry-after, x-request-id";
/// How long a browser remembers what it was told, seconds: two hours, since no browser of today remembers longer.
const REMEMBERED: &str = "7200";
/// On what an answer depends, for caches on the way.
const VARY: &str = "origin, access-control-request-method, access-control-request-headers";

/// Lets pages of certain origins use the contract.
pub(crate) struct Cors<E> {
    origins: Vec<HeaderValue>,
    operations: Arc<Operations>,
    inner: E,
}

impl<E> Cors<E> {
    /// For pages of `origins`, as browsers send them.
    pub fn new(origins: &[String], operations: &Arc<Operations>, inner: E) -> Self {
        Self {
            origins: origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok())
                .collect(),
            operations: Arc::clone(operations),
            inner,
        }
    }

    /// The origin that the request comes from, if pages of it may use the relay.
    fn allowed(&self, request: &Request) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origin = request.headers().get(header::ORIGIN)?;
        self.origins.iter().find(|known| *known == origin).cloned()
    }

    /// The answer to a browser that asks what it may send; none if that is not what is asked, or no page may.
    fn preflight(&self, request: &Request, origin: Option<&HeaderValue>) -> Option<Response> {
        if request.method() != Method::OPTIONS {
            return None;
        }
        request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        let methods = self.operations.find(request.method(), request.uri().path()).allow?;
        let answer = Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin?)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED)
            .header(header::VARY, VARY)
            .finish();
        Some(answer)
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Cors<E> {
    type Output = Response;

    // Not an async function: it would keep the request for as long as an inbox waits.
    fn call(&self, request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        let shared = !self.origins.is_empty() && request.uri().path().starts_with(SHARED);
        let origin = shared.then(|| self.allowed(&request)).flatten();
        if let Some(answer) = self.preflight(&request, origin.as_ref()) {
            return Either::Left(ready(Ok(answer)));
        }
        let answer = self.inner.call(request);
        Either::Right(async move {
            let mut answer = answer.await?;
            if shared {
                let headers = answer.headers_mut();
                headers.insert(header::VARY, HeaderValue::from_static(VARY));
                if let Some(origin) = origin {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
                }
            }
            Ok(answer)
        })
    }
}
