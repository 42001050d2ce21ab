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
    http::{
        admission::{FREE_BYTES, Guest, Held},
        request_id,
    },
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
mod tests {
    use std::future::poll_fn;

    use poem::http::header;

    use super::*;
    use crate::{
        http::admission::{MOST_BYTES, Place, Places, Shown},
        model::MailboxId,
    };

    fn known(places: &Arc<Places>, n: u8) -> Place {
        let place = places.take(None).unwrap();
        place.guest().recognise(Shown::Account(MailboxId::from_bytes([n; 16])));
        place
    }

    fn large() -> Response {
        Response::builder()
            .header(request_id::HEADER, "0123456789abcdef")
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://chat.example")
            .content_type("text/plain")
            .body(vec![b'x'; FREE_BYTES + 1])
    }

    #[tokio::test]
    async fn without_memory_an_answer_is_busy_and_says_to_what_and_to_whom() {
        let places = Places::new(10, None);
        let (holder, asker) = (known(&places, 1), known(&places, 2));
        let all = holder.guest().hold(MOST_BYTES).unwrap();
        let mut refused = held(large(), asker.guest());
        assert_eq!(refused.status(), 503);
        let headers = refused.headers().clone();
        assert_eq!(headers[request_id::HEADER], "0123456789abcdef");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://chat.example");
        assert_eq!(headers[header::RETRY_AFTER], "1");
        assert!(
            headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("application/json")
        );
        let frame = poll_fn(|cx| Pin::new(refused.body_mut()).poll_frame(cx))
            .await
            .unwrap()
            .unwrap();
        let body: serde_json::Value = serde_json::from_slice(&frame.into_data().unwrap()).unwrap();
        assert_eq!(
            (&body["code"], &body["request_id"]),
            (&"busy".into(), &"0123456789abcdef".into())
        );
        // What all share takes no memory.
        let mut shared = large();
        shared.extensions_mut().insert(Shared);
        assert_eq!(held(shared, asker.guest()).status(), 200);
        drop(all);
        assert_eq!(held(large(), asker.guest()).status(), 200);
    }

    #[tokio::test]
    async fn memory_is_held_until_the_last_byte_is_gone() {
        let places = Places::new(10, None);
        let (holder, asker) = (known(&places, 1), known(&places, 2));
        let _rest = holder.guest().hold(MOST_BYTES - FREE_BYTES - 1).unwrap();
        let mut answer = held(large(), asker.guest());
        assert_eq!(answer.status(), 200);
        assert!(holder.guest().hold(1).is_none());
        let frame = poll_fn(|cx| Pin::new(answer.body_mut()).poll_frame(cx))
            .await
            .unwrap()
            .unwrap();
        drop(answer);
        let mut bytes = frame.into_data().unwrap();
        let first = bytes.split_to(1);
        drop(bytes);
        assert!(holder.guest().hold(1).is_none(), "a byte is left");
        drop(first);
        assert!(holder.guest().hold(1).is_some());
    }
}
