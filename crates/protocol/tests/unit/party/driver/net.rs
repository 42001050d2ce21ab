//! The network and its people, and the invariants that hold after every step.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Timestamp;
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::handshake::PreKeyBundle;
use crate::party::{Followed, Outgoing, Party, Received};
use crate::prekey::{OneTimeEntry, PublishedOneTime, PublishedSignedPreKey};
use crate::ratchet::SKIPPED_EPOCHS;
use crate::session::{RekeyPolicy, SessionId};
use crate::succession::{MAX_SUCCESSIONS, PublishedSuccession};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Where a message stood: session, sender, epoch, number.
pub(super) type Place = (SessionId, usize, u32, u32);
/// An envelope under way: from, to, bytes.
pub(super) type Letter = (usize, usize, Vec<u8>);

/// What the relay publishes of one party.
pub(super) struct Listing {
    signed: PublishedSignedPreKey,
    one_time: Vec<(Vec<u8>, Vec<u8>, OneTimeEntry)>,
}

/// A party's durable state besides the protocol's own: what waits to be sent, and what was shown.
#[derive(Clone, Default)]
pub(super) struct Desk {
    outbox: Vec<Letter>,
    shown: HashSet<(usize, ContentId)>,
}

pub(super) type Snapshot = (Vec<(String, Vec<u8>)>, Desk);

pub(super) struct Net {
    pub(super) rng: ChaCha20Rng,
    pub(super) now: Timestamp,
    pub(super) policy: RekeyPolicy,
    pub(super) parties: Vec<Party>,
    pub(super) desks: Vec<Desk>,
    pub(super) listings: Vec<Option<Listing>>,
    pub(super) wire: Vec<Letter>,
    pub(super) snapshots: HashMap<usize, Snapshot>,
    pub(super) restores: usize,
    pub(super) restored: HashSet<usize>,
    /// By envelope id, for first arrivals that find no key.
    pub(super) places: HashMap<Vec<u8>, Place>,
    pub(super) opened: HashSet<Place>,
    pub(super) missing: HashSet<Place>,
    pub(super) sent: BTreeMap<(usize, ContentId), HashSet<Place>>,
    pub(super) forgiven: HashSet<(usize, ContentId)>,
    pub(super) delivered: HashSet<(usize, ContentId)>,
    /// Author and content of everything that was ever opened.
    pub(super) came: HashSet<(usize, ContentId)>,
    pub(super) commitments: HashSet<Vec<u8>>,
    pub(super) roots: HashMap<(SessionId, u32, Vec<u8>), [u8; 32]>,
    pub(super) headers: HashMap<(SessionId, u32), Vec<u8>>,
    pub(super) rolled: HashSet<SessionId>,
    pub(super) strict: bool,
    pub(super) unopenable: Vec<String>,
    pub(super) handshakes: usize,
    /// Whether people change their identities, and what the relay has of that.
    pub(super) rotating: bool,
    pub(super) chains: Vec<Vec<PublishedSuccession>>,
    pub(super) successions: usize,
}

pub(super) fn name(who: usize) -> Address {
    Address::parse(["a@relay", "b@relay", "c@relay"][who]).unwrap()
}

pub(super) fn who(address: &Address) -> usize {
    (0..3).find(|i| name(*i) == *address).unwrap()
}

