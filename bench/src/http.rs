//! As little of an HTTP/1.1 client as load needs: one connection, one request at a time, answers with a Content-Length.
//!
//! A full client would cost more processor time than the servers it measures, on the same two cores, and would hide what differs.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Bytes of head and body.
    pub length: usize,
    pub body: Vec<u8>,
}

impl Answer {
    /// Anything but 200 is an error with what was said.
    pub fn expect_ok(&self) -> Result<()> {
        if self.status == 200 {
            return Ok(());
        }
        bail!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body));
    }
}

/// A kept-alive connection.
pub struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

/// The relay's longest answer is about 1 MiB; more than this is not an answer.
const MAX_ANSWER: usize = 16 << 20;

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host)
            .await
            .with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: host.to_owned(),
            buffer: Vec::new(),
        })
    }

    /// Sends `method path` with further header lines (each ending in CRLF) and a body, and reads the answer.
    pub async fn request(&mut self, method_and_path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        self.ask(method_and_path, headers, body).await?;
        self.answer().await
    }

    /// Sends a request and does not wait for the answer.
    pub async fn ask(&mut self, method_and_path: &str, headers: &str, body: &[u8]) -> Result<()> {
        self.buffer.clear();
        let host = &self.host;
        let head = format!(
            "{method_and_path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.buffer.extend_from_slice(head.as_bytes());
        self.buffer.extend_from_slice(body);
        self.stream.write_all(&self.buffer).await?;
        Ok(())
    }

    async fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..head_end]).context("the answer's head is not text")?;
        let (status, length) = parse_head(head)?;
        while self.buffer.len() < head_end + length {
            self.read_more().await?;
        }
        Ok(Answer {
            status,
            length: head_end + length,
            body: self.buffer[head_end..head_end + length].to_vec(),
        })
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.buffer.len() > MAX_ANSWER {
            bail!("an answer of more than {MAX_ANSWER} bytes");
        }
        self.buffer.reserve(64 * 1024);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed within an answer");
        }
        Ok(())
    }
}

/// Status and Content-Length.
fn parse_head(head: &str) -> Result<(u16, usize)> {
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .context("the answer has no status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("the answer has no Content-Length")?;
    Ok((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed() {
        assert_eq!(
            parse_head("HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 12\r\n\r\n").unwrap(),
            (200, 12)
        );
        assert!(parse_head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(parse_head("nonsense\r\n\r\n").is_err());
    }
}
