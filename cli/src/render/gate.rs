//! Gate keys: what there is, and how far a new one has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use client::{Address, GateKeyReport, GateStage, GateWatch};
use indicatif::ProgressStyle;
use serde_json::json;

use super::{Render, Working, columns_of_stderr, escape, time};
use crate::exit::Failure;

/// Steps of a progress bar that shows a part of a whole.
const STEPS: u64 = 1000;
/// Columns of a bar where there is room for it.
const BAR: usize = 24;
/// The longest that stands beside a bar: brackets, "100 %" and ", about 59m left" with the spaces between.
const BESIDE: usize = 26;
/// Rows of a progress bar: what is done stands above it, because both together are wider than most screens.
const ROWS: usize = 2;

/// A bar with what is done above it.
fn template(columns: Option<usize>, estimate: bool) -> String {
    let width = columns.map_or(BAR, |columns| columns.saturating_sub(BESIDE + 1).clamp(1, BAR));
    let left = if estimate { ", about {eta} left" } else { "" };
    format!("{{msg}}\n[{{bar:{width}}}] {{percent}} %{left}")
}

impl Render {
    /// A spinner that turns into a progress bar when a gate key is made, and what tells it.
    #[must_use]
    pub fn watching(&self, text: &str) -> (Working, GateWatch) {
        let working = self.working(text);
        let (bar, rows) = (working.bar.clone(), Arc::clone(&working.rows));
        let (render, said) = (self.clone(), AtomicBool::new(false));
        let watch: GateWatch = Arc::new(move |stage| {
            if !said.swap(true, Ordering::Relaxed) {
                render.notice(
                    "oblivious limits are sealed with a gate key: some seconds of arithmetic, then 23 MB to upload. One serves for 90 days",
                );
            }
            let Some(bar) = &bar else { return };
            let columns = columns_of_stderr();
            let style = |estimate| {
                rows.store(ROWS, Ordering::Relaxed);
                if let Ok(style) = ProgressStyle::with_template(&template(columns, estimate)) {
                    bar.set_style(style.progress_chars("=> ").tick_strings(&["|", "/", "-", "\\", " "]));
                }
            };
            match stage {
                GateStage::Making(part) => {
                    // Nothing is known of the pace before a part is done.
                    style(part > 0.0);
                    bar.set_message("making the gate key");
                    bar.set_length(STEPS);
                    bar.set_position((f64::from(part.clamp(0.0, 1.0)) * STEPS as f64) as u64);
                }
                GateStage::Uploading { sent, total } => {
                    // Another task with another pace: what is left is estimated from here on.
                    if bar.length() != Some(total) {
                        bar.reset_eta();
                        style(false);
                    } else {
                        style(true);
                    }
                    bar.set_message(format!(
                        "uploading the gate key, {} of {} MB",
                        sent / 1_000_000,
                        total.div_ceil(1_000_000)
                    ));
                    bar.set_length(total);
                    bar.set_position(sent);
                }
                _ => {
                    rows.store(1, Ordering::Relaxed);
                    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                        bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
                    }
                    bar.set_message("the relay checks the gate key");
                }
            }
        });
        (working, watch)
    }

    /// Gate keys.
    ///
    /// # Errors
    /// Standard output.
    pub fn gate_keys(&self, keys: &[GateKeyReport]) -> Result<(), Failure> {
        if keys.is_empty() && !self.json {
            let first = if self.menu { "an oblivious limit" } else { "--oblivious" };
            return self.out(&format!("No gate key yet; the first message with {first} makes one."));
        }
        keys.iter().try_for_each(|key| {
            let id: String = key.id.iter().map(|byte| format!("{byte:02x}")).collect();
            self.show(
                || {
                    json!({
                        "id": id, "created_at": key.created_at, "replaced_at": key.replaced_at, "uploaded": key.uploaded,
                        "contact": key.contact.as_ref().map(Address::as_str), "retired": key.retired,
                    })
                },
                || {
                    let whose = match &key.contact {
                        Some(contact) => format!("for {} alone", escape::line(contact.as_str())),
                        None => "for everyone".to_owned(),
                    };
                    let state = match (key.retired, key.uploaded) {
                        (true, _) => "retired: reads the counts of what it sealed".to_owned(),
                        (false, true) => format!("at the relay, replaced after {}", time::utc(key.replaced_at)),
                        (false, false) => "not at the relay yet: the next oblivious message uploads it".to_owned(),
                    };
                    format!("gate key {} {whose}, made {}, {state}", &id[..8], time::utc(key.created_at))
                },
            )
        })
    }

    /// Whether decoys are sent.
    ///
    /// # Errors
    /// Standard output.
    pub fn decoys(&self, on: bool) -> Result<(), Failure> {
        self.show(
            || json!({ "decoys": on }),
            || {
                if on {
                    "Decoys are sent at random times while this client waits for messages; they cost no play."
                        .to_owned()
                } else {
                    "No decoys are sent.".to_owned()
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_bar_fits_on_a_narrow_screen() {
        for columns in [40, 80, 200] {
            for estimate in [false, true] {
                let template = template(Some(columns), estimate);
                let (before, after) = template.split_once("{bar:").unwrap();
                let (width, after) = after.split_once('}').unwrap();
                let drawn = format!("{before}{}{after}", "=".repeat(width.parse().unwrap()))
                    .replace("{msg}", "uploading the gate key, 23 of 23 MB")
                    .replace("{percent}", "100")
                    .replace("{eta}", "59m");
                assert!(drawn.lines().all(|line| line.len() < columns), "{columns}: {drawn}");
                assert_eq!(drawn.lines().count(), ROWS);
            }
        }
    }
}
