//! The records of the vault. They are sealed, so only who has its key writes others: a later version, or a fault of ours.

use std::fmt::Debug;
use std::sync::OnceLock;

use client::vault::{
    Account, AckPosition, AfterPlays, Cleared, Decoys, Delivery, Direction, Ended, GateDeposit, GateKeyRecord,
    GivenToken, Head, License, LicenseKey, LimitMode, LimitedTerms, MessageBody, MessageId, MessageState, Moment,
    ObliviousHalf, OutboxEntry, PendingRequest, PinnedRelay, PlayChain, Quarantined, Receipts, Record, RelayFault,
    RelayKey, Restarts, SealedBody, Session, Silence, StoredMessage, Told, Totals, Unconfirmed,
};
use client::{Address, UserName};

use crate::altered;
use crate::edit::Script;

/// A kind of record: genuine ones, and what must hold for whatever bytes.
struct Kind {
    genuine: Vec<Vec<u8>>,
    check: fn(&[u8]),
}

fn kind<T: Record + Debug>(genuine: &[T]) -> Kind {
    Kind {
        genuine: genuine.iter().map(|record| record.encode().unwrap().to_vec()).collect(),
        check: |bytes| {
            let Ok(record) = T::decode(bytes) else { return };
            let once = record.encode().unwrap();
            let twice = T::decode(&once).expect("what was written is read").encode().unwrap();
            assert_eq!(once, twice, "a record is written and read as the same");
            let _ = format!("{record:?}");
        },
    }
}

const ID: MessageId = MessageId([7; 16]);
const HEAD: Head = Head {
    number: 3,
    digest: [8; 32],
};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn message(direction: Direction, state: MessageState, body: MessageBody) -> StoredMessage {
    StoredMessage {
        id: ID,
        peer: address("alice@relay.test"),
        direction,
        sent_at: 1_790_000_000_000,
        received_at: 1_790_000_000_001,
        state,
        body,
    }
}

fn limited() -> MessageBody {
    let pending = PendingRequest {
        id: [1; 16],
        request: vec![1, 0, 3, 1],
        after: 2,
    };
    let terms = LimitedTerms {
        limit: 3,
        expires_at: Some(1_800_000_000_000),
        used: 1,
        ended: Some(Ended::Expired),
        mode: LimitMode::Oblivious,
    };
    let sealed = SealedBody {
        license: [2; 32],
        play_capability: [3; 32],
        content_share: [4; 32],
        commit: [5; 32],
        policy: vec![0xa2, 0, 0, 1, 3],
        ciphertext: vec![6; 40],
        pending_play: Some([7; 16]),
        oblivious: Some(ObliviousHalf {
            opening_key: vec![8; 64],
            pad_key: [9; 32],
            next_slot: 4,
            play: Some(pending.clone()),
            decoy: Some(pending),
            decoys: 1,
        }),
    };
    MessageBody::Limited(terms, Some(sealed))
}

fn license() -> License {
    License {
        id: [1; 32],
        plays: 3,
        expires_at: 1_800_000_000_000,
        share: Some([2; 32]),
        play_capability_hash: [3; 32],
        owner_capability: [4; 32],
        oblivious: Some(GateDeposit {
            gate_key: [5; 16],
            capability: [6; 32],
            counter: vec![7; 226],
        }),
        told: Some(HEAD),
        shown: Some(HEAD),
    }
}

fn kinds() -> &'static [Kind] {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        vec![
            kind(&[
                message(
                    Direction::Incoming,
                    MessageState::New,
                    MessageBody::Text("hello".to_owned()),
                ),
                message(Direction::Incoming, MessageState::Seen, limited()),
                message(
                    Direction::Outgoing,
                    MessageState::failed("refused"),
                    MessageBody::Unknown,
                ),
            ]),
            kind(&[license()]),
            kind(&[OutboxEntry {
                to: UserName::parse("bob").unwrap(),
                id: [1; 16],
                envelope: vec![2; 100],
                content: Some(ID),
            }]),
            kind(&[None, Some(1_800_000_000_000)].map(|dated| Quarantined {
                peer: address("bob@relay.test"),
                envelope: vec![2; 100],
                received_at: 5,
                dated,
            })),
            kind(&[Account {
                registered: true,
                created_at: 5,
            }]),
            kind(&[PinnedRelay {
                name: "relay.test".to_owned(),
                fingerprint: [1; 32],
                url: "https://relay.test".to_owned(),
                certificate: Some([2; 32]),
            }]),
            kind(&[Session {
                token: "token".to_owned(),
                expires_at: 5,
                url: "https://relay.test".to_owned(),
            }]),
            kind(&[AckPosition {
                incarnation: [1; 16],
                sequence: 9,
            }]),
            kind(&[Totals { expired: 1, refused: 2 }]),
            kind(&[Moment { at: 5 }]),
            kind(&[GateKeyRecord {
                secret: vec![1; 64],
                capability: [2; 32],
                created_at: 5,
                uploaded: true,
                contact: Some(address("bob@relay.test")),
                retired: false,
                deleted: false,
            }]),
            kind(&[PlayChain {
                peer: address("bob@relay.test"),
                receipt: vec![1; 100],
                head: HEAD,
            }]),
            kind(&[AfterPlays {
                unconfirmed: vec![Unconfirmed {
                    license: [1; 32],
                    play: [2; 16],
                    capability: [3; 32],
                }],
                untold: vec![LicenseKey([4; 32])],
                faults: vec![RelayFault {
                    id: ID,
                    reason: "forked".to_owned(),
                }],
            }]),
            kind(&[Decoys { on: true }]),
            kind(&[RelayKey { key: vec![1; 100] }]),
            kind(&[Receipts {
                delivery: true,
                read: false,
            }]),
            kind(&[Delivery {
                blocked: true,
                given: Some(GivenToken {
                    token: [1; 32],
                    sent: true,
                }),
                held: Some([2; 32]),
                arrived: vec![ID],
                accepted: true,
                wrote: true,
                due: Some(5),
                read: vec![ID],
                asked: Some([3; 32]),
                barred: true,
                dead: Vec::new(),
            }]),
            kind(&[Told {
                value: 1 << 52,
                news: true,
            }]),
            kind(&[Restarts { at: vec![5, 6] }]),
            kind(&[Cleared {
                left: 3,
                unanswered: true,
                at: 1_790_000_000_000,
            }]),
            kind(&[Silence {
                url: "http://127.0.0.1:5000".to_owned(),
                at: 5,
                patience: 8000,
            }]),
        ]
    })
}

/// How many kinds there are, and how many genuine records of each.
#[must_use]
pub fn choices() -> Vec<usize> {
    kinds().iter().map(|kind| kind.genuine.len()).collect()
}

/// The first byte names a kind, the second a genuine record of it; the rest edits that, or stands for itself.
pub fn run(data: &[u8]) {
    let (mut script, kinds) = (Script::new(data), kinds());
    let kind = &kinds[usize::from(script.byte()) % kinds.len()];
    let genuine = &kind.genuine[usize::from(script.byte()) % kind.genuine.len()];
    let donors: Vec<&[u8]> = kind.genuine.iter().map(Vec::as_slice).collect();
    (kind.check)(&altered(genuine, &mut script, &donors));
}
