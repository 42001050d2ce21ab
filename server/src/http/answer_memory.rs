//! Memory for answers on their way: held until the last byte of an answer is with the system.
//!
//! Most answers may be withheld when there is none: what was asked is asked again with the same ids, and answered again. What gives something away that is gone by that
//! (a one-time prekey, whose sends were refused) reserves the memory first ([`reserve`]), and is not done without it. Answers of plays and of sessions are never so large that memory is held
//! for them.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::{Request, Response};

use crate::{
    api::problem::{Problem, ProblemCode},
    http::{
        admission::{FREE_BYTES, Guest, Held},
        request_id,
    },
};

/// In an answer's extensions: its body is one that all clients share, so that no memory is held for this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared;

/// Who asks, if that is known: a test may ask without a connection.
pub(crate) fn guest(request: &Request) -> Option<Arc<Guest>> {
    request.extensions().get().cloned()
}

/// Memory for an answer of so many bytes at most, before what is asked for is done. False when there is none to be had.
pub(crate) fn reserve(guest: Option<&Arc<Guest>>, most: usize) -> bool {
    most <= FREE_BYTES || guest.is_none_or(|guest| guest.reserve(most))
}

/// The answer, if there is memory for it until the client has taken it; or that there is none.
pub(crate) fn held<B>(answer: Response, guest: &Arc<Guest>) -> hyper::Response<OnItsWay<B>>
where
    B: Body<Data = Bytes, Error = io::Error> + Unpin,
    hyper::Response<B>: From<Response>,
{
    let answer = hyper::Response::from(answer);
    // For an answer that is small after all it is given back here.
    let reserved = guest.reserved();
    let bytes = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX / 2);
    if bytes <= FREE_BYTES || answer.extensions().get::<Shared>().is_some() {
        return answer.map(|body| OnItsWay { body, held: None });
    }
    let held = match reserved {
        Some(mut held) => held.fit(bytes).then_some(held),
        None => guest.hold(bytes),
    };
    if let Some(held) = held {
        return answer.map(|body| OnItsWay { body, held: Some(held) });
    }
    // What was asked is done by now. It may be asked again with the same ids: nothing is lost.
    let mut busy = Problem::new(
        ProblemCode::Busy,
        "too many large answers are being sent to other clients, so this one is withheld; what was asked may have been done, and may be asked again",
    );
    let id = answer.headers().get(request_id::HEADER);
    busy.request_id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut refusal = busy.into_http();
    // Which request it is to, and which page may read it.
    for (name, value) in answer.headers() {
        refusal.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    hyper::Response::from(refusal).map(|body| OnItsWay { body, held: None })
}

/// A body whose memory is given back when the bytes are gone.
pub(crate) struct OnItsWay<B> {
    body: B,
    held: Option<Held>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for OnItsWay<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // Ours are whole in one frame, which HTTP keeps until it is written.
        match (frame, self.body.is_end_stream()) {
            (Poll::Ready(Some(Ok(frame))), true) => match self.held.take() {
                Some(held) => Poll::Ready(Some(Ok(
                    frame.map_data(|bytes| Bytes::from_owner(Kept { bytes, _held: held }))
                ))),
                None => Poll::Ready(Some(Ok(frame))),
            },
            (frame, _) => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes with the memory that is held for them.
struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
