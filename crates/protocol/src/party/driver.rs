//! Chance drives conversations: a relay that drops, repeats, reorders and delays; parties that crash between commit and transmit, restore old
//! backups, start anew, lose one-time prekeys; a stranger who alters and reflects. Afterwards the network is fair, and everything must come
//! together: both ends on one session, every message delivered or reported missing, none shown twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Party, Received};
use crate::Timestamp;
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::handshake::PreKeyBundle;
use crate::prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey};
use crate::session::{RekeyPolicy, SessionId};

const HOUR: Duration = Duration::from_secs(3600);

/// Where a message stood: session, sender, epoch, number.
type Place = (SessionId, usize, u32, u32);
/// An envelope under way: from, to, bytes.
type Letter = (usize, usize, Vec<u8>);

/// What the relay publishes of one party.
struct Listing {
    signed: PublishedSignedPreKey,
    one_time: Vec<(Vec<u8>, Vec<u8>, OneTimeEntry)>,
}

/// A party's durable state besides the protocol's own: what waits to be sent, and what was shown.
#[derive(Clone, Default)]
struct Desk {
    outbox: Vec<Letter>,
    shown: HashSet<(usize, ContentId)>,
}

type Snapshot = (Vec<(String, Vec<u8>)>, Desk);

struct Net {
    rng: ChaCha20Rng,
    now: Timestamp,
    policy: RekeyPolicy,
    parties: Vec<Party>,
    desks: Vec<Desk>,
    listings: Vec<Option<Listing>>,
    wire: Vec<Letter>,
    snapshots: HashMap<usize, Snapshot>,
    restores: usize,
    restored: HashSet<usize>,
    /// By envelope id, for first arrivals that find no key.
    places: HashMap<Vec<u8>, Place>,
    opened: HashSet<Place>,
    missing: HashSet<Place>,
    sent: BTreeMap<(usize, ContentId), HashSet<Place>>,
    forgiven: HashSet<(usize, ContentId)>,
    delivered: HashSet<(usize, ContentId)>,
    commitments: HashSet<Vec<u8>>,
    roots: HashMap<(SessionId, u32, Vec<u8>), [u8; 32]>,
    headers: HashMap<(SessionId, u32), Vec<u8>>,
    rolled: HashSet<SessionId>,
    strict: bool,
    unopenable: Vec<String>,
    handshakes: usize,
}

fn name(who: usize) -> Address {
    Address::parse(["a@relay", "b@relay", "c@relay"][who]).unwrap()
}

fn who(address: &Address) -> usize {
    (0..3).find(|i| name(*i) == *address).unwrap()
}

