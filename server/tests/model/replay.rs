//! The models beside the real relay: traces of each model, one to every state that a relay which answers after its commit can be brought to, are asked of
//! the relay's own program over HTTP, and each answer has to be the model's. Between any two steps the program is killed and started again.
//!
//! The network of the models keeps every message, so repetitions, late arrivals and answers that nobody hears are in the traces as well. What cannot be
//! had by HTTP is left to the models alone: a crash between a change and its commit (`gate_crash.rs` and `crash.rs` kill the program there), and the end
//! of the time for repetitions, which needs another clock (`plays.rs`).

#[path = "../common/mod.rs"]
mod common;
#[path = "../process/mod.rs"]
mod process;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
    time::Duration,
};

use common::*;
use futures_util::{StreamExt as _, stream};
use process::Process;
use reqwest::Method;
use serde_json::{Value, json};
use stateright::Model;
use tempfile::TempDir;
use uuid::Uuid;

use super::{delivery, plays};

/// The program, killed at will; clients find it at the same address again.
struct Killed {
    process: Process,
    dir: TempDir,
    listen: String,
}

impl Killed {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let process = Process::start(&dir.path().join("data"), "127.0.0.1:0");
        let listen = process.listen();
        Self { process, dir, listen }
    }

    /// A connection for each call: what is left of those before would find out only in the next one that their relay is dead.
    fn api(&self) -> Api {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        Api {
            http: http.timeout(Duration::from_secs(60)).build().unwrap(),
            url: self.process.url.clone(),
        }
    }

    fn kill_and_start(&mut self) {
        self.process.kill();
        self.process = Process::start(&self.dir.path().join("data"), &self.listen);
    }
}

/// The shortest way to every state that `next` leads to, without those that another one passes through; at the end of each, everything that changes
/// nothing there: repetitions.
fn traces<M: Model>(
    model: &M,
    next: impl Fn(&M::State) -> Vec<(M::Action, M::State)>,
) -> Vec<Vec<(M::Action, M::State)>>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone,
{
    let start = model.init_states().remove(0);
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([(start, Vec::new())]);
    let mut leaves = Vec::new();
    while let Some((state, trace)) = queue.pop_front() {
        let (mut is_leaf, mut repetitions) = (true, Vec::new());
        for (action, after) in next(&state) {
            if after == state {
                repetitions.push((action, after));
            } else if seen.insert(after.clone()) {
                is_leaf = false;
                let mut longer = trace.clone();
                longer.push((action, state.clone()));
                queue.push_back((after, longer));
            }
        }
        if is_leaf {
            leaves.push(trace.into_iter().chain(repetitions).collect());
        }
    }
    leaves
}

/// Requests that are under way at the same time; those of one trace follow each other.
const AT_ONCE: usize = 16;

/// Takes every trace a step further, kills the relay, and so on to the end of the longest.
async fn in_step<T>(relay: &mut Killed, actors: &mut [T], longest: usize, act: impl AsyncFn(&mut T, usize)) {
    for step in 0..longest {
        let acts = stream::iter(actors.iter_mut());
        acts.for_each_concurrent(AT_ONCE, |actor| act(actor, step)).await;
        relay.kill_and_start();
    }
}

/// A mailbox on which a trace is acted out.
struct Reader {
    trace: Vec<(delivery::Step, delivery::World)>,
    user: User,
    ids: Vec<Uuid>,
    /// What the relay calls the model's incarnations, and its places in them.
    incarnations: HashMap<u8, Value>,
    places: HashMap<delivery::Position, u64>,
}

impl Reader {
    async fn act(&mut self, sender: &User, step: usize) {
        let Some((delivery::Step::Arrive(message), world)) = self.trace.get(step).cloned() else {
            return;
        };
        let expected = delivery::Delivery(delivery::Build::Right).at_relay(&mut world.durable.clone(), &message);
        match (message, expected) {
            (delivery::Message::Send(envelope), Some(delivery::Message::Stored(_))) => {
                let id = self.ids[usize::from(envelope)];
                let stored = sender.send(&self.user.name, id, vec![envelope]).await.ok();
                assert_eq!(stored["id"], json!(id));
            }
            (delivery::Message::Clear, None) => {
                // Once, as in the model.
                if !world.was_cleared() {
                    self.user.call(Method::DELETE, "/v1/inbox", None).await.ok();
                }
            }
            (delivery::Message::Inbox { ack, .. }, Some(expected)) => {
                let ack = ack.map(|(life, place)| {
                    let sequence = if place == 0 { 0 } else { self.places[&(life, place)] };
                    json!({ "incarnation": self.incarnations[&life], "sequence": sequence })
                });
                let answer = self.user.inbox(json!({ "ack": ack })).await;
                self.compare(answer, expected);
            }
            // Arrives at a client: nothing for the relay.
            (delivery::Message::Page { .. } | delivery::Message::Stale { .. } | delivery::Message::Stored(_), _) => {}
            (message, expected) => panic!("{message:?} is answered by {expected:?} in the model"),
        }
    }

