//! The polynomials that are rotated, and where in them what is read.
//!
//! Plain arithmetic, no encryption: the tests turn these polynomials by every drift there can be.
//!
//! A rotation by `φ` brings coefficient `c + φ` of the table to place `c` (negated beyond the end: the ring is Z\[X\]/(X^N + 1)). A unit of a
//! ciphertext turns by one box of 128; noise turns by a little more or less, the *drift*, which stays within −64…63 but for 2^-128.

use super::params::{BOX, BOXES, N, UNIT};

/// Bits of one released symbol: its noise margin is an eighth of the torus.
pub(crate) const SYMBOL_BITS: usize = 2;

/// Bytes of ρ, the fresh secret of one release. It is a key of AES-GCM by way of HKDF.
pub(crate) const RHO_LEN: usize = 16;

/// The marker and the symbols of ρ.
pub(crate) const PAYLOAD: usize = 1 + RHO_LEN * 8 / SYMBOL_BITS;

/// The coefficients that leave the relay: the payload wherever a drift of −64…64 puts it.
pub(crate) const WINDOW: usize = BOX + PAYLOAD;

/// What stands first in the payload. The symbols before it are all zero.
pub(crate) const MARKER: u8 = 2;

/// By how many units a real play turns the release.
pub(crate) const WANT_UNITS: u64 = 4;

/// By how many units each "something is left" turns it.
pub(crate) const LEFT_UNITS: u64 = 2;

/// The payload's copies: one for each turn that grants, half a box after it.
const COPIES: [usize; 2] = [6 * BOX + BOX / 2, 8 * BOX + BOX / 2];

/// Where the release is read for the charge.
pub(crate) const CHARGE_AT: usize = 736;

/// Turns whose window shows any of the payload, from the first that shows the last coefficient of the window to the last that shows the first.
const VISIBLE: core::ops::RangeInclusive<usize> = COPIES[0] - (WINDOW - 1)..=COPIES[1] + (PAYLOAD - 1);

/// Symbols as they are placed in a polynomial.
fn symbol(value: u8) -> u64 {
    u64::from(value) << (64 - SYMBOL_BITS)
}

/// The release: copies of the payload, and the charge.
///
/// The turn is `4·want + 2·(some low + some high)` boxes: 0, 2 or 4 for a decoy, 4 with nothing left, 6 or 8 for a play that is granted. The same
/// rotated polynomial is read twice: the window `0..WINDOW` is released, coefficient [`CHARGE_AT`] is what the play costs. The block of ones behind
/// the second reading covers exactly the turns at which the window shows even one symbol: whoever gets anything pays.
pub(crate) fn release(rho: &[u8; RHO_LEN]) -> Vec<u64> {
    let mut table = vec![0; N];
    for at in VISIBLE {
        if let Some(cell) = table.get_mut(CHARGE_AT + at) {
            *cell = UNIT;
        }
    }
    let symbols = rho
        .iter()
        .flat_map(|byte| (0..8 / SYMBOL_BITS).map(move |i| (byte >> (8 - SYMBOL_BITS * (i + 1))) & 3));
    let payload: Vec<u8> = core::iter::once(MARKER).chain(symbols).collect();
    for copy in COPIES {
        for (cell, value) in table[copy..copy + PAYLOAD].iter_mut().zip(&payload) {
            *cell = symbol(*value);
        }
    }
    table
}

/// A table that is constant on each box. `value(x)` is in half units; position −1 reads `−value(15)`, as the ring has it.
fn boxes(value: impl Fn(i64) -> i64) -> Vec<u64> {
    let half = |units: i64| units.cast_unsigned().wrapping_mul(UNIT / 2);
    (0..N)
        .map(|j| {
            let x = (j + BOX / 2) / BOX;
            if x < BOXES {
                half(value(i64::try_from(x).unwrap_or_default()))
            } else {
                half(-value(0))
            }
        })
        .collect()
}

/// The place that reads the table one box earlier, negated.
pub(crate) const ONE_BEFORE: usize = N - BOX;

/// `x − 7½` on −1…15, read back as `max(x, 0)` with [`DIGIT_OFFSET`]. What [`ONE_BEFORE`] reads, added to it, is 1 for x ≥ 1 and 0 for x = 0.
pub(crate) fn digit() -> Vec<u64> {
    boxes(|x| 2 * x - 15)
}

/// 7½ units.
pub(crate) const DIGIT_OFFSET: u64 = 15 * (UNIT / 2);

/// `x − 15` on 0…15 and 0 on −1, read back as `x mod 16` with [`WRAP_OFFSET`].
pub(crate) fn wrap() -> Vec<u64> {
    boxes(|x| 2 * (x - 15))
}

/// 15 units.
pub(crate) const WRAP_OFFSET: u64 = 15 * UNIT;

