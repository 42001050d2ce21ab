//! What the sender allows, in the exact bytes that the content key is bound to.
//!
//! A policy is encoded once, by the sender, and travels as bytes. Its hash is in the derivation of the content key and its bytes are
//! authenticated with the ciphertext, so the recipient opens under the sender's policy or not at all. There is one encoding for each policy:
//! [`Policy::decode`] refuses every other.
//!
//! ```text
//! policy = CBOR map { 0: mode, 1: limit, ? 2: expires_at }      shortest integers, keys ascending, nothing else
//! mode   = 0 counted, 1 oblivious
//! ```

use core::fmt;

use minicbor::Decoder;
use thiserror::Error;

/// The longest encoding there can be: map head, mode, limit of two bytes, expiry of nine, and the three keys.
pub const MAX_POLICY_LEN: usize = 1 + 2 + 3 + 10;

const KEY_MODE: u8 = 0;
const KEY_LIMIT: u8 = 1;
const KEY_EXPIRES_AT: u8 = 2;

/// Who counts, and what the counter learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The relay counts and knows the count.
    Counted,
    /// The relay computes on a ciphertext and learns neither limit nor count, nor whether it granted a play.
    Oblivious,
}

impl Mode {
    fn number(self) -> u8 {
        match self {
            Self::Counted => 0,
            Self::Oblivious => 1,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counted => "counted",
            Self::Oblivious => "oblivious",
        })
    }
}

/// How often a message may be opened: 1 to 255. Zero would be a message for nobody; the upper bound is one byte, which is also what the oblivious
/// mode can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlayLimit(u8);

impl PlayLimit {
    /// A limit of `plays`.
    ///
    /// # Errors
    /// [`PolicyError::Limit`] for zero.
    pub fn new(plays: u8) -> Result<Self, PolicyError> {
        if plays == 0 {
            Err(PolicyError::Limit)
        } else {
            Ok(Self(plays))
        }
    }

    /// The number of plays.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PlayLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the sender allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who counts.
    pub mode: Mode,
    /// How often the message may be opened.
    pub limit: PlayLimit,
    /// When the relay forgets the share, in milliseconds since the Unix epoch. `None`: when the relay's own bound says so.
    pub expires_at: Option<u64>,
}

/// Why bytes are no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The limit is not between 1 and 255.
    #[error("a play limit is a number from 1 to 255; choose another")]
    Limit,
    /// A mode that this version does not know.
    #[error("the play mode {0} is not known to this version; update to open this message")]
    UnknownMode(u8),
    /// Not a policy, or not in its one encoding.
    #[error("the play policy is malformed; ask the sender to send the message again")]
    Malformed,
}

impl Policy {
    /// The one encoding of this policy.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // By hand, because this cannot fail and a general encoder's signature says that it could.
        let mut out = Vec::with_capacity(MAX_POLICY_LEN);
        head(&mut out, MAJOR_MAP, if self.expires_at.is_some() { 3 } else { 2 });
        for (key, value) in [(KEY_MODE, self.mode.number()), (KEY_LIMIT, self.limit.get())] {
            head(&mut out, MAJOR_UNSIGNED, key.into());
            head(&mut out, MAJOR_UNSIGNED, value.into());
        }
        if let Some(expires_at) = self.expires_at {
            head(&mut out, MAJOR_UNSIGNED, KEY_EXPIRES_AT.into());
            head(&mut out, MAJOR_UNSIGNED, expires_at);
        }
        out
    }

    /// Reads a policy, strictly.
    ///
    /// # Errors
    /// [`PolicyError::UnknownMode`] for a later mode, [`PolicyError::Limit`] for a limit of zero, [`PolicyError::Malformed`] for everything that
    /// [`Policy::encode`] would not have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_LEN {
            return Err(PolicyError::Malformed);
        }
        let policy = Self::read(bytes)?;
        // A reader is lenient about lengths, order and what follows; comparing with the one encoding is not.
        if policy.encode() == bytes {
            Ok(policy)
        } else {
            Err(PolicyError::Malformed)
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, PolicyError> {
        let mut cbor = Decoder::new(bytes);
        let entries = cbor.map().ok().flatten();
        let mode = match entry(&mut cbor, KEY_MODE)? {
            0 => Mode::Counted,
            1 => Mode::Oblivious,
            other => return Err(u8::try_from(other).map_or(PolicyError::Malformed, PolicyError::UnknownMode)),
        };
        let plays = u8::try_from(entry(&mut cbor, KEY_LIMIT)?).map_err(|_| PolicyError::Limit)?;
        let expires_at = match entries {
            Some(2) => None,
            Some(3) => Some(entry(&mut cbor, KEY_EXPIRES_AT)?),
            _ => return Err(PolicyError::Malformed),
        };
        Ok(Self {
            mode,
            limit: PlayLimit::new(plays)?,
            expires_at,
        })
    }
}