impl Net {
    fn new(seed: u64, people: usize, messages: u32, strict: bool) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let policy = RekeyPolicy { messages, after: HOUR };
        let mut parties: Vec<Party> = (0..people).map(|i| Party::generate(name(i), &mut rng)).collect();
        parties.iter_mut().for_each(|party| party.set_policy(policy));
        let mut net = Self {
            rng,
            now: Timestamp(1_790_000_000_000),
            policy,
            desks: vec![Desk::default(); people],
            listings: (0..people).map(|_| None).collect(),
            parties,
            wire: Vec::new(),
            snapshots: HashMap::new(),
            restores: 0,
            restored: HashSet::new(),
            places: HashMap::new(),
            opened: HashSet::new(),
            missing: HashSet::new(),
            sent: BTreeMap::new(),
            forgiven: HashSet::new(),
            delivered: HashSet::new(),
            commitments: HashSet::new(),
            roots: HashMap::new(),
            headers: HashMap::new(),
            rolled: HashSet::new(),
            strict,
            unopenable: Vec::new(),
            handshakes: 0,
        };
        (0..people).for_each(|i| net.publish(i, false));
        net
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound as u64) as usize
    }

    fn chance(&mut self, percent: f64) -> bool {
        (self.rng.next_u64() % 100_000) as f64 / 1000.0 < percent
    }

    fn publish(&mut self, i: usize, force: bool) {
        let left = self.listings[i].as_ref().map(|listing| listing.one_time.len() as u32);
        let Some(news) = self.parties[i].publication(left, force, self.now, &mut self.rng) else {
            return;
        };
        if let Some(signed) = news.signed_prekey {
            let one_time = self.listings[i].take().map(|old| old.one_time).unwrap_or_default();
            self.listings[i] = Some(Listing { signed, one_time });
        }
        if let (Some(batch), Some(listing)) = (news.one_time_batch, &mut self.listings[i]) {
            let verified = batch
                .verify(self.parties[i].identity_key(), &name(i), self.now)
                .unwrap();
            if news.replace_one_time {
                listing.one_time.clear();
            }
            let keys = verified
                .entries()
                .map(|key| (batch.payload.clone(), batch.signature.clone(), key));
            listing.one_time.extend(keys);
        }
        self.parties[i].publication_confirmed();
    }

    fn fetch(&mut self, i: usize) -> PreKeyBundle {
        let key = self.parties[i].identity_key().clone();
        let listing = self.listings[i].as_mut().unwrap();
        let one_time = (!listing.one_time.is_empty()).then(|| listing.one_time.remove(0));
        PreKeyBundle {
            address: name(i),
            identity_key: key,
            signed_prekey: listing.signed.clone(),
            one_time: one_time.map(|(payload, signature, key)| PublishedOneTime {
                payload,
                signature,
                id: key.id,
                key: key.key,
                path: key.path,
            }),
        }
    }

    /// A new session; everything that it makes goes to the outbox.
    fn start(&mut self, a: usize, b: usize) {
        let bundle = self.fetch(b);
        let out = self.parties[a].start(&bundle, self.now, &mut self.rng).unwrap();
        self.handshakes += 1;
        self.post(a, out);
    }

    fn post(&mut self, a: usize, out: Vec<super::Outgoing>) {
        for letter in out {
            let b = who(&letter.to);
            let session = self.parties[a].current(&letter.to).unwrap();
            let place = match letter.content_id {
                Some(id) => {
                    let pending = self.parties[a].pending[&letter.to]
                        .values()
                        .find(|p| p.id == id)
                        .unwrap();
                    (pending.session, a, pending.position.0, pending.position.1)
                }
                None => (session.id, a, session.epoch, session.send.n - 1),
            };
            self.places.insert(letter.envelope[2..18].to_vec(), place);
            if let Some(id) = letter.content_id {
                self.sent.entry((a, id)).or_default().insert(place);
            }
            self.check_commitment(&letter.envelope);
            self.desks[a].outbox.push((a, b, letter.envelope));
        }
        self.check(a);
    }

    /// No message key twice, even after a rollback that nobody noticed: its commitment would repeat.
    fn check_commitment(&mut self, envelope: &[u8]) {
        let parsed = crate::envelope::Envelope::parse(envelope).unwrap();
        let commitment = match parsed.body {
            crate::envelope::Body::First { sealed, .. } | crate::envelope::Body::Plain { sealed } => &sealed[..32],
            crate::envelope::Body::Boxed { rest } => &rest[20..52],
        };
        assert!(self.commitments.insert(commitment.to_vec()), "a key and nonce twice");
    }

    fn send(&mut self, a: usize, b: usize, body: Body) {
        if self.parties[a].needs_bundle(&name(b)) {
            self.start(a, b);
        }
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now,
            body,
        };
        let out = self.parties[a]
            .send(&name(b), &content, self.now, &mut self.rng)
            .unwrap();
        self.post(a, vec![out]);
    }

    fn say(&mut self, a: usize, b: usize) {
        self.send(a, b, Body::Text(format!("{a} to {b}")));
    }

    fn flush(&mut self, a: usize) {
        let letters = std::mem::take(&mut self.desks[a].outbox);
        self.wire.extend(letters);
    }

    /// Handshakes that the protocol wants, after the prekeys that it wants replaced.
    fn serve(&mut self, a: usize) {
        self.publish(a, false);
        for peer in self.parties[a].wanted() {
            self.start(a, who(&peer));
        }
    }

    fn records(&self, a: usize) -> Vec<(String, Vec<u8>)> {
        let records = self.parties[a].all_records().into_iter();
        records
            .map(|change| (change.key, change.value.unwrap().to_vec()))
            .collect()
    }

    fn give(&mut self, b: usize, envelope: &[u8], from: usize, honest: bool) -> &'static str {
        let before = self.strict.then(|| self.records(b));
        let received = self.parties[b].receive(envelope, self.now, &mut self.rng);
        let outcome = match received {
            Received::Opened(opened) => {
                let sender = who(&opened.from);
                let place = self.places.get(&envelope[2..18]).copied();
                if let Some(place) = place {
                    self.missing.remove(&place);
                    self.opened.insert(place);
                }
                for gap in &opened.gaps {
                    let numbers = gap.first..gap.first + gap.count;
                    self.missing
                        .extend(numbers.map(|n| (gap.session, sender, gap.epoch, n)));
                }
                if let Body::Text(text) = &opened.content.body {
                    assert_eq!(
                        *text,
                        format!("{sender} to {b}"),
                        "under another name or out of its conversation"
                    );
                    self.desks[b].shown.insert((sender, opened.content.id));
                    self.delivered.insert((sender, opened.content.id));
                }
                self.post(b, opened.outgoing);
                "opened"
            }
            Received::Duplicate => "duplicate",
            Received::OneTimeKeyGone { .. } => "one-time key gone",
            Received::Forked { .. } => "forked",
            Received::Unknown => "unknown",
            Received::Malformed(_) => "malformed",
            Received::Replay => "replay",
            Received::Refused(_) => "refused",
            Received::IdentityChanged { .. } => "identity changed",
        };
        let may_change = matches!(outcome, "opened" | "one-time key gone" | "forked");
        if let Some(before) = before.filter(|_| !may_change) {
            assert!(self.records(b) == before, "{outcome} changed the state");
        }
        if may_change {
            self.serve(b);
            self.check(b);
            if self.chance(90.0) {
                self.flush(b);
            }
        } else if honest && outcome != "duplicate" && !self.restored.contains(&b) {
            let place = self.places.get(&envelope[2..18]);
            if place.is_some_and(|place| place.1 == from && !self.opened.contains(place)) {
                self.unopenable.push(outcome.into());
            }
        }
        outcome
    }

    fn deliver(&mut self, i: usize, keep: bool) -> &'static str {
        let (a, b, envelope) = if keep {
            self.wire[i].clone()
        } else {
            self.wire.remove(i)
        };
        self.give(b, &envelope, a, true)
    }

    /// The invariants of one party's state.
    fn check(&mut self, a: usize) {
        for (id, session) in &self.parties[a].sessions {
            assert!((1..=2).contains(&session.receive.len()), "receiving chains");
            assert!(
                session
                    .receive
                    .keys()
                    .all(|epoch| epoch + 1 >= session.epoch && *epoch <= session.epoch)
            );
            assert!(session.skipped.len() <= crate::ratchet::MAX_SKIPPED);
            assert!(session.advance_keys.len() <= 18, "advance keys are bounded");
            assert!(
                !(session.first.is_some() && session.header.is_some()),
                "handshake and header at once"
            );
            let mine = matches!(session.turn, crate::session::Turn::Mine { .. });
            assert_eq!(mine, session.role.authors(session.epoch + 1), "whose turn it is");
            let hash = session
                .header_hashes
                .get(&session.epoch)
                .map(|hash| hash.to_vec())
                .unwrap_or_default();
            let root = *session.root.0.expose();
            let known = *self.roots.entry((*id, session.epoch, hash.clone())).or_insert(root);
            assert_eq!(known, root, "the same header, the same root");
            if !self.rolled.contains(id) {
                let header = self.headers.entry((*id, session.epoch)).or_insert_with(|| hash.clone());
                assert_eq!(*header, hash, "one header an epoch");
            }
        }
    }

    fn mangle(&mut self, i: usize) {
        let (a, b, mut envelope) = self.wire[i].clone();
        match self.below(4) {
            0 => envelope[1] = 1 + self.below(3) as u8,
            1 => envelope.truncate(self.rng.next_u64() as usize % envelope.len()),
            2 => envelope.push(0),
            _ => {
                let at = self.below(envelope.len());
                envelope[at] ^= 1 << self.below(8);
            }
        }
        if envelope != self.wire[i].2 {
            assert_ne!(
                self.give(b, &envelope, a, false),
                "opened",
                "an altered envelope opened"
            );
        }
    }

    fn restore(&mut self, a: usize) {
        let Some((records, desk)) = self.snapshots.get(&a).cloned() else {
            return;
        };
        self.rolled.extend(self.parties[a].sessions.keys());
        self.parties[a] = Party::load(records).unwrap();
        self.parties[a].set_policy(self.policy);
        self.parties[a].restored(self.now);
        self.rolled.extend(self.parties[a].sessions.keys());
        self.desks[a] = desk;
        let kept: HashSet<ContentId> = self.parties[a]
            .pending
            .values()
            .flat_map(|l| l.values().map(|p| p.id))
            .collect();
        let gone = self
            .sent
            .keys()
            .filter(|(x, id)| *x == a && !kept.contains(id))
            .copied();
        self.forgiven.extend(gone);
        self.restores += 1;
        self.restored.insert(a);
        self.serve(a);
    }

    fn chaos(&mut self, steps: usize, hostile: bool) {
        let loss = [0.0, 5.0, 30.0, 70.0][self.below(4)];
        let repeat = [0.0, 10.0, 30.0][self.below(3)];
        let people = self.parties.len();
        let talkative: Vec<usize> = (0..people).map(|_| 1 + self.below(20)).collect();
        for _ in 0..steps {
            let dice = self.below(1000);
            let mut pick = self.below(talkative.iter().sum());
            let a = talkative
                .iter()
                .position(|weight| pick.checked_sub(*weight).map(|rest| pick = rest).is_none())
                .unwrap();
            let b = (a + 1 + self.below(people - 1)) % people;
            match dice {
                0..450 => {
                    let many = if self.chance(10.0) { 30 } else { 1 };
                    let count = [1, 1, 1, 2, 5, many][self.below(6)];
                    (0..count).for_each(|_| self.say(a, b));
                    if self.chance(90.0) {
                        self.flush(a); // else: a crash between commit and transmit
                    }
                }
                450..900 if !self.wire.is_empty() => {
                    let i = if self.chance(60.0) {
                        self.below(self.wire.len())
                    } else {
                        0
                    };
                    if self.chance(loss) {
                        self.wire.remove(i);
                    } else {
                        let keep = self.chance(repeat);
                        self.deliver(i, keep);
                    }
                }
                900..930 => {
                    self.now = self
                        .now
                        .plus(Duration::from_secs([1, 60, 3600, 3 * 3600][self.below(4)]));
                }
                930..950 if !self.wire.is_empty() => {
                    let i = self.below(self.wire.len());
                    self.mangle(i);
                }
                950..960 if !self.wire.is_empty() => {
                    let i = self.below(self.wire.len());
                    let (from, to, envelope) = self.wire[i].clone();
                    assert_ne!(
                        self.give(from, &envelope, to, false),
                        "opened",
                        "a reflected envelope opened"
                    );
                }
                960..965 => (0..people).for_each(|i| self.flush(i)),
                965..975 if hostile => {
                    self.snapshots.insert(a, (self.records(a), self.desks[a].clone()));
                }
                975..980 if hostile && self.restores < 2 => self.restore(a),
                980..985 if hostile => self.start(a, b),
                985..990 if hostile => self.parties[a].account.forget_one_time_secrets(),
                990..995 => self.publish(a, true),
                _ => {}
            }
        }
    }

    fn drain(&mut self) {
        loop {
            (0..self.parties.len()).for_each(|i| self.flush(i));
            if self.wire.is_empty() {
                return;
            }
            let i = self.below(self.wire.len());
            self.deliver(i, false);
        }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let people = self.parties.len();
        let knows = |a: usize, b: usize| self.parties[a].sessions_with(&name(b)).next().is_some();
        let all = (0..people).flat_map(|a| (a + 1..people).map(move |b| (a, b)));
        all.filter(|(a, b)| knows(*a, *b) || knows(*b, *a)).collect()
    }

    fn apart(&self) -> bool {
        self.pairs().iter().any(|(a, b)| {
            let one = self.parties[*a].current(&name(*b)).map(|s| s.id);
            let other = self.parties[*b].current(&name(*a)).map(|s| s.id);
            one.is_none() || one != other
        })
    }

    fn unsettled(&self) -> bool {
        self.parties
            .iter()
            .any(|party| party.pending.values().any(|list| !list.is_empty()))
    }

    /// A fair network from here on. Returns how many rounds it took, and asserts that everything came together.
    fn settle(&mut self) -> usize {
        self.drain();
        let mut rounds = 0;
        while rounds < 6 && (self.apart() || self.unsettled()) {
            rounds += 1;
            if rounds == 4 {
                self.now = self.now.plus(8 * 24 * HOUR);
                for i in 0..self.parties.len() {
                    self.parties[i].tick(self.now);
                    self.serve(i);
                }
            }
            for (a, b) in self.pairs() {
                self.send(a, b, Body::Empty);
                self.send(b, a, Body::Empty);
            }
            self.drain();
        }
        assert!(!self.apart(), "both ends send on one session");
        assert!(!self.unsettled(), "everything is acknowledged");
        for (key, places) in &self.sent {
            let accounted = self.delivered.contains(key)
                || self.forgiven.contains(key)
                || places.iter().any(|place| self.missing.contains(place));
            assert!(accounted, "a message was lost in silence");
        }
        for (a, b) in self.pairs() {
            let (one, other) = (
                self.parties[a].current(&name(b)).unwrap(),
                self.parties[b].current(&name(a)).unwrap(),
            );
            assert!(one.epoch.abs_diff(other.epoch) <= 1, "epochs apart");
        }
        assert!(
            self.unopenable.is_empty(),
            "first arrivals found no key: {:?}",
            self.unopenable
        );
        assert!(
            rounds < 3 || self.restores > 0,
            "slow: {rounds} rounds without a restore"
        );
        rounds
    }
}

