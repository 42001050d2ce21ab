//! Rates by address and limits of bodies, before anything looks at a body and before anyone is authenticated.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use hyper::body::Bytes;
use poem::{Body, Endpoint, IntoResponse, Middleware, Request, Response, Result, http::HeaderMap, web::RemoteAddr};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    api::problem::{ApiError, Problem, ProblemCode},
    http::admission::{FREE_BYTES, Guest, Held},
    model::MAX_ENVELOPE_BYTES,
    proxies::Proxies,
    service::{
        Services,
        gate_keys::MAX_GATE_KEY_BYTES,
        rates::{Costly, Network},
    },
};

/// Everything that is not listed below: a few names, nonces and one signature, as base64.
const SMALL: usize = 16 * 1024;
/// A whole batch of 256 one-time prekeys is 410 KB, 547 KB as base64; the rest is the signed prekey and the identity key.
const KEYS: usize = 640 * 1024;
/// An envelope as base64, with its license.
const LIMITED: usize = MAX_ENVELOPE_BYTES / 3 * 4 + 16 * 1024;

/// A gate key is streamed to the disk, not held.
const GATE_KEY: usize = MAX_GATE_KEY_BYTES;
/// A gate key may take this much longer than other bodies: with two minutes for those, 31 MB at 280 kbit/s. Only so many are taken at once.
const GATE_KEY_PATIENCE: u32 = 8;

/// How long the rest of a body is taken that its handler did not want: any client's on an ordinary line is through by then.
pub(crate) const UNWANTED: Duration = Duration::from_secs(5);

fn limit(path: &str) -> usize {
    match path {
        "/v1/accounts" | "/v1/accounts/succession" | "/v1/keys" => KEYS,
        "/v1/messages" => MAX_ENVELOPE_BYTES,
        "/v1/messages/limited" | "/v1/messages/oblivious" => LIMITED,
        path if path.starts_with("/v1/gate-keys/") => GATE_KEY,
        _ => SMALL,
    }
}

/// The limits around an app.
pub(crate) struct BodyLimits {
    /// How long a body may take.
    pub patience: Duration,
    /// Who knows the rates.
    pub services: Arc<Services>,
}

impl<E: Endpoint> Middleware<E> for BodyLimits {
    type Output = Limited<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Limited {
            inner,
            patience: self.patience,
            services: Arc::clone(&self.services),
        }
    }
}

/// See [`BodyLimits`].
pub(crate) struct Limited<E> {
    inner: E,
    patience: Duration,
    services: Arc<Services>,
}

/// What costs us more than others.
fn costly(path: &str) -> Option<Costly> {
    match path {
        // Both verify two signatures or more, and leave a row.
        "/v1/accounts" | "/v1/accounts/succession" => Some(Costly::Register),
        "/v1/session" | "/v1/session/challenge" => Some(Costly::SignIn),
        _ => None,
    }
}

/// Where a request comes from, as far as limits are concerned.
pub(crate) fn origin(headers: &HeaderMap, peer: &RemoteAddr, proxies: &Proxies) -> Option<Network> {
    let peer = peer.as_socket_addr()?.ip();
    Some(proxies.client(headers, peer).into())
}

