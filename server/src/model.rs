//! What the relay talks about, parsed at the edge: a value of these types is valid.
//!
//! Not its concern: what goes over the wire (`api`) and what is stored how (`store`).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::address::UserName;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

/// 32 bytes that are hard to guess and not secret: nonces and hashes.
pub type Bytes32 = [u8; 32];

/// Largest envelope, bytes. Holds the first envelope of a conversation (about 12 KiB of keys and signatures) with a long text; files go in
/// pieces.
pub const MAX_ENVELOPE_BYTES: usize = 256 * 1024;

/// A number by which a client notices that it was put back from a backup: the relay keeps the greatest of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitCounter(u64);

impl CommitCounter {
    /// The greatest that is taken: every reader of JSON holds it exactly, and a client whose number grows by 2^15 for each message has 2^38 messages until there.
    pub const MAX: u64 = (1 << 53) - 1;
    /// So far above the kept one a bearer token alone may put it: four of the largest steps that a client makes. A number at the end of the range would end the
    /// noticing for ever, and a thief of a token would need 2^35 requests to get there; a token lives for an hour. A sign-in, which the identity key
    /// signs, may go further: after the relay was put back from a backup, or after another relay in its place had told a greater number.
    pub const MAX_JUMP: u64 = 1 << 18;

    /// A number in the range.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX { Some(Self(value)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is further above `kept` than [`Self::MAX_JUMP`].
    #[must_use]
    pub const fn is_too_far_from(self, kept: u64) -> bool {
        self.0 > kept.saturating_add(Self::MAX_JUMP)
    }
}

/// Label of the hash that turns a user name into a mailbox id.
const MAILBOX_LABEL: &[u8] = b"latchkey/1/mailbox";

macro_rules! hex_debug {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    concat!(stringify!($name), "({})"),
                    hex::encode(self.as_bytes())
                )
            }
        }
    };
}

/// A newtype of 16 bytes, to them and from them.
macro_rules! sixteen_bytes {
    ($name:ident) => {
        hex_debug!($name);

        impl $name {
            /// From its 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }
    };
}

/// A mailbox: computed from the user name, never looked up. A name that was released has the same one again; its sequence numbers begin behind all that were there before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId([u8; 16]);
sixteen_bytes!(MailboxId);

impl MailboxId {
    /// `SHA-256("latchkey/1/mailbox" ‖ name)[..16]`.
    #[must_use]
    pub fn of(user: &UserName) -> Self {
        let digest = Sha256::new()
            .chain_update(MAILBOX_LABEL)
            .chain_update(user.as_str())
            .finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

/// A message id, chosen by the sender: what makes a repeated send harmless.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Any UUID will do; a good one is 16 random bytes.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// As a UUID.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.0
    }
}
hex_debug!(MessageId);

/// A license id. It carries the recipient's mailbox, so that it is found without any other index.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LicenseId {
    /// Whose mailbox it belongs to.
    pub mailbox: MailboxId,
    /// The sender's 16 random bytes.
    pub nonce: [u8; 16],
}

impl LicenseId {
    /// Parses exactly 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let (mut mailbox, mut nonce) = ([0; 16], [0; 16]);
        mailbox.copy_from_slice(&bytes[..16]);
        nonce.copy_from_slice(&bytes[16..]);
        Some(Self {
            mailbox: MailboxId(mailbox),
            nonce,
        })
    }
}

impl LicenseId {
    /// All 32 bytes.
    #[must_use]
    pub fn to_bytes(self) -> Bytes32 {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.mailbox.0);
        bytes[16..].copy_from_slice(&self.nonce);
        bytes
    }
}

impl fmt::Display for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", hex::encode(self.mailbox.0), hex::encode(self.nonce))
    }
}

impl fmt::Debug for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LicenseId({self})")
    }
}

/// A gate key's id: 16 random bytes of its sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GateKeyId([u8; 16]);
sixteen_bytes!(GateKeyId);

impl GateKeyId {
    /// Parses exactly 32 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for GateKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What a repetition must repeat: XXH3-128 of the content, big end first. It tells a sender's mistake from its repetition and protects nothing: whoever makes two contents with one
/// digest makes them both, and has its own second message taken for a repetition (`docs/decisions/0018-receipts.md`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest([u8; 16]);
sixteen_bytes!(BodyDigest);

/// The life of a mailbox that its sequence numbers belong to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Incarnation(pub Uuid);

/// A sealed envelope: 1 to [`MAX_ENVELOPE_BYTES`] bytes that the relay does not look into.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope(Vec<u8>);

/// Why bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Nothing at all.
    #[error("the envelope is empty")]
    Empty,
    /// Above [`MAX_ENVELOPE_BYTES`].
    #[error("the envelope has {0} bytes and may have at most {MAX_ENVELOPE_BYTES}")]
    TooLarge(usize),
}