/// Seeds `from..from + count`; the environment variable `DRIVER_ROUNDS` multiplies the count for long runs.
fn run(from: u64, count: u64, people: usize, hostile: bool) {
    let rounds = std::env::var("DRIVER_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let (mut sent, mut delivered, mut handshakes) = (0, 0, 0);
    for seed in from..from + count * rounds {
        let result = std::panic::catch_unwind(|| {
            let mut net = Net::new(seed, people, [1, 3, 20][(seed % 3) as usize], seed % 4 == 0);
            net.chaos(150, hostile);
            net.settle();
            (net.sent.len(), net.delivered.len(), net.handshakes)
        });
        let Ok(counts) = result else {
            panic!("seed {seed} with {people} people, hostile: {hostile}")
        };
        sent += counts.0;
        delivered += counts.1;
        handshakes += counts.2;
    }
    // The drivers must not idle: a run in which hardly anything was said proves nothing.
    assert!(
        sent > 500 && delivered * 3 > sent && handshakes > 10,
        "{sent} sent, {delivered} delivered, {handshakes} handshakes"
    );
}

#[test]
fn a_network_that_loses_repeats_and_reorders() {
    run(0, 24, 2, false);
}

#[test]
fn crashes_restores_lost_keys_and_new_beginnings() {
    run(1_000_000, 30, 2, true);
}

#[test]
fn three_parties() {
    run(2_000_000, 15, 3, true);
}

#[test]
fn crossing_handshakes_converge_in_two_messages_each_way() {
    for seed in 0..8 {
        let mut net = Net::new(seed, 2, 20, true);
        net.say(0, 1);
        net.now = net.now.plus(Duration::from_secs(5));
        net.say(1, 0); // nothing was delivered yet: both are initiators
        net.drain();
        assert!(net.settle() <= 2);
        assert_eq!(net.delivered.len(), 2);
        assert_eq!(net.handshakes, 2);
    }
}

#[test]
fn an_unnoticed_rollback_is_seen_and_nothing_is_lost() {
    // Inside an epoch: the peer's acknowledgement is beyond what the old state has sent.
    let mut net = Net::new(3, 2, 20, false);
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    let old = net.records(0);
    (0..3).for_each(|_| net.say(0, 1));
    net.drain();
    net.rolled.extend(net.parties[0].sessions.keys());
    net.parties[0] = Party::load(old).unwrap();
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    net.restored.insert(1);
    net.unopenable.clear();
    net.restores = 1;
    net.settle();
    assert_eq!(net.delivered.len(), net.sent.len(), "and everything said was heard");
    assert!(net.handshakes >= 2, "on a new session");

    // Before an advance: two headers for one epoch.
    let mut net = Net::new(4, 2, 1, false);
    net.say(0, 1);
    net.drain();
    net.say(1, 0);
    net.drain();
    let old = net.records(0);
    net.say(0, 1);
    net.drain();
    net.rolled.extend(net.parties[0].sessions.keys());
    net.parties[0] = Party::load(old).unwrap();
    net.parties[0].set_policy(net.policy);
    net.say(0, 1);
    net.flush(0);
    assert_eq!(net.deliver(0, false), "forked");
    net.restores = 1;
    net.settle();
    assert_eq!(net.delivered.len(), net.sent.len());
}
