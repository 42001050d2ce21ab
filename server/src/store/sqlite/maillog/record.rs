//! One envelope in the mail log: a header of fixed length, the envelope's bytes, zeros up to the next multiple of eight.
//!
//! Two checks, so that a header can be trusted when its envelope was overwritten: the header's own, and the envelope's. They are CRC-32s against torn
//! writes and decaying disks; who can write the file can forge them, and what keeps an envelope from being forged is inside it. But every sender
//! chooses what envelopes hold, headers perhaps: so the check of a header also covers a random number of its segment, which no sender knows.

use protocol::Timestamp;

use crate::model::{BodyDigest, MailboxId};

/// Bytes of a header.
pub(super) const HEADER: usize = 128;
/// The same, as an offset.
pub(super) const HEADER_OFFSET: u32 = 128;
/// Records begin at multiples of this, so that what follows a damaged one can be found.
pub(super) const ALIGN: usize = 8;
/// Bytes behind the digest: zeros. Earlier builds had the second half of a SHA-256 there, which is never all zeros.
const EARLIER: usize = 16;
/// How a header begins.
pub(super) const MAGIC: [u8; 4] = *b"LKM1";

/// The first half of a receipt's key, a SHA-256 over sender, recipient and message id. 16 bytes are enough for what it is asked: a sender who finds two of
/// its own message ids with one key (2^64 hashes) has its second send refused.
pub(in crate::store::sqlite) type Key = [u8; 16];

/// Which segment a header is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Mark {
    /// Its number.
    pub id: u32,
    /// Its random number.
    pub salt: u64,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Header {
    /// The segment it was written to: bytes left over from another file are no record.
    pub segment: u32,
    /// Where in the segment its commit begins. What lies before that was on the disk before this was written.
    pub begin: u32,
    /// The commit, counted from the log's first.
    pub commit: u64,
    /// For whom.
    pub mailbox: MailboxId,
    /// Its place in the mailbox.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// Until when a repetition is recognised; zero in a record that was moved, whose receipt is elsewhere, and in one of an earlier build, which had another digest.
    pub forget_at: Timestamp,
    /// What a repetition has in common with it.
    pub key: Key,
    /// What it must repeat.
    pub digest: BodyDigest,
    /// The envelope's length.
    pub length: u32,
    /// The envelope's check.
    pub check: u32,
}

/// The check of an envelope.
pub(super) fn check(envelope: &[u8]) -> u32 {
    crc32fast::hash(envelope)
}

/// The length of a whole record.
pub(super) fn span(length: u32) -> usize {
    (HEADER + length as usize).next_multiple_of(ALIGN)
}

impl Header {
    /// The header's bytes in a segment with this random number.
    pub fn encode(&self, salt: u64) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut at = 8;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&self.segment.to_le_bytes());
        put(&self.begin.to_le_bytes());
        put(&self.commit.to_le_bytes());
        put(self.mailbox.as_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.stored_at.as_millis().to_le_bytes());
        put(&self.expires.as_millis().to_le_bytes());
        put(&self.forget_at.as_millis().to_le_bytes());
        put(&self.key);
        put(self.digest.as_bytes());
        put(&[0; EARLIER]);
        put(&self.length.to_le_bytes());
        put(&self.check.to_le_bytes());
        let sum = sum(salt, &bytes[8..]);
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header in these bytes, if they are one of that segment.
    pub fn decode(bytes: &[u8; HEADER], of: Mark) -> Option<Self> {
        let mut rest = &bytes[..];
        let magic: [u8; 4] = take(&mut rest)?;
        let told = u32::from_le_bytes(take(&mut rest)?);
        if magic != MAGIC || sum(of.salt, rest) != told {
            return None;
        }
        let mut header = Self {
            segment: u32::from_le_bytes(take(&mut rest)?),
            begin: u32::from_le_bytes(take(&mut rest)?),
            commit: u64::from_le_bytes(take(&mut rest)?),
            mailbox: MailboxId::from_bytes(take(&mut rest)?),
            sequence: u64::from_le_bytes(take(&mut rest)?),
            stored_at: Timestamp::from_millis(u64::from_le_bytes(take(&mut rest)?)),
            expires: Timestamp::from_millis(u64::from_le_bytes(take(&mut rest)?)),
            forget_at: Timestamp::from_millis(u64::from_le_bytes(take(&mut rest)?)),
            key: take(&mut rest)?,
            digest: BodyDigest::from_bytes(take(&mut rest)?),
            length: 0,
            check: 0,
        };
        if take::<EARLIER>(&mut rest)? != [0; EARLIER] {
            header.forget_at = Timestamp::from_millis(0);
        }
        header.length = u32::from_le_bytes(take(&mut rest)?);
        header.check = u32::from_le_bytes(take(&mut rest)?);
        (header.segment == of.id).then_some(header)
    }

    /// Whether a receipt is made of it.
    pub fn has_receipt(&self) -> bool {
        self.forget_at.as_millis() != 0
    }
}

