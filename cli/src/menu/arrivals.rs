//! Mail that comes while the client waits for the person.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::vault::StoredMessage;
use client::{Address, Error, Event, Messenger, RelayError};

use crate::context::Context;
use crate::exit::Failure;
use crate::render::escape;

/// The relay's longest poll.
const WAIT: Duration = Duration::from_secs(30);
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
}

/// Receives again and again, and says once what is wrong.
#[derive(Default)]
pub(super) struct Arrivals {
    said: Option<String>,
    /// Why something was put off the last time.
    put_off: BTreeSet<String>,
    /// How much the person believes to wait for the relay.
    waiting: u64,
}

impl Arrivals {
    /// The person was told that so much waits for the relay.
    pub(super) fn told_of_waiting(&mut self, waiting: u64) {
        self.waiting = waiting;
    }

    /// The next thing that a person should know of. May be dropped at any time: what is revealed was committed before.
    pub(super) async fn next(&mut self, messenger: &mut Messenger) -> Arrived {
        loop {
            if let Some(left) = self.has_gone_out(messenger) {
                return Arrived::Waiting(left);
            }
            // While it is away one asks whether it is back, and does not wait for mail.
            let wait = if self.said.is_some() { Duration::ZERO } else { WAIT };
            let (events, away) = match messenger.receive(wait).await {
                Ok(events) => {
                    let (events, away) = without_away(events);
                    (self.unsaid(events), away)
                }
                Err(error) => (Vec::new(), Some(error)),
            };
            if events.iter().any(worth_telling) {
                self.said = None;
                return Arrived::Events(events);
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

    /// How much waits, where that is less than the person believes.
    fn has_gone_out(&mut self, messenger: &mut Messenger) -> Option<u64> {
        if self.waiting == 0 {
            return None;
        }
        let left = messenger.own_status().ok()?.outbox;
        let gone = left < self.waiting;
        self.waiting = left;
        gone.then_some(left)
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
                for (peer, count) in written(events, &messenger.unread()?, here) {
                    let what = if count == 1 {
                        "a new message".to_owned()
                    } else {
                        format!("{count} new messages")
                    };
                    context.render.notice(&format!("{what} from {peer}"));
                }
                Ok(())
            }
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
