//! The wire format: what the relay stores.
//!
//! ```text
//! wire = u8 version ‖ u8 type ‖ envelope id[16] ‖ tag[16] ‖ body
//! body = type 1 (first): preamble ‖ lp(identity box) ‖ box(n)[20] ‖ sealed
//!        type 2 (plain): sealed
//!        type 3 (boxed): box(n)[20] ‖ sealed   or   box(n ‖ header)[3220] ‖ sealed   or   box(n ‖ header ‖ signature)[7911] ‖ sealed      (told apart by opening)
//! preamble = u8 suite ‖ u8 has_opk ‖ u32 spk id ‖ [u32 opk id] ‖ ct1[1600] ‖ [ct2[1600]] ‖ rk[1600] ‖ u64 created_at
//! sealed   = commitment[32] ‖ AES-256-GCM(inner) with its tag[16]
//! ```
//!
//! The tag of a first envelope is all zeros. Parsing touches no key and allocates nothing.

use crate::error::DecodeError;
use crate::identity::SIGNATURE_LENGTH;
use crate::prekey::{KEM_KEY_LENGTH, SUITE};
use crate::primitives::aead;
use crate::primitives::hash;
use crate::primitives::kem::{CIPHERTEXT_LENGTH, Ciphertext};
use crate::ratchet::{ENVELOPE_ID_LENGTH, EnvelopeId, TAG_LENGTH, Tag};
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// The first byte of every envelope.
pub const VERSION: u8 = 3;
/// Largest envelope, what a relay stores for one message. Larger things travel as files.
pub const MAX_ENVELOPE: usize = 256 * 1024;
/// Largest identity box: commitment, tag, address, identity key and signature are about 7.5 KB.
pub(crate) const MAX_IDENTITY_BOX: usize = 8 * 1024;
/// Bytes of an epoch's header: ciphertext and new public key.
pub const HEADER_LENGTH: usize = CIPHERTEXT_LENGTH + KEM_KEY_LENGTH;
/// Bytes of a box with a message number.
pub(crate) const NUMBER_BOX_LENGTH: usize = 4 + aead::TAG_LENGTH;
/// Bytes of a box with a message number and a header.
pub(crate) const HEADER_BOX_LENGTH: usize = 4 + HEADER_LENGTH + aead::TAG_LENGTH;
/// Bytes of a box with a message number, the header of epoch 1 and the responder's signature.
pub(crate) const SIGNED_HEADER_BOX_LENGTH: usize = HEADER_BOX_LENGTH + SIGNATURE_LENGTH;
/// Fewest bytes of a sealed text: commitment and tag.
pub(crate) const MIN_SEALED: usize = aead::COMMITMENT_LENGTH + aead::TAG_LENGTH;

/// The type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvelopeType {
    /// Carries the handshake; repeated until the initiator hears from the responder.
    First,
    /// Recognised by the tag of its number.
    Plain,
    /// Recognised by the advance key; carries its number, and at an epoch's beginning the header.
    Boxed,
}

impl EnvelopeType {
    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Plain => 2,
            Self::Boxed => 3,
        }
    }
}

/// The initiator's half of the handshake, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preamble {
    pub(crate) spk_id: u32,
    pub(crate) ct1: Box<Ciphertext>,
    /// Id and ciphertext for the one-time prekey, if there was one.
    pub(crate) one_time: Option<(u32, Box<Ciphertext>)>,
    pub(crate) rk: Box<[u8; KEM_KEY_LENGTH]>,
    pub(crate) created_at: Timestamp,
}

