//! A passive thief copies one party's whole state at a random moment and records all traffic. It opens nothing from before, everything from
//! between the theft and the victim's next own advance (the positive control), and nothing from that advance on.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Timestamp;
use crate::address::Address;
use crate::content::{Body, Content, ContentId};
use crate::envelope::{self, Envelope};
use crate::handshake::PreKeyBundle;
use crate::party::{Outgoing, Party, Received};
use crate::ratchet::{ChainKey, Role};
use crate::session::{EMPTY_HASH, Position, RekeyPolicy, Session};

/// A recorded message: sent by the victim or to it, where it stands, its bytes, and whether it was sent after the theft.
struct Recorded {
    by_victim: bool,
    position: (u32, u32),
    envelope: Vec<u8>,
    after: bool,
}

/// What a party sent: epoch and number, and the bytes.
struct Sent {
    from: usize,
    position: (u32, u32),
    envelope: Vec<u8>,
}

struct Pair {
    rng: ChaCha20Rng,
    now: Timestamp,
    parties: [Party; 2],
    wire: Vec<(usize, Vec<u8>)>,
}

fn name(i: usize) -> Address {
    Address::parse(["a@relay", "b@relay"][i]).unwrap()
}

impl Pair {
    fn new(seed: u64, messages: u32) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let now = Timestamp(1_790_000_000_000);
        let mut parties = [0, 1].map(|i| Party::generate(name(i), &mut rng));
        parties.iter_mut().for_each(|p| {
            p.set_policy(RekeyPolicy {
                messages,
                after: Duration::from_secs(3600),
            });
        });
        let published = parties[1].publication(None, false, now, &mut rng).unwrap();
        let bundle = PreKeyBundle {
            address: name(1),
            identity_key: parties[1].identity_key().clone(),
            signed_prekey: published.signed_prekey.unwrap(),
            one_time: None,
        };
        parties[0].start(&bundle, now, &mut rng).unwrap();
        let mut pair = Self {
            rng,
            now,
            parties,
            wire: Vec::new(),
        };
        for from in [0, 1] {
            pair.send(from);
            pair.deliver(0);
        }
        pair
    }

    fn send(&mut self, from: usize) -> Vec<Sent> {
        let body = Body::Text("secret".into());
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now,
            body,
        };
        let out = self.parties[from]
            .send(&name(1 - from), &content, self.now, &mut self.rng)
            .unwrap();
        self.post(from, vec![out])
    }

    /// Delivers one; what is sent again because of it goes the same way.
    fn deliver(&mut self, i: usize) -> Vec<Sent> {
        let (to, envelope) = self.wire.remove(i);
        match self.parties[to].receive(&envelope, self.now, &mut self.rng) {
            Received::Opened(opened) => self.post(to, opened.outgoing),
            other => panic!("{other:?}"),
        }
    }

    fn post(&mut self, from: usize, out: Vec<Outgoing>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for Outgoing {
            envelope, content_id, ..
        } in out
        {
            let mut pending = self.parties[from].pending[&name(1 - from)].values();
            let pending = pending.find(|pending| Some(pending.id) == content_id).unwrap();
            let position = pending.position.unwrap();
            self.wire.push((1 - from, envelope.clone()));
            sent.push(Sent {
                from,
                position,
                envelope,
            });
        }
        sent
    }

    fn session(&self, of: usize) -> &Session {
        self.parties[of].current(&name(1 - of)).unwrap()
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound as u64) as usize
    }
}

/// What the thief can do with the victim's sending chains.
struct Thief {
    party: Party,
    victim: usize,
    chains: BTreeMap<u32, (ChainKey, u32)>,
    rng: ChaCha20Rng,
}

impl Thief {
    /// The only session. (The copy finds itself out of date and would not send on it; a thief does not care.)
    fn session(&self) -> &Session {
        self.party.sessions_with(&name(1 - self.victim)).next().unwrap()
    }

    fn note_chain(&mut self) {
        let session = self.session();
        let (epoch, key) = (session.epoch, session.send.key.clone());
        self.chains.entry(epoch).or_insert((key, 0));
    }

    /// A message to the victim: the thief receives as the victim would.
    fn open_incoming(&mut self, recorded: &Recorded, now: Timestamp) -> bool {
        let opened = matches!(
            self.party.receive(&recorded.envelope, now, &mut self.rng),
            Received::Opened(_)
        );
        self.note_chain();
        opened
    }

