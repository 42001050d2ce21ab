//! What the story is made of.

use std::time::Duration;

use playgate::{PlayLimit, PlayShare};
use protocol::{
    Timestamp,
    address::UserName,
    prekey::{OneTimeEntry, PublishedSignedPreKey},
};
use server::{
    model::{BodyDigest, Envelope, Incarnation, LicenseId, MailboxId, MessageId, Sender},
    store::{
        Acked, BatchRow, Deposit, Deposited, LicenseRow, LimitRow, Part, PlayCommit, PlayLookup, Quota, Registration,
        SignedPreKeyRow, TokenRow, Turn,
    },
};
use uuid::Uuid;

pub const NOW: Timestamp = Timestamp(1_000_000);
pub const QUOTA: Quota = Quota {
    envelopes: 3,
    bytes: 1000,
    licenses: 2,
};

pub fn mailbox(name: &str) -> MailboxId {
    MailboxId::of(&UserName::parse(name).unwrap())
}

pub fn spk(seq: u64, tag: u8) -> SignedPreKeyRow {
    let published = PublishedSignedPreKey {
        payload: vec![tag; 10],
        signature: vec![tag; 20],
    };
    SignedPreKeyRow {
        id: u32::from(tag),
        seq,
        expires: Timestamp(5_000_000),
        published,
    }
}

pub fn batch(seq: u64, first: u32, count: u32) -> BatchRow {
    let entry = |id| OneTimeEntry {
        id,
        key: vec![1; 1600],
        path: vec![vec![2; 64], vec![3; 64]],
    };
    BatchRow {
        seq,
        expires: Timestamp(2_000_000),
        payload: seq.to_be_bytes().to_vec(),
        signature: vec![4; 8],
        entries: (first..first + count).map(entry).collect(),
    }
}

pub fn registration(name: &str, key: u8) -> Registration {
    Registration {
        mailbox: mailbox(name),
        user: UserName::parse(name).unwrap(),
        identity_key: vec![key; 2624],
        signed_prekey: spk(1, 1),
        batch: Some(batch(1, 0, 2)),
        max_one_time: 6,
        token: TokenRow {
            hash: [key; 32],
            expires: Timestamp(3_000_000),
        },
        incarnation: Incarnation(Uuid::from_u128(7)),
        now: NOW,
    }
}

pub fn deposit(to: &str, id: u128, body: &[u8]) -> Deposit {
    Deposit {
        mailbox: mailbox(to),
        principal: Sender::Account(mailbox("alice")),
        id: MessageId::new(Uuid::from_u128(id)),
        envelope: Envelope::new(body.to_vec()).unwrap(),
        digest: BodyDigest::from_bytes([body[0]; 16]),
        license: None,
        expires: Timestamp(2_000_000),
        forget_at: Timestamp(4_000_000),
        part: Part::Known,
        quota: QUOTA,
        now: NOW,
    }
}

pub fn license(nonce: u8) -> LicenseRow {
    LicenseRow {
        id: LicenseId {
            mailbox: mailbox("bob"),
            nonce: [nonce; 16],
        },
        limit: LimitRow::Counted(PlayLimit::new(2).unwrap()),
        expires: Timestamp(2_500_000),
        share: PlayShare::from_bytes([5; 32]),
        play_hash: [6; 32],
        owner_hash: [7; 32],
        parameters: [nonce; 32],
    }
}

pub fn lookup(nonce: u8, play: u8, now: Timestamp) -> PlayLookup {
    PlayLookup {
        license: license(nonce).id,
        capability_hash: [6; 32],
        play: [play; 16],
        request_hash: [play; 32],
        now,
    }
}

pub fn commit(lookup: &PlayLookup, number: u64, turn: Turn) -> PlayCommit {
    PlayCommit {
        license: lookup.license,
        play: lookup.play,
        request_hash: lookup.request_hash,
        number,
        turn,
        receipt: vec![u8::try_from(number).unwrap(); 40],
        answer_until: lookup.now.plus(Duration::from_secs(600)),
        forget_at: Timestamp(9_000_000),
        now: lookup.now,
    }
}

pub const fn done(now: Timestamp) -> Deposited {
    Deposited::Done {
        stored_at: now,
        expires: Timestamp(2_000_000),
    }
}

pub const fn read(envelopes: u64) -> Acked {
    Acked::Done(envelopes)
}