impl Preamble {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(18 + 3 * KEM_KEY_LENGTH);
        out.put_u8(SUITE)
            .put_u8(self.one_time.is_some().into())
            .put_u32(self.spk_id);
        if let Some((id, _)) = &self.one_time {
            out.put_u32(*id);
        }
        out.put(&self.ct1[..]);
        if let Some((_, ct2)) = &self.one_time {
            out.put(&ct2[..]);
        }
        out.put(&self.rk[..]).put_u64(self.created_at.0);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            SUITE => {}
            other => return Err(DecodeError::Unknown(other)),
        }
        let has_one_time = match reader.u8()? {
            0 => false,
            1 => true,
            other => return Err(DecodeError::Unknown(other)),
        };
        let spk_id = reader.u32()?;
        let id = if has_one_time { Some(reader.u32()?) } else { None };
        let ct1 = Box::new(reader.array()?);
        let one_time = match id {
            Some(id) => Some((id, Box::new(reader.array()?))),
            None => None,
        };
        Ok(Self {
            spk_id,
            ct1,
            one_time,
            rk: Box::new(reader.array()?),
            created_at: Timestamp(reader.u64()?),
        })
    }
}

/// A parsed envelope, borrowing from the bytes received.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: EnvelopeId,
    pub(crate) tag: Tag,
    pub(crate) body: Body<'a>,
}

#[derive(Debug)]
pub(crate) enum Body<'a> {
    First {
        handshake: Handshake<'a>,
        number: &'a [u8],
        sealed: &'a [u8],
    },
    Plain {
        sealed: &'a [u8],
    },
    Boxed {
        rest: &'a [u8],
    },
}

/// Preamble and identity box of a first envelope.
#[derive(Debug)]
pub(crate) struct Handshake<'a> {
    pub(crate) preamble: Preamble,
    pub(crate) identity_box: &'a [u8],
    /// `H(preamble ‖ lp(identity box))[..32]` as received: how a known handshake is recognised.
    pub(crate) digest: [u8; 32],
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(DecodeError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            VERSION => {}
            other => return Err(DecodeError::Unknown(other)),
        }
        let kind = reader.u8()?;
        let id = reader.array::<ENVELOPE_ID_LENGTH>()?;
        let tag = reader.array::<TAG_LENGTH>()?;
        let body = match kind {
            1 => {
                if tag != [0; TAG_LENGTH] {
                    return Err(DecodeError::NotCanonical);
                }
                let start = reader.position(bytes);
                let preamble = Preamble::read(&mut reader)?;
                let identity_box = reader.lp(MAX_IDENTITY_BOX)?;
                let digest = crate::primitives::truncate(&hash(&[&bytes[start..reader.position(bytes)]]));
                let number = reader.take(NUMBER_BOX_LENGTH)?;
                Body::First {
                    handshake: Handshake {
                        preamble,
                        identity_box,
                        digest,
                    },
                    number,
                    sealed: reader.rest(),
                }
            }
            2 => Body::Plain { sealed: reader.rest() },
            3 => Body::Boxed { rest: reader.rest() },
            other => return Err(DecodeError::Unknown(other)),
        };
        let least = match &body {
            Body::First { sealed, .. } | Body::Plain { sealed } => sealed.len(),
            Body::Boxed { rest } => rest.len().saturating_sub(NUMBER_BOX_LENGTH),
        };
        if least < MIN_SEALED {
            return Err(DecodeError::Truncated);
        }
        Ok(Self { id, tag, body })
    }

    pub(crate) const fn kind(&self) -> EnvelopeType {
        match self.body {
            Body::First { .. } => EnvelopeType::First,
            Body::Plain { .. } => EnvelopeType::Plain,
            Body::Boxed { .. } => EnvelopeType::Boxed,
        }
    }
}

/// The head of every envelope.
pub(crate) fn head(kind: EnvelopeType, id: &EnvelopeId, tag: &Tag, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    out.put_u8(VERSION).put_u8(kind.byte()).put(id).put(tag);
    out
}

/// Associated data of a header or number box: `ver ‖ type ‖ envelope_id ‖ tag`.
pub(crate) fn box_aad(kind: EnvelopeType, id: &EnvelopeId, tag: &Tag) -> Vec<u8> {
    head(kind, id, tag, 34)
}
