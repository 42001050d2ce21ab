//! What the relay keeps of a license, and what it shows the sender of it.

use super::license::{SealedCounter, counters};
use super::lwe::{Lwe, STORED_LEN, Stored};
use super::params::UNIT;
use super::wire::{Reader, VERSION, WireError, exactly};
use super::{Class, GATE_KEY_ID_LEN, PAD_SLOTS};

/// A license as the relay stores it.
///
/// ```text
/// version ‖ flags ‖ next slot ‖ age ‖ sealed counter ‖ (played: low ‖ some low ‖ (to 255: high ‖ some high))
/// ```
///
/// `flags` has bit 0 for "folded" and bit 1 for "played". Before the first play this is the deposited counter and four bytes; afterwards 16 KiB, or
/// 33 KiB in the larger class.
#[derive(Clone, PartialEq, Eq)]
pub struct PlayState {
    pub(crate) deposit: SealedCounter,
    pub(crate) next_slot: u8,
    /// Requests since the high digit was refreshed.
    pub(crate) age: u8,
    pub(crate) folded: bool,
    /// `None` before the first play.
    pub(crate) digits: Option<Digits>,
}

/// The counter in use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digits {
    /// 0…15; −1 between a play that borrows and its fold.
    pub low: Stored,
    /// Whether `low` was above 0 at the last fold.
    pub some_low: Stored,
    pub high: Option<High>,
}

/// The upper digit of [`Class::To255`].
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct High {
    /// 0…15.
    pub digit: Stored,
    /// Whether it was above 0 when it was last refreshed.
    pub some: Stored,
}

const FOLDED: u8 = 1;
const PLAYED: u8 = 2;

impl PlayState {
    /// A license that nobody has played yet.
    #[must_use]
    pub fn new(counter: &SealedCounter) -> Self {
        Self {
            deposit: counter.clone(),
            next_slot: 0,
            age: 0,
            folded: true,
            digits: None,
        }
    }

    /// Whether limits to 15 or to 255.
    #[must_use]
    pub fn class(&self) -> Class {
        self.deposit.class
    }

    /// The name of the gate key that sealed it.
    #[must_use]
    pub fn gate_key_id(&self) -> [u8; GATE_KEY_ID_LEN] {
        self.deposit.key_id
    }

    /// The first slot that is not used; [`PAD_SLOTS`] when all are.
    #[must_use]
    pub fn next_slot(&self) -> u16 {
        self.next_slot.into()
    }

    /// Whether the deferred half of the last play is done.
    #[must_use]
    pub fn is_folded(&self) -> bool {
        self.folded
    }

    /// What the sender may see.
    #[must_use]
    pub fn view(&self) -> CounterView {
        let digits = self.digits();
        CounterView {
            key_id: self.deposit.key_id,
            low: digits.low,
            high: digits.high.map(|high| high.digit),
        }
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = if self.folded { FOLDED } else { 0 } | if self.digits.is_some() { PLAYED } else { 0 };
        let mut out = Vec::with_capacity(len(self.class(), flags));
        out.extend([VERSION, flags, self.next_slot, self.age]);
        self.deposit.write(&mut out);
        if let Some(digits) = &self.digits {
            digits.low.write(&mut out);
            digits.some_low.write(&mut out);
            if let Some(high) = &digits.high {
                high.digit.write(&mut out);
                high.some.write(&mut out);
            }
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`WireError`] for anything that [`PlayState::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut head = Reader::new(bytes);
        head.version()?;
        let [flags, next_slot, age] = head.array()?;
        head.version()?;
        let class = head.class()?;
        // An unplayed license is folded.
        if !matches!(flags, FOLDED | PLAYED | 3) || u16::from(next_slot) > PAD_SLOTS || age >= HIGH_PERIOD {
            return Err(WireError::Field);
        }
        let mut reader = exactly(bytes, len(class, flags))?;
        reader.take(HEAD_LEN)?;
        let deposit = SealedCounter::read(&mut reader)?;
        let mut stored = || reader.take(STORED_LEN).map(Stored::read);
        let digits = if flags & PLAYED == 0 {
            None
        } else {
            Some(Digits {
                low: stored()?,
                some_low: stored()?,
                high: match class {
                    Class::To15 => None,
                    Class::To255 => Some(High {
                        digit: stored()?,
                        some: stored()?,
                    }),
                },
            })
        };
        reader.end()?;
        Ok(Self {
            deposit,
            next_slot,
            age,
            folded: flags & FOLDED != 0,
            digits,
        })
    }

    /// The counter in use, whether it was played or not.
    pub(crate) fn digits(&self) -> Digits {
        self.digits.clone().unwrap_or_else(|| {
            let fresh: Vec<Stored> = self.deposit.counters().iter().map(Stored::pack).collect();
            match fresh.as_slice() {
                [low, high, some_low, some_high] => Digits {
                    low: low.clone(),
                    some_low: some_low.clone(),
                    high: Some(High {
                        digit: high.clone(),
                        some: some_high.clone(),
                    }),
                },
                // A limit is at least 1, and everyone knows it.
                other => Digits {
                    low: other.first().cloned().unwrap_or_else(|| Stored::pack(&Lwe::trivial(0))),
                    some_low: Stored::pack(&Lwe::trivial(UNIT)),
                    high: None,
                },
            }
        })
    }
}

/// After this many requests the high digit is refreshed. A borrow leaves 15 plays in the low digit, so at most 15 requests may pass before
/// "something is left in the high digit" has to be true again; eight keep what is added up in the high digit below nine times the noise of one rotation.
pub(crate) const HIGH_PERIOD: u8 = 8;

const HEAD_LEN: usize = 4;

fn len(class: Class, flags: u8) -> usize {
    // One ciphertext is a counter at deposit, two in use; or four and four.
    let stored = match class {
        _ if flags & PLAYED == 0 => 0,
        Class::To15 => counters(class) + 1,
        Class::To255 => counters(class),
    };
    HEAD_LEN + SealedCounter::len(class) + stored * STORED_LEN
}

/// The encrypted count, for the sender alone: never to a recipient, whose opening key reads it.
///
/// ```text
/// version ‖ class ‖ gate key id[8] ‖ low ‖ (to 255: high)
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CounterView {
    pub(crate) key_id: [u8; GATE_KEY_ID_LEN],
    pub(crate) low: Stored,
    pub(crate) high: Option<Stored>,
}

impl CounterView {
    /// The wire form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let class = if self.high.is_some() { Class::To255 } else { Class::To15 };
        let mut out = Vec::with_capacity(view_len(class));
        out.extend([VERSION, class.to_byte()]);
        out.extend(self.key_id);
        self.low.write(&mut out);
        if let Some(high) = &self.high {
            high.write(&mut out);
        }
        out
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`WireError`] for anything that [`CounterView::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut head = Reader::new(bytes);
        head.version()?;
        let class = head.class()?;
        let mut reader = exactly(bytes, view_len(class))?;
        reader.take(2)?;
        Ok(Self {
            key_id: reader.array()?,
            low: Stored::read(reader.take(STORED_LEN)?),
            high: match class {
                Class::To15 => None,
                Class::To255 => Some(Stored::read(reader.take(STORED_LEN)?)),
            },
        })
    }
}

fn view_len(class: Class) -> usize {
    let digits = match class {
        Class::To15 => 1,
        Class::To255 => 2,
    };
    2 + GATE_KEY_ID_LEN + digits * STORED_LEN
}
