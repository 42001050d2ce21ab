//! What can be wrong with bytes and signatures. Errors of one module alone live in that module.

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends too early.
    #[error("the input ends too early")]
    Truncated,
    /// Something follows where the input should end.
    #[error("bytes follow where the input should end")]
    TrailingBytes,
    /// A length field is above its limit.
    #[error("a length is above its limit")]
    TooLong,
    /// A version, suite or type that this implementation does not know.
    #[error("unknown version, suite or type {0}")]
    Unknown(u8),
    /// The bytes are no valid key of their kind (length, reduction, subgroup).
    #[error("the bytes are not a valid key")]
    BadKey,
    /// A name or address inside is not one.
    #[error("a name inside is malformed")]
    BadName,
    /// Not the one encoding that the value has.
    #[error("this is not the canonical encoding")]
    NotCanonical,
}

/// A hybrid signature that does not verify: either half, the purpose, the signer or the payload is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureError;
