//! One story, told to every back end there is: what a store must do, below any rule of the services.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fs::File, path::Path, sync::Arc, time::Duration};

use playgate::{PlayLimit, PlayShare};
use protocol::{
    Timestamp,
    address::UserName,
    prekey::{OneTimeEntry, PublishedSignedPreKey},
    succession::PublishedSuccession,
};
use server::{
    model::{Envelope, GateKeyId, Incarnation, LicenseId, MailboxId, MessageId, Sender},
    store::{
        Ack, Acked, AuditHead, BatchRow, Committed, Deleted, Deposit, Deposited, FoldCommit, GateKeyPut, GateKeyQuota,
        GateKeyRoom, GateKeyRow, GateKeyUse, IdentityChange, IdentityChanged, KeyCounts, LicenseRow, LicenseState,
        LimitRow, LimitView, NewGateKey, ObliviousRow, OpenGate, OpenLicense, PlayAnswer, PlayCommit, PlayFound,
        PlayLookup, Publication, Published, Quota, Registered, Registration, Removal, SignedPreKeyRow, Store,
        SweepRules, TokenPut, TokenRow, Totals, Turn, sqlite::Sqlite, wakes::Wakes,
    },
};
use tempfile::TempDir;
use uuid::Uuid;
use zeroize::Zeroizing;

const NOW: Timestamp = Timestamp(1_000_000);
const QUOTA: Quota = Quota {
    envelopes: 3,
    bytes: 1000,
    licenses: 2,
};

fn mailbox(name: &str) -> MailboxId {
    MailboxId::of(&UserName::parse(name).unwrap())
}