    /// A message by the victim: the thief steps the victim's sending chain.
    fn open_outgoing(&self, recorded: &Recorded) -> bool {
        let (epoch, n) = recorded.position;
        let Some((key, start)) = self.chains.get(&epoch).filter(|(_, start)| *start <= n) else {
            return false;
        };
        let (mut message_key, mut chain) = key.clone().next();
        for _ in *start..n {
            (message_key, chain) = chain.next();
        }
        let parsed = Envelope::parse(&recorded.envelope).unwrap();
        let session = self.session();
        let position = Position {
            kind: parsed.kind(),
            direction: session.role.sends(),
            epoch,
            n,
            id: &parsed.id,
            tag: &parsed.tag,
        };
        let hash = session.header_hashes.get(&epoch).copied().unwrap_or(EMPTY_HASH);
        let aad = session.message_aad(&position, &hash);
        let sealed: Vec<&[u8]> = match parsed.body {
            envelope::Body::First { sealed, .. } | envelope::Body::Plain { sealed } => vec![sealed],
            envelope::Body::Boxed { rest } => [
                envelope::NUMBER_BOX_LENGTH,
                envelope::HEADER_BOX_LENGTH,
                envelope::SIGNED_HEADER_BOX_LENGTH,
            ]
            .iter()
            .filter_map(|length| rest.get(*length..))
            .collect(),
        };
        sealed
            .iter()
            .any(|sealed| message_key.clone().open(&aad, sealed).is_ok())
    }
}

/// Runs one conversation with a theft; returns how much the thief could open.
fn theft(seed: u64) -> usize {
    let mut pair = Pair::new(seed, [1, 3, 20][(seed % 3) as usize]);
    let victim = pair.below(2);
    let moment = 5 + pair.below(60);
    let mut log: Vec<Recorded> = Vec::new();
    let mut thief: Option<Thief> = None;
    let (mut stolen_epoch, mut received_then, mut skipped_then) = (0, BTreeMap::new(), HashSet::new());
    let mut healed_from: Option<u32> = None;
    for step in 0..160 {
        if step == moment {
            let records = pair.parties[victim].all_records().into_iter();
            let party = Party::load(records.map(|c| (c.key, c.value.unwrap().to_vec()))).unwrap();
            let session = pair.session(victim);
            stolen_epoch = session.epoch;
            received_then = session.receive.iter().map(|(epoch, chain)| (*epoch, chain.n)).collect();
            skipped_then = session.skipped.iter().map(|(position, _)| *position).collect();
            let chains = BTreeMap::from([(session.epoch, (session.send.key.clone(), session.send.n))]);
            thief = Some(Thief {
                party,
                victim,
                chains,
                rng: ChaCha20Rng::seed_from_u64(seed + 1),
            });
        }
        let before = pair.session(victim).epoch;
        let sent = if pair.chance() {
            let from = pair.below(2);
            pair.send(from)
        } else if !pair.wire.is_empty() {
            let i = if pair.chance() { pair.below(pair.wire.len()) } else { 0 };
            pair.deliver(i)
        } else {
            Vec::new()
        };
        for Sent {
            from,
            position,
            envelope,
        } in sent
        {
            if thief.is_some() && from == victim && pair.session(victim).epoch > before {
                let own = Role::authors(pair.session(victim).role, position.0);
                if own && position.0 > before {
                    healed_from.get_or_insert(position.0);
                }
            }
            log.push(Recorded {
                by_victim: from == victim,
                position,
                envelope,
                after: thief.is_some(),
            });
        }
        if pair.below(20) == 0 {
            pair.now = pair.now.plus(Duration::from_secs(3600));
        }
    }
    while !pair.wire.is_empty() {
        pair.deliver(0);
    }
    let mut thief = thief.unwrap();
    let healed_from = healed_from.unwrap_or(u32::MAX);
    // It has the whole wire, so it may take the messages in whichever order serves it best.
    log.sort_by_key(|recorded| recorded.position.0);
    let mut opened = 0;
    for recorded in &log {
        let (epoch, n) = recorded.position;
        let (got, expected) = if recorded.by_victim {
            (thief.open_outgoing(recorded), epoch < healed_from && recorded.after)
        } else {
            let before = match received_then.get(&epoch) {
                Some(next) => n < *next,
                None => epoch < stolen_epoch,
            };
            let gone = before && !skipped_then.contains(&recorded.position);
            (thief.open_incoming(recorded, pair.now), epoch < healed_from && !gone)
        };
        assert_eq!(
            got, expected,
            "seed {seed}: epoch {epoch} n {n}, by the victim: {}, stolen in {stolen_epoch}, healed from {healed_from}",
            recorded.by_victim
        );
        opened += usize::from(got);
    }
    opened
}

impl Pair {
    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[test]
fn a_stolen_state_opens_exactly_what_lies_between_theft_and_advance() {
    let opened: Vec<usize> = (0..60).map(theft).collect();
    // The positive control: the thief does open messages in most runs; a thief that never opens anything proves nothing.
    assert!(opened.iter().filter(|count| **count > 0).count() > 40, "{opened:?}");
}
