//! The code of an invitation. The relay keeps its hash; the code is with the operator, who prints it once, and with who is invited.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    model::Bytes32,
    service::{Refusal, fill},
};

/// Bytes of a code: 128 bits, so that guessing one is hopeless without any limit on attempts.
const BYTES: usize = 16;
const LABEL: &[u8] = b"latchkey/1/invite";
/// What stands before the code in a link's fragment, which browsers do not send: so it is in no log of a server.
pub const FRAGMENT: &str = "invite=";

/// A code. It shows itself in a link, and nowhere else.
pub struct InviteCode(Zeroizing<[u8; BYTES]>);

impl InviteCode {
    /// A new one.
    ///
    /// # Errors
    /// [`Refusal::Internal`] when the system gives no randomness.
    pub fn generate() -> Result<Self, Refusal> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// Reads one, as it is typed or in a link.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let code = text.rsplit_once('#').map_or(text, |(_, fragment)| fragment);
        let mut bytes = Zeroizing::new([0; BYTES]);
        hex::decode_to_slice(code.strip_prefix(FRAGMENT).unwrap_or(code), &mut *bytes).ok()?;
        Some(Self(bytes))
    }

    /// What is stored of it, and what it is compared by.
    #[must_use]
    pub fn hash(&self) -> Bytes32 {
        Sha256::new()
            .chain_update(LABEL)
            .chain_update(*self.0)
            .finalize()
            .into()
    }

    /// The code in digits.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// A link to the relay at `url` that carries the code.
    #[must_use]
    pub fn link(&self, url: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{url}/#{FRAGMENT}{}", *self.reveal()))
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_its_link_and_hides_in_debug() {
        let (code, other) = (InviteCode::generate().unwrap(), InviteCode::generate().unwrap());
        assert_ne!(code.hash(), other.hash());
        let digits = code.reveal();
        let link = code.link("https://relay.example");
        assert_eq!(*link, format!("https://relay.example/#invite={}", *digits));
        for text in [
            digits.to_string(),
            link.to_string(),
            format!(" {}\n", digits.to_uppercase()),
        ] {
            assert_eq!(InviteCode::parse(&text).unwrap().hash(), code.hash());
        }
        assert!(!format!("{code:?}").contains(&digits[..8]));
        for no in [
            "",
            "invite=",
            &digits[1..],
            &format!("{}0", *digits),
            "https://relay.example/",
        ] {
            assert!(InviteCode::parse(no).is_none(), "{no}");
        }
    }

    #[test]
    fn the_hash_is_of_the_label_and_the_code() {
        let code = InviteCode::parse("000102030405060708090a0b0c0d0e0f").unwrap();
        let expected = Sha256::digest([LABEL, &(0..16).collect::<Vec<u8>>()].concat());
        assert_eq!(code.hash()[..], expected[..]);
    }
}
