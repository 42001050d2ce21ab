//! Stored state: the only form in which secrets leave this crate, meant for an encrypted vault.
//!
//! A record is a format byte and explicit byte strings, read back strictly. It is not a wire format: a version that writes another one reads this one too.

use zeroize::Zeroizing;

use crate::error::DecodeError;
use crate::primitives::secret::Secret;
use crate::time::Timestamp;
use crate::wire::{Put, Reader};

/// The format of every record: its first byte.
const FORMAT: u8 = 1;

/// A stored record that does not read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored record {key:?} is damaged or of a newer version: {why}")]
pub struct PickleError {
    /// Which record.
    pub key: String,
    /// What is wrong with it.
    pub why: DecodeError,
}

/// Writes a record.
pub(crate) struct Writer(Zeroizing<Vec<u8>>, usize);

impl Writer {
    /// `capacity` generously covers the record, so that the buffer is not moved and secrets are not left behind.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        bytes.put_u8(FORMAT);
        Self(bytes, capacity)
    }
    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        debug_assert!(self.0.len() <= self.1, "a record was moved while it was written");
        self.0
    }
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.put(bytes);
        self
    }
    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }
    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.put_u32(value);
        self
    }
    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.put_u64(value);
        self
    }
    pub(crate) fn time(&mut self, value: Timestamp) -> &mut Self {
        self.u64(value.0)
    }
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.put_lp(bytes);
        self
    }
    pub(crate) fn secret<const N: usize>(&mut self, secret: &Secret<N>) -> &mut Self {
        self.raw(secret.expose())
    }
    /// A count and each item.
    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            each(self, item);
        }
        self
    }
    /// A flag and the item, if there is one.
    pub(crate) fn option<T>(&mut self, item: Option<T>, each: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.bool(item.is_some());
        if let Some(item) = item {
            each(self, item);
        }
        self
    }
}

/// Reads a record.
pub(crate) struct Record<'a>(Reader<'a>);

type Read<T> = Result<T, DecodeError>;

impl<'a> Record<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Read<Self> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            FORMAT => Ok(Self(reader)),
            other => Err(DecodeError::Unknown(other)),
        }
    }
    pub(crate) fn finish(self) -> Read<()> {
        self.0.finish()
    }
    pub(crate) fn u8(&mut self) -> Read<u8> {
        self.0.u8()
    }
    pub(crate) fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::Unknown(other)),
        }
    }
    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.0.u32()
    }
    pub(crate) fn u64(&mut self) -> Read<u64> {
        self.0.u64()
    }
    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        self.u64().map(Timestamp)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.0.array()
    }
    pub(crate) fn secret<const N: usize>(&mut self) -> Read<Secret<N>> {
        let bytes = Zeroizing::new(self.array::<N>()?);
        Ok(Secret::new(*bytes))
    }
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        self.0.lp(usize::MAX)
    }
    /// As many items as the count says; each takes at least a byte, so a false count ends at the record's end.
    pub(crate) fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.u32()?;
        (0..count).map(|_| each(self)).collect()
    }
    pub(crate) fn option<T>(&mut self, each: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.bool()? { each(self).map(Some) } else { Ok(None) }
    }
}
