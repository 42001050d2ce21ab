//! Mail that comes while the client waits for the person.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::vault::StoredMessage;
use client::{Address, Error, Event, Messenger, OwnStatus, RelayError};

use crate::context::Context;
use crate::exit::Failure;
use crate::render::escape;

/// How long a round waits for mail. The relay grants 30 seconds; but between two rounds it is seen what another process did in this home, and a person who has
/// two clients open looks from one to the other.
const WAIT: Duration = Duration::from_secs(10);
/// Pause before the next round when one brought messages: what was sent together is told together.
const TOGETHER: Duration = Duration::from_millis(400);
/// Rounds that are told together at most: who writes without end keeps nothing from being told.
const MOST_TOGETHER: usize = 8;
/// People who are named in one note; more would fill a narrow screen.
const MOST_NAMED: usize = 3;
/// Pause after a round that brought nothing to tell: a relay that answers at once is not hurried.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(250);
/// Pause while the relay cannot be used: a person in front of it is not to wait longer for a relay that is back.
const AWAY: Duration = Duration::from_secs(3);

/// What came.
pub(super) enum Arrived {
    Events(Vec<Event>),
    /// The relay cannot be used, for another reason than the last time.
    Away(Failure),
    /// It can again.
    Back,
    /// Of what waited for the relay so much is left.
    Waiting(u64),
    /// Another process has read, received or sent something in this home.
    Elsewhere,
}

/// Receives again and again, and says once what is wrong.
#[derive(Default)]
pub(super) struct Arrivals {
    said: Option<String>,
    /// Why something was put off the last time.
    put_off: BTreeSet<String>,
    /// What the person believes: how many messages are unread, and how many wait for the relay.
    unread: usize,
    waiting: u64,
    /// The state of the home in which that was last compared.
    looked: u64,
    /// Messages that are told of with those of the next round, and how many rounds they are of.
    together: Vec<Event>,
    rounds: usize,
}

impl Arrivals {
    /// The person was told this.
    pub(super) fn told_of(&mut self, own: &OwnStatus) {
        (self.unread, self.waiting) = (own.unread, own.outbox);
    }

    /// The person was told that so many are unread.
    pub(super) fn told_of_unread(&mut self, unread: usize) {
        self.unread = unread;
    }

    /// The next thing that a person should know of. May be dropped at any time: what is revealed was committed before.
    pub(super) async fn next(&mut self, messenger: &mut Messenger) -> Arrived {
        loop {
            let gathers = !self.together.is_empty();
            if !gathers && let Some(changed) = self.has_changed(messenger) {
                return changed;
            }
            // While it is away one asks whether it is back, and does not wait for mail.
            let wait = if gathers || self.said.is_some() {
                Duration::ZERO
            } else {
                WAIT
            };
            let (events, away) = match messenger.receive(wait).await {
                Ok(events) => {
                    let (events, away) = without_away(events);
                    (self.unsaid(events), away)
                }
                Err(error) => (Vec::new(), Some(error)),
            };
            if events.iter().any(worth_telling) {
                self.said = None;
                // Of nothing else it is certain that it is told later, if the person leaves meanwhile: a message stays unread.
                let messages = events.iter().filter(|event| worth_telling(event)).all(is_message);
                self.together.extend(events);
                self.rounds += 1;
                if messages && self.rounds < MOST_TOGETHER {
                    let _ = messenger.release();
                    tokio::time::sleep(TOGETHER).await;
                    continue;
                }
                return self.all_of_it();
            }
            if gathers {
                return self.all_of_it();
            }
            let pause = match away {
                None if self.said.take().is_some() => return Arrived::Back,
                None => BETWEEN_ROUNDS,
                Some(error) => {
                    let text = error.to_string();
                    if self.said.as_ref() != Some(&text) {
                        self.said = Some(text);
                        return Arrived::Away(error.into());
                    }
                    AWAY
                }
            };
            // Other processes may use the home meanwhile. A fault of it is told by the next round.
            let _ = messenger.release();
            tokio::time::sleep(pause).await;
        }
    }

    fn all_of_it(&mut self) -> Arrived {
        self.rounds = 0;
        Arrived::Events(std::mem::take(&mut self.together))
    }

    /// What is otherwise than the person believes. Messages are counted only when something was written since.
    fn has_changed(&mut self, messenger: &mut Messenger) -> Option<Arrived> {
        if self.looked == messenger.commits() {
            return None;
        }
        let own = messenger.own_status().ok()?;
        self.looked = messenger.commits();
        let (unread, waiting) = (self.unread, self.waiting);
        self.told_of(&own);
        if own.outbox < waiting {
            return Some(Arrived::Waiting(own.outbox));
        }
        (own.unread != unread || own.outbox > waiting).then_some(Arrived::Elsewhere)
    }

    /// Without what was said after the last round too: a message that has to wait is put off in every one.
    fn unsaid(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        let put_off = |event: &Event| match event {
            Event::Postponed(error) => Some(error.to_string()),
            _ => None,
        };
        let now = events.iter().filter_map(put_off).collect();
        events.retain(|event| put_off(event).is_none_or(|why| !self.put_off.contains(&why)));
        self.put_off = now;
        events
    }

