//! What everybody is shown of how the relay is doing.
//!
//! Exact numbers at any time would be a diary: on a quiet relay each send, each fetch and each registration shows to whoever asks for the status before and after. So
//! three things stand in between (docs/decisions/0025-doors.md):
//!
//! - The numbers are taken once an hour, at a moment that nobody who asks can choose, and stay as they are until the next: also across a restart, and while the audit log cannot be
//!   written. Each rounding of the same number says something of it, and many say it exactly.
//! - They are rounded to powers of two with a random factor that is drawn anew for each number and hour. Rounding alone has boundaries, to which somebody who adds envelopes of
//!   their own can walk it, to see then whether there is one more; under the factor there is none.
//! - The head of the audit log is shown after a record with a random number in it. It changes every hour, whether anything happened or not, and no guess of what
//!   happened can be confirmed by it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use protocol::Timestamp;

use super::{Refusal, Result, fill};
pub use crate::store::RoughNumbers;
use crate::{
    model::{Bytes32, MailboxId},
    store::{AuditEvent, AuditRecord, Store, Totals},
};

/// How long what is shown stays. An hour hides which of the sends and fetches in it there were, and is soon enough for who wonders how busy a relay is.
pub const SHOWN_FOR: Duration = Duration::from_secs(3600);
/// This many are added before rounding: one more or less of a few changes what is shown with a probability of at most log2(65/64), 2.3 %, and so does one more or less of many.
const FEW: u64 = 64;

/// What is shown for an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// The numbers; none before they could be kept.
    pub numbers: Option<RoughNumbers>,
    /// Where the audit log ended; none before that could be written.
    pub audit_head: Option<Bytes32>,
}

/// What was drawn, and when.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    shown: Shown,
    /// By the clock on the wall.
    at: Timestamp,
    /// When this process came to know it, by a clock that is never set.
    since: Instant,
}

impl Drawn {
    /// Whether it has been shown for an hour. By either clock: that on the wall goes on while no relay runs, the other while that on the wall is put back. Neither of them says so
    /// twice within an hour, however the one on the wall is set to and fro.
    fn is_over(&self, now: Timestamp, elapsed: Duration) -> bool {
        now >= self.at.plus(SHOWN_FOR) || elapsed >= SHOWN_FOR
    }
}

/// The bulletin.
#[derive(Debug, Default)]
pub struct PublicStatus {
    drawn: Mutex<Option<Drawn>>,
    /// Two at once would both find that it is another hour.
    renewing: tokio::sync::Mutex<()>,
}

impl PublicStatus {
    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.drawn().map_or_else(Shown::default, |drawn| drawn.shown)
    }

    /// Takes everything anew, if an hour is over. For the relay's own clockwork alone: called for who asks, it would be the asker's to choose the moment.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails; then what was shown stays.
    pub async fn renew(&self, store: &dyn Store, now: Timestamp) -> Result<()> {
        let _alone = self.renewing.lock().await;
        if self.drawn().is_none()
            && let Some(kept) = store.shown().await?
        {
            // By a relay before this one.
            self.show(kept.numbers, kept.audit_head, kept.at);
        }
        if self
            .drawn()
            .is_some_and(|drawn| !drawn.is_over(now, drawn.since.elapsed()))
        {
            return Ok(());
        }
        let mut random = [0; 32];
        fill(&mut random)?;
        let numbers = rough_numbers(&store.totals().await?, &random);
        let mut salt = [0; 16];
        fill(&mut salt)?;
        let record = AuditRecord {
            at: now,
            event: AuditEvent::HeadShown,
            mailbox: Some(MailboxId::from_bytes(salt)),
            times: 1,
        };
        // Durable before anyone sees it: a draw that could not be kept is thrown away.
        let head = store.show(numbers, record).await.map_err(Refusal::from)?;
        self.show(numbers, head.hash, now);
        Ok(())
    }

    fn drawn(&self) -> Option<Drawn> {
        *self.drawn.lock()
    }

    fn show(&self, numbers: RoughNumbers, audit_head: Bytes32, at: Timestamp) {
        let drawn = Drawn {
            shown: Shown {
                numbers: Some(numbers),
                audit_head: Some(audit_head),
            },
            at,
            since: Instant::now(),
        };
        *self.drawn.lock() = Some(drawn);
    }
}

