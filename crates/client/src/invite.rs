//! An invitation to a relay: a link such as `https://relay.example/#invite=…`, or its code alone.

use std::fmt;

use zeroize::Zeroizing;

/// What stands before the code in a link.
const FRAGMENT: &str = "invite=";
/// Hexadecimal digits of a code.
const DIGITS: usize = 32;

/// An invitation. It does not show its code.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    relay: Option<String>,
    code: Zeroizing<String>,
}

/// Not an invitation. What was given is not repeated: it may be most of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not an invitation. An invitation is a link such as https://relay.example/#invite=… with {DIGITS} digits (0-9, a-f) at its end, or these digits alone. Copy all of it, and quote the link in a shell"
)]
pub struct BadInvite;

impl Invite {
    /// Reads a link or a code.
    ///
    /// # Errors
    /// [`BadInvite`].
    pub fn parse(text: &str) -> Result<Self, BadInvite> {
        let text = text.trim();
        let (relay, code) = match text.split_once('#') {
            Some((relay, fragment)) => {
                let code = fragment.strip_prefix(FRAGMENT).ok_or(BadInvite)?;
                (Some(relay).filter(|relay| !relay.is_empty()), code)
            }
            None => (None, text),
        };
        if code.len() != DIGITS || !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadInvite);
        }
        Ok(Self {
            relay: relay.map(str::to_owned),
            code: Zeroizing::new(code.to_ascii_lowercase()),
        })
    }

    /// The relay's URL as the link has it, if it was a link.
    #[must_use]
    pub fn relay(&self) -> Option<&str> {
        self.relay.as_deref()
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_link_a_code_and_nothing_else() {
        for (text, relay) in [
            (CODE.to_owned(), None),
            (format!("  {}\n", CODE.to_uppercase()), None),
            (format!("#invite={CODE}"), None),
            (
                format!("https://relay.example/#invite={CODE}"),
                Some("https://relay.example/"),
            ),
            (format!("http://[::1]:5000#invite={CODE}"), Some("http://[::1]:5000")),
        ] {
            let invite = Invite::parse(&text).unwrap();
            assert_eq!((invite.relay(), invite.code()), (relay, CODE), "{text}");
            assert!(!format!("{invite:?}").contains(&CODE[..8]));
        }
        for text in [
            "",
            "https://relay.example/",
            &CODE[1..],
            &format!("{CODE}0"),
            &format!("https://relay.example/#code={CODE}"),
            &format!("https://relay.example/?invite={CODE}"),
            &format!("https://relay.example/#invite={}", &CODE[1..]),
            "00112233445566778899aabbccddeefg",
        ] {
            let error = Invite::parse(text).unwrap_err();
            assert!(!error.to_string().contains(&CODE[1..9]), "{text}");
        }
    }
}