fn spk(seq: u64, tag: u8) -> SignedPreKeyRow {
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

fn batch(seq: u64, first: u32, count: u32) -> BatchRow {
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

fn registration(name: &str, key: u8) -> Registration {
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

fn deposit(to: &str, id: u128, body: &[u8]) -> Deposit {
    Deposit {
        mailbox: mailbox(to),
        principal: Sender::Account(mailbox("alice")),
        id: MessageId::new(Uuid::from_u128(id)),
        envelope: Envelope::new(body.to_vec()).unwrap(),
        body_hash: [body[0]; 32],
        license: None,
        expires: Timestamp(2_000_000),
        forget_at: Timestamp(4_000_000),
        quota: QUOTA,
        now: NOW,
    }
}

fn license(nonce: u8) -> LicenseRow {
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

fn lookup(nonce: u8, play: u8, now: Timestamp) -> PlayLookup {
    PlayLookup {
        license: license(nonce).id,
        capability_hash: [6; 32],
        play: [play; 16],
        request_hash: [play; 32],
        now,
    }
}

fn commit(lookup: &PlayLookup, number: u64, turn: Turn) -> PlayCommit {
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

/// As the service does it: look, and if it can be answered, commit and look again.
async fn play_once(store: &dyn Store, lookup: PlayLookup) -> PlayFound {
    let PlayFound::Open(open) = store.find_play(lookup.clone()).await.unwrap() else {
        return store.find_play(lookup).await.unwrap();
    };
    assert_eq!(open.gate, OpenGate::Counted(PlayLimit::new(2).unwrap()));
    let number = open.number + 1;
    assert_eq!(
        open.last_receipt,
        (open.number > 0).then(|| vec![u8::try_from(open.number).unwrap(); 40])
    );
    let wrong = commit(&lookup, number + 1, Turn::Counted);
    assert_eq!(store.commit_play(wrong).await.unwrap(), Committed::Lost);
    let right = commit(&lookup, number, Turn::Counted);
    assert_eq!(store.commit_play(right.clone()).await.unwrap(), Committed::Done);
    assert_eq!(store.commit_play(right).await.unwrap(), Committed::Lost);
    store.find_play(lookup).await.unwrap()
}

const fn done(now: Timestamp) -> Deposited {
    Deposited::Done {
        stored_at: now,
        expires: Timestamp(2_000_000),
    }
}

const fn gone(envelopes: u64) -> Deleted {
    Deleted { envelopes, more: false }
}

const fn read(envelopes: u64) -> Acked {
    Acked::Done(gone(envelopes))
}

/// The first part: accounts, keys, sessions.
async fn accounts(store: &dyn Store) {
    let bob = mailbox("bob");
    assert_eq!(store.totals().await.unwrap(), Totals::default());
    assert!(store.account(bob).await.unwrap().is_none());
    assert!(store.page(bob, 10, 1000, NOW).await.unwrap().is_none());
    assert!(store.take_bundle(bob, NOW, true).await.unwrap().is_none());
    assert!(store.key_counts(bob, NOW).await.unwrap().is_none());
    assert!(store.token(bob).await.unwrap().is_none());
    assert_eq!(
        store.deposit(deposit("bob", 1, b"early")).await.unwrap(),
        Deposited::NoSuchMailbox
    );

    let seed = Zeroizing::new([1; 64]);
    assert_eq!(store.relay_seed(seed.clone()).await.unwrap(), seed);
    assert_eq!(
        store.relay_seed(Zeroizing::new([2; 64])).await.unwrap(),
        seed,
        "the first seed stays"
    );

    assert_eq!(store.register(registration("bob", 8)).await.unwrap(), Registered::Done);
    assert_eq!(store.register(registration("bob", 8)).await.unwrap(), Registered::Done);
    assert_eq!(
        store.register(registration("bob", 9)).await.unwrap(),
        Registered::NameTaken
    );
    assert_eq!(store.account(bob).await.unwrap().unwrap().identity_key, [8; 2624]);
    assert_eq!(store.totals().await.unwrap().accounts, 1);

    let token = store.token(bob).await.unwrap().unwrap();
    assert_eq!((token.hash, token.expires), ([8; 32], Timestamp(3_000_000)));
    store
        .put_token(
            bob,
            TokenRow {
                hash: [9; 32],
                expires: NOW,
            },
        )
        .await
        .unwrap();
    store.drop_token(bob, [8; 32]).await.unwrap();
    assert_eq!(
        store.token(bob).await.unwrap().unwrap().hash,
        [9; 32],
        "an older session's end leaves the newer"
    );
    store.drop_token(bob, [9; 32]).await.unwrap();
    assert!(store.token(bob).await.unwrap().is_none());

    let publish = async |signed_prekey, batch, replace_one_time| {
        let publication = Publication {
            mailbox: bob,
            signed_prekey,
            batch,
            replace_one_time,
            max_one_time: 6,
            now: NOW,
        };
        store.publish(publication).await.unwrap()
    };
    let counts = |one_time_left, signed_prekey_id| {
        Published::Done(KeyCounts {
            one_time_left,
            signed_prekey_id,
            signed_prekey_expires: Timestamp(5_000_000),
        })
    };
    assert_eq!(publish(None, None, false).await, counts(2, 1));
    assert_eq!(publish(Some(spk(1, 2)), None, false).await, Published::Stale);
    assert_eq!(
        publish(Some(spk(2, 2)), Some(batch(2, 10, 4)), false).await,
        counts(6, 2)
    );
    assert_eq!(
        publish(Some(spk(2, 2)), Some(batch(2, 10, 4)), false).await,
        counts(6, 2)
    );
    assert_eq!(
        publish(Some(spk(3, 3)), Some(batch(3, 20, 1)), false).await,
        Published::TooMany
    );
    assert_eq!(
        publish(Some(spk(3, 3)), Some(batch(1, 20, 1)), false).await,
        Published::Stale
    );
    assert_eq!(
        publish(None, None, false).await,
        counts(6, 2),
        "a refusal changes nothing"
    );
    let mut ids = Vec::new();
    while let Some(one_time) = store.take_bundle(bob, NOW, true).await.unwrap().unwrap().one_time {
        assert_eq!(one_time.path, [[2; 64], [3; 64]]);
        ids.push(one_time.id);
    }
    assert_eq!(ids, [0, 1, 10, 11, 12, 13]);
    assert_eq!(
        publish(None, Some(batch(2, 10, 4)), false).await,
        counts(0, 2),
        "used keys do not come back"
    );
    assert_eq!(publish(None, Some(batch(3, 20, 3)), true).await, counts(3, 2));
    assert!(
        store
            .take_bundle(bob, Timestamp(2_000_000), true)
            .await
            .unwrap()
            .unwrap()
            .one_time
            .is_none(),
        "expired"
    );
    assert_eq!(publish(None, None, true).await, counts(0, 2));
}

/// The second: envelopes.
async fn envelopes(store: &dyn Store) {
    let bob = mailbox("bob");
    let page = async |limit, bytes, now| store.page(bob, limit, bytes, now).await.unwrap().unwrap();
    for (id, body) in [(1, &b"one"[..]), (2, b"two"), (3, b"three")] {
        assert_eq!(store.deposit(deposit("bob", id, body)).await.unwrap(), done(NOW));
    }
    let again = Deposit {
        now: Timestamp(1_000_500),
        ..deposit("bob", 1, b"one")
    };
    assert_eq!(store.deposit(again).await.unwrap(), done(NOW));
    assert_eq!(
        store.deposit(deposit("bob", 1, b"not one")).await.unwrap(),
        Deposited::Conflict
    );
    assert_eq!(
        store.deposit(deposit("bob", 4, b"four")).await.unwrap(),
        Deposited::Full
    );

    let all = page(10, 1000, NOW).await;
    let (sequences, contents): (Vec<_>, Vec<_>) = all.envelopes.iter().map(|e| (e.sequence, &e.body[..])).unzip();
    assert_eq!(
        (sequences, contents),
        (vec![1, 2, 3], vec![&b"one"[..], b"two", b"three"])
    );
    assert_eq!((all.refused_total, all.expired_total), (1, 0));
    assert_eq!(page(2, 1000, NOW).await.envelopes.len(), 2);
    assert_eq!(page(10, 7, NOW).await.envelopes.len(), 2);
    assert_eq!(
        page(10, 1, NOW).await.envelopes.len(),
        1,
        "the first comes however large it is"
    );
    assert!(page(10, 1000, Timestamp(2_000_000)).await.envelopes.is_empty());

    let incarnation = all.incarnation;
    let acknowledge = async |incarnation, sequence| {
        let ack = Ack { incarnation, sequence };
        store.acknowledge(bob, Some(ack), None).await.unwrap()
    };
    assert_eq!(acknowledge(Incarnation(Uuid::nil()), 1).await, Acked::Stale);
    assert_eq!(acknowledge(incarnation, 4).await, Acked::Stale);
    assert_eq!(acknowledge(incarnation, 2).await, read(2));
    assert_eq!(acknowledge(incarnation, 2).await, read(0));
    assert_eq!(store.totals().await.unwrap().pending, 1);
    assert_eq!(store.deposit(deposit("bob", 4, b"four")).await.unwrap(), done(NOW));
    let large = deposit("bob", 5, &[b'x'; 1000]);
    assert_eq!(
        store.deposit(large).await.unwrap(),
        Deposited::Full,
        "the quota counts bytes too"
    );

    assert_eq!(
        store.clear(bob, Incarnation(Uuid::from_u128(8))).await.unwrap(),
        Some(gone(2))
    );
    assert_eq!(acknowledge(incarnation, 4).await, Acked::Stale);
    assert_eq!(store.deposit(deposit("bob", 6, b"six")).await.unwrap(), done(NOW));
    let after = page(10, 1000, NOW).await;
    assert_eq!(
        (after.incarnation.0, after.envelopes[0].sequence),
        (Uuid::from_u128(8), 5),
        "numbers never come twice"
    );
}

/// A story of its own: delivery tokens and the commit counter.
async fn tokens(store: &dyn Store) {
    let bob = mailbox("bob");
    let put = async |tag, most| store.put_delivery_token(bob, [tag; 32], most).await.unwrap();
    let holds = async |owner, tag| store.holds_delivery_token(owner, [tag; 32]).await.unwrap();
    assert!(!holds(bob, 1).await && !holds(bob, 0).await && !holds(mailbox("nobody"), 1).await);
    assert_eq!(put(1, 2).await, TokenPut::Done(1));
    assert_eq!(put(2, 2).await, TokenPut::Done(2));
    assert_eq!(put(3, 2).await, TokenPut::TooMany);
    assert_eq!(put(1, 2).await, TokenPut::Done(2), "what is there needs no room");
    assert!(holds(bob, 1).await && holds(bob, 2).await && !holds(bob, 3).await && !holds(bob, 0).await);
    assert!(!holds(mailbox("nobody"), 1).await, "a token is its mailbox's");
    assert_eq!(store.delete_delivery_token(bob, [1; 32]).await.unwrap(), Some(1));
    assert_eq!(store.delete_delivery_token(bob, [1; 32]).await.unwrap(), Some(1));
    assert!(!holds(bob, 1).await);
    assert_eq!(put(3, 2).await, TokenPut::Done(2));

    // The id is the token's own: neither an account's nor another token's.
    let by = |principal, body| Deposit {
        principal,
        ..deposit("bob", 77, body)
    };
    for (sender, body) in [
        (Sender::Token([2; 32]), &b"two"[..]),
        (Sender::Token([3; 32]), b"three"),
    ] {
        assert_eq!(store.deposit(by(sender, body)).await.unwrap(), done(NOW));
        assert_eq!(store.deposit(by(sender, body)).await.unwrap(), done(NOW));
        assert_eq!(store.deposit(by(sender, b"other")).await.unwrap(), Deposited::Conflict);
    }
    let page = store.page(bob, 10, 1000, NOW).await.unwrap().unwrap();
    assert_eq!((page.envelopes.len(), page.commit_counter), (2, 0));

    let count = async |ack, counter| store.acknowledge(bob, ack, counter).await.unwrap();
    let stored = async || store.page(bob, 1, 1000, NOW).await.unwrap().unwrap().commit_counter;
    let ack = |incarnation, sequence| Some(Ack { incarnation, sequence });
    assert_eq!(count(None, Some(5)).await, read(0));
    assert_eq!(count(None, Some(3)).await, read(0));
    assert_eq!(
        count(ack(Incarnation(Uuid::from_u128(99)), 1), Some(9)).await,
        Acked::Stale
    );
    assert_eq!(stored().await, 5, "it only grows, and not with a stale acknowledgement");
    assert_eq!(count(ack(page.incarnation, 2), Some(6)).await, read(2));
    assert_eq!(stored().await, 6);
    let session = TokenRow {
        hash: [9; 32],
        expires: NOW,
    };
    assert_eq!(store.put_token(bob, session).await.unwrap(), Some(6));
}

/// The third: licenses and plays.
async fn plays(store: &dyn Store) {
    let with = |id, nonce| Deposit {
        license: Some(license(nonce)),
        ..deposit("bob", id, b"limited")
    };
    let play = async |nonce, play, now| play_once(store, lookup(nonce, play, now)).await;
    let granted = |number: u8| {
        PlayFound::Answered(PlayAnswer {
            number: number.into(),
            limit: 2,
            content: Zeroizing::new(vec![5; 32]),
            receipt: vec![number; 40],
        })
    };
    assert_eq!(play(1, 1, NOW).await, PlayFound::NoSuchLicense);
    assert_eq!(store.deposit(with(10, 1)).await.unwrap(), done(NOW));
    let mut other = with(11, 1);
    other.license = Some(LicenseRow {
        parameters: [99; 32],
        ..license(1)
    });
    assert_eq!(store.deposit(other).await.unwrap(), Deposited::LicenseConflict);
    let mut dead = with(12, 3);
    dead.license = Some(LicenseRow {
        expires: NOW,
        ..license(3)
    });
    assert_eq!(store.deposit(dead).await.unwrap(), Deposited::LicenseExpired);
    assert_eq!(
        store.totals().await.unwrap(),
        Totals {
            audit: AuditHead::default(),
            accounts: 1,
            pending: 2,
            pending_bytes: 10, // "two" and "limited"
            licenses_active: 1,
            gate_keys: 0
        }
    );

    assert_eq!(play(1, 1, NOW).await, granted(1));
    assert_eq!(play(1, 1, NOW).await, granted(1));
    let other_request = PlayLookup {
        request_hash: [42; 32],
        ..lookup(1, 1, NOW)
    };
    assert_eq!(store.find_play(other_request).await.unwrap(), PlayFound::Conflict);
    let thief = PlayLookup {
        capability_hash: [0; 32],
        ..lookup(1, 9, NOW)
    };
    assert_eq!(store.find_play(thief).await.unwrap(), PlayFound::NoSuchLicense);
    let id = license(1).id;
    assert!(!store.confirm_play(id, [0; 32], [1; 16]).await.unwrap());
    assert!(store.confirm_play(id, [6; 32], [1; 16]).await.unwrap());
    assert_eq!(play(1, 1, NOW).await, PlayFound::AnswerGone);
    assert_eq!(play(1, 2, NOW).await, granted(2));
    assert_eq!(play(1, 3, NOW).await, PlayFound::Exhausted);
    assert_eq!(play(1, 2, NOW).await, granted(2));
    assert_eq!(
        play(1, 2, NOW.plus(Duration::from_secs(600))).await,
        PlayFound::AnswerGone
    );
    assert_eq!(store.totals().await.unwrap().licenses_active, 0);
    let view = store.license(id, [7; 32], NOW).await.unwrap().unwrap();
    assert_eq!((view.requests, view.state), (2, LicenseState::Exhausted));
    assert_eq!((view.limit, view.receipt), (LimitView::Counted(2), Some(vec![2; 40])));
    assert!(store.license(id, [6; 32], NOW).await.unwrap().is_none());

    assert_eq!(store.deposit(with(13, 2)).await.unwrap(), done(NOW));
    let revoke = async |hash| {
        store
            .revoke(license(2).id, hash, Timestamp(9_000_000), NOW)
            .await
            .unwrap()
    };
    assert!(revoke([6; 32]).await.is_none());
    assert_eq!(revoke([7; 32]).await.unwrap().state, LicenseState::Revoked);
    assert_eq!(play(2, 1, NOW).await, PlayFound::Revoked);
}

/// The last: what time does to all of it.
async fn time_passes(store: &dyn Store) {
    let bob = mailbox("bob");
    let sweep = async |now| {
        let rules = SweepRules {
            forget_at: Timestamp(8_000_000),
            step: 2,
            now: Timestamp(now),
        };
        let mut steps = 0;
        while store.sweep(rules).await.unwrap().more {
            steps += 1;
            assert!(steps < 20, "a sweep that never ends");
        }
        steps
    };
    assert_eq!(sweep(1_000_001).await, 0);
    assert!(sweep(2_000_000).await >= 1, "three envelopes are more than a step");
    let page = store.page(bob, 10, 1000, NOW).await.unwrap().unwrap();
    assert!(page.envelopes.is_empty());
    assert_eq!((page.expired_total, store.totals().await.unwrap().pending), (3, 0));

    // Receipts are remembered longer than envelopes, and not for ever.
    assert_eq!(store.deposit(deposit("bob", 6, b"six")).await.unwrap(), done(NOW));
    assert_eq!(store.totals().await.unwrap().pending, 0);
    sweep(4_000_000).await;
    assert_eq!(store.deposit(deposit("bob", 6, b"six")).await.unwrap(), done(NOW));
    assert_eq!(store.totals().await.unwrap().pending, 1);

    // Tombstones make room only when they are forgotten.
    let fresh = |id, nonce| {
        let late = LicenseRow {
            expires: Timestamp(20_000_000),
            ..license(nonce)
        };
        Deposit {
            license: Some(late),
            ..deposit("bob", id, b"limited")
        }
    };
    assert_eq!(store.deposit(fresh(20, 4)).await.unwrap(), Deposited::Full);
    sweep(9_000_000).await;
    assert_eq!(
        store.find_play(lookup(1, 1, NOW)).await.unwrap(),
        PlayFound::NoSuchLicense
    );
    assert_eq!(store.deposit(fresh(20, 4)).await.unwrap(), done(NOW));
    assert_eq!(store.totals().await.unwrap().licenses_active, 1);
    let late = Timestamp(20_000_000);
    assert_eq!(store.find_play(lookup(4, 1, late)).await.unwrap(), PlayFound::Expired);
    // The first makes it a tombstone, whose time is over as soon as it is one in this story; the second removes it.
    sweep(20_000_000).await;
    sweep(20_000_000).await;
    assert_eq!(store.totals().await.unwrap().licenses_active, 0);
    assert_eq!(store.license(license(4).id, [7; 32], late).await.unwrap(), None);
}

/// Identities that take each other's place.
async fn identities(store: &dyn Store) {
    let bob = mailbox("bob");
    let change = |old: u8, new: u8, counter| IdentityChange {
        mailbox: bob,
        statement: PublishedSuccession {
            identity_key: vec![old; 2624],
            payload: vec![old, new],
            signature: vec![old],
        },
        counter,
        identity_key: vec![new; 2624],
        signed_prekey: spk(1, new),
        batch: Some(batch(1, 40, 2)),
        token: TokenRow {
            hash: [new; 32],
            expires: Timestamp(3_000_000),
        },
        keep: 2,
    };
    let identity = async || {
        let row = store.identity(bob).await.unwrap().unwrap();
        let line: Vec<u8> = row.successions.iter().map(|link| link.identity_key[0]).collect();
        (row.identity_key[0], line)
    };
    let succeed = async |change| store.succeed(change).await.unwrap();
    assert!(store.identity(mailbox("carol")).await.unwrap().is_none());
    let mut nobody = change(8, 9, 1);
    nobody.mailbox = mailbox("carol");
    assert_eq!(succeed(nobody).await, IdentityChanged::NoSuchAccount);
    assert_eq!(
        store.put_delivery_token(bob, [3; 32], 4).await.unwrap(),
        TokenPut::Done(1)
    );
    for (old, new, counter) in [(7, 9, 1), (8, 9, 0), (8, 9, 2)] {
        assert_eq!(succeed(change(old, new, counter)).await, IdentityChanged::NotCurrent);
    }
    assert_eq!(identity().await, (8, vec![]));
    assert!(store.holds_delivery_token(bob, [3; 32]).await.unwrap());
    // Under the old prekeys' sequence numbers too: another identity begins anew.
    assert_eq!(succeed(change(8, 9, 1)).await, IdentityChanged::Done);
    assert!(!store.knows_delivery_token(bob, [3; 32]), "not even in memory");
    assert_eq!(identity().await, (9, vec![8]));
    assert_eq!(store.token(bob).await.unwrap().unwrap().hash, [9; 32]);
    assert!(!store.holds_delivery_token(bob, [3; 32]).await.unwrap());
    let bundle = store.take_bundle(bob, NOW, true).await.unwrap().unwrap();
    assert_eq!((bundle.one_time.unwrap().id, bundle.successions.len()), (40, 1));
    // Again: nothing but the session is new.
    let mut again = change(8, 9, 1);
    again.token.hash = [1; 32];
    assert_eq!(succeed(again).await, IdentityChanged::Done);
    assert_eq!(store.token(bob).await.unwrap().unwrap().hash, [1; 32]);
    assert_eq!(store.key_counts(bob, NOW).await.unwrap().unwrap().one_time_left, 1);
    assert_eq!(succeed(change(8, 10, 2)).await, IdentityChanged::NotCurrent);
    for (old, new, counter) in [(9, 10, 2), (10, 11, 3)] {
        assert_eq!(succeed(change(old, new, counter)).await, IdentityChanged::Done);
    }
    assert_eq!(identity().await, (11, vec![9, 10]), "the last two");
    assert_eq!(
        store.register(registration("bob", 8)).await.unwrap(),
        Registered::NameTaken
    );
}

#[tokio::test]
async fn sqlite_replaces_identities() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    identities(&store).await;
}

fn gate_key(tag: u8, owner: &str) -> NewGateKey {
    NewGateKey {
        row: GateKeyRow {
            id: GateKeyId::from_bytes([tag; 16]),
            owner: mailbox(owner),
            sha256: [tag; 32],
            bytes: 10,
            capability_hash: [70 + tag; 32],
            retired: false,
        },
        replaces: None,
        quota: GateKeyQuota {
            live: 2,
            kept: 3,
            bytes: 35,
        },
        now: NOW,
    }
}

/// A story of its own: gate keys, and licenses under them.
async fn gates(store: &dyn Store) {
    let (bob, id) = (mailbox("bob"), |tag| GateKeyId::from_bytes([tag; 16]));
    let put = async |key| store.put_gate_key(key).await.unwrap();
    assert_eq!(put(gate_key(1, "bob")).await, GateKeyPut::Done);
    assert_eq!(put(gate_key(1, "bob")).await, GateKeyPut::Done);
    let row = gate_key(1, "bob").row;
    for row in [
        GateKeyRow {
            sha256: [99; 32],
            ..row
        },
        GateKeyRow {
            owner: mailbox("carol"),
            ..row
        },
        GateKeyRow {
            capability_hash: [99; 32],
            ..row
        },
    ] {
        let other = NewGateKey {
            row,
            ..gate_key(1, "bob")
        };
        assert_eq!(put(other).await, GateKeyPut::Conflict);
    }
    assert_eq!(put(gate_key(2, "bob")).await, GateKeyPut::Done);
    assert_eq!(
        put(gate_key(3, "bob")).await,
        GateKeyPut::NoRoom(GateKeyRoom::AccountFull)
    );
    assert_eq!(put(gate_key(3, "carol")).await, GateKeyPut::Done);
    assert_eq!(
        put(gate_key(4, "carol")).await,
        GateKeyPut::NoRoom(GateKeyRoom::RelayFull)
    );
    assert_eq!(store.totals().await.unwrap().gate_keys, 3);

    let limited = |message, nonce, key: u8, capability: u8| Deposit {
        license: Some(LicenseRow {
            limit: LimitRow::Oblivious(ObliviousRow {
                gate_key: id(key),
                capability_hash: [capability; 32],
                class: 15,
                state: vec![1; 80],
            }),
            ..license(nonce)
        }),
        ..deposit("bob", message, b"oblivious")
    };
    let send = async |deposit| store.deposit(deposit).await.unwrap();
    for (key, capability) in [(9, 79), (1, 72), (1, 0), (9, 0)] {
        assert_eq!(send(limited(30, 9, key, capability)).await, Deposited::NoSuchGateKey);
    }
    assert_eq!(send(limited(31, 9, 1, 71)).await, done(NOW));
    let find = async |play| store.find_play(lookup(9, play, NOW)).await.unwrap();
    let open = |number: u8, state: Vec<u8>| {
        PlayFound::Open(Box::new(OpenLicense {
            number: number.into(),
            last_receipt: (number > 0).then(|| vec![number; 40]),
            share: PlayShare::from_bytes([5; 32]),
            gate: OpenGate::Oblivious { gate_key: id(1), state },
        }))
    };
    assert_eq!(find(1).await, open(0, vec![1; 80]));
    let turn = |n: u8| Turn::Oblivious {
        state: vec![n; 100],
        folded: false,
        release: vec![n; 300],
    };
    let step = async |play, number, n| {
        let commit = commit(&lookup(9, play, NOW), number, turn(n));
        store.commit_play(commit).await.unwrap()
    };
    let answered = |n: u8| {
        PlayFound::Answered(PlayAnswer {
            number: n.into(),
            limit: 0,
            content: Zeroizing::new(vec![n; 300]),
            receipt: vec![n; 40],
        })
    };
    assert_eq!(step(1, 1, 1).await, Committed::Done);
    assert_eq!(step(2, 1, 9).await, Committed::Lost, "two computed on one state");
    assert_eq!(find(1).await, answered(1));
    assert_eq!(find(2).await, open(1, vec![1; 100]));
    let fold = async |number, n: u8| {
        let fold = FoldCommit {
            license: license(9).id,
            number,
            state: vec![n; 90],
        };
        store.commit_fold(fold).await.unwrap()
    };
    assert_eq!(fold(0, 7).await, Committed::Lost);
    assert_eq!(fold(1, 8).await, Committed::Done);
    assert_eq!(fold(1, 7).await, Committed::Lost, "once");
    assert_eq!(find(2).await, open(1, vec![8; 90]));
    assert_eq!(step(2, 2, 2).await, Committed::Done);
    assert_eq!(fold(1, 7).await, Committed::Lost, "a play came first");
    assert_eq!((find(1).await, find(2).await), (answered(1), answered(2)));

    // A retired key takes no license and stays as long as it has one.
    let sweep = async || {
        let gone = store.sweep_gate_keys(Timestamp(0), 10).await.unwrap();
        gone.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert!(!store.retire_gate_key(id(1), mailbox("carol")).await.unwrap());
    assert!(store.retire_gate_key(id(1), bob).await.unwrap());
    assert_eq!(send(limited(32, 10, 1, 71)).await, Deposited::NoSuchGateKey);
    assert_eq!(send(limited(31, 9, 1, 71)).await, done(NOW), "what was sent was sent");
    assert!(sweep().await.is_empty());
    assert_eq!(put(gate_key(1, "bob")).await, GateKeyPut::Conflict);
    let view = store.license(license(9).id, [7; 32], NOW).await.unwrap().unwrap();
    let limit = |state| LimitView::Oblivious { class: 15, state };
    assert_eq!((view.limit, view.requests), (limit(Some(vec![2; 100])), 2));
    let revoked = store.revoke(license(9).id, [7; 32], Timestamp(9_000_000), NOW).await;
    let revoked = revoked.unwrap().unwrap();
    assert_eq!((revoked.limit, revoked.requests), (limit(None), 2));
    assert_eq!(revoked.receipt, Some(vec![2; 40]), "what was signed stays signed");
    assert_eq!(find(1).await, PlayFound::Revoked);
    assert_eq!(step(3, 3, 3).await, Committed::Lost);
    assert_eq!(sweep().await, [id(1)]);
    assert_eq!(store.totals().await.unwrap().gate_keys, 2);

    // Keys that nobody uses go too; a license is a use.
    assert_eq!(send(limited(33, 11, 2, 72)).await, done(NOW));
    let idle = store
        .sweep_gate_keys(NOW.plus(Duration::from_secs(1)), 10)
        .await
        .unwrap();
    assert_eq!(idle.iter().map(|key| key.id).collect::<Vec<_>>(), [id(3)]);

    // A file that is lost may be put back with other bytes, by its owner.
    let again = NewGateKey {
        replaces: Some([2; 32]),
        ..gate_key(2, "bob")
    };
    let mut again = again;
    again.row.sha256 = [42; 32];
    assert_eq!(put(again).await, GateKeyPut::Done);
    assert_eq!(store.gate_key(id(2)).await.unwrap().unwrap().sha256, [42; 32]);
    assert_eq!(store.gate_keys().await.unwrap().len(), 1);
    assert_eq!(
        store.gate_key_use(bob).await.unwrap(),
        GateKeyUse {
            live: 1,
            kept: 1,
            bytes: 10
        }
    );
    let rules = SweepRules {
        forget_at: Timestamp(3_000_000),
        step: 100,
        now: Timestamp(2_500_000),
    };
    store.sweep(rules).await.unwrap();
    assert_eq!(
        store.find_play(lookup(11, 1, rules.now)).await.unwrap(),
        PlayFound::Expired
    );
    store
        .sweep(SweepRules {
            now: Timestamp(9_000_000),
            ..rules
        })
        .await
        .unwrap();
    assert_eq!(store.license(license(9).id, [7; 32], NOW).await.unwrap(), None);
    assert_eq!(store.license(license(11).id, [7; 32], NOW).await.unwrap(), None);
}

/// An account that the operator removes while its owner's requests are under way: what they ask for meets no account, which is an answer and no fault.
async fn removed(store: &dyn Store) {
    let carol = mailbox("carol");
    for (id, to) in [(1, "bob"), (2, "carol")] {
        assert_eq!(store.deposit(deposit(to, id, b"mail")).await.unwrap(), done(NOW));
    }
    let incarnation = store.page(carol, 1, 1000, NOW).await.unwrap().unwrap().incarnation;
    assert_eq!(store.remove_account(carol, NOW, 256).await.unwrap(), Removal::Done);

    let ack = Ack {
        incarnation,
        sequence: 1,
    };
    for ack in [ack, Ack { sequence: 9, ..ack }] {
        let answer = store.acknowledge(carol, Some(ack), Some(5)).await.unwrap();
        assert_eq!(answer, Acked::NoSuchMailbox);
    }
    assert_eq!(store.clear(carol, Incarnation(Uuid::from_u128(9))).await.unwrap(), None);
    assert_eq!(
        store.put_delivery_token(carol, [1; 32], 9).await.unwrap(),
        TokenPut::NoSuchMailbox
    );
    assert_eq!(store.delete_delivery_token(carol, [1; 32]).await.unwrap(), None);
    for (signed_prekey, batch) in [(None, None), (Some(spk(2, 2)), None), (None, Some(batch(2, 10, 4)))] {
        let publication = Publication {
            mailbox: carol,
            signed_prekey,
            batch,
            replace_one_time: true,
            max_one_time: 6,
            now: NOW,
        };
        assert_eq!(store.publish(publication).await.unwrap(), Published::NoSuchAccount);
    }
    let session = TokenRow {
        hash: [9; 32],
        expires: NOW,
    };
    assert_eq!(store.put_token(carol, session).await.unwrap(), None);
    assert_eq!(
        store.deposit(deposit("carol", 3, b"late")).await.unwrap(),
        Deposited::NoSuchMailbox
    );
    assert!(store.page(carol, 1, 1000, NOW).await.unwrap().is_none());
    assert_eq!(
        store.remove_account(carol, NOW, 256).await.unwrap(),
        Removal::NoSuchAccount
    );
    // Nobody else noticed.
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.accounts, totals.pending), (1, 1));
    assert_eq!(store.deposit(deposit("bob", 4, b"more")).await.unwrap(), done(NOW));
}

#[tokio::test]
async fn sqlite_answers_for_a_removed_account_as_for_none() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    store.register(registration("carol", 9)).await.unwrap();
    removed(&store).await;
}

fn open(dir: &Path, wakes: &Arc<Wakes>) -> Sqlite {
    let lock = File::create(dir.join("lock")).unwrap();
    Sqlite::open(dir, lock, None, wakes.clone()).unwrap()
}

#[tokio::test]
async fn sqlite_tells_the_story() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    // Closed and opened between the parts: nothing of it lives in memory.
    accounts(&open(dir.path(), &wakes)).await;
    envelopes(&open(dir.path(), &wakes)).await;
    plays(&open(dir.path(), &wakes)).await;
    time_passes(&open(dir.path(), &wakes)).await;
}

#[tokio::test]
async fn sqlite_keeps_delivery_tokens_and_the_commit_counter() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    tokens(&store).await;
}