fn rough_numbers(totals: &Totals, random: &[u8; 32]) -> RoughNumbers {
    let part = |n: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&random[4 * n..4 * n + 4]);
        u32::from_be_bytes(bytes)
    };
    RoughNumbers {
        accounts: rough(totals.accounts, part(0)),
        messages_pending: rough(totals.pending, part(1)),
        licenses_active: rough(totals.licenses_active, part(2)),
        gate_keys: rough(totals.gate_keys, part(3)),
    }
}

/// The power of two below (n + [`FEW`]) · 2^u, where u is uniform between 0 and 1; 0 where that is [`FEW`] itself.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // what is lost is far below the rounding
fn rough(n: u64, random: u32) -> u64 {
    let u = f64::from(random) / (f64::from(u32::MAX) + 1.0);
    let exponent = ((n.saturating_add(FEW) as f64).log2() + u).floor() as u32;
    match 1_u64.checked_shl(exponent) {
        Some(power) if power <= FEW => 0,
        Some(power) => power,
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly over all there are.
    fn grid() -> impl Iterator<Item = u32> {
        (0..10_000_u32).map(|n| n * (u32::MAX / 10_000))
    }

    #[test]
    fn one_more_or_less_changes_what_is_shown_seldom_wherever_somebody_walks_the_number_to() {
        for n in (0..2_000).chain([4_031, 4_032, 4_033, 65_471, 65_472, 1 << 30]) {
            let changed = grid().filter(|&u| rough(n, u) != rough(n + 1, u)).count();
            assert!(changed <= 230, "between {n} and one more, {changed} of 10 000 show it");
        }
        // It is not that it shows nothing.
        assert!(grid().all(|u| rough(10, u) != rough(10_000, u)));
    }

    #[test]
    fn it_is_a_power_of_two_within_a_factor_of_two_and_few_are_none() {
        assert!(grid().all(|u| rough(0, u) == 0));
        for n in [1, 63, 64, 100, 192, 1_000, 123_456, 1 << 40] {
            for shown in grid().map(|u| rough(n, u)) {
                assert!(shown == 0 || shown.is_power_of_two());
                let (least, most) = ((n + FEW) / 2, (n + FEW) * 2);
                assert!(
                    shown == 0 && n < FEW || (least..=most).contains(&shown),
                    "{n} as {shown}"
                );
            }
        }
        assert!(grid().all(|u| rough(192, u) == 256));
        assert_eq!(rough(u64::MAX, u32::MAX), u64::MAX);
    }

    #[test]
    fn no_clock_that_is_set_to_and_fro_draws_twice_within_an_hour() {
        let at = Timestamp(1_800_000_000_000);
        let drawn = Drawn {
            shown: Shown::default(),
            at,
            since: Instant::now(),
        };
        let (moment, hour) = (Duration::from_millis(1), SHOWN_FOR);
        let before = Timestamp(at.as_millis() - 5 * 3_600_000);
        for (now, elapsed, over) in [
            (at, Duration::ZERO, false),
            (at.plus(hour - moment), hour - moment, false),
            // The relay stood still, or the clock was put ahead.
            (at.plus(hour), Duration::ZERO, true),
            // It was put back: that alone says nothing, and an hour later it holds nothing up.
            (before, hour - moment, false),
            (before, hour, true),
        ] {
            assert_eq!(drawn.is_over(now, elapsed), over, "{now:?} {elapsed:?}");
        }
    }

    #[test]
    fn each_number_has_randomness_of_its_own() {
        let totals = Totals {
            accounts: 100,
            pending: 100,
            licenses_active: 100,
            gate_keys: 100,
            ..Totals::default()
        };
        for (n, of) in [
            (|shown: RoughNumbers| shown.accounts) as fn(RoughNumbers) -> u64,
            |shown| shown.messages_pending,
            |shown| shown.licenses_active,
            |shown| shown.gate_keys,
        ]
        .into_iter()
        .enumerate()
        {
            let mut random = [0; 32];
            let before = of(rough_numbers(&totals, &random));
            random[4 * n] = 255;
            assert_ne!(of(rough_numbers(&totals, &random)), before);
        }
    }
}
