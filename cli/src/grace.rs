//! The first moment of what cannot be undone. A key that comes so soon was meant for what was on the screen before.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

/// Nobody reads a question and decides in less; one Enter too much comes sooner.
const MOMENT: Duration = Duration::from_secs(1);

/// Whether keys are taken yet. What time it is, is an argument.
#[derive(Clone, Copy, Debug)]
pub struct Grace(Option<Instant>);

impl Grace {
    /// For what can be undone: there is none.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Begins now, when the question is on the screen.
    #[must_use]
    pub fn begin(now: Instant) -> Self {
        Self(Some(now))
    }

    /// How long it lasts from now on. `None`: it is over, or there was none.
    #[must_use]
    pub fn left(self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.0?);
        MOMENT.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Ends it. Until then no key is taken, however late one is looked at: the machine may be slower than the person.
    pub fn end(&mut self) {
        self.0 = None;
    }

    /// Whether keys are not taken yet.
    #[must_use]
    pub fn holds(self) -> bool {
        self.0.is_some()
    }

    /// Whether this counts.
    #[must_use]
    pub fn takes(self, event: &Event) -> bool {
        !self.holds() || is_harmless(event)
    }
}

/// What answers nothing: leaving (Esc, Ctrl-C), suspending, a change of the terminal's size.
#[must_use]
pub fn is_harmless(event: &Event) -> bool {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => true,
        Event::Key(key) => match key.code {
            KeyCode::Esc => true,
            KeyCode::Char('c' | 'z') => key.modifiers.contains(KeyModifiers::CONTROL),
            _ => false,
        },
        Event::Paste(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn in_the_first_moment_only_what_leaves_counts() {
        let begun = Instant::now();
        let answers = [
            key(KeyCode::Enter, KeyModifiers::NONE),
            key(KeyCode::Char('y'), KeyModifiers::NONE),
            key(KeyCode::Char('c'), KeyModifiers::NONE),
            key(KeyCode::Down, KeyModifiers::NONE),
            key(KeyCode::Char('j'), KeyModifiers::CONTROL),
            Event::Paste("y".to_owned()),
        ];
        let leaves = [
            key(KeyCode::Esc, KeyModifiers::NONE),
            key(KeyCode::Char('c'), KeyModifiers::CONTROL),
            key(KeyCode::Char('z'), KeyModifiers::CONTROL),
            Event::Resize(40, 20),
        ];
        let mut grace = Grace::begin(begun);
        assert!(answers.iter().all(|event| !grace.takes(event)));
        assert!(leaves.iter().all(|event| grace.takes(event)));
        grace.end();
        assert!(answers.iter().chain(&leaves).all(|event| grace.takes(event)));
        assert!(!Grace::none().holds());
    }

    #[test]
    fn the_first_moment_ends_by_the_clock() {
        let begun = Instant::now();
        let grace = Grace::begin(begun);
        assert_eq!(grace.left(begun), Some(MOMENT));
        let last = Duration::from_nanos(1);
        assert_eq!(grace.left(begun + MOMENT - last), Some(last));
        assert_eq!(grace.left(begun + MOMENT), None);
        // A clock that went back does not make it longer.
        assert_eq!(Grace::begin(begun + MOMENT).left(begun), Some(MOMENT));
        assert_eq!(Grace::none().left(begun), None);
    }
}
