//! A stream that gives up on a peer who does not take what is written, and notes how much is moved.
//!
//! Without it a client that asks for its mail and never reads the answer holds the connection, and the answer in memory, for as long as it likes.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::http::admission::Guest;

/// A stream whose writes fail when nothing could be written for as long as `patience`.
pub(crate) struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// Whose headway it is.
    guest: Arc<Guest>,
    /// Runs while a write waits. Made only then: most connections wait for requests, and there are many.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    pub(crate) fn new(stream: S, patience: Duration, guest: Arc<Guest>) -> Self {
        Self {
            stream,
            patience,
            guest,
            stalled: None,
        }
    }

    /// `outcome`, unless that has been "not yet" for too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        self.stalled = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The same for a write.
    fn written(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &outcome {
            self.guest.moved(*bytes);
        }
        self.bounded(cx, outcome)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.guest.moved(read);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http::admission::Places;

    fn impatient<S>(stream: S, patience: Duration) -> Impatient<S> {
        let place = Places::new(1, None).take(None).unwrap();
        Impatient::new(stream, patience, Arc::clone(place.guest()))
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let patience = Duration::from_millis(20);
        let error = impatient(ours, patience).write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_reader_is_served_as_long_as_it_reads() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let patience = Duration::from_secs(1);
        let begun = tokio::time::Instant::now();
        let reader = tokio::spawn(async move {
            for _ in 0..15 {
                sleep(patience / 10).await;
                theirs.read_exact(&mut [0; 16]).await.unwrap();
            }
        });
        impatient(ours, patience).write_all(&[0; 240]).await.unwrap();
        reader.await.unwrap();
        assert!(begun.elapsed() > patience, "the whole may take longer than each part");
    }
}
