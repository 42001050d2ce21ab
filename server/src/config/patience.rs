//! How long clients may take, each part of a request for itself.

use std::time::Duration;

/// How long clients may take. What takes longer is a connection held for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a TLS handshake: three messages, on the slowest line there is.
    pub handshake: Duration,
    /// For a request's head, and how long a connection may idle between two requests. Longer than common clients keep idle connections (90 s),
    /// so that it is they who close and no request meets a closing door. It does not run while a request waits for mail.
    pub head: Duration,
    /// For a body: 640 KiB in this time is 43 kbit/s.
    pub body: Duration,
    /// Without taking a single byte of an answer.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(120),
            body: Duration::from_secs(120),
            write: Duration::from_secs(60),
        }
    }
}
