//! Asks: hands keys to a question and draws it, until there is an answer or the person left.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use zeroize::Zeroize;

use super::frame::{Frame, View, size};
use super::keys::{self, AT_ONCE};
use crate::exit::Failure;
use crate::grace::{self, Grace};
use crate::terminal;

/// Most keys between two drawings: what a terminal's line holds at once.
const MOST_AT_ONCE: usize = 4096;
/// A line break is part of a paste when more comes within this time. A terminal that does not mark what is pasted hands it on much faster, and no person
/// types the next key so soon.
const PASTE_GAP: Duration = Duration::from_millis(20);

thread_local! {
    /// Keys that came with the last answer, and belong to the next question.
    static AHEAD: RefCell<VecDeque<Event>> = const { RefCell::new(VecDeque::new()) };
    /// The last question took a secret.
    static AFTER_SECRET: Cell<bool> = const { Cell::new(false) };
}

/// What became of a key.
pub(super) enum Step<T> {
    /// The question goes on.
    Stay,
    /// Here is the answer.
    Answer(T),
    /// The person stepped back.
    Back,
}

/// A question.
pub(super) trait Question {
    type Answer;
    /// Enter. `more`: other keys came with it, so that it is a line break within a paste.
    fn enter(&mut self, more: bool) -> Step<Self::Answer>;
    /// Any other key.
    fn key(&mut self, key: &KeyEvent) -> Step<Self::Answer>;
    fn paste(&mut self, text: &str);
    /// Whether keys are not taken yet, which is said.
    fn hold(&mut self, held: bool);
    fn view(&self, columns: usize, rows: usize) -> View;
    /// Whether what is typed is not shown.
    fn is_secret(&self) -> bool {
        false
    }
    /// What stays on the screen when it was answered.
    fn settled(&self) -> Option<String>;
}

/// How a question that was asked beside something else ended.
pub(super) enum Beside<T, B> {
    /// As any other.
    Answered(Option<T>),
    /// The other was done first; the question can be asked on.
    Done(B),
}

/// Asks, and waits.
pub(super) fn ask<Q: Question>(question: &mut Q) -> Result<Option<Q::Answer>, Failure> {
    let mut asking = Asking::begin(question)?;
    asking.wait(question)
}

/// Asks about what cannot be undone: a key counts only when the question has been on the screen for a moment.
pub(super) fn ask_carefully<Q: Question>(question: &mut Q) -> Result<Option<Q::Answer>, Failure> {
    question.hold(true);
    let mut asking = Asking::begin(question)?;
    forget_answers()?;
    asking.grace = Grace::begin(Instant::now());
    asking.wait(question)
}

/// Forgets what was typed before.
pub(super) fn forget() -> Result<(), Failure> {
    AHEAD.with_borrow_mut(|ahead| {
        more(ahead, AT_ONCE)?;
        ahead.clear();
        Ok(())
    })
}

/// Of what was typed before, that remains which answers nothing.
fn forget_answers() -> Result<(), Failure> {
    AHEAD.with_borrow_mut(|ahead| {
        more(ahead, AT_ONCE)?;
        ahead.retain(grace::is_harmless);
        Ok(())
    })
}

/// Asks while something else goes on. What was written stays in the question.
pub(super) async fn ask_beside<Q: Question, B>(
    question: &mut Q,
    other: impl Future<Output = B>,
) -> Result<Beside<Q::Answer, B>, Failure> {
    let mut asking = Asking::begin(question)?;
    let mut other = pin!(other);
    loop {
        let ahead = AHEAD.with_borrow_mut(VecDeque::pop_front);
        let first = match ahead {
            Some(event) => event,
            None => tokio::select! {
                biased;
                event = keys::next() => event?,
                done = &mut other => {
                    asking.frame.erase()?;
                    return Ok(Beside::Done(done));
                }
            },
        };
        if let Some(outcome) = asking.take(question, first)? {
            return Ok(Beside::Answered(outcome));
        }
    }
}

struct Asking {
    frame: Frame,
    grace: Grace,
    _raw: terminal::Raw,
}

