//! The party does what the executable model of the session layer did: the same operations in the same order give the same verdicts, the same
//! envelopes (form, session, epoch, number) and the same states. The model's runs are in `tests/vectors/model.jsonl`; `tests/model/export.py`
//! wrote them.
//!
//! One second of the model is a millisecond here, so that dates tie where the model's tie.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Deserialize;

use crate::Timestamp;
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::handshake::PreKeyBundle;
use crate::party::peer::Pace;
use crate::party::{Outgoing, Party, Received};
use crate::prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey};
use crate::session::{RekeyPolicy, SessionId, Status};

/// Keys in a batch of the model.
const MODEL_BATCH: usize = 4;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Net { net: NewNet },
    Step(Box<Step>),
}

#[derive(Deserialize)]
struct NewNet {
    names: String,
    policy: u32,
    seed: u64,
}

#[derive(Deserialize)]
struct Step {
    op: String,
    who: String,
    now: u64,
    peer: Option<String>,
    empty: Option<bool>,
    envelope: Option<usize>,
    verdict: Option<String>,
    /// Number, type, session, epoch, n.
    #[serde(default)]
    made: Vec<(usize, u8, usize, u32, u32)>,
    state: Option<State>,
    /// Number, date, id, initiator, responder.
    #[serde(default)]
    sessions: Vec<(usize, u64, String, String, String)>,
}

/// Number, epoch, n, heard, [epoch, n] of each receiving chain, skipped keys, status, acknowledged.
type Standing = (usize, u32, u32, i64, Vec<(u32, u32)>, usize, String, (u32, u32));
/// Everything stored, and what was shown.
type Snapshot = (Vec<(String, Vec<u8>)>, HashSet<(Address, ContentId)>);

#[derive(Deserialize, Debug, PartialEq)]
struct State {
    sessions: Vec<Standing>,
    current: BTreeMap<String, usize>,
    pending: BTreeMap<String, usize>,
    shown: usize,
}

struct Known {
    id: SessionId,
    created: u64,
    model_id: String,
    pair: [String; 2],
}

struct Member {
    party: Party,
    shown: HashSet<(Address, ContentId)>,
    signed: Option<PublishedSignedPreKey>,
    one_time: Vec<(Vec<u8>, Vec<u8>, OneTimeEntry)>,
    snapshot: Option<Snapshot>,
}

struct Replay {
    rng: ChaCha20Rng,
    policy: RekeyPolicy,
    now: Timestamp,
    members: BTreeMap<String, Member>,
    sessions: Vec<Known>,
    envelopes: HashMap<usize, Vec<u8>>,
}

/// An envelope that a call made, and where it stands: session, epoch, number.
struct Made {
    letter: Outgoing,
    place: (SessionId, u32, u32),
}

/// What one call made for one peer, directly after it: the last of the chain that sends to that peer.
fn placed(party: &Party, out: Vec<Outgoing>) -> Vec<Made> {
    let behind = (1..=out.len() as u32).rev();
    behind
        .zip(out)
        .map(|(behind, letter)| {
            let session = party.current(&letter.to).unwrap();
            // Among many an advance may be due.
            let place = match session.send.n.checked_sub(behind) {
                Some(n) => (session.id, session.epoch, n),
                None => {
                    let n = session.send.n + session.sent_before.0 - behind;
                    (session.id, session.epoch - 1, n)
                }
            };
            Made { letter, place }
        })
        .collect()
}

fn address(name: &str) -> Address {
    Address::parse(&format!("{}@relay", name.to_lowercase())).unwrap()
}

fn time(model: u64) -> Timestamp {
    Timestamp(1_790_000_000_000 + model)
}