fn sum(salt: u64, header: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&salt.to_le_bytes());
    sum.update(header);
    sum.finalize()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*part)
}

/// Puts a record behind what `buffer` holds.
pub(super) fn append(buffer: &mut Vec<u8>, header: &Header, salt: u64, envelope: &[u8]) {
    buffer.extend_from_slice(&header.encode(salt));
    buffer.extend_from_slice(envelope);
    buffer.resize(buffer.len().next_multiple_of(ALIGN), 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(seed: u64) -> Header {
        Header {
            segment: seed as u32,
            begin: (seed >> 7) as u32,
            commit: seed.rotate_left(11),
            mailbox: MailboxId::from_bytes([seed as u8; 16]),
            sequence: seed ^ 0xffff,
            stored_at: Timestamp(seed / 3),
            expires: Timestamp(seed / 2),
            forget_at: Timestamp(seed),
            key: [seed as u8 ^ 1; 16],
            digest: BodyDigest::from_bytes([seed as u8 ^ 2; 16]),
            length: seed as u32 % 300_000,
            check: (seed >> 32) as u32,
        }
    }

    proptest! {
        #[test]
        fn a_header_comes_back_and_a_changed_bit_is_seen(seed: u64, bit in 0..HEADER * 8) {
            let of = Mark { id: seed as u32, salt: seed.wrapping_mul(3) };
            let mut bytes = header(seed).encode(of.salt);
            prop_assert_eq!(Header::decode(&bytes, of), Some(header(seed)));
            prop_assert_eq!(Header::decode(&bytes, Mark { salt: of.salt ^ (1 << (bit % 64)), ..of }), None);
            prop_assert_eq!(Header::decode(&bytes, Mark { id: of.id ^ 1, ..of }), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Header::decode(&bytes, of), None);
        }

        #[test]
        fn records_are_aligned(length in 0u32..600, before in 0usize..5) {
            let mut buffer = vec![9; before * ALIGN];
            let header = Header { length, ..header(7) };
            append(&mut buffer, &header, 5, &vec![1; length as usize]);
            prop_assert_eq!(buffer.len(), before * ALIGN + span(length));
        }
    }

    /// Its digest was a SHA-256: with another one nothing would be a repetition, and all a conflict.
    #[test]
    fn a_record_of_an_earlier_build_counts_and_leaves_no_receipt() {
        let of = Mark { id: 7, salt: 9 };
        let now = Header {
            forget_at: Timestamp(50),
            ..header(7)
        };
        let mut bytes = now.encode(of.salt);
        let digest = bytes
            .windows(16)
            .position(|part| part == now.digest.as_bytes())
            .unwrap();
        bytes[digest + 31] = 1;
        let sum = sum(of.salt, &bytes[8..]);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        let then = Header::decode(&bytes, of).unwrap();
        assert!(now.has_receipt() && !then.has_receipt());
        assert_eq!(
            Header {
                forget_at: now.forget_at,
                ..then
            },
            now
        );
    }

    #[test]
    fn zeros_are_no_header() {
        assert_eq!(Header::decode(&[0; HEADER], Mark { id: 0, salt: 0 }), None);
    }
}
