//! What shows that something takes long.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Render;
use crate::terminal;

/// How often a spinner turns: fast enough to look alive, slow enough for a serial line.
const SPINNER_TICK: Duration = Duration::from_millis(100);
/// Work that is done before this needs no spinner.
const SPINNER_AFTER: Duration = Duration::from_millis(250);

impl Render {
    /// A spinner on standard error while something takes long; nothing where nobody would see it.
    #[must_use]
    pub fn working(&self, text: &str) -> Working {
        if self.json || !io::stderr().is_terminal() {
            return Working { bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style.tick_strings(&["|", "/", "-", "\\", " "]));
        }
        bar.set_message(text.to_owned());
        Working { bar: Some(bar) }
    }
}

/// A spinner; gone without a trace when dropped.
#[derive(Debug)]
pub struct Working {
    pub(super) bar: Option<ProgressBar>,
}

impl Working {
    /// Shows the spinner once the work has taken a moment. Never returns: to be raced against the work.
    pub async fn appear(&self) -> Infallible {
        tokio::time::sleep(SPINNER_AFTER).await;
        if let Some(bar) = &self.bar {
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
        drop(self);
        if drawn {
            // A terminal that does not take this shows a stale line: no harm.
            let _ = Term::stderr().clear_line();
            let _ = Term::stderr().clear_last_lines(1);
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
