//! Deliver, acknowledge, retry, with a mailbox that may be cleared once.
//!
//! Sequence numbers begin anew in a cleared mailbox here, which the relay's do not: so it is the incarnation alone that has to keep an old
//! acknowledgement from deleting new envelopes.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use super::{breaks, holds};

/// Envelopes that are sent.
const ENVELOPES: u8 = 2;
/// Inbox calls of the reader: enough to read, to acknowledge, and to be told that an acknowledgement is stale.
const ROUNDS: u8 = 3;

const NOTHING_LOST: &str = "what was answered with 200 is read, cleared on demand, or still there";
const NOTHING_TWICE: &str = "nothing is delivered twice to a reader that acknowledges";
const ALL_READ: &str = "everything can be read, and then be gone";
const CLEARED: &str = "an acknowledgement can be stale";

/// How the relay is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    Right,
    /// Answers while the commit is on its way to the disk.
    AnswersBeforeCommit,
    /// Does not remember which sends it has stored.
    ForgetsReceipts,
    /// Deletes what it delivers instead of what is acknowledged.
    DeletesOnDelivery,
    /// Takes an acknowledgement by its number alone.
    IgnoresIncarnations,
}

pub struct Delivery(pub Build);

/// How far a reader has read: incarnation and sequence number.
pub type Position = (u8, u8);

/// What travels. Requests and answers of one inbox call carry its round, as they share a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Send(u8),
    Stored(u8),
    Inbox {
        round: u8,
        ack: Option<Position>,
    },
    Page {
        round: u8,
        incarnation: u8,
        envelopes: Vec<(u8, u8)>,
    },
    Stale {
        round: u8,
    },
    Clear,
}

/// What the relay keeps: on the disk once it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mailbox {
    incarnation: u8,
    last: u8,
    /// Sequence number and envelope.
    waiting: Vec<(u8, u8)>,
    receipts: BTreeSet<u8>,
    cleared: BTreeSet<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    pub durable: Mailbox,
    /// The transaction that is open, and the answers that wait for its commit.
    open: Mailbox,
    unanswered: BTreeSet<Message>,
    network: BTreeSet<Message>,
    /// The reader's: which call it is in and whether that was answered (a call has one answer), how far it has read, and what it has kept.
    round: u8,
    answered: bool,
    position: Option<Position>,
    kept: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message arrives at the relay or at its sender.
    Arrive(Message),
    Commit,
    Crash,
    /// The reader gives a call up, or has its answer, and makes the next one.
    NextCall,
}

impl World {
    /// Whether the mailbox was cleared, which happens once here.
    pub fn was_cleared(&self) -> bool {
        self.durable.incarnation != 0
    }
}

impl Delivery {
    /// What a relay does that commits whatever it is asked before it answers, or before it is asked something else: the steps that can be had from
    /// outside.
    pub fn committed(&self, world: &World) -> Vec<(Step, World)> {
        let mut steps = Vec::new();
        self.actions(world, &mut steps);
        let committed = |step: Step| match &step {
            Step::Commit | Step::Crash => None,
            Step::NextCall | Step::Arrive(_) => {
                let next = self.next_state(world, step.clone())?;
                let next = self.next_state(&next, Step::Commit).unwrap_or(next);
                Some((step, next))
            }
        };
        steps.into_iter().filter_map(committed).collect()
    }

    pub fn at_relay(&self, mailbox: &mut Mailbox, message: &Message) -> Option<Message> {
        match message {
            Message::Send(envelope) => {
                let known = mailbox.receipts.contains(envelope) && self.0 != Build::ForgetsReceipts;
                if !known {
                    mailbox.last += 1;
                    mailbox.waiting.push((mailbox.last, *envelope));
                    mailbox.receipts.insert(*envelope);
                }
                Some(Message::Stored(*envelope))
            }
            Message::Inbox { round, ack } => {
                if let Some((incarnation, sequence)) = *ack {
                    if incarnation != mailbox.incarnation && self.0 != Build::IgnoresIncarnations {
                        return Some(Message::Stale { round: *round });
                    }
                    mailbox.waiting.retain(|(place, _)| *place > sequence);
                }
                let page = Message::Page {
                    round: *round,
                    incarnation: mailbox.incarnation,
                    envelopes: mailbox.waiting.clone(),
                };
                if self.0 == Build::DeletesOnDelivery {
                    mailbox.waiting.clear();
                }
                Some(page)
            }
            Message::Clear if mailbox.incarnation == 0 => {
                let gone = std::mem::take(&mut mailbox.waiting);
                mailbox.cleared.extend(gone.into_iter().map(|(_, envelope)| envelope));
                (mailbox.incarnation, mailbox.last) = (1, 0);
                None
            }
            _ => None,
        }
    }
}

