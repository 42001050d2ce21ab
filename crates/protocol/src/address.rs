//! Who and where: `name@relay`, parsed once at the edge.

use std::fmt;
use std::str::FromStr;

/// Longest user name in bytes. Enough for people, short enough for one line of a terminal and for a path segment.
pub const MAX_USER_NAME: usize = 32;
/// Longest relay name in bytes; half of what DNS would allow, far more than hosts in use.
pub const MAX_RELAY_NAME: usize = 128;
/// Longest address in bytes.
pub const MAX_ADDRESS: usize = MAX_USER_NAME + 1 + MAX_RELAY_NAME;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Empty or too long.
    #[error("a user name has 1 to {MAX_USER_NAME} characters")]
    Length,
    /// A character outside the alphabet.
    #[error("a user name is made of a-z, 0-9, '_', '.' and '-', in lower case and without spaces")]
    Alphabet,
    /// A relay name that is empty or too long.
    #[error("a relay name has 1 to {MAX_RELAY_NAME} characters")]
    RelayLength,
    /// A character outside the alphabet of relay names.
    #[error("a relay name, after the @, is a host in lower case, with its port if it has one")]
    RelayAlphabet,
    /// Begins with punctuation or holds two dots in a row; such names look like paths and options.
    #[error("a name begins with a letter or digit and holds no two dots in a row")]
    Shape,
    /// No `@` between the name and the relay.
    #[error("an address has the form name@relay")]
    NoRelay,
}

/// A user's name on a relay: `[a-z0-9_.-]{1,32}`, the first character a letter or digit, no `..`. A `UserName` that exists is valid.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_USER_NAME {
            return Err(NameError::Length);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'))
        {
            return Err(NameError::Alphabet);
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || text.contains("..") {
            return Err(NameError::Shape);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name a relay goes by: a lower-case host, optionally with a port. It is part of every address on that relay, so it stays what it is
/// when the relay moves to another machine.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayName(String);

impl RelayName {
    /// Parses a relay's name.
    ///
    /// # Errors
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_RELAY_NAME {
            return Err(NameError::RelayLength);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
        {
            return Err(NameError::RelayAlphabet);
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') || text.contains("..") {
            return Err(NameError::Shape);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `name@relay`: what an identity key speaks for. Its text is hashed into every fingerprint and transcript.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Puts an address together.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // reads better at every call than two borrows
    pub fn new(user: UserName, relay: RelayName) -> Self {
        Self {
            at: user.0.len(),
            text: format!("{}@{}", user.0, relay.0),
        }
    }

    /// Parses `name@relay`.
    ///
    /// # Errors
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (user, relay) = text.split_once('@').ok_or(NameError::NoRelay)?;
        Ok(Self::new(UserName::parse(user)?, RelayName::parse(relay)?))
    }

    /// The part before the `@`.
    #[must_use]
    pub fn user(&self) -> UserName {
        UserName(self.text[..self.at].to_owned())
    }

    /// The part after the `@`.
    #[must_use]
    pub fn relay(&self) -> RelayName {
        RelayName(self.text[self.at + 1..].to_owned())
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Self, crate::error::DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| crate::error::DecodeError::BadName)?;
        Self::parse(text).map_err(|_| crate::error::DecodeError::BadName)
    }
}

macro_rules! text_type {
    ($name:ident, $field:tt) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.$field)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.$field)
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.$field
            }
        }
        // In records it is its text, and what is read back is parsed: a name that is none does not come in by this door either.
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.$field)?.ok()
            }
        }
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::parse(d.str()?).map_err(minicbor::decode::Error::custom)
            }
        }
    };
}
text_type!(UserName, 0);
text_type!(RelayName, 0);
text_type!(Address, text);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_not_cleaned() {
        for good in ["a", "0", "alice", "a.b-c_d", "x".repeat(32).as_str(), "a-"] {
            assert_eq!(UserName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", NameError::Length),
            (&*"x".repeat(33), NameError::Length),
            ("Alice", NameError::Alphabet),
            ("../etc", NameError::Alphabet),
            ("a/b", NameError::Alphabet),
            ("a\\b", NameError::Alphabet),
            ("a\0b", NameError::Alphabet),
            ("a%2fb", NameError::Alphabet),
            ("ä", NameError::Alphabet),
            ("a b", NameError::Alphabet),
            (".", NameError::Shape),
            ("..", NameError::Shape),
            ("a..b", NameError::Shape),
            ("-rf", NameError::Shape),
            ("_a", NameError::Shape),
        ] {
            assert_eq!(UserName::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn relays_are_hosts() {
        let longest = "x".repeat(MAX_RELAY_NAME);
        for good in ["a", "0", "relay.example:5000", "[::1]:5000", "a-b", longest.as_str()] {
            assert_eq!(
                RelayName::parse(good).map(|name| name.as_str().to_owned()),
                Ok(good.to_owned())
            );
        }
        for (bad, why) in [
            ("", NameError::RelayLength),
            (&*"x".repeat(MAX_RELAY_NAME + 1), NameError::RelayLength),
            (&*"x".repeat(MAX_RELAY_NAME + 2), NameError::RelayLength),
            ("Relay", NameError::RelayAlphabet),
            ("a/b", NameError::RelayAlphabet),
            (".a", NameError::Shape),
            ("-a", NameError::Shape),
            (":80", NameError::Shape),
            ("a..b", NameError::Shape),
        ] {
            assert_eq!(RelayName::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn addresses_split_at_the_first_at() {
        let a = Address::parse("alice@relay.example:5000").unwrap();
        assert_eq!((a.user().as_str(), a.relay().as_str()), ("alice", "relay.example:5000"));
        assert_eq!(Address::parse("alice"), Err(NameError::NoRelay));
        assert_eq!(Address::parse("alice@b@c"), Err(NameError::RelayAlphabet));
        assert_eq!(Address::parse("alice@"), Err(NameError::RelayLength));
    }
}
