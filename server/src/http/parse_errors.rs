//! Answers to what is no request: the HTTP library's own, explained.
//!
//! The library takes a request for any number of hosts; HTTP/1.1 wants one of each, named once (RFC 9112, section 3.2). What names none or several is refused here, in the library's way.
//!
//! A head that does not parse, or is too long, never becomes a request. The library answers it with a bare status and closes; nothing else is told of it. So its
//! answer is recognised on its way out, by being nothing but such a status, which no answer of ours is (each has a request id), and gets the body that every
//! error of the relay has. It has no headers for pages of other origins: which origin a page has is in a head, and this one could not be read. To a page, a head like that is a failed request, as in
//! front of a relay that is not there; browsers make none but by a URL or headers of more than 16 KiB. After that, what the client still sends is read for a moment and thrown away: a connection that is closed with unread bytes is reset, and the client would never see why.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    str,
    task::{Context, Poll, ready},
    time::Duration,
};

use poem::{
    Response,
    http::{
        HeaderMap, StatusCode, Version,
        header::{CONNECTION, HOST},
        uri::Authority,
    },
};
use poem_openapi::types::ToJSON as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::{
    api::problem::{Problem, ProblemCode},
    http::{
        admission::FREE_BYTES,
        request_id::{self, RequestId},
    },
};

/// The largest head of a request: ours have less than 1 KiB, a browser's seldom 8. It is what a connection buffers at most for reading, and keeps while it idles.
pub(crate) const MAX_HEAD: usize = FREE_BYTES;
/// How much of what a refused client goes on to send is read: what it had under way when the answer left.
const LINGER_BYTES: usize = 512 << 10;
/// For how long.
const LINGER: Duration = Duration::from_secs(2);
/// How much of it at a time.
const PIECE: usize = 4 << 10;
/// An automatic answer is some 120 bytes long: two or three headers.
const LONGEST: usize = 256;

/// A connection whose automatic answers are explained.
pub(crate) struct Explained<S> {
    stream: S,
    /// Nothing of a new head has been read yet.
    before_head: bool,
    /// The request asks for a head alone, so that an answer has no body.
    head_only: bool,
    /// The head's first line was longer than what has been read of it.
    first_line: bool,
    refusal: Option<Box<Refusal>>,
}

/// An answer of ours that takes the place of an automatic one.
struct Refusal {
    bytes: Vec<u8>,
    written: usize,
    /// Once nothing is written any more: how much has been thrown away, and until when that goes on.
    lingering: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Explained<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            before_head: true,
            head_only: false,
            first_line: true,
            refusal: None,
        }
    }

    /// Looks at what was read, as far as an answer depends on it.
    fn read(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.before_head {
            self.before_head = false;
            self.first_line = true;
            self.head_only = bytes.starts_with(b"HEAD ");
        }
        if self.first_line {
            self.first_line = !bytes.contains(&b'\n');
        }
    }

    /// Takes an automatic answer; false when it is none.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        self.before_head = true;
        let Some((status, date)) = automatic(bytes) else {
            return false;
        };
        // To the library a line that does not end is a head that is too large.
        let status = if status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE && self.first_line {
            StatusCode::URI_TOO_LONG
        } else {
            status
        };
        self.refusal = Some(Box::new(Refusal {
            bytes: answer(status, date, self.head_only),
            written: 0,
            lingering: None,
        }));
        true
    }
}

/// Whether a request says to whom it goes, as HTTP wants it (RFC 9112, section 3.2): once, by a host, and only HTTP/1.0 may leave it out. Of two, or of what is no host, a proxy may
/// have read another one.
pub(crate) fn names_its_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host
            .to_str()
            .is_ok_and(|host| !host.contains('@') && host.parse::<Authority>().is_ok()),
        (Some(_), Some(_)) => false,
    }
}

/// What a request without a host gets: bare as the library's own, so that it is explained like them, and what its client still sends is read.
pub(crate) fn bare() -> Response {
    Response::builder()
        .status(StatusCode::BAD_REQUEST)
        .header(CONNECTION, "close")
        .finish()
}