impl Net {
    pub(super) fn new(seed: u64, people: usize, messages: u32, strict: bool) -> Self {
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
            came: HashSet::new(),
            commitments: HashSet::new(),
            roots: HashMap::new(),
            headers: HashMap::new(),
            rolled: HashSet::new(),
            strict,
            unopenable: Vec::new(),
            handshakes: 0,
            rotating: false,
            chains: vec![Vec::new(); people],
            successions: 0,
        };
        (0..people).for_each(|i| net.publish(i, false));
        net
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: f64) -> bool {
        (self.rng.next_u64() % 100_000) as f64 / 1000.0 < percent
    }

    pub(super) fn publish(&mut self, i: usize, force: bool) {
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
        self.parties[i].publication_confirmed(self.now);
    }

    pub(super) fn fetch(&mut self, i: usize) -> PreKeyBundle {
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
    pub(super) fn start(&mut self, a: usize, b: usize) {
        let bundle = self.fetch(b);
        self.follow(a, b);
        let out = self.parties[a].start(&bundle, self.now, &mut self.rng).unwrap();
        self.handshakes += 1;
        self.post(a, out);
    }

    /// A new identity for `a`: stored before the relay has it, and read back in between.
    pub(super) fn succeed(&mut self, a: usize) {
        self.parties[a].prepare_succession(self.now, &mut self.rng);
        self.parties[a] = Party::load(self.records(a)).unwrap();
        self.parties[a].set_policy(self.policy);
        let next = self.parties[a].successor().unwrap().clone();
        assert!(self.parties[a].complete_succession(self.now));
        self.chains[a].push(next.statement().clone());
        let news = next.publication().unwrap().clone();
        let batch = news.one_time_batch.unwrap();
        let verified = batch.verify(next.identity_key(), &name(a), self.now).unwrap();
        self.listings[a] = Some(Listing {
            signed: news.signed_prekey.unwrap(),
            one_time: verified
                .entries()
                .map(|key| (batch.payload.clone(), batch.signature.clone(), key))
                .collect(),
        });
        // A copy from before has an identity that nobody takes any more; and what is under way to and from the old one finds no key.
        self.snapshots.remove(&a);
        self.restored.extend(0..self.parties.len());
        self.successions += 1;
        self.serve(a);
    }

    /// Whether `a` follows `b` to another identity.
    pub(super) fn follow(&mut self, a: usize, b: usize) -> bool {
        let current = self.parties[b].fingerprint();
        let latest = self.chains[b].len().saturating_sub(MAX_SUCCESSIONS);
        let followed = self.parties[a].follow(&name(b), &self.chains[b][latest..], &current, self.now);
        followed.unwrap() == Followed::Moved
    }

    pub(super) fn post(&mut self, a: usize, out: Vec<Outgoing>) {
        for letter in out {
            let b = who(&letter.to);
            let session = self.parties[a].current(&letter.to).unwrap();
            let place = match letter.content_id {
                Some(id) => {
                    let pending = self.parties[a].pending[&letter.to]
                        .values()
                        .find(|p| p.id == id)
                        .unwrap();
                    let (epoch, n) = pending.position.unwrap();
                    (pending.session, a, epoch, n)
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
    pub(super) fn check_commitment(&mut self, envelope: &[u8]) {
        let parsed = crate::envelope::Envelope::parse(envelope).unwrap();
        let commitment = match parsed.body {
            crate::envelope::Body::First { sealed, .. } | crate::envelope::Body::Plain { sealed } => &sealed[..32],
            crate::envelope::Body::Boxed { rest } => &rest[20..52],
        };
        assert!(self.commitments.insert(commitment.to_vec()), "a key and nonce twice");
    }

    pub(super) fn send(&mut self, a: usize, b: usize, body: Body) {
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

    pub(super) fn say(&mut self, a: usize, b: usize) {
        self.send(a, b, Body::Text(format!("{a} to {b}")));
    }

    pub(super) fn flush(&mut self, a: usize) {
        let letters = std::mem::take(&mut self.desks[a].outbox);
        self.wire.extend(letters);
    }

    /// Handshakes that the protocol wants, after the prekeys that it wants replaced.
    pub(super) fn serve(&mut self, a: usize) {
        self.publish(a, false);
        for peer in self.parties[a].wanted() {
            self.start(a, who(&peer));
        }
    }

    pub(super) fn records(&self, a: usize) -> Vec<(String, Vec<u8>)> {
        let records = self.parties[a].all_records().into_iter();
        records
            .map(|change| (change.key, change.value.unwrap().to_vec()))
            .collect()
    }

    pub(super) fn give(&mut self, b: usize, envelope: &[u8], from: usize, honest: bool) -> &'static str {
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
                self.came.insert((sender, opened.content.id));
                for id in opened.acknowledged {
                    assert!(self.came.contains(&(b, id)), "acknowledged, and never opened");
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
            Received::IdentityChanged { from, .. } => {
                assert!(self.rotating, "an identity changed");
                if self.follow(b, who(&from)) {
                    return self.give(b, envelope, who(&from), honest);
                }
                "identity changed"
            }
            Received::IdentityForked { .. } => panic!("nobody forks"),
        };
        let may_change = matches!(outcome, "opened" | "one-time key gone" | "forked" | "identity changed");
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
            let first = place.filter(|place| place.1 == from && !self.opened.contains(place));
            // Keys die after so many epochs; what was in the envelope was sent again by then.
            let dead = |place: &Place| {
                let session = self.parties[b].sessions.get(&place.0);
                session.is_some_and(|session| place.2 + SKIPPED_EPOCHS <= session.epoch)
            };
            if first.is_some_and(|place| !dead(place)) {
                self.unopenable.push(outcome.into());
            }
        }
        outcome
    }

    pub(super) fn deliver(&mut self, i: usize, keep: bool) -> &'static str {
        let (a, b, envelope) = if keep {
            self.wire[i].clone()
        } else {
            self.wire.remove(i)
        };
        self.give(b, &envelope, a, true)
    }

    /// The invariants of one party's state.
    pub(super) fn check(&mut self, a: usize) {
        for (id, session) in &self.parties[a].sessions {
            // An initiator has none before it hears the responder.
            let least = usize::from(session.heard.is_some());
            assert!((least..=2).contains(&session.receive.len()), "receiving chains");
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
}
