//! Gate keys: what there is, and how far a new one has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use client::{Address, GateKeyReport, GateStage, GateWatch};
use indicatif::ProgressStyle;
use serde_json::json;

use super::{Render, Working, escape, time};
use crate::exit::Failure;

/// Steps of a progress bar that shows a part of a whole.
const STEPS: u64 = 1000;
const PART: &str = "{msg} [{bar:24}] {percent} %";
const PART_WITH_ESTIMATE: &str = "{msg} [{bar:24}] {percent} %, about {eta} left";

impl Render {
    /// A spinner that turns into a progress bar when a gate key is made, and what tells it.
    #[must_use]
    pub fn watching(&self, text: &str) -> (Working, GateWatch) {
        let working = self.working(text);
        let bar = working.bar.clone();
        let (render, said) = (self.clone(), AtomicBool::new(false));
        let watch: GateWatch = Arc::new(move |stage| {
            if !said.swap(true, Ordering::Relaxed) {
                render.notice(
                    "oblivious limits are sealed with a gate key: some seconds of arithmetic, then 23 MB to upload. One serves for 90 days",
                );
            }
            let Some(bar) = &bar else { return };
            let style = |template| {
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("=> ").tick_strings(&["|", "/", "-", "\\", " "]));
                }
            };
            match stage {
                GateStage::Making(part) => {
                    // Nothing is known of the pace before a part is done.
                    style(if part > 0.0 { PART_WITH_ESTIMATE } else { PART });
                    bar.set_message("making the gate key");
                    bar.set_length(STEPS);
                    bar.set_position((f64::from(part.clamp(0.0, 1.0)) * STEPS as f64) as u64);
                }
                GateStage::Uploading { sent, total } => {
                    // Another task with another pace: what is left is estimated from here on.
                    if bar.length() != Some(total) {
                        bar.reset_eta();
                        style(PART);
                    } else {
                        style(PART_WITH_ESTIMATE);
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
                    style("{spinner} {msg}");
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