#[tokio::test]
async fn sqlite_keeps_gate_keys_and_encrypted_counters() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    store.register(registration("carol", 9)).await.unwrap();
    gates(&store).await;
}

#[tokio::test]
async fn a_deposit_wakes_its_owner_and_nobody_else_once_it_is_durable() {
    let (dir, wakes) = (TempDir::new().unwrap(), Arc::new(Wakes::default()));
    let store = open(dir.path(), &wakes);
    store.register(registration("bob", 8)).await.unwrap();
    let (bobs, carols) = (
        wakes.wait(mailbox("bob")).unwrap(),
        wakes.wait(mailbox("carol")).unwrap(),
    );
    let (bob, mut carol) = (bobs.armed(), carols.armed());
    store.deposit(deposit("bob", 1, b"one")).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), bob)
        .await
        .expect("bob was not woken");
    assert!(futures_util::poll!(&mut carol).is_pending());
}

/// What the store has at hand is never older than what it has answered.
#[tokio::test]
async fn what_is_known_without_the_disk_is_what_was_committed_last() {
    let dir = TempDir::new().unwrap();
    let bob = mailbox("bob");
    let row = |tag| TokenRow {
        hash: [tag; 32],
        expires: Timestamp(3_000_000),
    };
    let hash = |row: Option<TokenRow>| row.map(|row| row.hash[0]);
    {
        let store = open(dir.path(), &Arc::default());
        assert!(store.token(bob).await.unwrap().is_none() && store.known_token(bob).is_none());
        store.register(registration("bob", 8)).await.unwrap();
        assert_eq!(hash(store.token(bob).await.unwrap()), Some(8));
        assert_eq!(hash(store.known_token(bob)), Some(8), "read once, known from then on");
        store.put_token(bob, row(9)).await.unwrap();
        assert_ne!(hash(store.known_token(bob)), Some(8), "replaced");
        assert_eq!(hash(store.token(bob).await.unwrap()), Some(9));
        store.register(registration("bob", 8)).await.unwrap();
        assert_ne!(hash(store.known_token(bob)), Some(9), "replaced by registering again");
        store.token(bob).await.unwrap();
        store.drop_token(bob, [8; 32]).await.unwrap();
        assert!(store.known_token(bob).is_none(), "ended");

        store.put_delivery_token(bob, [5; 32], 9).await.unwrap();
        assert!(!store.holds_delivery_token(bob, [6; 32]).await.unwrap());
        assert!(store.holds_delivery_token(bob, [5; 32]).await.unwrap());
        assert!(store.knows_delivery_token(bob, [5; 32]) && !store.knows_delivery_token(bob, [6; 32]));
        assert!(
            !store.knows_delivery_token(mailbox("eve"), [5; 32]),
            "a token is good for one mailbox"
        );
        store.delete_delivery_token(bob, [5; 32]).await.unwrap();
        assert!(!store.knows_delivery_token(bob, [5; 32]), "deleted");
        store.put_token(bob, row(7)).await.unwrap();
    }
    let store = open(dir.path(), &Arc::default());
    assert!(store.known_token(bob).is_none(), "a restart knows nothing");
    assert_eq!(hash(store.token(bob).await.unwrap()), Some(7));
}
