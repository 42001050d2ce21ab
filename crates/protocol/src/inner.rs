//! The inner text of an envelope: counts that let the receiver close old chains and settle what arrived, then the content, then padding.
//!
//! `inner = pn1 ‖ pn2 ‖ ack_epoch ‖ ack_count (minimal LEB128) ‖ content ‖ 0x80 ‖ zeros`

use crate::error::DecodeError;
use crate::padding;
use crate::primitives::secret::SecretBytes;

/// Longest LEB128 of 32 bits.
const MAX_LEB128: usize = 5;

/// The counts in front of a content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many messages the sender sent in its previous epoch.
    pub(crate) previous: u32,
    /// And in the one before.
    pub(crate) before_previous: u32,
    /// Highest epoch in which the sender heard from the receiver, and how many of its messages there are settled.
    pub(crate) acknowledged: (u32, u32),
}

/// Counts, content and padding in one buffer.
pub(crate) fn encode(counts: &Counts, content: &[u8]) -> SecretBytes {
    // With room for the longest counts, so that nothing is moved and left behind.
    let length = content.len() + 4 * MAX_LEB128;
    let mut inner = Vec::with_capacity(padding::padded_length(length));
    let (epoch, count) = counts.acknowledged;
    for value in [counts.previous, counts.before_previous, epoch, count] {
        put_leb128(&mut inner, value);
    }
    inner.extend_from_slice(content);
    padding::pad(&mut inner);
    SecretBytes::new(inner)
}

/// Undoes [`encode`].
pub(crate) fn decode(inner: &[u8]) -> Result<(Counts, &[u8]), DecodeError> {
    let mut rest = padding::unpad(inner).ok_or(DecodeError::NotCanonical)?;
    let mut next = || take_leb128(&mut rest);
    let counts = Counts {
        previous: next()?,
        before_previous: next()?,
        acknowledged: (next()?, next()?),
    };
    Ok((counts, rest))
}

fn put_leb128(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_leb128(input: &mut &[u8]) -> Result<u32, DecodeError> {
    let mut value = 0_u32;
    for i in 0..MAX_LEB128 {
        let (byte, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
        *input = rest;
        let bits = u32::from(byte & 0x7f);
        // The fifth byte has room for four bits; a last byte of zero is a longer form of a shorter number.
        if i == MAX_LEB128 - 1 && bits > 0x0f || i > 0 && *byte == 0 {
            return Err(DecodeError::NotCanonical);
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(DecodeError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_round_trip_and_only_minimal_forms_decode() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 32_767, u32::MAX - 1, u32::MAX] {
            let counts = Counts {
                previous: value,
                before_previous: 1,
                acknowledged: (value, 7),
            };
            let inner = encode(&counts, b"content");
            assert_eq!(decode(&inner), Ok((counts, &b"content"[..])));
            let mut bytes = Vec::new();
            put_leb128(&mut bytes, value);
            let last = bytes.len() - 1;
            bytes[last] |= 0x80;
            bytes.push(0);
            assert!(take_leb128(&mut &bytes[..]).is_err(), "{value} with a needless byte");
        }
        assert!(
            take_leb128(&mut &[0xff, 0xff, 0xff, 0xff, 0x10][..]).is_err(),
            "33 bits"
        );
        assert!(take_leb128(&mut &[0x80][..]).is_err(), "cut");
    }
}
