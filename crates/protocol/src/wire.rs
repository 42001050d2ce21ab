//! Explicit byte strings: big-endian integers, `lp(x) = u32 length ‖ x`, and a reader that never reads past its input.

use crate::error::DecodeError;

/// Appends big-endian integers and byte strings.
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]) -> &mut Self;
    fn put_u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }
    fn put_u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    fn put_u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    /// `lp(x)`. Everything hashed or sent here is far below 4 GiB: the callers bound it.
    fn put_lp(&mut self, bytes: &[u8]) -> &mut Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.put_u32(length).put(bytes)
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
}

/// A cursor over untrusted bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| DecodeError::Truncated)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// `lp(x)` with x of at most `limit` bytes.
    pub(crate) fn lp(&mut self, limit: usize) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.u32()?).map_err(|_| DecodeError::TooLong)?;
        if length > limit {
            return Err(DecodeError::TooLong);
        }
        self.take(length)
    }

    /// How far into `whole`, the bytes given to [`Self::new`], the reader is.
    #[cfg(feature = "session")]
    pub(crate) fn position(&self, whole: &[u8]) -> usize {
        whole.len() - self.rest.len()
    }

    #[cfg(feature = "session")]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_may_be_its_limit_and_no_more() {
        let mut bytes = Vec::new();
        bytes.put_lp(b"four");
        assert_eq!(Reader::new(&bytes).lp(4), Ok(&b"four"[..]));
        assert_eq!(Reader::new(&bytes).lp(3), Err(DecodeError::TooLong));
        assert_eq!(Reader::new(&bytes[..7]).lp(4), Err(DecodeError::Truncated));
    }
}