impl Replay {
    fn new(net: &NewNet) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(net.seed);
        let policy = RekeyPolicy {
            messages: net.policy,
            after: Duration::from_millis(3600),
        };
        let mut replay = Self {
            policy,
            now: time(1_000_000),
            members: BTreeMap::new(),
            sessions: Vec::new(),
            envelopes: HashMap::new(),
            rng: rng.clone(),
        };
        for name in net.names.chars().map(String::from) {
            let party = Party::generate(address(&name), &mut rng);
            let member = Member {
                party,
                shown: HashSet::new(),
                signed: None,
                one_time: Vec::new(),
                snapshot: None,
            };
            replay.members.insert(name.clone(), member);
            replay.pace(&name);
            replay.publish(&name, true);
        }
        replay.rng = rng;
        replay
    }

    fn member(&mut self, name: &str) -> &mut Member {
        self.members.get_mut(name).unwrap()
    }

    /// The model's pace.
    fn pace(&mut self, name: &str) {
        let policy = self.policy;
        let party = &mut self.member(name).party;
        party.set_policy(policy);
        party.pace = Pace {
            stale_after: Duration::from_millis(7 * 86_400),
            answers_in: Duration::from_millis(3600),
            replace_interval: Duration::ZERO,
        };
    }

    fn publish(&mut self, name: &str, force: bool) {
        let (now, mut rng) = (self.now, self.rng.clone());
        let member = self.member(name);
        if let Some(news) = member.party.publication(Some(100), force, now, &mut rng) {
            if let Some(signed) = news.signed_prekey {
                member.signed = Some(signed);
            }
            if let Some(batch) = news.one_time_batch {
                let verified = batch.verify(member.party.identity_key(), &address(name), now).unwrap();
                let keys = verified.entries().take(MODEL_BATCH);
                member.one_time = keys
                    .map(|key| (batch.payload.clone(), batch.signature.clone(), key))
                    .collect();
            }
            member.party.publication_confirmed(now);
        }
        self.rng = rng;
    }

    /// A new session as the model made it. Ids are random at both; where dates tie, we draw until ours order as the model's do.
    fn start(&mut self, a: &str, b: &str, expected: &(usize, u64, String, String, String)) -> Vec<Made> {
        let (number, created, model_id, initiator, responder) = expected;
        assert_eq!(
            (initiator.as_str(), responder.as_str()),
            (a, b),
            "who begins a session with whom"
        );
        let target = self.member(b);
        let one_time = (!target.one_time.is_empty()).then(|| target.one_time.remove(0));
        let bundle = PreKeyBundle {
            address: address(b),
            identity_key: target.party.identity_key().clone(),
            signed_prekey: target.signed.clone().unwrap(),
            one_time: one_time.map(|(payload, signature, key)| PublishedOneTime {
                payload,
                signature,
                id: key.id,
                key: key.key,
                path: key.path,
            }),
        };
        let pair = [a.min(b).to_owned(), a.max(b).to_owned()];
        loop {
            let mut party = self.members[a].party.clone();
            let out = party.start_announced(&bundle, true, self.now, &mut self.rng).unwrap();
            let out = placed(&party, out);
            let id = out[0].place.0;
            let fits = self
                .sessions
                .iter()
                .filter(|known| known.pair == pair && known.created == *created)
                .all(|known| known.model_id.cmp(model_id) == known.id.cmp(&id));
            if fits {
                assert_eq!(party.sessions[&id].created_at, time(*created), "the session's date");
                assert_eq!(*number, self.sessions.len());
                self.sessions.push(Known {
                    id,
                    created: *created,
                    model_id: model_id.clone(),
                    pair,
                });
                self.member(a).party = party;
                return out;
            }
        }
    }

    /// Everything that a step made, against what the model made.
    fn compare_made(&mut self, step: &Step, out: &[Made]) {
        let made: Vec<_> = out
            .iter()
            .map(|Made { letter, place }| {
                let session = self.sessions.iter().position(|known| known.id == place.0).unwrap();
                (letter.envelope[1], session, place.1, place.2)
            })
            .collect();
        let expected: Vec<_> = step
            .made
            .iter()
            .map(|(_, form, session, epoch, n)| (*form, *session, *epoch, *n))
            .collect();
        assert_eq!(made, expected, "the envelopes made: form, session, epoch, number");
        for (made, (number, ..)) in out.iter().zip(&step.made) {
            self.envelopes.insert(*number, made.letter.envelope.clone());
        }
    }

    fn state(&self, who: &str) -> State {
        let member = &self.members[who];
        let number = |id: SessionId| self.sessions.iter().position(|known| known.id == id).unwrap();
        let mut sessions: Vec<_> = member
            .party
            .sessions
            .values()
            .map(|s| {
                let status = match s.status {
                    Status::Active => "Active",
                    Status::ReceiveOnly => "ReceiveOnly",
                    Status::Forked => "Forked",
                    Status::SetAside => "SetAside",
                };
                let chains = s.receive.iter().map(|(epoch, chain)| (*epoch, chain.n)).collect();
                let heard = s.heard.map_or(-1, i64::from);
                (
                    number(s.id),
                    s.epoch,
                    s.send.n,
                    heard,
                    chains,
                    s.skipped.len(),
                    status.to_owned(),
                    s.acknowledged,
                )
            })
            .collect();
        sessions.sort();
        let others = self.members.keys().filter(|name| *name != who);
        let current = others.clone().filter_map(|name| {
            member
                .party
                .current(&address(name))
                .map(|session| (name.clone(), number(session.id)))
        });
        let pending = others.map(|name| (name.clone(), member.party.pending_count(&address(name))));
        State {
            sessions,
            current: current.collect(),
            pending: pending.filter(|(_, count)| *count > 0).collect(),
            shown: member.shown.len(),
        }
    }

    fn send(&mut self, who: &str, peer: &str, empty: bool) -> Vec<Made> {
        let body = if empty { Body::Empty } else { Body::Text("x".into()) };
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now,
            body,
        };
        let (now, mut rng) = (self.now, self.rng.clone());
        let out = self
            .member(who)
            .party
            .send(&address(peer), &content, now, &mut rng)
            .unwrap();
        self.rng = rng;
        placed(&self.members[who].party, vec![out])
    }

    fn give(&mut self, step: &Step) -> Vec<Made> {
        let who = step.who.as_str();
        let envelope = match step.envelope {
            Some(number) => self.envelopes[&number].clone(),
            None => {
                // Altered on its way in the model. Ours is another alteration of another envelope: it must not open either.
                let mut envelope = self.envelopes.values().max().unwrap().clone();
                let at = 34 + (self.rng.next_u64() as usize) % (envelope.len() - 34);
                envelope[at] ^= 1;
                envelope
            }
        };
        let (now, mut rng) = (self.now, self.rng.clone());
        let received = self.member(who).party.receive(&envelope, now, &mut rng);
        self.rng = rng;
        let (verdict, out) = match received {
            Received::Opened(opened) => {
                if opened.content.body != Body::Empty {
                    self.member(who).shown.insert((opened.from.clone(), opened.content.id));
                }
                ("Opened", opened.outgoing)
            }
            Received::Duplicate => ("Duplicate", Vec::new()),
            Received::OneTimeKeyGone { .. } => ("OneTimeKeyGone", Vec::new()),
            Received::Forked { .. } => ("Forked", Vec::new()),
            Received::Unknown => ("Unknown", Vec::new()),
            Received::Replay => ("Replay", Vec::new()),
            Received::Malformed(_) | Received::Refused(_) => ("Refused", Vec::new()),
            Received::IdentityChanged { .. } | Received::IdentityForked { .. } => {
                panic!("no identity changes in the model")
            }
        };
        let expected = match step.verdict.as_deref().unwrap() {
            same @ ("Opened" | "Duplicate" | "OneTimeKeyGone" | "Forked" | "Replay" | "Unknown") => same,
            "Gone" => "Unknown",
            _ => "Refused",
        };
        if step.envelope.is_some() {
            assert_eq!(verdict, expected, "the verdict");
        } else {
            assert!(
                matches!(verdict, "Refused" | "Unknown" | "Duplicate"),
                "{verdict} for an altered envelope"
            );
        }
        placed(&self.members[who].party, out)
    }

    fn step(&mut self, step: &Step) {
        self.now = time(step.now);
        let (who, now) = (step.who.as_str(), self.now);
        let mut fresh = step.sessions.iter();
        let mut out = Vec::new();
        match step.op.as_str() {
            "flush" => return,
            "send" => {
                let peer = step.peer.as_deref().unwrap();
                if self.member(who).party.needs_bundle(&address(peer)) {
                    out.extend(self.start(who, peer, fresh.next().unwrap()));
                }
                out.extend(self.send(who, peer, step.empty.unwrap()));
            }
            "renew" => out.extend(self.start(who, step.peer.as_deref().unwrap(), fresh.next().unwrap())),
            "publish" => self.publish(who, true),
            "forget" => self.member(who).party.account.forget_one_time_secrets(),
            "tick" => self.member(who).party.tick(now),
            "snapshot" => {
                let member = self.member(who);
                let records = member.party.all_records().into_iter();
                let records = records
                    .map(|change| (change.key, change.value.unwrap().to_vec()))
                    .collect();
                member.snapshot = Some((records, member.shown.clone()));
            }
            "restore" => {
                let member = self.member(who);
                let (records, shown) = member.snapshot.clone().unwrap();
                member.party = Party::load(records).unwrap();
                member.party.restored(now);
                member.shown = shown;
                self.pace(who);
                self.publish(who, true);
            }
            "give" => out.extend(self.give(step)),
            other => panic!("unknown operation {other}"),
        }
        self.publish(who, false);
        for expected in fresh {
            let wanted = self.member(who).party.wanted();
            assert!(
                wanted.contains(&address(&expected.4)),
                "a handshake is wanted where the model made one"
            );
            out.extend(self.start(who, &expected.4, expected));
        }
        assert_eq!(self.member(who).party.wanted(), [], "and nowhere else");
        self.compare_made(step, &out);
        if let Some(expected) = &step.state {
            assert_eq!(self.state(who), *expected, "the state afterwards");
        }
    }
}

#[test]
fn the_party_does_what_the_model_does() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/model.jsonl")).unwrap();
    let mut replay: Option<(Replay, u64)> = None;
    let (mut nets, mut steps) = (0, 0);
    for (number, line) in (1..).zip(text.lines()) {
        match serde_json::from_str(line).unwrap_or_else(|why| panic!("line {number}: {why}")) {
            Line::Net { net } => {
                nets += 1;
                replay = Some((Replay::new(&net), net.seed));
            }
            Line::Step(step) => {
                steps += 1;
                let (replay, seed) = replay.as_mut().unwrap();
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| replay.step(&step)));
                assert!(result.is_ok(), "line {number}, seed {seed}: {line}");
            }
        }
    }
    assert!(nets > 20 && steps > 10_000, "{nets} networks, {steps} steps");
}
