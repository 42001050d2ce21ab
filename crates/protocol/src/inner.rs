//! The inner text of an envelope: counts that let the receiver close old chains and settle what arrived, then the content, then padding.
//!
//! ```text
//! inner = pn1 ‖ pn2 ‖ ack_epoch ‖ ack_count ‖ holes ‖ hole … ‖ content ‖ 0x80 ‖ zeros
//! hole  = ack_epoch − epoch ‖ first ‖ count                                                   all minimal LEB128 of 32 bits
//! ```

use crate::error::DecodeError;
use crate::padding;
use crate::primitives::secret::SecretBytes;

/// Longest LEB128 of 32 bits.
const MAX_LEB128: usize = 5;
/// Holes that an acknowledgement names, at most: more than that in one epoch are named as fewer, larger ones ([`crate::session::missing`]).
pub(crate) const MAX_HOLES: usize = 32;

/// The counts in front of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many messages the sender sent in its previous epoch.
    pub(crate) previous: u32,
    /// And in the one before.
    pub(crate) before_previous: u32,
    /// What the sender has of the receiver's messages.
    pub(crate) acknowledged: Acknowledgement,
}

/// What one party has of the other's messages: all before a position, but for the holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// Highest epoch in which the other was heard, and the number after the last one that was opened there; (0, 0) when nothing was.
    pub(crate) end: (u32, u32),
    /// What is missing before it: at most [`MAX_HOLES`], in order, apart from each other.
    pub(crate) holes: Vec<Hole>,
}

/// Messages `first .. first + count` of an epoch, which never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) epoch: u32,
    pub(crate) first: u32,
    pub(crate) count: u32,
}

impl Hole {
    /// The position behind it.
    pub(crate) const fn end(&self) -> (u32, u32) {
        (self.epoch, self.first.saturating_add(self.count))
    }

    pub(crate) fn contains(&self, position: (u32, u32)) -> bool {
        (self.epoch, self.first) <= position && position < self.end()
    }
}

impl Acknowledgement {
    /// Whether it says that the message at `position` was opened.
    pub(crate) fn covers(&self, position: (u32, u32)) -> bool {
        position < self.end && !self.misses(position)
    }

    /// Whether it says that the message at `position` never came.
    pub(crate) fn misses(&self, position: (u32, u32)) -> bool {
        self.holes.iter().any(|hole| hole.contains(position))
    }

    /// The last message that it says was opened.
    pub(crate) fn last(&self) -> Option<(u32, u32)> {
        self.end.1.checked_sub(1).map(|number| (self.end.0, number))
    }
}

/// Counts, content and padding in one buffer.
pub(crate) fn encode(counts: &Counts, content: &[u8]) -> SecretBytes {
    // With room for the longest counts, so that nothing is moved and left behind.
    let length = content.len() + (5 + 3 * counts.acknowledged.holes.len()) * MAX_LEB128;
    let mut inner = Vec::with_capacity(padding::padded_length(length));
    let Acknowledgement {
        end: (epoch, count),
        holes,
    } = &counts.acknowledged;
    for value in [
        counts.previous,
        counts.before_previous,
        *epoch,
        *count,
        holes.len() as u32,
    ] {
        put_leb128(&mut inner, value);
    }
    for hole in holes {
        for value in [epoch.saturating_sub(hole.epoch), hole.first, hole.count] {
            put_leb128(&mut inner, value);
        }
    }
    inner.extend_from_slice(content);
    padding::pad(&mut inner);
    SecretBytes::new(inner)
}

