//! What travels inside: contents, their encoding, and what a content may be.
//!
//! A content is a CBOR map (RFC 8949) in the one deterministic form: `{0: bstr id[16], 1: uint sent_at, 2: uint kind, 3: bstr body}`.
//! Decoding accepts only what encoding would have produced.

mod cbor;
mod limited;
#[cfg(test)]
#[path = "../tests/unit/content.rs"]
mod tests;

use std::borrow::Cow;
use std::fmt;

use minicbor::Decoder;
use rand_core::CryptoRng;

use crate::error::DecodeError;
use crate::primitives::secret::Secret;
use crate::time::Timestamp;

use cbor::{CborResult, encode_with};
pub use limited::{Limited, OPENING_KEY_LENGTH, Oblivious, PAD_KEY_LENGTH, PlayHead};

/// Largest encoded content. With padding (12 %) and the headers of a first envelope (13 KB) it stays within an envelope of 256 KiB.
pub const MAX_CONTENT: usize = 200 * 1024;

/// Names a content, whichever envelope carries it and however often: a receiver shows a (peer, id) once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl ContentId {
    /// A fresh id.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self(id)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

/// One message as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its id.
    pub id: ContentId,
    /// When its author says that it was written; a claim, never decided on.
    pub sent_at: Timestamp,
    /// What it is.
    pub body: Body,
}

/// The kinds of content.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Nothing: tells the peer about a new session.
    Empty,
    /// A text.
    Text(String),
    /// A text that opens a limited number of times; see the play limits.
    Limited(Limited),
    /// Which contents of the receiver's arrived, or were read.
    Receipt(Receipt),
    /// A token with which the receiver may send to the author without naming itself to the relay.
    DeliveryToken(DeliveryToken),
    /// How far the relay has counted, as the recipient of a limited content saw it.
    PlayHead(PlayHead),
    /// A kind that this version does not know. It is kept, shown as such, and not lost.
    Unknown {
        /// The kind's number.
        kind: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl fmt::Debug for Body {
    /// Contents are secrets: only their kind and size show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Limited(limited) => limited.fmt(f),
            Self::Receipt(receipt) => write!(f, "Receipt(read: {}, {} contents)", receipt.read, receipt.ids.len()),
            Self::DeliveryToken(_) => f.write_str("DeliveryToken(…)"),
            Self::PlayHead(head) => write!(f, "PlayHead({})", head.number),
            Self::Unknown { kind, bytes } => write!(f, "Unknown(kind {kind}, {} bytes)", bytes.len()),
        }
    }
}

/// Most contents in one receipt: a receipt stays in the smaller buckets of the padding, and whoever has more to say sends another.
pub const MAX_RECEIPT: usize = 128;

/// Says that contents arrived or were read. It is not acknowledged itself, and not sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Read by a person, not only received by a device.
    pub read: bool,
    /// Which, 1 to [`MAX_RECEIPT`].
    pub ids: Vec<ContentId>,
}

/// 32 random bytes; the relay knows their SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryToken(pub Secret<32>);

/// Numbers of the kinds. 4 is kept for files.
const KIND_EMPTY: u64 = 0;
const KIND_TEXT: u64 = 1;
const KIND_LIMITED: u64 = 2;
const KIND_RECEIPT: u64 = 3;
const KIND_DELIVERY_TOKEN: u64 = 5;
const KIND_PLAY_HEAD: u64 = 6;

