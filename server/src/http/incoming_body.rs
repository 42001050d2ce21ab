//! A body on its way here, whose connection is told when all of it has arrived: from then on it is the relay that is waited for, not the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Frame, SizeHint};

use crate::http::admission::Guest;

/// The body of a request.
pub(crate) struct Arriving<B> {
    body: B,
    guest: Arc<Guest>,
}

impl<B> Arriving<B> {
    /// `body` as `guest` sends it.
    pub const fn new(body: B, guest: Arc<Guest>) -> Self {
        Self { body, guest }
    }
}

impl<B: Body + Unpin> Body for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            self.guest.has_asked();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
