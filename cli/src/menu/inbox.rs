//! What came and was not read: all of it before the eyes, in parts where it is more than a screen.

use std::ops::Range;
use std::time::Duration;

use client::Messenger;
use client::vault::StoredMessage;

use super::limited::{self, Offer};
use crate::commands::messages;
use crate::context::Context;
use crate::exit::Failure;
use crate::prompt;

/// Rows of the question below a part: itself, its two choices, its help in two rows of a narrow screen, and one that stays free.
const QUESTION: usize = 6;
/// Rows of the menu: its headline, its question, its entries and its help, as above.
const MENU: usize = 16;
/// A part has so many rows on the smallest screen.
const LEAST: usize = 3;

pub(super) fn inbox(context: &Context, messenger: &mut Messenger) -> Result<(), Failure> {
    let received = context.work("receiving …", messenger.receive(Duration::ZERO));
    let unread = messenger.unread()?;
    match received {
        Ok(events) => context.render.events(&events),
        // What came before is shown without the relay too.
        Err(failure) if !unread.is_empty() => context.render.failure(&failure),
        Err(failure) => return Err(failure),
    }
    if unread.is_empty() {
        return context
            .render
            .text("No new messages. New ones are announced here and in their conversation.");
    }
    if !show(context, messenger, &unread)? {
        return Ok(());
    }
    match limited::offer_plays(context, messenger, &unread)? {
        Offer::Later => context.render.text(
            "It stays in the conversation: choose Conversations, then the person, then press Enter with no text.",
        ),
        Offer::Nothing | Offer::Taken => Ok(()),
    }
}

/// Shows these messages, and notes of each that it was shown when its end was. False: the person left before all were.
fn show(context: &Context, messenger: &mut Messenger, unread: &[StoredMessage]) -> Result<bool, Failure> {
    let Some(screen) = context.render.rows_of_screen() else {
        messages::show_unread(context, messenger)?;
        return Ok(true);
    };
    let shown: Vec<Vec<String>> = unread.iter().map(|message| context.render.rows_of(message)).collect();
    let lengths: Vec<usize> = shown.iter().map(Vec::len).collect();
    let rows = shown.concat();
    let mut seen = 0;
    for part in parts(&lengths, screen.saturating_sub(QUESTION).max(LEAST)) {
        let last = part.rows.end == rows.len();
        let fits = part.rows.len() + MENU <= screen;
        context.render.rows(rows.get(part.rows).unwrap_or_default())?;
        messenger.mark_seen(unread.get(seen..part.seen).unwrap_or_default())?;
        seen = part.seen;
        messenger.release()?;
        if !last {
            let next = "Show the next part";
            if prompt::choose("Inbox: more is there", vec![next, "Back"])? != Some(next) {
                return Ok(false);
            }
        } else if !fits {
            // The menu would push it off the screen.
            prompt::choose("Inbox: that is all", vec!["Back"])?;
        }
    }
    Ok(true)
}

/// What is on the screen at once.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    rows: Range<usize>,
    /// How many messages end in it or before it.
    seen: usize,
}

/// Messages of so many rows each, in parts of `room` rows. One that fits into a part is in one part.
fn parts(lengths: &[usize], room: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    for (seen, length) in lengths.iter().enumerate() {
        if at > from && at - from + length > room && *length <= room {
            parts.push(Part { rows: from..at, seen });
            from = at;
        }
        at += length;
        while at - from > room {
            let rows = from..from + room;
            from = rows.end;
            parts.push(Part { rows, seen });
        }
    }
    parts.push(Part {
        rows: from..at,
        seen: lengths.len(),
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_every_row_once_and_break_only_what_is_longer_than_one() {
        for (lengths, room, expected) in [
            (&[2, 2, 2][..], 6, &[(0..6, 3)][..]),
            (&[2, 2, 2], 5, &[(0..4, 2), (4..6, 3)]),
            (&[5], 5, &[(0..5, 1)]),
            (&[12], 5, &[(0..5, 0), (5..10, 0), (10..12, 1)]),
            (&[2, 9, 2], 5, &[(0..5, 1), (5..10, 1), (10..13, 3)]),
            (&[4, 10, 5], 5, &[(0..5, 1), (5..10, 1), (10..14, 2), (14..19, 3)]),
        ] {
            let expected: Vec<Part> = expected
                .iter()
                .map(|(rows, seen)| Part {
                    rows: rows.clone(),
                    seen: *seen,
                })
                .collect();
            assert_eq!(parts(lengths, room), expected, "{lengths:?} in {room}");
        }
    }
}
