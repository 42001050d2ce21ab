//! Bytes that travel as text.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that are standard base64, with padding, on the wire.
///
/// Some of them are shares of keys and capabilities, so all of them are treated alike: wiped on drop and not shown by `Debug`. `Display` is the wire
/// form.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Base64(Vec<u8>);

/// A field with fewer or more bytes than it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the relay sent {found} bytes where {expected} belong; it may be of another version")]
pub struct WrongLength {
    /// What the field must have.
    pub expected: usize,
    /// What it has.
    pub found: usize,
}

impl Base64 {
    /// The bytes, taken out.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// The bytes as an array.
    ///
    /// # Errors
    /// [`WrongLength`] when there are not exactly `N`.
    pub fn to_array<const N: usize>(&self) -> Result<[u8; N], WrongLength> {
        self.0.as_slice().try_into().map_err(|_| WrongLength {
            expected: N,
            found: self.0.len(),
        })
    }
}

impl Deref for Base64 {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64 {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Base64 {
    fn from(mut bytes: [u8; N]) -> Self {
        let held = Self(bytes.to_vec());
        bytes.zeroize();
        held
    }
}

impl<const N: usize> From<&[u8; N]> for Base64 {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Display for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        base64::display::Base64Display::new(&self.0, &STANDARD).fmt(f)
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl FromStr for Base64 {
    type Err = base64::DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        STANDARD.decode(text).map(Self)
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Base64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("standard base64 with padding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Base64, E> {
                // Without the text: it may be a secret, and errors are logged.
                text.parse().map_err(|_| E::custom("not standard base64 with padding"))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn the_wire_form_is_rfc_4648() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in cases {
            let value = Base64::from(bytes.as_bytes());
            assert_eq!(value.to_string(), text);
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Base64>(&json).unwrap(), value);
        }
    }

    #[test]
    fn other_spellings_are_refused_and_not_repeated_in_the_error() {
        for text in ["Zg", "Zg=", "Zh==", "Z g=", "Zm9v\n", "-_-_"] {
            assert!(text.parse::<Base64>().is_err(), "{text:?}");
        }
        let error = serde_json::from_str::<Base64>("\"secret!\"").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn debug_shows_only_the_length() {
        assert_eq!(format!("{:?}", Base64::from([0x41; 32])), "Base64(32 bytes)");
    }

    #[test]
    fn arrays_have_their_length() {
        let value = Base64::from([7; 32]);
        assert_eq!(value.to_array::<32>(), Ok([7; 32]));
        assert_eq!(
            value.to_array::<16>(),
            Err(WrongLength {
                expected: 16,
                found: 32
            })
        );
        assert_eq!(value.into_vec(), vec![7; 32]);
    }
}