impl Content {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = self.parts();
        let mut out = self.head(kind, body.len(), body.len());
        out.extend_from_slice(&body);
        out
    }

    /// Kind and body, as they are encoded.
    fn parts(&self) -> (u64, Cow<'_, [u8]>) {
        match &self.body {
            Body::Empty => (KIND_EMPTY, Cow::Borrowed(&[])),
            Body::Text(text) => (KIND_TEXT, text.as_bytes().into()),
            Body::Limited(body) => (KIND_LIMITED, body.encode().into()),
            Body::Receipt(receipt) => (KIND_RECEIPT, receipt.encode().into()),
            Body::DeliveryToken(token) => (KIND_DELIVERY_TOKEN, token.0.expose().as_slice().into()),
            Body::PlayHead(head) => (KIND_PLAY_HEAD, head.encode().into()),
            Body::Unknown { kind, bytes } => (*kind, bytes.into()),
        }
    }

    /// What stands before a body of `length` bytes, with room for `more` bytes behind.
    fn head(&self, kind: u64, length: usize, more: usize) -> Vec<u8> {
        encode_with(more + 48, |cbor| {
            cbor.map(4)?
                .u8(0)?
                .bytes(&self.id.0)?
                .u8(1)?
                .u64(self.sent_at.0)?
                .u8(2)?
                .u64(kind)?
                .u8(3)?
                .bytes_len(length as u64)?;
            Ok(())
        })
    }

    /// Decodes a content of at most [`MAX_CONTENT`] bytes.
    ///
    /// # Errors
    /// [`DecodeError`] when it is too long, malformed, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_CONTENT {
            return Err(DecodeError::TooLong);
        }
        let (content, kind, body) = Self::read(bytes)
            .map_err(|_| DecodeError::NotCanonical)?
            .ok_or(DecodeError::NotCanonical)?;
        // Head and body each for itself: encoding the whole would make another copy of a text. Where the head is the one that it has, the body that
        // was read is what stands behind.
        let head = content.head(kind, body.len(), 0);
        let whole = bytes.starts_with(&head) && bytes.len() == head.len() + body.len();
        if whole && content.has_canonical_body(body) {
            Ok(content)
        } else {
            Err(DecodeError::NotCanonical)
        }
    }

    /// Whether the body encodes to what it was read from. A text or token is its bytes; the others have a form of their own.
    fn has_canonical_body(&self, read: &[u8]) -> bool {
        match &self.body {
            Body::Empty | Body::Text(_) | Body::DeliveryToken(_) | Body::Unknown { .. } => true,
            Body::Limited(_) | Body::Receipt(_) | Body::PlayHead(_) => *self.parts().1 == *read,
        }
    }

    /// The content, its kind and its body.
    fn read(bytes: &[u8]) -> CborResult<Option<(Self, u64, &[u8])>> {
        let mut cbor = Decoder::new(bytes);
        if cbor.map()? != Some(4) || cbor.u8()? != 0 {
            return Ok(None);
        }
        let Ok(id) = cbor.bytes()?.try_into() else {
            return Ok(None);
        };
        if cbor.u8()? != 1 {
            return Ok(None);
        }
        let sent_at = Timestamp(cbor.u64()?);
        if cbor.u8()? != 2 {
            return Ok(None);
        }
        let kind = cbor.u64()?;
        if cbor.u8()? != 3 {
            return Ok(None);
        }
        let read = cbor.bytes()?;
        let body = match kind {
            KIND_EMPTY if read.is_empty() => Some(Body::Empty),
            KIND_EMPTY => None,
            KIND_TEXT => std::str::from_utf8(read).ok().map(|text| Body::Text(text.to_owned())),
            KIND_LIMITED => Limited::read(read)?.map(Body::Limited),
            KIND_RECEIPT => Receipt::read(read)?.map(Body::Receipt),
            KIND_DELIVERY_TOKEN => Secret::from_slice(read).map(|token| Body::DeliveryToken(DeliveryToken(token))),
            KIND_PLAY_HEAD => PlayHead::read(read)?.map(Body::PlayHead),
            kind => Some(Body::Unknown {
                kind,
                bytes: read.to_vec(),
            }),
        };
        Ok(body.map(|body| {
            let id = ContentId(id);
            (Self { id, sent_at, body }, kind, read)
        }))
    }
}

impl Body {
    /// Whether a content of this kind is kept until the peer acknowledges it, and sent again on a new session. What only serves the protocol is
    /// not: it would be acknowledged in turn, without end.
    #[must_use]
    pub const fn is_tracked(&self) -> bool {
        !matches!(self, Self::Empty | Self::Receipt(_))
    }
}

impl Receipt {
    /// `{0: bool read, 1: [bstr id[16], …]}`.
    fn encode(&self) -> Vec<u8> {
        encode_with(self.ids.len() * 17 + 8, |cbor| {
            cbor.map(2)?
                .u8(0)?
                .bool(self.read)?
                .u8(1)?
                .array(self.ids.len() as u64)?;
            self.ids.iter().try_for_each(|id| cbor.bytes(&id.0).map(|_| ()))
        })
    }

    fn read(bytes: &[u8]) -> CborResult<Option<Self>> {
        let mut cbor = Decoder::new(bytes);
        if cbor.map()? != Some(2) || cbor.u8()? != 0 {
            return Ok(None);
        }
        let read = cbor.bool()?;
        if cbor.u8()? != 1 {
            return Ok(None);
        }
        let Some(count) = cbor.array()?.filter(|count| (1..=MAX_RECEIPT as u64).contains(count)) else {
            return Ok(None);
        };
        let mut ids = Vec::new();
        for _ in 0..count {
            let Ok(id) = cbor.bytes()?.try_into() else {
                return Ok(None);
            };
            ids.push(ContentId(id));
        }
        Ok(Some(Self { read, ids }))
    }
}