    fn compare(&mut self, answer: Answer, expected: delivery::Message) {
        match expected {
            delivery::Message::Stale { .. } => drop(answer.refused(409, "stale_incarnation")),
            delivery::Message::Page {
                incarnation, envelopes, ..
            } => {
                let page = answer.ok();
                let life = self
                    .incarnations
                    .entry(incarnation)
                    .or_insert_with(|| page["incarnation"].clone());
                assert_eq!(*life, page["incarnation"]);
                let given: Vec<_> = envelopes.iter().map(|(_, envelope)| vec![*envelope]).collect();
                assert_eq!(bodies(&page), given);
                for ((place, _), delivered) in envelopes.iter().zip(page["envelopes"].as_array().unwrap()) {
                    let sequence = delivered["sequence"].as_u64().unwrap();
                    assert_eq!(*self.places.entry((incarnation, *place)).or_insert(sequence), sequence);
                }
                let lives: HashSet<_> = self.incarnations.values().map(Value::to_string).collect();
                assert_eq!(
                    lives.len(),
                    self.incarnations.len(),
                    "a cleared mailbox has a new incarnation"
                );
            }
            other => panic!("{other:?} is no answer to an inbox call"),
        }
    }
}

#[tokio::test]
async fn the_relay_delivers_as_the_model_does_killed_between_any_two_steps() {
    let model = delivery::Delivery(delivery::Build::Right);
    let traces = traces(&model, |world| model.committed(world));
    let longest = traces.iter().map(Vec::len).max().unwrap();
    eprintln!("{} traces, the longest of {longest} steps", traces.len());
    assert!(traces.len() >= 50 && longest >= 6);
    let mut relay = Killed::start();
    let sender = relay.user("alice").await;
    let registered = stream::iter(traces.into_iter().enumerate()).map(async |(i, trace)| Reader {
        trace,
        user: relay.user(&format!("reader{i}")).await,
        ids: vec![Uuid::new_v4(), Uuid::new_v4()],
        incarnations: HashMap::new(),
        places: HashMap::new(),
    });
    let mut readers: Vec<Reader> = registered.buffered(AT_ONCE).collect().await;
    in_step(&mut relay, &mut readers, longest, async |reader, step| {
        reader.act(&sender, step).await;
    })
    .await;
    assert!(readers.iter().any(|reader| reader.incarnations.len() == 2));
}

impl Killed {
    async fn user(&self, name: &str) -> User {
        User::register(self.api(), name).await
    }
}

/// A license on which a trace is acted out.
struct Player {
    trace: Vec<(plays::Step, plays::World)>,
    license: License,
    ids: Vec<Uuid>,
    /// What was granted under each number.
    shown: HashMap<u8, Value>,
}

impl Player {
    async fn act(&mut self, api: &Api, step: usize) {
        let Some((plays::Step::Arrive(message), world)) = self.trace.get(step).cloned() else {
            return;
        };
        match message {
            plays::Message::Play(play) => {
                let expected = plays::Plays(plays::Build::Right).play(&mut world.durable().clone(), play);
                let answer = self.license.play(api, self.ids[usize::from(play)]).await;
                match expected {
                    plays::Message::Granted { number, .. } => {
                        let granted = answer.ok();
                        assert_eq!(granted["play"], json!(number));
                        assert_eq!(granted["share"], json!(b64(self.license.share)));
                        // A repetition has the same bytes, the relay's signature included.
                        assert_eq!(*self.shown.entry(number).or_insert_with(|| granted.clone()), granted);
                    }
                    plays::Message::Refused(_) => drop(answer.refused(410, "play_limit_reached")),
                    plays::Message::Gone(_) => drop(answer.refused(410, "answer_gone")),
                    other => panic!("{other:?} is no answer to a play"),
                }
            }
            plays::Message::Confirm(play) => {
                let id = self.ids[usize::from(play)];
                self.license.confirm(api, id, &self.license.play).await.ok();
            }
            plays::Message::Granted { .. } | plays::Message::Refused(_) | plays::Message::Gone(_) => {}
        }
    }
}

#[tokio::test]
async fn the_relay_counts_plays_as_the_model_does_killed_between_any_two_steps() {
    let model = plays::Plays(plays::Build::Right);
    let traces = traces(&model, |world| model.committed(world));
    let longest = traces.iter().map(Vec::len).max().unwrap();
    eprintln!("{} traces, the longest of {longest} steps", traces.len());
    assert!(traces.len() >= 20 && longest >= 6);
    let mut relay = Killed::start();
    let (alice, api) = (relay.user("alice").await, relay.api());
    let mut players = Vec::new();
    for trace in traces {
        let mut license = License::new("alice", plays::LIMIT);
        license.expires_at = alice.now.plus(DAY).as_millis();
        let body = license.message("alice", Uuid::new_v4(), b"limited");
        alice.call(Method::POST, "/v1/messages/limited", Some(body)).await.ok();
        players.push(Player {
            trace,
            license,
            ids: (0..plays::WANTED).map(|_| Uuid::new_v4()).collect(),
            shown: HashMap::new(),
        });
    }
    in_step(&mut relay, &mut players, longest, async |player, step| {
        player.act(&api, step).await;
    })
    .await;
    // No number was given twice or left out.
    for player in &players {
        let mut numbers: Vec<u8> = player.shown.keys().copied().collect();
        numbers.sort_unstable();
        assert!(
            (1..).zip(&numbers).all(|(place, number)| place == *number),
            "{numbers:?}"
        );
    }
}
