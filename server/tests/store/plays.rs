//! Licenses and plays, and what time does to everything.

use std::time::Duration;

use playgate::PlayLimit;
use protocol::Timestamp;
use server::store::{
    AuditHead, Committed, Deposit, Deposited, LicenseRow, LicenseState, LimitView, OpenGate, PlayAnswer, PlayFound,
    PlayLookup, Store, SweepRules, Totals, Turn,
};
use zeroize::Zeroizing;

use crate::rows::{NOW, commit, deposit, done, license, lookup, mailbox};

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

/// The third: licenses and plays.
pub async fn plays(store: &dyn Store) {
    let with = |id, nonce| Deposit {
        license: Some(Box::new(license(nonce))),
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
    other.license = Some(Box::new(LicenseRow {
        parameters: [99; 32],
        ..license(1)
    }));
    assert_eq!(store.deposit(other).await.unwrap(), Deposited::LicenseConflict);
    let mut dead = with(12, 3);
    dead.license = Some(Box::new(LicenseRow {
        expires: NOW,
        ..license(3)
    }));
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
pub async fn time_passes(store: &dyn Store) {
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
            license: Some(Box::new(late)),
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
