//! The short way of an ordinary send.
//!
//! A framework takes a request apart for every handler alike: layers, extensions, a query as pairs of strings, a body as a stream in a stream, an
//! answer as a tree of JSON. For the one operation that a relay does all day that is most of what HTTP costs. So a send whose head alone shows
//! that nothing is unusual about it is read, given to the same services, and answered here.
//!
//! The rule that keeps this honest: **what is not plainly ordinary is not touched**. An unknown token, another spelling of a parameter, a length that is
//! not told or too large: the request goes on unread to the contract's own handler, so that each refusal has one place where it is made, takes one
//! way, and looks the same. What can still go wrong afterwards (rates, a slow body, a full mailbox) is decided by the services and put into words by
//! the functions that the handler uses.

mod query;

use std::{
    future::poll_fn,
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::FutureExt as _;
use hyper::body::{Body, Bytes};
use poem::{
    IntoResponse as _, Response,
    error::ReadBodyError,
    http::{
        HeaderValue, Method, Version,
        header::{AUTHORIZATION, CONTENT_TYPE, EXPECT},
    },
    web::RemoteAddr,
};
use protocol::address::UserName;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

pub(crate) use crate::http::fast_send::query::addressed;
use crate::{
    api::{mail::Stored, problem::ApiError, tokens},
    http::{
        admission::Shown,
        app::{explain, panicked},
        request_id::Begun,
        request_limits::{UNWANTED, origin},
    },
    model::{Bytes32, Envelope, MAX_ENVELOPE_BYTES, MailboxId, Principal, Sender},
    service::{Refusal, Services, rates::Network},
};

/// The operation's name in the contract, by which it is counted.
pub(crate) const OPERATION: &str = "send";
/// Its path.
const PATH: &str = "/v1/messages";
/// What a client of the contract says that an envelope is.
const OCTETS: &str = "application/octet-stream";

/// Takes ordinary sends.
pub(crate) struct ThinSend {
    services: Arc<Services>,
    /// Its number among the operations.
    operation: usize,
    /// How long a body may take.
    patience: Duration,
}

/// An ordinary send, as far as its head tells.
pub(crate) struct Ordinary {
    from: From,
    to: UserName,
    id: Uuid,
    /// What the head says of the body, 1 to [`MAX_ENVELOPE_BYTES`].
    length: usize,
    address: Option<Network>,
}

/// Who sends.
enum From {
    /// Somebody signed in.
    Session(Principal),
    /// The holder of a delivery token.
    Token(Bytes32),
}

impl Ordinary {
    /// What it shows of who sends: known to us.
    pub fn shown(&self) -> Shown {
        match self.from {
            From::Session(principal) => Shown::Account(principal.mailbox),
            From::Token(_) => Shown::TokenOf(MailboxId::of(&self.to)),
        }
    }

    /// How long its body is.
    pub const fn length(&self) -> usize {
        self.length
    }
}

impl ThinSend {
    /// For `services`; none if their operations have no send.
    pub fn new(services: Arc<Services>, patience: Duration) -> Option<Arc<Self>> {
        let operations = services.metrics().requests();
        let operation = operations.iter().position(|of| of.operation == OPERATION)?;
        Some(Arc::new(Self {
            services,
            operation,
            patience,
        }))
    }

    /// What the request is, if it is an ordinary send. Changes nothing: no rate is taken, nothing is read.
    pub fn ordinary(&self, request: &hyper::Request<impl Body>, peer: &RemoteAddr) -> Option<Ordinary> {
        let uri = request.uri();
        if request.method() != Method::POST
            || uri.path() != PATH
            || uri.authority().is_some()
            || request.version() != Version::HTTP_11
        {
            return None;
        }
        let length = usize::try_from(request.body().size_hint().exact()?).ok()?;
        if !(1..=MAX_ENVELOPE_BYTES).contains(&length) {
            return None;
        }
        let (mut authorization, mut token, mut kind) = (None, None, None);
        for (name, value) in request.headers() {
            if name == AUTHORIZATION {
                once(&mut authorization, value)?;
            } else if name == CONTENT_TYPE {
                once(&mut kind, value)?;
            } else if name == tokens::HEADER {
                once(&mut token, value)?;
            } else if name == EXPECT {
                return None;
            }
        }
        if kind.is_none_or(|kind| kind != OCTETS) {
            return None;
        }
        let (to, id) = addressed(uri.query()?)?;
        Some(Ordinary {
            from: self.sender(authorization, token, &to)?,
            to,
            id,
            length,
            address: origin(request.headers(), peer, &self.services.proxies),
        })
    }

    /// Who sends, if that is known in memory. With a delivery token no account is looked at.
    fn sender(&self, authorization: Option<&HeaderValue>, token: Option<&HeaderValue>, to: &UserName) -> Option<From> {
        if let Some(token) = token {
            let hash = tokens::shown(token)?;
            let known = self.services.tokens.recognise(MailboxId::of(to), &hash);
            return known.then_some(From::Token(hash));
        }
        let bearer = authorization?.to_str().ok()?.strip_prefix("Bearer ")?;
        Some(From::Session(self.services.sessions.recognise(bearer)?))
    }

    /// Answers it.
    pub async fn answer(
        &self,
        send: Ordinary,
        body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    ) -> Response {
        let begun = Begun::now(self.operation);
        let outcome = AssertUnwindSafe(self.stored(send, body, begun.at() + self.patience)).catch_unwind();
        let answer = async {
            match outcome.await {
                Ok(Ok(stored)) => stored.into_http(),
                Ok(Err(refused)) => refused,
                Err(_panic) => panicked(),
            }
        };
        let mut answer = begun.scope(answer).await;
        begun.answered(&mut answer, self.services.metrics());
        answer
    }

    /// In the order in which they are asked on the long way.
    fn admit(&self, send: &Ordinary) -> Result<(), Refusal> {
        self.services.rates.request(send.address, None)?;
        match &send.from {
            From::Session(session) => self.services.rates.account(session.mailbox),
            From::Token(_) => Ok(()),
        }
    }

    async fn stored(
        &self,
        send: Ordinary,
        body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
        deadline: Instant,
    ) -> Result<Stored, Response> {
        let refuse = |refusal: Refusal| ApiError::from(refusal).into_response();
        if let Err(refusal) = self.admit(&send) {
            // As on the long way: whoever is still sending is to see the answer.
            let _ = Box::pin(timeout(UNWANTED, skip(body))).await;
            return Err(refuse(refusal));
        }
        let envelope = read(body, send.length, deadline)
            .await
            .map_err(|error| explain(ReadBodyError::Io(error).into()))?;
        let envelope = Envelope::new(envelope).map_err(|error| refuse(error.into()))?;
        let from = match send.from {
            From::Session(session) => {
                // It may have ended while the body came. Boxed: hardly any is not known in memory.
                Box::pin(self.services.sessions.confirm(&session))
                    .await
                    .map_err(refuse)?;
                Sender::Account(session.mailbox)
            }
            From::Token(hash) => Sender::Token(hash),
        };
        let put = self.services.mailboxes.put(from, send.to, send.id, envelope, None);
        put.await.map(Stored::from).map_err(refuse)
    }
}

/// Keeps a header's only value; none when it has another.
fn once<'a>(kept: &mut Option<&'a HeaderValue>, value: &'a HeaderValue) -> Option<()> {
    kept.replace(value).is_none().then_some(())
}

/// The whole body, copied once. Most come with their head: a clock runs only for those that do not.
async fn read(
    body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    length: usize,
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    let mut whole = pin!(collect(body, length));
    match futures_util::poll!(whole.as_mut()) {
        Poll::Ready(bytes) => bytes,
        Poll::Pending => timeout_at(deadline, whole).await.map_err(io::Error::other)?,
    }
}

/// Takes the body for nothing.
async fn skip(mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin) {
    while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
}

async fn collect(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    length: usize,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // HTTP holds to the length that was announced: a body that ends early is an error, and one that does not end is cut.
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            // Only now: whoever announces much and sends nothing gets no room.
            if bytes.is_empty() {
                bytes.reserve_exact(length);
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