/// The status of an automatic answer, and its date, if that is what this is.
fn automatic(bytes: &[u8]) -> Option<(StatusCode, Option<&str>)> {
    let status = match bytes.get(9..12)? {
        b"400" => StatusCode::BAD_REQUEST,
        b"414" => StatusCode::URI_TOO_LONG,
        b"431" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    if bytes.len() > LONGEST || !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let head = str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut date = None;
    for line in head.split("\r\n").skip(1) {
        match line.split_once(": ")? {
            ("content-length", "0") | ("connection", "close") => {}
            ("date", value) => date = Some(value),
            _ => return None,
        }
    }
    Some((status, date))
}

fn answer(status: StatusCode, date: Option<&str>, head_only: bool) -> Vec<u8> {
    let (code, detail) = match status {
        StatusCode::BAD_REQUEST => (
            ProblemCode::BadRequest,
            "this is not a valid HTTP/1.1 request: it must parse, and have exactly one Host header, with a host in it"
                .to_owned(),
        ),
        StatusCode::URI_TOO_LONG => (ProblemCode::TooLarge, "the request's first line is too long".to_owned()),
        _ => (
            ProblemCode::TooLarge,
            format!("a request's head may have {} bytes and 100 headers", MAX_HEAD),
        ),
    };
    let id = RequestId::next();
    let mut problem = Problem::new(code, detail);
    problem.status = status.as_u16();
    problem.request_id = Some(id.to_string());
    tracing::debug!(request = %id, status = status.as_u16(), "what came is no request");
    let body = problem.to_json_string();
    let date = date.map_or_else(String::new, |date| format!("date: {date}\r\n"));
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n{}: {id}\r\n{date}\r\n",
        body.len(),
        request_id::HEADER,
    );
    let mut bytes = head.into_bytes();
    if !head_only {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

impl<S: AsyncRead + AsyncWrite + Unpin> Explained<S> {
    /// Writes what is left of the answer.
    fn poll_refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(Ok(()));
        };
        while let Some(rest) = refusal.bytes.get(refusal.written..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            refusal.written += written;
        }
        Poll::Ready(Ok(()))
    }

    /// Throws away what a refused client still sends.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(());
        };
        let (thrown_away, over) = refusal.lingering.get_or_insert_with(|| (0, Box::pin(sleep(LINGER))));
        let mut piece = [0; PIECE];
        while *thrown_away < LINGER_BYTES && over.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *thrown_away += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read(buffer.filled().get(before..).unwrap_or_default());
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refuse(cx))?;
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refuse(cx))?;
        // An automatic answer comes alone; what comes with others has to stay as it is.
        if let [alone] = slices
            && self.takes(alone)
        {
            return Poll::Ready(Ok(alone.len()));
        }
        self.before_head = true;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refuse(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refuse(cx))?;
        if self.refusal.as_ref().is_none_or(|refusal| refusal.lingering.is_none()) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        ready!(self.poll_linger(cx));
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: Mon, 30 Nov 2026 09:00:00 GMT\r\n\r\n";

    #[test]
    fn automatic_answers_are_told_from_ours() {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        assert_eq!(automatic(BARE), Some((status, Some("Mon, 30 Nov 2026 09:00:00 GMT"))));
        let text = str::from_utf8(BARE).unwrap();
        for ours in [
            text.replace("date", "x-request-id"),
            text.replace("length: 0", "length: 1"),
            text.replace("431", "404"),
            format!("{text}x"),
            format!("x{text}"),
            text.replace("\r\n\r\n", "\r\n"),
            text.replace("connection", &"c".repeat(LONGEST)),
        ] {
            assert_eq!(automatic(ours.as_bytes()), None, "{ours}");
        }
        for short in 0..BARE.len() {
            assert_eq!(automatic(&BARE[..short]), None, "{short} bytes");
        }
    }
}
