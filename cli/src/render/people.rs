//! Contacts, identities and keys.

use client::vault::Receipts;
use client::{Access, Address, KeyReport, Person, SafetyNumber, Standing};
use console::{Style, colors_enabled, measure_text_width};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use std::io::{self, IsTerminal};

use super::{Render, date, table, terminal_size, time};
use crate::exit::Failure;

/// Groups of five digits in a line: twelve groups make three lines of four, easy to read aloud.
const GROUPS_A_LINE: usize = 4;
/// What the QR code is for.
const OF_CODE: &str = "A phone that scans this code shows the same digits:";
/// Black and white of the 256 colours, which a terminal's theme does not change: scanners want a dark code on a light ground.
const BLACK: u8 = 16;
const WHITE: u8 = 231;

impl Render {
    /// A new account.
    ///
    /// # Errors
    /// Standard output.
    pub fn registered(&self, address: &str, fingerprint: &str, home: &str) -> Result<(), Failure> {
        self.show(
            || json!({ "address": address, "fingerprint": fingerprint, "home": home }),
            || {
                format!(
                    "Registered {}.\n{}",
                    Style::new().bold().apply_to(address),
                    table(&[("fingerprint", fingerprint.to_owned()), ("kept in", home.to_owned())])
                )
            },
        )
    }

    /// A token alone on its line, so that a shell can take it; what is to be known of it is a remark.
    ///
    /// # Errors
    /// Standard output.
    pub fn access(&self, access: &Access) -> Result<(), Failure> {
        if self.json {
            self.object(
                &json!({ "token": access.token.as_str(), "expires_at": access.expires_at.as_millis(), "relay": access.relay.as_str() }),
            )?;
        } else {
            // Not broken: it is copied.
            self.lines_as_they_are(&access.token)?;
            self.notice(&format!(
                "for {} until {}, or until this home signs in again. As a header: Authorization: Bearer TOKEN",
                access.relay.as_str(),
                time::utc(access.expires_at.as_millis())
            ));
        }
        Ok(())
    }

    /// Everyone known.
    ///
    /// # Errors
    /// Standard output.
    pub fn contacts(&self, people: &[Person]) -> Result<(), Failure> {
        if people.is_empty() && !self.json {
            return self.out("No contacts yet: the first message to or from an account makes one.");
        }
        people.iter().try_for_each(|person| self.person(person, None))
    }

    /// One contact, with the safety number when it matters.
    ///
    /// # Errors
    /// Standard output.
    pub fn person(&self, person: &Person, number: Option<&SafetyNumber>) -> Result<(), Failure> {
        self.show(
            || {
                let mut object = json!({
                    "address": person.address.to_string(), "fingerprint": person.fingerprint.to_string(),
                    "standing": person.standing.word(), "first_seen": person.first_seen.as_millis(),
                });
                match person.standing {
                    Standing::Changed { offered } | Standing::Forked { offered } => {
                        object["offered"] = json!(offered.to_string());
                    }
                    Standing::Succeeded { verified } => object["verified"] = json!(verified.to_string()),
                    Standing::Unverified | Standing::Verified => {}
                }
                if person.blocked {
                    object["blocked"] = json!(true);
                }
                if let Some(number) = number {
                    object["safety_number"] = json!(number.to_string());
                }
                object
            },
            || {
                let standing = match person.standing {
                    Standing::Verified => Style::new().green().apply_to("verified"),
                    Standing::Unverified => Style::new().yellow().apply_to("not verified"),
                    Standing::Changed { .. } => Style::new().red().bold().apply_to("IDENTITY CHANGED, undecided"),
                    // The one that was verified vouches for it: to be done, and no alarm.
                    Standing::Succeeded { .. } => Style::new()
                        .yellow()
                        .apply_to("new identity, which the verified one vouches for: compare again"),
                    Standing::Forked { .. } => Style::new()
                        .red()
                        .bold()
                        .apply_to("TWO SUCCESSORS of one identity, undecided"),
                };
                let since = Style::new()
                    .dim()
                    .apply_to(format!("since {}", date(person.first_seen)));
                let blocked = if person.blocked { "  BLOCKED" } else { "" };
                format!(
                    "{}  {standing}{blocked}  {since}",
                    Style::new().bold().apply_to(&person.address)
                )
            },
        )
    }

    /// Somebody who is no contact, blocked or not.
    ///
    /// # Errors
    /// Standard output.
    pub fn blocked(&self, address: &Address, blocked: bool) -> Result<(), Failure> {
        self.show(
            || {
                let mut object = json!({ "address": address.to_string() });
                if blocked {
                    object["blocked"] = json!(true);
                }
                object
            },
            || {
                let how = if blocked { "BLOCKED" } else { "not blocked" };
                format!("{}  no contact  {how}", Style::new().bold().apply_to(address))
            },
        )
    }