impl Envelope {
    /// Takes the bytes if they are neither none nor too many.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, EnvelopeError> {
        match bytes.len() {
            0 => Err(EnvelopeError::Empty),
            n if n > MAX_ENVELOPE_BYTES => Err(EnvelopeError::TooLarge(n)),
            _ => Ok(Self(bytes)),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes)", self.0.len())
    }
}

/// Who sends: what makes a message id the sender's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// An account.
    Account(MailboxId),
    /// Whoever holds the delivery token with this SHA-256.
    Token(Bytes32),
}

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The account's mailbox; an account is its mailbox.
    pub mailbox: MailboxId,
    /// Which session: SHA-256 of the token's secret.
    pub session: Bytes32,
}

/// A bearer token: `base64url(mailbox ‖ secret)`. The store keeps SHA-256 of the secret only; 256 random bits need no salt.
pub struct BearerToken {
    /// Whose it is.
    pub mailbox: MailboxId,
    secret: Zeroizing<Bytes32>,
}

/// Bytes inside a token.
const TOKEN_BYTES: usize = 16 + 32;

impl BearerToken {
    /// A token of `mailbox` with a fresh secret.
    #[must_use]
    pub const fn new(mailbox: MailboxId, secret: Zeroizing<Bytes32>) -> Self {
        Self { mailbox, secret }
    }

    /// Parses what came after `Bearer `.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Before decoding: the length of 48 bytes in base64 without padding.
        if text.len() != TOKEN_BYTES / 3 * 4 {
            return None;
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
        let (mut mailbox, mut secret) = ([0; 16], Zeroizing::new([0; 32]));
        mailbox.copy_from_slice(bytes.get(..16)?);
        secret.copy_from_slice(bytes.get(16..TOKEN_BYTES)?);
        Some(Self {
            mailbox: MailboxId(mailbox),
            secret,
        })
    }

    /// The text form, for the client.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..16].copy_from_slice(&self.mailbox.0);
        bytes[16..].copy_from_slice(&*self.secret);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        bytes.zeroize();
        text
    }

    /// What the store keeps.
    #[must_use]
    pub fn hash(&self) -> Bytes32 {
        Sha256::digest(*self.secret).into()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerToken({:?}, …)", self.mailbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_ids_are_computed() {
        let alice = UserName::parse("alice").unwrap();
        let expected = Sha256::digest(b"latchkey/1/mailboxalice");
        assert_eq!(MailboxId::of(&alice).as_bytes()[..], expected[..16]);
    }

    #[test]
    fn license_ids_have_one_spelling() {
        let text = "00112233445566778899aabbccddeeff".repeat(2);
        assert_eq!(LicenseId::parse(&text).unwrap().to_string(), text);
        for bad in [
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}0"),
            &text.replace('0', "g"),
            "",
            "../../x",
        ] {
            assert_eq!(LicenseId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn gate_key_ids_have_one_spelling() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(GateKeyId::parse(text).unwrap().to_string(), text);
        for bad in [
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}00"),
            "",
            "../../../../../../etc/passwd/xyz",
        ] {
            assert_eq!(GateKeyId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_survive_the_wire_and_hide_their_secret() {
        let token = BearerToken::new(MailboxId([7; 16]), Zeroizing::new([9; 32]));
        let parsed = BearerToken::parse(&token.reveal()).unwrap();
        assert_eq!((parsed.mailbox, parsed.hash()), (token.mailbox, token.hash()));
        assert!(!format!("{token:?}").contains("09"));
        for bad in ["", "x", &"A".repeat(63), &"A".repeat(65), &"=".repeat(64)] {
            assert!(BearerToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn envelopes_have_bounds() {
        assert_eq!(Envelope::new(vec![]), Err(EnvelopeError::Empty));
        assert!(Envelope::new(vec![0; MAX_ENVELOPE_BYTES]).is_ok());
        assert_eq!(
            Envelope::new(vec![0; MAX_ENVELOPE_BYTES + 1]),
            Err(EnvelopeError::TooLarge(MAX_ENVELOPE_BYTES + 1))
        );
    }
}
