//! Play, commit, answer, retry: a license for two plays and three who want one, each with a play id of its own that it repeats until it is answered.

use std::collections::{BTreeMap, BTreeSet};

use playgate::{Counter, PlayLimit};
use stateright::{Model, Property};

use super::{breaks, holds};

/// Plays that are allowed.
pub const LIMIT: u8 = 2;
/// Plays that are wanted: one more.
pub const WANTED: u8 = 3;

const AT_MOST_THE_LIMIT: &str = "at most `limit` plays are ever granted";
const NONE_LOST: &str = "a counted play whose answer did not arrive can be had again while its time lasts";
const NUMBERED: &str = "no two plays have the same number";
const ALL_GRANTED: &str = "every allowed play can be had, and the next one is refused";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    Right,
    /// Gives the share out while the commit is on its way to the disk.
    AnswersBeforeCommit,
    /// Does not know a play again by its id, so a repetition is a play of its own.
    ForgetsPlayIds,
    /// Knows a play again, but keeps no answer for it.
    KeepsNoAnswers,
}

pub struct Plays(pub Build);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Play(u8),
    Granted { play: u8, number: u8 },
    Refused(u8),
    Gone(u8),
    Confirm(u8),
}

/// What is kept of a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    number: u8,
    answer_kept: bool,
    over: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct License {
    used: u8,
    plays: BTreeMap<u8, Counted>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    durable: License,
    open: License,
    unanswered: BTreeSet<Message>,
    network: BTreeSet<Message>,
    /// Answers that arrived.
    received: BTreeSet<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Arrive(Message),
    Commit,
    Crash,
    /// The time for repetitions of a play is over.
    Forget(u8),
}

impl World {
    pub fn durable(&self) -> &License {
        &self.durable
    }
}

impl Plays {
    /// What a relay does that commits whatever it is asked before it answers, without the end of the time for repetitions: the steps that can be had
    /// from outside.
    pub fn committed(&self, world: &World) -> Vec<(Step, World)> {
        let mut steps = Vec::new();
        self.actions(world, &mut steps);
        let committed = |step: Step| match &step {
            Step::Commit | Step::Crash | Step::Forget(_) => None,
            Step::Arrive(_) => {
                let next = self.next_state(world, step.clone())?;
                let next = self.next_state(&next, Step::Commit).unwrap_or(next);
                Some((step, next))
            }
        };
        steps.into_iter().filter_map(committed).collect()
    }

    pub fn play(&self, license: &mut License, play: u8) -> Message {
        if let Some(before) = license.plays.get(&play)
            && self.0 != Build::ForgetsPlayIds
        {
            return if before.answer_kept {
                Message::Granted {
                    play,
                    number: before.number,
                }
            } else {
                Message::Gone(play)
            };
        }
        // The relay's own arithmetic.
        let mut counter = Counter::restore(license.used, PlayLimit::new(LIMIT).unwrap()).unwrap();
        let Ok(turned) = counter.turn() else {
            return Message::Refused(play);
        };
        license.used = counter.used();
        let counted = Counted {
            number: turned.number,
            answer_kept: self.0 != Build::KeepsNoAnswers,
            over: false,
        };
        license.plays.insert(play, counted);
        Message::Granted {
            play,
            number: turned.number,
        }
    }
}

impl Model for Plays {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            network: (0..WANTED).map(Message::Play).collect(),
            ..World::default()
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.network.iter().cloned().map(Step::Arrive));
        steps.extend([Step::Commit, Step::Crash]);
        steps.extend(world.open.plays.keys().map(|play| Step::Forget(*play)));
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Arrive(Message::Play(play)) => {
                let answer = self.play(&mut next.open, play);
                if self.0 == Build::AnswersBeforeCommit {
                    next.network.insert(answer);
                } else {
                    next.unanswered.insert(answer);
                }
            }
            Step::Arrive(Message::Granted { play, .. }) => {
                next.received.insert(play);
                next.network.insert(Message::Confirm(play));
            }
            Step::Arrive(Message::Confirm(play)) => next.open.plays.get_mut(&play)?.answer_kept = false,
            Step::Arrive(Message::Refused(_) | Message::Gone(_)) => {}
            Step::Forget(play) => {
                let counted = next.open.plays.get_mut(&play)?;
                (counted.answer_kept, counted.over) = (false, true);
            }
            Step::Commit => {
                next.durable = next.open.clone();
                next.network.append(&mut next.unanswered);
            }
            Step::Crash => {
                next.open = next.durable.clone();
                next.unanswered.clear();
            }
        }
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn granted(world: &World) -> impl Iterator<Item = (u8, u8)> {
            world.network.iter().filter_map(|message| match message {
                Message::Granted { play, number } => Some((*play, *number)),
                _ => None,
            })
        }
        vec![
            Property::always(AT_MOST_THE_LIMIT, |_, world: &World| {
                granted(world).count() <= usize::from(LIMIT)
            }),
            Property::always(NONE_LOST, |_, world: &World| {
                let owed = |(play, counted): (&u8, &Counted)| {
                    counted.answer_kept || counted.over || world.received.contains(play)
                };
                usize::from(world.durable.used) == world.durable.plays.len() && world.durable.plays.iter().all(owed)
            }),
            Property::always(NUMBERED, |_, world: &World| {
                let numbers: BTreeSet<u8> = granted(world).map(|(_, number)| number).collect();
                numbers.len() == granted(world).count()
            }),
            Property::sometimes(ALL_GRANTED, |_, world: &World| {
                world.received.len() == usize::from(LIMIT)
                    && world
                        .network
                        .iter()
                        .any(|message| matches!(message, Message::Refused(_)))
            }),
        ]
    }
}

#[test]
fn the_limit_is_exact_and_no_play_is_lost() {
    holds(Plays(Build::Right), 1_000);
}

#[test]
fn a_relay_that_answers_before_it_commits_grants_too_much() {
    breaks(Plays(Build::AnswersBeforeCommit), AT_MOST_THE_LIMIT);
}

#[test]
fn a_relay_that_forgets_play_ids_counts_twice() {
    breaks(Plays(Build::ForgetsPlayIds), NONE_LOST);
}

#[test]
fn a_relay_that_keeps_no_answers_loses_plays() {
    breaks(Plays(Build::KeepsNoAnswers), NONE_LOST);
}
