//! A stream that takes only so much until the handshake is done.
//!
//! The TLS library collects a handshake message of up to 64 KiB before it looks at it. A stranger who sends one without its end would hold that much for as
//! long as a handshake may take.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client may send until the handshake is done: a hello with a share for X25519MLKEM768 has 2 KB, twice if it is asked again, and little comes after it.
const MOST: usize = 16 << 10;

/// A stream that ends with an error when more is read before the handshake is done.
pub struct Greeting<S> {
    stream: S,
    /// How much may still be read; none once there is no limit any more.
    left: Option<usize>,
}

impl<S> Greeting<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            left: Some(MOST),
        }
    }

    /// The handshake is done.
    pub(super) const fn is_over(&mut self) {
        self.left = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeting<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        if let Some(left) = self.left {
            let Some(left) = left.checked_sub(read) else {
                return Poll::Ready(Err(io::Error::other("the handshake is too long")));
            };
            self.left = Some(left);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeting<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn so_much_and_no_more_until_it_is_over() {
        let endless = [0; MOST * 2];
        let mut greeting = Greeting::new(&endless[..]);
        greeting.read_exact(&mut [0; MOST]).await.unwrap();
        greeting.read_exact(&mut [0; 1]).await.unwrap_err();
        let mut greeting = Greeting::new(&endless[..]);
        greeting.is_over();
        greeting.read_exact(&mut [0; MOST * 2]).await.unwrap();
    }
}