/// Undoes [`encode`].
pub(crate) fn decode(inner: &[u8]) -> Result<(Counts, &[u8]), DecodeError> {
    let mut rest = padding::unpad(inner).ok_or(DecodeError::NotCanonical)?;
    let mut next = || take_leb128(&mut rest);
    let (previous, before_previous) = (next()?, next()?);
    let end = (next()?, next()?);
    let count = next()? as usize;
    if count > MAX_HOLES {
        return Err(DecodeError::TooLong);
    }
    let mut holes: Vec<Hole> = Vec::with_capacity(count);
    for _ in 0..count {
        let hole = Hole {
            epoch: end.0.checked_sub(next()?).ok_or(DecodeError::NotCanonical)?,
            first: next()?,
            count: next()?,
        };
        // In order and apart: what touches another is one hole with it. And something was opened behind the last.
        let apart = holes
            .last()
            .is_none_or(|before| before.end() < (hole.epoch, hole.first));
        if hole.count == 0 || hole.first.checked_add(hole.count).is_none() || !apart || hole.end() >= end {
            return Err(DecodeError::NotCanonical);
        }
        holes.push(hole);
    }
    let counts = Counts {
        previous,
        before_previous,
        acknowledged: Acknowledgement { end, holes },
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

    fn counts(previous: u32, end: (u32, u32), holes: &[(u32, u32, u32)]) -> Counts {
        let hole = |(epoch, first, count): &(u32, u32, u32)| Hole {
            epoch: *epoch,
            first: *first,
            count: *count,
        };
        Counts {
            previous,
            before_previous: 1,
            acknowledged: Acknowledgement {
                end,
                holes: holes.iter().map(hole).collect(),
            },
        }
    }

    #[test]
    fn counts_round_trip_and_only_minimal_forms_decode() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 32_767, u32::MAX - 1, u32::MAX] {
            let counts = counts(value, (value, 7), &[]);
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

    #[test]
    fn holes_are_in_order_apart_and_before_what_was_opened() {
        let end = (9, 8);
        let many: Vec<_> = (0..MAX_HOLES as u32).map(|n| (7, 2 * n, 1)).collect();
        for right in [
            &[][..],
            &[(9, 0, 7)],
            &[(0, 5, 1), (8, 0, u32::MAX), (9, 2, 1), (9, 4, 3)],
            &many,
        ] {
            let counts = counts(3, end, right);
            let inner = encode(&counts, b"content");
            assert_eq!(decode(&inner), Ok((counts, &b"content"[..])), "{right:?}");
        }
        let one_more = [&many[..], &[(8, 0, 1)]].concat();
        for (wrong, why) in [
            (&[(9, 0, 8)][..], "nothing opened behind it"),
            (&[(9, 8, 1)], "behind the end"),
            (&[(9, 2, 0)], "of nothing"),
            (&[(9, 2, 1), (9, 3, 1)], "two that touch"),
            (&[(9, 2, 3), (9, 4, 1)], "two that overlap"),
            (&[(9, 4, 1), (9, 2, 1)], "out of order"),
            (&[(9, 4, 1), (8, 2, 1)], "epochs out of order"),
            (&[(8, 2, u32::MAX)], "beyond all numbers"),
            (&one_more, "too many"),
        ] {
            assert!(decode(&encode(&counts(3, end, wrong), b"content")).is_err(), "{why}");
        }
        let mut ahead = Vec::new();
        for value in [0, 0, 3, 1, 1, 4, 0, 1] {
            put_leb128(&mut ahead, value);
        }
        padding::pad(&mut ahead);
        assert!(decode(&ahead).is_err(), "an epoch after the end");
    }

    #[test]
    fn an_acknowledgement_covers_what_is_before_its_end_and_in_no_hole() {
        let acknowledged = counts(0, (9, 8), &[(8, 2, 3), (9, 0, 2)]).acknowledged;
        for (position, covered, missed) in [
            ((7, 40), true, false),
            ((8, 1), true, false),
            ((8, 2), false, true),
            ((8, 4), false, true),
            ((8, 5), true, false),
            ((9, 1), false, true),
            ((9, 7), true, false),
            ((9, 8), false, false),
            ((10, 0), false, false),
        ] {
            assert_eq!(
                (acknowledged.covers(position), acknowledged.misses(position)),
                (covered, missed),
                "{position:?}"
            );
        }
        assert_eq!(acknowledged.last(), Some((9, 7)));
        assert_eq!(Acknowledgement::default().last(), None);
    }
}
