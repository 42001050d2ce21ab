//! One request from its head to its answer: it gets an id, and is counted.
//!
//! The id is in the answer (`X-Request-Id`), in the body of every error, and in every line that is logged on the request's behalf: what a user reports
//! leads to what the operator's log says. It is a number of ours put through a keyed hash, so that it tells nothing of how busy the relay is; what a
//! client or a proxy sends under that name is not taken, since it would be theirs to choose what stands in the log.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher as _,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use poem::{
    Endpoint, Request, Response,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use tokio::time::Instant;

use crate::{
    http::operations::{Found, Operations},
    metrics::Metrics,
};

/// The header that carries the id.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The name of one request: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    pub(crate) fn next() -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// That of the request on whose behalf this runs, if there is one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    fn header(self) -> Option<HeaderValue> {
        let mut digits = [0; 16];
        hex::encode_to_slice(self.0.to_be_bytes(), &mut digits).ok()?;
        HeaderValue::from_bytes(&digits).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A request that is not answered yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    id: RequestId,
    at: Instant,
    /// Its number in [`Operations`].
    operation: usize,
}

impl Begun {
    /// Now, under an id of its own.
    pub fn now(operation: usize) -> Self {
        Self {
            id: RequestId::next(),
            at: Instant::now(),
            operation,
        }
    }

    /// When that was.
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// `work` on the request's behalf: what it logs carries the id.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.id, work)
    }

    /// Puts the id on the answer, counts it and logs it.
    pub fn answered(self, answer: &mut Response, metrics: &Metrics) {
        if let Some(id) = self.id.header() {
            answer.headers_mut().insert(HEADER, id);
        }
        CURRENT.sync_scope(self.id, || self.note(answer.status(), metrics));
    }

    fn note(self, status: StatusCode, metrics: &Metrics) {
        let took = self.at.elapsed();
        metrics.answered(self.operation, status.as_u16(), took);
        let name = metrics
            .requests()
            .get(self.operation)
            .map_or("", |of| of.operation.as_str());
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(operation = name, milliseconds, "a request met a fault of ours");
        } else {
            tracing::debug!(operation = name, status = status.as_u16(), milliseconds, "answered");
        }
    }
}

/// Answers each request under an id of its own, and counts it.
pub(crate) struct Watched<E> {
    /// Who answers.
    pub inner: E,
    /// What requests are for.
    pub operations: Arc<Operations>,
    /// Where they are counted.
    pub metrics: Arc<Metrics>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Watched<E> {
    type Output = Response;

    // Not an async function, and the rest boxed: this future is held for as long as an inbox waits, and need not hold the request as well.
    fn call(&self, request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        let Found { operation, allow } = self.operations.find(request.method(), request.uri().path());
        let begun = Begun::now(operation);
        let answer = begun.scope(Box::pin(self.inner.get_response(request)));
        async move {
            let mut answer = answer.await;
            if answer.status() == StatusCode::METHOD_NOT_ALLOWED
                && let Some(allow) = allow
            {
                answer.headers_mut().insert(header::ALLOW, allow.clone());
            }
            begun.answered(&mut answer, &self.metrics);
            Ok(answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_one_form() {
        let ids: Vec<_> = (0..1000).map(|_| RequestId::next().to_string()).collect();
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(
            ids.iter()
                .all(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        );
        assert_eq!(RequestId::current(), None);
        let id = RequestId::next();
        assert_eq!(id.header().unwrap(), id.to_string().as_str(), "one form everywhere");
    }
}
