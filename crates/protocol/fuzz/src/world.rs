//! What the targets alter: parties, and envelopes that they wrote. The same on every run.

use std::collections::BTreeMap;
use std::time::Duration;

use latchkey_protocol::Timestamp;
use latchkey_protocol::address::Address;
use latchkey_protocol::content::{Body, Content, ContentId, Limited, Oblivious, PlayHead};
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::IdentityKey;
use latchkey_protocol::party::{Outgoing, Party, Received};
use latchkey_protocol::prekey::{OneTimeEntry, PublishedBatch, PublishedOneTime, PublishedSignedPreKey};
use latchkey_protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// When everything begins.
pub const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// A party's records, as a vault would have them.
pub type Records = BTreeMap<String, Vec<u8>>;

/// Randomness that is the same on every run.
#[must_use]
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// `name@relay.test`.
#[must_use]
pub fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@relay.test")).unwrap()
}

/// Every record of a party.
#[must_use]
pub fn records(party: &Party) -> Records {
    party
        .all_records()
        .into_iter()
        .map(|change| (change.key, change.value.unwrap().to_vec()))
        .collect()
}

/// The text that was opened, if it was.
#[must_use]
pub fn text(received: &Received) -> Option<&str> {
    match received {
        Received::Opened(opened) => match &opened.content.body {
            Body::Text(text) => Some(text),
            _ => Some(""),
        },
        _ => None,
    }
}

/// Whether an outcome says that the state may have changed.
#[must_use]
pub const fn may_change(received: &Received) -> bool {
    matches!(
        received,
        Received::Opened(_)
            | Received::OneTimeKeyGone { .. }
            | Received::Forked { .. }
            | Received::IdentityChanged { .. }
    )
}

/// What a relay publishes of one party.
#[derive(Clone)]
pub struct Listing {
    identity_key: IdentityKey,
    signed: PublishedSignedPreKey,
    /// With the expiry of their batch.
    one_time: Vec<(Timestamp, PublishedBatch, OneTimeEntry)>,
}

/// One-time prekeys that the relay hands out of a batch: few, so that they run out too.
const ONE_TIME_KEYS: usize = 4;

/// Two people who can reach each other, a relay between them, and one clock.
#[derive(Clone)]
pub struct World {
    /// Alice and Bob.
    pub people: [Party; 2],
    /// What is published of each.
    pub listings: [Option<Listing>; 2],
    /// The time.
    pub now: Timestamp,
    /// All randomness.
    pub rng: ChaCha20Rng,
}

/// The addresses of the two.
#[must_use]
pub fn name(who: usize) -> Address {
    address(["alice", "bob"][who])
}

impl World {
    /// Both have published; `messages` of one's own make an advance due.
    #[must_use]
    pub fn new(seed: u64, messages: u32) -> Self {
        let mut rng = rng(seed);
        let people = [0, 1].map(|who| Party::generate(name(who), &mut rng));
        let mut world = Self {
            people,
            listings: [None, None],
            now: NOW,
            rng,
        };
        for who in [0, 1] {
            world.people[who].set_policy(policy(messages));
            world.publish(who, false);
            world.people[who].take_changes();
        }
        world
    }

    /// Uploads what one of them has to publish.
    pub fn publish(&mut self, who: usize, force: bool) {
        let left = self.listings[who].as_ref().map(|_| 100); // refills are asked for by `force` alone
        let party = &mut self.people[who];
        let Some(news) = party.publication(left, force, self.now, &mut self.rng) else {
            return;
        };
        let identity_key = party.identity_key().clone();
        if let Some(signed) = news.signed_prekey {
            let one_time = self.listings[who].take().map(|old| old.one_time).unwrap_or_default();
            self.listings[who] = Some(Listing {
                identity_key: identity_key.clone(),
                signed,
                one_time,
            });
        }
        if let (Some(batch), Some(listing)) = (news.one_time_batch, &mut self.listings[who]) {
            let verified = batch.verify(&identity_key, &name(who), self.now).unwrap();
            if news.replace_one_time {
                listing.one_time.clear();
            }
            let keys = verified.entries().take(ONE_TIME_KEYS);
            listing
                .one_time
                .extend(keys.map(|entry| (verified.expires(), batch.clone(), entry)));
        }
        party.publication_confirmed(self.now);
    }

    /// The bundle that the relay serves, which uses up a one-time prekey. Expired ones are not handed out.
    pub fn fetch(&mut self, who: usize) -> PreKeyBundle {
        let listing = self.listings[who].as_mut().unwrap();
        listing.one_time.retain(|(expires, ..)| *expires > self.now);
        let one_time = (!listing.one_time.is_empty()).then(|| listing.one_time.remove(0));
        PreKeyBundle {
            address: name(who),
            identity_key: listing.identity_key.clone(),
            signed_prekey: listing.signed.clone(),
            one_time: one_time.map(|(_, batch, entry)| PublishedOneTime {
                payload: batch.payload,
                signature: batch.signature,
                id: entry.id,
                key: entry.key,
                path: entry.path,
            }),
        }
    }

    /// A new session from one to the other.
    pub fn start(&mut self, from: usize) -> Vec<Outgoing> {
        self.publish(1 - from, false); // whoever is about to be written to has come online within the week
        let bundle = self.fetch(1 - from);
        self.people[from].start(&bundle, self.now, &mut self.rng).unwrap()
    }

    /// A text from one to the other, with a session for it if there is none.
    pub fn say(&mut self, from: usize, words: &str) -> Vec<Outgoing> {
        let needs_bundle = self.people[from].needs_bundle(&name(1 - from));
        let mut out = if needs_bundle { self.start(from) } else { Vec::new() };
        out.push(self.send(from, words));
        out
    }