fn at_client(world: &mut World, message: Message) {
    match message {
        Message::Page {
            round,
            incarnation,
            envelopes,
        } if round == world.round && !world.answered => {
            world.answered = true;
            if world.position.is_none_or(|(life, _)| life != incarnation) {
                world.position = Some((incarnation, 0));
            }
            for (sequence, envelope) in envelopes {
                if world.position < Some((incarnation, sequence)) {
                    world.kept.push(envelope);
                    world.position = Some((incarnation, sequence));
                }
            }
        }
        Message::Stale { round } if round == world.round && !world.answered => {
            (world.answered, world.position) = (true, None);
        }
        _ => {}
    }
}

impl Model for Delivery {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let mut world = World::default();
        world.network.extend((0..ENVELOPES).map(Message::Send));
        world.network.insert(Message::Clear);
        world.network.insert(Message::Inbox { round: 0, ack: None });
        vec![world]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.network.iter().cloned().map(Step::Arrive));
        steps.extend([Step::Commit, Step::Crash]);
        if world.round + 1 < ROUNDS {
            steps.push(Step::NextCall);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Arrive(message) => match message {
                Message::Page { .. } | Message::Stale { .. } => at_client(&mut next, message),
                _ => {
                    let answer = self.at_relay(&mut next.open, &message);
                    if self.0 == Build::AnswersBeforeCommit {
                        next.network.extend(answer);
                    } else {
                        next.unanswered.extend(answer);
                    }
                }
            },
            Step::Commit => {
                next.durable = next.open.clone();
                next.network.append(&mut next.unanswered);
            }
            Step::Crash => {
                next.open = next.durable.clone();
                next.unanswered.clear();
            }
            Step::NextCall => {
                next.round += 1;
                next.answered = false;
                next.network.insert(Message::Inbox {
                    round: next.round,
                    ack: next.position,
                });
            }
        }
        // Answers that nobody listens for any more make no difference: without them there are fewer states to look at.
        let heard = (next.round, next.answered);
        let matters = |message: &Message| match message {
            Message::Page { round, .. } | Message::Stale { round } => heard == (*round, false),
            _ => true,
        };
        next.network.retain(matters);
        next.unanswered.retain(matters);
        // A step that changes nothing leads nowhere.
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOTHING_LOST, |_, world: &World| {
                // Whatever answer is on its way may have arrived.
                let accepted = |envelope: &u8| world.network.contains(&Message::Stored(*envelope));
                (0..ENVELOPES).filter(accepted).all(|envelope| {
                    let envelope = &envelope;
                    world.kept.contains(envelope)
                        || world.durable.cleared.contains(envelope)
                        || world.durable.waiting.iter().any(|(_, waits)| waits == envelope)
                })
            }),
            Property::always(NOTHING_TWICE, |_, world: &World| {
                let once: BTreeSet<_> = world.kept.iter().collect();
                once.len() == world.kept.len()
            }),
            Property::sometimes(ALL_READ, |_, world: &World| {
                world.kept.len() == usize::from(ENVELOPES) && world.durable.waiting.is_empty()
            }),
            Property::sometimes(CLEARED, |_, world: &World| {
                world
                    .network
                    .iter()
                    .any(|message| matches!(message, Message::Stale { .. }))
            }),
        ]
    }
}

#[test]
fn nothing_accepted_is_lost_and_nothing_comes_twice() {
    holds(Delivery(Build::Right), 10_000);
}

#[test]
fn a_relay_that_answers_before_it_commits_loses() {
    breaks(Delivery(Build::AnswersBeforeCommit), NOTHING_LOST);
}

#[test]
fn a_relay_that_forgets_receipts_delivers_twice() {
    breaks(Delivery(Build::ForgetsReceipts), NOTHING_TWICE);
}

#[test]
fn a_relay_that_deletes_on_delivery_loses() {
    breaks(Delivery(Build::DeletesOnDelivery), NOTHING_LOST);
}

#[test]
fn a_relay_that_ignores_incarnations_loses() {
    breaks(Delivery(Build::IgnoresIncarnations), NOTHING_LOST);
}