impl<E: Endpoint> Endpoint for Limited<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let path = request.uri().path();
        let address = origin(request.headers(), request.remote_addr(), &self.services.proxies);
        let admitted = self.services.rates.request(address, costly(path));
        let limit = limit(path);
        let refuse =
            || Problem::new(ProblemCode::TooLarge, format!("the body may have {limit} bytes here")).into_http();
        let announced = request
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit as u64) {
            return Ok(match admitted {
                Ok(()) => refuse(),
                Err(refusal) => ApiError::from(refusal).into_response(),
            });
        }
        // Who asks whether it may send is answered no before it does.
        let comes = announced != Some(0) && request.header("expect").is_none();
        if let Err(refusal) = admitted {
            if comes {
                drain(request.take_body().into_bytes_stream().boxed(), limit).await;
            }
            return Ok(ApiError::from(refusal).into_response());
        }
        let counted = Arc::new(Counted::default());
        let mut rest = None;
        if announced != Some(0) {
            let (give_back, given_back) = oneshot::channel();
            rest = Some(given_back).filter(|_| comes);
            let guest = request.extensions().get::<Arc<Guest>>().cloned();
            let chunks = Lent {
                chunks: Some(request.take_body().into_bytes_stream().boxed()),
                give_back: Some(give_back),
                guest: guest.clone(),
            };
            // A gate key is not held in memory.
            let guest = guest.filter(|_| limit != GATE_KEY);
            request.set_body(bounded(chunks, limit, self.patience, guest, Arc::clone(&counted)));
        }
        let answer = self.inner.call(request).await;
        // Now its memory is given back, with what the handler made of it.
        if counted.exceeded.load(Ordering::Relaxed) {
            return Ok(refuse());
        }
        if let Some(Ok(chunks)) = rest.map(|mut rest| rest.try_recv()) {
            drain(chunks, limit).await;
        }
        if counted.no_memory.load(Ordering::Relaxed) {
            let detail = "too many large bodies are being received from other clients; nothing was changed";
            return Ok(Problem::new(ProblemCode::Busy, detail).into_http());
        }
        answer.map(IntoResponse::into_response)
    }
}

/// The pieces of a body.
type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// A body while it is being read; what nobody read of it is given back.
struct Lent {
    chunks: Option<Chunks>,
    give_back: Option<oneshot::Sender<Chunks>>,
    /// Whose it is, to be told when all of it is here.
    guest: Option<Arc<Guest>>,
}

impl Lent {
    /// The next piece. After the last one, or an error, there is nothing to give back.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(chunks) = &mut self.chunks else {
            return Ok(None);
        };
        match chunks.next().await {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            last => {
                self.chunks = None;
                if let (None, Some(guest)) = (&last, &self.guest) {
                    guest.has_asked();
                }
                last.transpose()
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(chunks), Some(give_back)) = (self.chunks.take(), self.give_back.take()) {
            // Nobody takes it any more: then the connection is over as well.
            let _ = give_back.send(chunks);
        }
    }
}

/// Takes the rest of a body that its handler did not want, for a while. A connection on which something is still coming would be reset, and a client, or a proxy
/// in between, that is still sending may then never see the answer: nginx makes 502 of each such refusal.
async fn drain(mut chunks: Chunks, mut left: usize) {
    let all = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = timeout(UNWANTED, all).await;
}

/// What became of a body, and the memory that is held for it until it is answered.
#[derive(Default)]
struct Counted {
    exceeded: AtomicBool,
    no_memory: AtomicBool,
    held: Mutex<Option<Held>>,
}

impl Counted {
    /// Memory for so many bytes more.
    fn hold(&self, bytes: usize, guest: &Arc<Guest>) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let there = match &mut *held {
            Some(held) => held.grow(bytes),
            none => {
                *none = guest.hold(bytes);
                none.is_some()
            }
        };
        if !there {
            self.no_memory.store(true, Ordering::Relaxed);
            return Err(io::Error::other("there is no memory for the body"));
        }
        Ok(())
    }
}

/// The body with an end: in bytes (what was announced is held to by HTTP, what was not is counted as it comes), in time, and in what all bodies together take.
fn bounded(body: Lent, limit: usize, patience: Duration, guest: Option<Arc<Guest>>, counted: Arc<Counted>) -> Body {
    let patience = if limit == GATE_KEY {
        patience * GATE_KEY_PATIENCE
    } else {
        patience
    };
    let deadline = Instant::now() + patience;
    let state = (body, 0, guest, counted);
    Body::from_bytes_stream(stream::try_unfold(
        state,
        move |(mut chunks, before, guest, counted)| async move {
            let chunk = match timeout_at(deadline, chunks.next()).await {
                Ok(chunk) => chunk?,
                Err(over) => {
                    // It had its time, and gets no more of it.
                    drop(chunks.chunks.take());
                    return Err(io::Error::other(over));
                }
            };
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            let read = before + chunk.len();
            if read > limit {
                counted.exceeded.store(true, Ordering::Relaxed);
                return Err(io::Error::other("the body is too large"));
            }
            if let Some(guest) = &guest
                && read > FREE_BYTES
            {
                counted.hold(read - before.max(FREE_BYTES), guest)?;
            }
            Ok(Some((chunk, (chunks, read, guest, counted))))
        },
    ))
}