    /// A safety number; on a terminal with colours with a QR code, where that fits under the digits and above the `below` lines that come behind it.
    ///
    /// # Errors
    /// Standard output.
    pub fn safety_number(&self, person: &Person, number: &SafetyNumber, below: usize) -> Result<(), Failure> {
        if self.json {
            return self.object(&json!({
                "address": person.address.to_string(), "safety_number": number.to_string(),
                "standing": person.standing.word(),
            }));
        }
        let new = matches!(
            person.standing,
            Standing::Changed { .. } | Standing::Succeeded { .. } | Standing::Forked { .. }
        );
        let about = if new { " (of the new identity)" } else { "" };
        let text = format!(
            "Safety number with {}{about}. Compare it over another channel: it must be the same on both sides.\n{}",
            person.address,
            groups(number)
        );
        self.out(&text)?;
        // In the terminal's own colours it would be inverted on a dark one.
        if io::stdout().is_terminal()
            && colors_enabled()
            && let Ok(code) = QrCode::new(number.digits())
        {
            let code = code.render::<Dense1x2>().quiet_zone(true).build();
            let (rows, columns) = terminal_size();
            let wide = code.lines().map(measure_text_width).max().unwrap_or(0);
            let above = text
                .lines()
                .chain([OF_CODE])
                .map(|line| measure_text_width(line).div_ceil(columns.max(1)))
                .sum::<usize>();
            // A code that is broken or scrolls cannot be read, and the digits would go with it.
            if wide <= columns && above + code.lines().count() + below <= rows {
                self.out(OF_CODE)?;
                let ink = Style::new().color256(BLACK).on_color256(WHITE);
                let lines: Vec<String> = code.lines().map(|line| ink.apply_to(line).to_string()).collect();
                self.lines_as_they_are(&lines.join("\n"))?;
            }
        }
        Ok(())
    }

    /// What contacts are told about their messages.
    ///
    /// # Errors
    /// Standard output.
    pub fn receipts(&self, receipts: Receipts) -> Result<(), Failure> {
        self.show(
            || json!({ "delivery": receipts.delivery, "read": receipts.read }),
            || {
                let word = |on| if on { "on" } else { "off" };
                format!(
                    "Delivery receipts are {}; read receipts are {}.",
                    word(receipts.delivery),
                    word(receipts.read)
                )
            },
        )
    }

    /// Our own identity was replaced.
    ///
    /// # Errors
    /// Standard output.
    pub fn identity_replaced(&self, address: &str, fingerprint: &str) -> Result<(), Failure> {
        self.show(
            || json!({ "address": address, "fingerprint": fingerprint, "identity": "replaced" }),
            || {
                format!(
                    "{} has a new identity.\n{}",
                    Style::new().bold().apply_to(address),
                    table(&[("fingerprint", fingerprint.to_owned())])
                )
            },
        )
    }

    /// Our own keys.
    ///
    /// # Errors
    /// Standard output.
    pub fn keys(&self, keys: &KeyReport) -> Result<(), Failure> {
        self.show(
            || {
                json!({
                    "address": keys.address.to_string(), "fingerprint": keys.fingerprint.to_string(),
                    "one_time_left": keys.one_time_left, "signed_prekey_id": keys.signed_prekey_id,
                    "signed_prekey_created_at": keys.signed_prekey_created_at,
                    "signed_prekey_rotates_at": keys.signed_prekey_rotates_at,
                    "signed_prekey_expires_at": keys.signed_prekey_expires_at,
                })
            },
            || {
                table(&[
                    ("address", keys.address.to_string()),
                    ("fingerprint", keys.fingerprint.to_string()),
                    ("one-time keys", format!("{} left at the relay", keys.one_time_left)),
                    (
                        "signed prekey",
                        format!("made {}", time::utc(keys.signed_prekey_created_at)),
                    ),
                    ("rotates", time::utc(keys.signed_prekey_rotates_at)),
                    ("expires", time::utc(keys.signed_prekey_expires_at)),
                ])
            },
        )
    }
}

/// Three lines of four groups.
pub(super) fn groups(number: &SafetyNumber) -> String {
    let text = number.to_string();
    let groups: Vec<&str> = text.split(' ').collect();
    let lines: Vec<String> = groups
        .chunks(GROUPS_A_LINE)
        .map(|line| format!("    {}", line.join(" ")))
        .collect();
    lines.join("\n")
}