/// ½ on 0…15, so −½ on −1: a borrow is ½ less it. One less it and less what [`ONE_BEFORE`] reads is 1 for x ≠ 0 and 0 for x = 0.
pub(crate) fn sign() -> Vec<u64> {
    boxes(|_| 1)
}

/// Half a unit.
pub(crate) const HALF: u64 = UNIT / 2;

/// 2 on the upper half of the torus and −2 on the lower, read back as 4 or 0 with [`CLEAN_OFFSET`]: a request sealed under the opening key is
/// a quarter of the torus either way, and whatever else it is becomes exactly one of the two.
pub(crate) fn clean() -> Vec<u64> {
    vec![CLEAN_OFFSET; N]
}

/// Two units.
pub(crate) const CLEAN_OFFSET: u64 = WANT_UNITS / 2 * UNIT;

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    use super::*;

    const RHO: [u8; RHO_LEN] = [
        0x1b, 0xff, 0x00, 0xe4, 0x27, 0x93, 0x55, 0xaa, 0x01, 0x80, 0xc3, 0x3c, 0x5a, 0xa5, 0x78, 0x87,
    ];

    /// Drifts that a rotation survives.
    const DRIFTS: core::ops::Range<i64> = -64..64;

    /// What a table turned by `turn` has at `place`.
    fn read(table: &[u64], turn: i64, place: usize) -> u64 {
        let at = (turn + place as i64).rem_euclid(2 * N as i64) as usize;
        if at < N {
            table[at]
        } else {
            table[at - N].wrapping_neg()
        }
    }

    fn turn(units: i64, drift: i64) -> i64 {
        units * BOX as i64 + drift
    }

    fn units(value: u64) -> i64 {
        assert_eq!(value % UNIT, 0, "{value:#x}");
        let units = (value / UNIT) as i64;
        if units < 16 { units } else { units - 32 }
    }

    fn window(table: &[u64], turn: i64) -> Vec<u64> {
        (0..WINDOW).map(|place| read(table, turn, place)).collect()
    }

    /// The payload as symbols, and nothing else in the window.
    fn found(window: &[u64]) -> bool {
        let payload: Vec<u64> = release(&RHO)[COPIES[0]..COPIES[0] + PAYLOAD].to_vec();
        let Some(at) = window.iter().position(|value| *value != 0) else {
            return false;
        };
        window.get(at..at + PAYLOAD) == Some(&payload) && window[at + PAYLOAD..].iter().all(|value| *value == 0)
    }

    #[test]
    fn a_play_with_something_left_shows_the_payload_and_costs_one() {
        let table = release(&RHO);
        for granting in [6, 8] {
            for drift in DRIFTS {
                let turn = turn(granting, drift);
                assert!(found(&window(&table, turn)), "{granting} {drift}");
                assert_eq!(units(read(&table, turn, CHARGE_AT)), 1, "{granting} {drift}");
            }
        }
    }

    #[test]
    fn a_decoy_and_an_exhausted_play_show_nothing_to_twice_the_drift_and_cost_nothing() {
        let table = release(&RHO);
        for denying in [0, 2, 4] {
            for drift in -127..=127 {
                let shown = window(&table, turn(denying, drift));
                assert!(shown.iter().all(|value| *value == 0), "{denying} {drift}");
            }
            // Half as far again as a rotation survives.
            for drift in -95..=95 {
                assert_eq!(read(&table, turn(denying, drift), CHARGE_AT), 0, "{denying} {drift}");
            }
        }
    }

    /// At every turn there is, reachable or not: a window that shows one symbol is charged for. In the half that is never reached both are negated.
    #[test]
    fn whoever_sees_anything_pays() {
        let table = release(&RHO);
        for turn in 0..2 * N as i64 {
            let shows = window(&table, turn)
                .iter()
                .any(|value| value % (1 << 62) == 0 && *value != 0);
            if shows {
                let sign = if (turn as usize) < N { 1 } else { -1 };
                assert_eq!(units(read(&table, turn, CHARGE_AT)), sign, "{turn}");
            }
        }
        for turn in VISIBLE {
            assert!(window(&table, turn as i64).iter().any(|value| *value != 0), "{turn}");
        }
    }

    #[test]
    fn no_window_shows_the_charge() {
        let table = release(&RHO);
        for units in [0, 2, 4, 6, 8] {
            for drift in -127..=127 {
                let shown = window(&table, turn(units, drift));
                assert!(
                    shown.iter().all(|value| value.trailing_zeros() >= 62),
                    "{units} {drift}"
                );
            }
        }
    }

    #[test]
    fn a_digit_comes_back_and_says_whether_it_is_above_zero() {
        let table = digit();
        for x in 0..16 {
            for drift in DRIFTS {
                let here = read(&table, turn(x, drift), 0);
                let some = here.wrapping_add(read(&table, turn(x, drift), ONE_BEFORE));
                assert_eq!(units(here.wrapping_add(DIGIT_OFFSET)), x, "{drift}");
                assert_eq!(units(some), i64::from(x > 0), "{drift}");
            }
        }
    }

    #[test]
    fn a_low_digit_wraps_borrows_and_says_whether_it_is_zero() {
        let (wrap, sign) = (wrap(), sign());
        for x in -1..16 {
            for drift in DRIFTS {
                let turn = turn(x, drift);
                let (here, before) = (read(&sign, turn, 0), read(&sign, turn, ONE_BEFORE));
                assert_eq!(
                    units(read(&wrap, turn, 0).wrapping_add(WRAP_OFFSET)),
                    x.rem_euclid(16),
                    "{x} {drift}"
                );
                assert_eq!(units(HALF.wrapping_sub(here)), i64::from(x < 0), "{x} {drift}");
                assert_eq!(
                    units(UNIT.wrapping_sub(here).wrapping_sub(before)),
                    i64::from(x != 0),
                    "{x} {drift}"
                );
            }
        }
    }

    /// All 4 096 turns: whatever the recipient sent, the cleaned request is none or four.
    #[test]
    fn every_request_is_a_play_or_a_decoy() {
        let table = clean();
        let wants: Vec<i64> = (0..2 * N as i64)
            .map(|turn| units(read(&table, turn, 0).wrapping_add(CLEAN_OFFSET)))
            .collect();
        assert!(wants[..N].iter().all(|want| *want == 4));
        assert!(wants[N..].iter().all(|want| *want == 0));
    }

    /// The gate without encryption: the same readings of the same tables, with drifts at random.
    struct Plain<'a> {
        tables: &'a Tables,
        low: i64,
        some_low: i64,
        high: Option<(i64, i64)>,
        age: u8,
    }

    struct Tables {
        release: Vec<u64>,
        digit: Vec<u64>,
        wrap: Vec<u64>,
        sign: Vec<u64>,
    }

    impl<'a> Plain<'a> {
        fn new(tables: &'a Tables, limit: i64, wide: bool) -> Self {
            let (low, high) = if wide { (limit % 16, limit / 16) } else { (limit, 0) };
            Self {
                tables,
                low,
                some_low: i64::from(low > 0),
                high: wide.then_some((high, i64::from(high > 0))),
                age: 0,
            }
        }

        fn play(&mut self, want: bool, rng: &mut ChaCha20Rng) -> bool {
            let some = self.some_low + self.high.map_or(0, |high| high.1);
            let turn = turn(4 * i64::from(want) + 2 * some, drift(rng));
            self.low -= units(read(&self.tables.release, turn, CHARGE_AT));
            found(&window(&self.tables.release, turn))
        }

        fn fold(&mut self, rng: &mut ChaCha20Rng) {
            let digit_of = |x: i64, rng: &mut ChaCha20Rng| {
                let turn = turn(x, drift(rng));
                let here = read(&self.tables.digit, turn, 0);
                let some = here.wrapping_add(read(&self.tables.digit, turn, ONE_BEFORE));
                (units(here.wrapping_add(DIGIT_OFFSET)), units(some))
            };
            let Some((high, some_high)) = self.high else {
                (self.low, self.some_low) = digit_of(self.low, rng);
                return;
            };
            let turn = turn(self.low, drift(rng));
            let sign = &self.tables.sign;
            let (here, before) = (read(sign, turn, 0), read(sign, turn, ONE_BEFORE));
            self.low = units(read(&self.tables.wrap, turn, 0).wrapping_add(WRAP_OFFSET));
            self.some_low = units(UNIT.wrapping_sub(here).wrapping_sub(before));
            let lowered = high - units(HALF.wrapping_sub(here));
            self.age += 1;
            self.high = Some(if self.age == super::super::state::HIGH_PERIOD {
                self.age = 0;
                digit_of(lowered, rng)
            } else {
                (lowered, some_high)
            });
        }
    }

    fn drift(rng: &mut ChaCha20Rng) -> i64 {
        i64::from(rng.next_u32() % 128) - 64
    }

    #[test]
    fn the_tables_count_every_limit_down() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let tables = Tables {
            release: release(&RHO),
            digit: digit(),
            wrap: wrap(),
            sign: sign(),
        };
        for limit in 1..=255 {
            for wide in [false, true] {
                if limit > 15 && !wide {
                    continue;
                }
                // The order in which decoys fall decides how old the high digit is when the low one borrows.
                for decoys_in_8 in [0, 1, 5] {
                    let mut gate = Plain::new(&tables, limit, wide);
                    let mut left = limit;
                    let mut after = 0;
                    while after < 20 {
                        let want = rng.next_u32() % 8 >= decoys_in_8;
                        let granted = want && left > 0;
                        assert_eq!(gate.play(want, &mut rng), granted, "limit {limit}, {left} left");
                        left -= i64::from(granted);
                        after += i32::from(left == 0);
                        gate.fold(&mut rng);
                        assert_eq!(gate.low + 16 * gate.high.map_or(0, |high| high.0), left);
                    }
                }
            }
        }
    }
}