impl Asking {
    fn begin<Q: Question>(question: &Q) -> Result<Self, Failure> {
        let mut asking = Self {
            _raw: terminal::raw()?,
            frame: Frame::default(),
            grace: Grace::none(),
        };
        // A passphrase that is typed once more while the first one is tried is shown nowhere, and sent to no one.
        if AFTER_SECRET.replace(false) && !question.is_secret() {
            forget_answers()?;
        }
        asking.draw(question)?;
        Ok(asking)
    }

    fn draw<Q: Question>(&mut self, question: &Q) -> Result<(), Failure> {
        let (columns, rows) = size();
        self.frame.draw(&question.view(columns, rows))
    }

    fn wait<Q: Question>(&mut self, question: &mut Q) -> Result<Option<Q::Answer>, Failure> {
        loop {
            let ahead = AHEAD.with_borrow_mut(VecDeque::pop_front);
            let first = match ahead {
                Some(event) => Some(event),
                None if self.grace.holds() => self.first_moment(question)?,
                None => Some(event::read()?),
            };
            let Some(first) = first else { continue };
            if let Some(outcome) = self.take(question, first)? {
                return Ok(outcome);
            }
        }
    }

    /// Waits for what is typed in the first moment, or for its end.
    fn first_moment<Q: Question>(&mut self, question: &mut Q) -> Result<Option<Event>, Failure> {
        match self.grace.left(Instant::now()) {
            Some(left) if event::poll(left)? => Ok(Some(event::read()?)),
            Some(_) => Ok(None),
            None => {
                forget_answers()?;
                self.grace.end();
                question.hold(false);
                self.draw(question)?;
                Ok(None)
            }
        }
    }

    /// This event, and all that came with it. `Some`: the question is over.
    fn take<Q: Question>(&mut self, question: &mut Q, first: Event) -> Result<Option<Option<Q::Answer>>, Failure> {
        let mut events = VecDeque::from([first]);
        more(&mut events, AT_ONCE)?;
        events.retain(|event| self.grace.takes(event));
        while let Some(event) = events.pop_front() {
            let step = match event {
                Event::Key(key) if key.kind == KeyEventKind::Release => Step::Stay,
                Event::Key(key) if is(&key, 'c') => {
                    self.frame.erase()?;
                    return Err(Failure::Interrupted);
                }
                Event::Key(key) if is(&key, 'z') => {
                    self.frame.erase()?;
                    terminal::suspend()?;
                    Step::Stay
                }
                Event::Key(key) if key.code == KeyCode::Enter && key.modifiers.is_empty() => {
                    if events.is_empty() {
                        more(&mut events, PASTE_GAP)?;
                    }
                    question.enter(events.iter().any(is_input))
                }
                Event::Key(key) if key.code == KeyCode::Esc => Step::Back,
                Event::Key(key) => question.key(&key),
                Event::Paste(mut text) => {
                    question.paste(&text);
                    text.zeroize();
                    Step::Stay
                }
                _ => Step::Stay,
            };
            if !matches!(step, Step::Stay) {
                AFTER_SECRET.set(question.is_secret());
            }
            match step {
                Step::Stay => {}
                Step::Answer(answer) => {
                    match question.settled() {
                        Some(text) => self.frame.settle(&text)?,
                        None => self.frame.erase()?,
                    }
                    AHEAD.with_borrow_mut(|ahead| ahead.extend(events));
                    return Ok(Some(Some(answer)));
                }
                Step::Back => {
                    self.frame.erase()?;
                    AHEAD.with_borrow_mut(|ahead| ahead.extend(events));
                    return Ok(Some(None));
                }
            }
        }
        self.draw(question)?;
        Ok(None)
    }
}

/// What is there already, or comes within `patience`.
fn more(events: &mut VecDeque<Event>, patience: Duration) -> Result<(), Failure> {
    let mut patience = patience;
    while events.len() < MOST_AT_ONCE && event::poll(patience)? {
        events.push_back(event::read()?);
        patience = AT_ONCE;
    }
    Ok(())
}

fn is_input(event: &Event) -> bool {
    match event {
        Event::Key(key) => key.kind != KeyEventKind::Release,
        Event::Paste(_) => true,
        _ => false,
    }
}

/// Ctrl and this letter.
fn is(key: &KeyEvent, letter: char) -> bool {
    key.code == KeyCode::Char(letter) && key.modifiers.contains(KeyModifiers::CONTROL)
}
