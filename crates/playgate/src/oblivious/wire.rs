//! Fixed-length wire forms, read strictly.

use thiserror::Error;

use super::Class;

/// The version of every wire form here.
pub(crate) const VERSION: u8 = 1;

/// Why bytes are no request, release, counter or state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer or shorter than the only length there is.
    #[error("there are {found} bytes where this form has {expected}; they were cut short, or are something else")]
    Length {
        /// The length that there is.
        expected: usize,
        /// The length that came.
        found: usize,
    },
    /// A later version.
    #[error("the first byte says version {0} of this form, and only version {VERSION} is known here")]
    Version(u8),
    /// A field holds a value that nobody writes.
    #[error("a field is out of range; the bytes are damaged")]
    Field,
}

/// Takes fields off the front.
pub(crate) struct Reader<'a> {
    left: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            left: bytes,
            total: bytes.len(),
        }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.left.split_at_checked(len).ok_or(WireError::Length {
            expected: self.total - self.left.len() + len,
            found: self.total,
        })?;
        self.left = tail;
        Ok(head)
    }

    pub(crate) fn array<const L: usize>(&mut self) -> Result<[u8; L], WireError> {
        let mut out = [0; L];
        out.copy_from_slice(self.take(L)?);
        Ok(out)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn version(&mut self) -> Result<(), WireError> {
        match self.byte()? {
            VERSION => Ok(()),
            other => Err(WireError::Version(other)),
        }
    }

    pub(crate) fn class(&mut self) -> Result<Class, WireError> {
        Class::from_byte(self.byte()?).ok_or(WireError::Field)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, WireError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::Field),
        }
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), WireError> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(WireError::Length {
                expected: self.total - self.left.len(),
                found: self.total,
            })
        }
    }
}

/// Refuses another length before anything is read.
pub(crate) fn exactly(bytes: &[u8], expected: usize) -> Result<Reader<'_>, WireError> {
    if bytes.len() == expected {
        Ok(Reader::new(bytes))
    } else {
        Err(WireError::Length {
            expected,
            found: bytes.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relay tells its clients so of what they sent, and clients theirs of what a relay sent: the reader is not always the older one.
    #[test]
    fn another_version_is_named_beside_the_known_one_and_blames_neither_side() {
        let error = Reader::new(&[165]).version().unwrap_err();
        assert_eq!(error, WireError::Version(165));
        let said = error.to_string();
        assert!(said.contains("165") && said.contains("version 1 "), "{said}");
        assert!(!said.contains("update"), "{said}");
    }
}
