//! The state of the relay and of this home.

use std::time::Duration;

use client::{ClockOff, OwnStatus, RelayStatus};
use serde_json::json;

use super::{Render, escape, table};
use crate::exit::Failure;

impl Render {
    /// The state of the relay and our own, and whether the relay knows this account, as far as it said so.
    ///
    /// # Errors
    /// Standard output.
    pub fn status(
        &self,
        own: &OwnStatus,
        relay: Option<(&RelayStatus, Option<ClockOff>)>,
        admitted: Option<bool>,
    ) -> Result<(), Failure> {
        self.show(
            || {
                json!({
                    "address": own.address.to_string(), "fingerprint": own.fingerprint.to_string(), "admitted": admitted,
                    "relay": relay.map(|(relay, clock)| json!({
                        "url": own.relay_url, "name": relay.name, "fingerprint": relay.fingerprint.to_string(),
                        "version": relay.version, "storage_engine": relay.storage_engine, "time": relay.time,
                        "registration": relay.registration.to_string(),
                        "accounts": relay.accounts, "messages_pending": relay.messages_pending,
                        "licenses_active": relay.licenses_active, "clock_off_seconds": clock.map(seconds_ahead),
                    })),
                    "contacts": own.contacts, "messages": own.messages, "unread": own.unread, "outbox": own.outbox,
                    "quarantined": own.quarantined, "early": own.early,
                })
            },
            || {
                let mut rows = vec![
                    ("you", own.address.to_string()),
                    ("fingerprint", own.fingerprint.to_string()),
                    ("contacts", own.contacts.to_string()),
                    ("messages", format!("{} kept, {} unread", own.messages, own.unread)),
                    ("outbox", format!("{} waiting for the relay", own.outbox)),
                ];
                if own.quarantined > 0 {
                    rows.push((
                        "quarantine",
                        format!("{} waiting for your decision about an identity", own.quarantined),
                    ));
                }
                if admitted == Some(false) {
                    rows.push(("account", "not known to the relay, see below".to_owned()));
                }
                if own.early > 0 {
                    rows.push(("early", format!("{} dated ahead, waiting for their date", own.early)));
                }
                rows.push(("relay", own.relay_url.clone()));
                match relay {
                    Some((relay, clock)) => {
                        if let Some(off) = clock.filter(|off| off.apart >= CLOCK_WORTH_TELLING) {
                            rows.push((
                                "clock",
                                format!("this device's is {off} the relay's; set it, or if it is right, tell the relay's operator"),
                            ));
                        }
                        rows.extend([
                            ("relay key", relay.fingerprint.to_string()),
                            (
                                "version",
                                escape::line(&format!("{} on {}", relay.version, relay.storage_engine)),
                            ),
                            ("registration", relay.registration.to_string()),
                        ]);
                        // Rough and an hour old, so that nobody sees others' messages in them.
                        let numbers = [
                            ("accounts", relay.accounts, ""),
                            ("waiting", relay.messages_pending, " messages, in all mailboxes"),
                            ("licenses", relay.licenses_active, " that can still be played"),
                        ];
                        rows.extend(
                            numbers
                                .into_iter()
                                .filter_map(|(name, number, of)| Some((name, format!("{}{of}", roughly(number?))))),
                        );
                    }
                    None => rows.push(("relay key", own.relay_fingerprint.to_string())),
                }
                table(&rows)
            },
        )
    }
}

/// What a relay adds to a number before it rounds it by chance, up or down, to a power of two.
const FEW: u64 = 64;

/// What a relay's rough number says of the true one: docs/decisions/0025-doors.md. They need not be alike: one message may be shown as 128.
fn roughly(shown: u64) -> String {
    match (shown / 2, shown.saturating_mul(2).saturating_sub(FEW)) {
        (0, _) => format!("fewer than {FEW}"),
        (least, most) if least <= FEW => format!("fewer than {most}"),
        (least, most) => format!("more than {} and fewer than {most}", least - FEW),
    }
}

/// Clocks of two machines differ by less than this when both are set by a time service.
const CLOCK_WORTH_TELLING: Duration = Duration::from_secs(60);

/// How far this device's clock is ahead, for programs.
fn seconds_ahead(off: ClockOff) -> i64 {
    let apart = i64::try_from(off.apart.as_secs()).unwrap_or(i64::MAX);
    if off.ahead { apart } else { -apart }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_rough_number_holds_for_the_true_one() {
        assert_eq!(roughly(0), "fewer than 64");
        assert_eq!(roughly(128), "fewer than 192");
        assert_eq!(roughly(256), "more than 64 and fewer than 448");
        assert_eq!(roughly(4096), "more than 1984 and fewer than 8128");
        // As a relay rounds: what it shows of (n + 64) · 2^u, where u is uniform between 0 and 1.
        for n in (0..5_000_u32).chain([1 << 20, (1 << 20) - 65, 1 << 31]) {
            for part in 0..100 {
                let exponent = ((f64::from(n) + 64.0).log2() + f64::from(part) / 100.0).floor() as u32;
                let shown = if exponent <= 6 { 0 } else { 1_u64 << exponent };
                let said = roughly(shown);
                let bounds: Vec<u64> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
                let n = u64::from(n);
                match bounds[..] {
                    [most] => assert!(n < most, "{n} as {said}"),
                    [least, most] => assert!(least < n && n < most, "{n} as {said}"),
                    _ => panic!("{said}"),
                }
            }
        }
    }
}