/// Reads the value of the next entry, which must stand under `key`.
fn entry(cbor: &mut Decoder<'_>, key: u8) -> Result<u64, PolicyError> {
    match (cbor.u8(), cbor.u64()) {
        (Ok(found), Ok(value)) if found == key => Ok(value),
        _ => Err(PolicyError::Malformed),
    }
}

/// CBOR major types (RFC 8949, section 3.1), in place.
const MAJOR_UNSIGNED: u8 = 0 << 5;
const MAJOR_MAP: u8 = 5 << 5;

/// Writes the shortest head of a CBOR item (RFC 8949, section 4.2.1).
fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let bytes = value.to_be_bytes();
    let [.., a, b, c, d] = bytes;
    match value {
        0..=23 => out.push(major | d),
        24..=0xff => out.extend([major | 24, d]),
        0x100..=0xffff => out.extend([major | 25, c, d]),
        0x1_0000..=0xffff_ffff => out.extend([major | 26, a, b, c, d]),
        _ => {
            out.push(major | 27);
            out.extend(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(limit: u8, expires_at: Option<u64>) -> Policy {
        Policy {
            mode: Mode::Counted,
            limit: PlayLimit::new(limit).unwrap(),
            expires_at,
        }
    }

    #[test]
    fn the_encoding_is_the_specified_one() {
        assert_eq!(counted(3, None).encode(), [0xa2, 0x00, 0x00, 0x01, 0x03]);
        assert_eq!(
            counted(200, Some(0x1_0000)).encode(),
            [0xa3, 0, 0, 1, 0x18, 200, 2, 0x1a, 0, 1, 0, 0]
        );
        assert_eq!(counted(255, Some(u64::MAX)).encode().len(), MAX_POLICY_LEN);
        let oblivious = Policy {
            mode: Mode::Oblivious,
            ..counted(3, None)
        };
        assert_eq!(oblivious.encode(), [0xa2, 0x00, 0x01, 0x01, 0x03]);
    }

    proptest! {
        #[test]
        fn every_policy_comes_back(limit in 1u8..=255, expires_at: Option<u64>, oblivious: bool) {
            let mode = if oblivious { Mode::Oblivious } else { Mode::Counted };
            let policy = Policy { mode, ..counted(limit, expires_at) };
            prop_assert_eq!(Policy::decode(&policy.encode()), Ok(policy));
        }

        /// The encoder agrees with an independent one on every integer it can meet.
        #[test]
        fn heads_are_shortest(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let mut ours = Vec::new();
            head(&mut ours, MAJOR_UNSIGNED, value);
            prop_assert_eq!(ours, minicbor::to_vec(value).unwrap());
        }

        /// Whatever decodes is the one encoding of what it decodes to, and nothing panics.
        #[test]
        fn there_is_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(policy) = Policy::decode(&bytes) {
                prop_assert_eq!(policy.encode(), bytes);
            }
        }

        #[test]
        fn damage_never_reads_as_the_same_policy(limit in 1u8..=255, expires_at: Option<u64>, at: prop::sample::Index, flip in 1u8..=255) {
            let policy = counted(limit, expires_at);
            let mut bytes = policy.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_ne!(Policy::decode(&bytes), Ok(policy));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let cases: [(&str, &[u8]); 9] = [
            ("nothing", &[]),
            ("a long integer", &[0xa2, 0x00, 0x00, 0x01, 0x18, 0x03]),
            ("keys swapped", &[0xa2, 0x01, 0x03, 0x00, 0x00]),
            ("a key twice", &[0xa3, 0x00, 0x00, 0x01, 0x03, 0x01, 0x03]),
            ("an unknown key", &[0xa3, 0x00, 0x00, 0x01, 0x03, 0x03, 0x01]),
            ("an indefinite map", &[0xbf, 0x00, 0x00, 0x01, 0x03, 0xff]),
            ("something after", &[0xa2, 0x00, 0x00, 0x01, 0x03, 0x00]),
            ("cut short", &[0xa2, 0x00, 0x00, 0x01]),
            ("a negative limit", &[0xa2, 0x00, 0x00, 0x01, 0x22]),
        ];
        for (what, bytes) in cases {
            assert_eq!(Policy::decode(bytes), Err(PolicyError::Malformed), "{what}");
        }
        assert_eq!(Policy::decode(&[0xff; 4096]), Err(PolicyError::Malformed), "too long");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            Policy::decode(&[0xa2, 0x00, 0x02, 0x01, 0x03]),
            Err(PolicyError::UnknownMode(2))
        );
        assert_eq!(Policy::decode(&[0xa2, 0x00, 0x00, 0x01, 0x00]), Err(PolicyError::Limit));
        assert_eq!(
            Policy::decode(&[0xa2, 0x00, 0x00, 0x01, 0x19, 0x01, 0x00]),
            Err(PolicyError::Limit)
        );
    }
}
