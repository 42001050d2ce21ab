//! Memory for answers on their way: held until the last byte of an answer is with the system.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::Response;

use crate::{
    api::problem::{Problem, ProblemCode},
    places::{FREE_BYTES, Guest, Held},
    requests,
};

/// In an answer's extensions: its body is one that all clients share, so that no memory is held for this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared;

/// The answer, if there is memory for it until the client has taken it; or that there is none.
pub(crate) fn held<B>(answer: Response, guest: &Arc<Guest>) -> hyper::Response<OnItsWay<B>>
where
    B: Body<Data = Bytes, Error = io::Error> + Unpin,
    hyper::Response<B>: From<Response>,
{
    let answer = hyper::Response::from(answer);
    let bytes = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX / 2);
    if bytes <= FREE_BYTES || answer.extensions().get::<Shared>().is_some() {
        return answer.map(|body| OnItsWay { body, held: None });
    }
    if let Some(held) = guest.hold(bytes) {
        return answer.map(|body| OnItsWay { body, held: Some(held) });
    }
    // What was asked may be asked again with the same ids: nothing is lost.
    let mut busy = Problem::new(
        ProblemCode::Busy,
        "too many large answers are on their way to other clients",
    );
    let id = answer.headers().get(requests::HEADER);
    busy.request_id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut refusal = busy.into_http();
    if let Some(id) = id {
        refusal.headers_mut().insert(requests::HEADER, id.clone());
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
