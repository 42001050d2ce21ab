//! Who the client speaks for.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A bearer token, or the code of an invitation. Wiped on drop; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token(String);

impl Token {
    /// The token as it goes onto the wire. It is a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// The token of a client and all its clones, or none.
///
/// It stays behind when a send shows a delivery token: that is there so that the relay does not learn which account sends.
///
/// It goes along only with the operations whose contract asks for it: a play or the inspection of a license is proved by a capability, and sending the
/// token with it would tell the relay which account it is.
#[derive(Clone, Default)]
pub struct Session(Arc<RwLock<Option<Token>>>);

impl Session {
    /// Uses `token` from here on.
    pub fn sign_in(&self, token: Token) {
        *self.0.write() = Some(token);
    }

    /// Forgets the token. The relay is told by `Client::sign_out`.
    pub fn forget(&self) {
        *self.0.write() = None;
    }

    /// Whether there is a token. It may have expired.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.0.read().is_some()
    }

    /// The header, if there is a token.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, NotAHeader> {
        let held = self.0.read();
        let Some(token) = held.as_ref() else {
            return Ok(None);
        };
        let text = Zeroizing::new(format!("Bearer {}", token.expose()));
        let mut header = HeaderValue::from_str(&text).map_err(|_| NotAHeader)?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

pub(crate) struct NotAHeader;

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_signed_in() {
            "Session(signed in)"
        } else {
            "Session(signed out)"
        })
    }
}