    /// Says what came. Not told of is a message that was shown meanwhile, and one from `here`, whose conversation shows it.
    pub(super) fn tell(
        &self,
        context: &Context,
        messenger: &Messenger,
        arrived: &Arrived,
        here: Option<&Address>,
    ) -> Result<(), Failure> {
        match arrived {
            Arrived::Events(events) => {
                context.render.events(events);
                if let Some(told) = in_one_line(&written(events, &messenger.unread()?, here)) {
                    context.render.notice(&told);
                }
                Ok(())
            }
            Arrived::Elsewhere => Ok(()),
            Arrived::Away(Failure::Client(Error::Relay(error))) => {
                let why = escape::line(&error.while_it_waits());
                context.render.notice(&format!(
                    "nothing arrives at present, and it is tried again by itself: {why}"
                ));
                Ok(())
            }
            Arrived::Away(failure) => {
                context.render.failure(failure);
                Ok(())
            }
            Arrived::Back => {
                context.render.notice("the relay answers again");
                Ok(())
            }
            Arrived::Waiting(left) => {
                context.render.notice(&match left {
                    0 => "nothing waits for the relay any more".to_owned(),
                    left => format!("{left} still waiting for the relay"),
                });
                Ok(())
            }
        }
    }
}

/// What was put off because the relay cannot be reached is no news of its own: nothing arrives then either.
fn without_away(events: Vec<Event>) -> (Vec<Event>, Option<Error>) {
    let mut away = None;
    let mut others = Vec::new();
    for event in events {
        match event {
            Event::Postponed(error @ Error::Relay(RelayError::Network { .. })) => away = Some(error),
            other => others.push(other),
        }
    }
    (others, away)
}

/// What is shown of it, somewhere on the screen.
fn worth_telling(event: &Event) -> bool {
    !matches!(event, Event::Delivered { .. } | Event::Read { .. })
}

fn is_message(event: &Event) -> bool {
    matches!(event, Event::Message(_))
}

/// How many came, and from whom.
fn in_one_line(counts: &BTreeMap<String, usize>) -> Option<String> {
    let what = match counts.values().sum::<usize>() {
        0 => return None,
        1 => "a new message".to_owned(),
        count => format!("{count} new messages"),
    };
    let named = if counts.len() > MOST_NAMED {
        MOST_NAMED - 1
    } else {
        counts.len()
    };
    let mut people: Vec<&str> = counts.keys().take(named).map(String::as_str).collect();
    let others = format!("{} others", counts.len() - named);
    if counts.len() > named {
        people.push(&others);
    }
    Some(format!("{what} from {}", people.join(", ")))
}

/// From whom how many of these came that are unread, but for who is `here`.
fn written(events: &[Event], unread: &[StoredMessage], here: Option<&Address>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        if let Event::Message(message) = event
            && here != Some(&message.peer)
            && unread
                .iter()
                .any(|one| one.id == message.id && one.peer == message.peer)
        {
            *counts.entry(escape::line(message.peer.as_str())).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use client::vault::{Direction, MessageBody, MessageId, MessageState};

    use super::*;

    /// A key that is pressed while mail is stored breaks the round off, and its events are told by the next one: the person may have read the message by then.
    #[test]
    fn a_message_is_told_of_once_and_not_where_it_is_shown() {
        let message = |name: &str, id: u8| StoredMessage {
            id: MessageId([id; 16]),
            peer: Address::parse(&format!("{name}@localhost")).unwrap(),
            direction: Direction::Incoming,
            sent_at: 0,
            received_at: 0,
            state: MessageState::New,
            body: MessageBody::Text(String::new()),
        };
        let [read, unread, bobs] = [message("alice", 1), message("alice", 2), message("bob", 3)];
        let events = [read.clone(), unread.clone(), bobs.clone()].map(|message| Event::Message(Box::new(message)));
        let of = |unread: &[StoredMessage], here| {
            let told = written(&events, unread, here);
            told.into_iter()
                .map(|(peer, count)| format!("{count} {peer}"))
                .collect::<Vec<_>>()
        };
        let here = Some(&bobs.peer);
        let both = [unread.clone(), bobs.clone()];
        assert_eq!(of(&both, None), ["1 alice@localhost", "1 bob@localhost"]);
        assert_eq!(of(&both, here), ["1 alice@localhost"]);
        assert_eq!(of(&[read, unread, bobs.clone()], here), ["2 alice@localhost"]);
        assert!(of(&[], None).is_empty());
    }

    #[test]
    fn what_came_together_is_told_in_one_line_however_many_wrote() {
        let of = |counts: &[(&str, usize)]| {
            in_one_line(
                &counts
                    .iter()
                    .map(|(peer, count)| ((*peer).to_owned(), *count))
                    .collect(),
            )
        };
        for (counts, told) in [
            (&[][..], None),
            (&[("alice", 1)], Some("a new message from alice")),
            (&[("alice", 2)], Some("2 new messages from alice")),
            (&[("alice", 3), ("bob", 2)], Some("5 new messages from alice, bob")),
            (&[("a", 1), ("b", 1), ("c", 1)], Some("3 new messages from a, b, c")),
            (
                &[("a", 1), ("b", 1), ("c", 1), ("d", 4)],
                Some("7 new messages from a, b, 2 others"),
            ),
        ] {
            assert_eq!(of(counts).as_deref(), told);
        }
    }

    #[test]
    fn what_is_put_off_in_every_round_is_said_once_until_it_changes() {
        let round = |errors: &[Error]| -> Vec<Event> {
            let again = |error: &Error| match error {
                Error::NotRegistered => Event::Postponed(Error::NotRegistered),
                _ => Event::Postponed(Error::Oneself),
            };
            errors.iter().map(again).collect()
        };
        let (one, both) = ([Error::NotRegistered], [Error::NotRegistered, Error::Oneself]);
        let mut arrivals = Arrivals::default();
        for (errors, told) in [(&one[..], 1), (&one, 0), (&both, 1), (&both, 0), (&[], 0), (&one, 1)] {
            assert_eq!(arrivals.unsaid(round(errors)).len(), told, "{errors:?}");
        }
    }
}