    /// A text on the session that there is.
    pub fn send(&mut self, from: usize, words: &str) -> Outgoing {
        let body = Body::Text(words.to_owned());
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: self.now,
            body,
        };
        self.people[from]
            .send(&name(1 - from), &content, self.now, &mut self.rng)
            .unwrap()
    }

    /// One takes an envelope in.
    pub fn receive(&mut self, who: usize, envelope: &[u8]) -> Received {
        self.people[who].receive(envelope, self.now, &mut self.rng)
    }

    /// Time passes.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        for party in &mut self.people {
            party.tick(self.now);
        }
    }
}

/// An advance after so many messages of one's own.
#[must_use]
pub const fn policy(messages: u32) -> RekeyPolicy {
    RekeyPolicy {
        messages,
        after: Duration::from_secs(3600),
    }
}

/// A genuine envelope, the party that it is for in the state in which it arrives, and what it says.
#[derive(Clone)]
pub struct Case {
    /// What is particular about it.
    pub name: &'static str,
    /// The receiver.
    pub receiver: Party,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// What it says.
    pub text: String,
}

/// Envelopes of every form, at every turn of a conversation.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut world = World::new(3, 3);
    let mut case = |name, world: &World, to: usize, envelope: &[u8], text: &str| {
        let receiver = world.people[to].clone();
        cases.push(Case {
            name,
            receiver,
            envelope: envelope.to_vec(),
            text: text.to_owned(),
        });
    };
    let one = |out: Vec<Outgoing>| <[Outgoing; 1]>::try_from(out).unwrap()[0].envelope.clone();

    let firsts = ["first 0", "first 1", "first 2", "first 3"].map(|words| one(world.say(0, words)));
    case("first, of a stranger", &world, 1, &firsts[0], "first 0");
    case("first, of a stranger, with a gap", &world, 1, &firsts[2], "first 2");
    assert!(text(&world.receive(1, &firsts[0])).is_some());
    case("first, of a known handshake", &world, 1, &firsts[1], "first 1");
    assert!(text(&world.receive(1, &firsts[3])).is_some());
    case("first, late", &world, 1, &firsts[1], "first 1");

    let answers = ["answer 0", "answer 1"].map(|words| one(world.say(1, words)));
    case("header, first answer", &world, 0, &answers[0], "answer 0");
    case("header, repeated, with a gap", &world, 0, &answers[1], "answer 1");
    assert!(text(&world.receive(0, &answers[1])).is_some());
    case("header, late", &world, 0, &answers[0], "answer 0");

    // Alice's turn: her third own message since the start has made an advance due.
    let advance = ["advance 0", "advance 1", "advance 2"].map(|words| one(world.say(0, words)));
    case(
        "header, second advance, closes epoch 0",
        &world,
        1,
        &advance[1],
        "advance 1",
    );
    assert!(text(&world.receive(1, &advance[0])).is_some());
    case("header, of the epoch entered", &world, 1, &advance[1], "advance 1");

    let plain = ["plain 0", "plain 1"].map(|words| one(world.say(1, words)));
    case("plain", &world, 0, &plain[0], "plain 0");
    case("plain, with a gap", &world, 0, &plain[1], "plain 1");
    assert!(text(&world.receive(0, &plain[1])).is_some());
    case("plain, late", &world, 0, &plain[0], "plain 0");

    // Nobody answers: from the 64th on, messages carry their number.
    world.people[0].set_policy(policy(1000));
    let many: Vec<_> = (0..80).map(|i| one(world.say(0, &format!("many {i}")))).collect();
    case("plain, the last of the window", &world, 1, &many[55], "many 55");
    case("located, far ahead", &world, 1, &many[79], "many 79");
    assert!(text(&world.receive(1, &many[70])).is_some());
    case("plain, of many passed over", &world, 1, &many[40], "many 40");
    case("located, late", &world, 1, &many[69], "many 69");

    // Two sessions at once, and one that had no one-time prekey.
    world.start(1);
    let crossing = world.send(1, "crossing").envelope;
    case("first, of a known contact", &world, 0, &crossing, "crossing");
    let mut bare = World::new(4, 3);
    if let Some(listing) = &mut bare.listings[1] {
        listing.one_time.clear();
    }
    let envelope = one(bare.say(0, "bare"));
    case("first, without a one-time prekey", &bare, 1, &envelope, "bare");
    cases
}

/// A content of each kind, by name.
#[must_use]
pub fn contents() -> Vec<(&'static str, Content)> {
    let limited = Limited {
        license: [1; 32],
        play_capability: [2; 32],
        content_share: [3; 32],
        commit: [4; 32],
        policy: vec![5; 9],
        ciphertext: vec![6; 80],
        oblivious: None,
    };
    let mut oblivious = limited.clone();
    oblivious.oblivious = Some(Oblivious {
        opening_key: Box::new([7; 256]),
        pad_key: [8; 32],
    });
    let head = PlayHead {
        license: [1; 32],
        number: 3,
        digest: [2; 32],
    };
    let bodies = [
        ("empty", Body::Empty),
        ("text", Body::Text("héllo".into())),
        ("limited", Body::Limited(limited)),
        ("oblivious", Body::Limited(oblivious)),
        ("play-head", Body::PlayHead(head)),
        (
            "unknown",
            Body::Unknown {
                kind: 1 << 40,
                bytes: vec![1, 2, 3],
            },
        ),
    ];
    bodies
        .map(|(name, body)| {
            (
                name,
                Content {
                    id: ContentId([9; 16]),
                    sent_at: NOW,
                    body,
                },
            )
        })
        .to_vec()
}
