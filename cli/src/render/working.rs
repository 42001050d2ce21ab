//! What shows that something takes long.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Render, columns_of_stderr, wrap};
use crate::terminal;

/// How often a spinner turns: fast enough to look alive, slow enough for a serial line.
const SPINNER_TICK: Duration = Duration::from_millis(100);
/// Columns of a spinner and the space behind it.
const SPINNER: usize = 2;
/// Work that is done before this needs no spinner.
const SPINNER_AFTER: Duration = Duration::from_millis(250);

impl Render {
    /// A spinner on standard error while something takes long; nothing where nobody would see it.
    #[must_use]
    pub fn working(&self, text: &str) -> Working {
        if self.json || !io::stderr().is_terminal() {
            return Working {
                bar: None,
                rows: Arc::default(),
            };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
        }
        let text = in_rows(text, columns_of_stderr());
        let rows = Arc::new(AtomicUsize::new(text.lines().count()));
        bar.set_message(text);
        Working { bar: Some(bar), rows }
    }
}

/// A spinner; gone without a trace when dropped.
#[derive(Debug)]
pub struct Working {
    pub(super) bar: Option<ProgressBar>,
    /// How many it takes on the screen.
    pub(super) rows: Arc<AtomicUsize>,
}

/// What is done, behind a spinner: broken between words, its other rows under its first word.
pub(super) fn in_rows(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    wrap::rows(text, wrap::room(columns).saturating_sub(SPINNER)).join("\n  ")
}

impl Working {
    /// Shows the spinner once the work has taken a moment. Never returns: to be raced against the work.
    pub async fn appear(&self) -> Infallible {
        tokio::time::sleep(SPINNER_AFTER).await;
        if let Some(bar) = &self.bar {
            // It fills its row: begun further right, behind what a shell echoed of pasted lines, it would go on in another, and stay.
            let _ = terminal::show(b"\r");
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(SPINNER_TICK);
        }
        std::future::pending().await
    }
}

impl Working {
    /// Gone after Ctrl-C. The spinner's line is filled to its end, so that the terminal's own `^C` landed on the next one: that is where the
    /// cursor is, and the spinner is one line up.
    pub fn broken_off(self) {
        // Where nothing is echoed there is no `^C`.
        let drawn = self.bar.as_ref().is_some_and(|bar| !bar.is_hidden()) && !terminal::is_quiet();
        let rows = self.rows.load(Ordering::Relaxed).max(1);
        drop(self);
        if drawn {
            // A terminal that does not take this shows a stale line: no harm.
            let _ = Term::stderr().clear_line();
            let _ = Term::stderr().clear_last_lines(rows);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_fits_on_a_narrow_screen() {
        let text = "the relay computes on the encrypted count; only this client will see whether it opens …";
        for columns in [20, 40, 80] {
            let shown = in_rows(text, Some(columns));
            let mut rows = shown.lines();
            assert!(
                rows.next()
                    .is_some_and(|row| console::measure_text_width(row) + SPINNER < columns)
            );
            assert!(rows.all(|row| row.starts_with("  ") && console::measure_text_width(row) < columns));
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown), words(text));
        }
        assert_eq!(in_rows(text, None), text);
    }
}
