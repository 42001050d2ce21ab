//! Gate keys, licenses under them, encrypted counters.

use std::time::Duration;

use playgate::PlayShare;
use protocol::Timestamp;
use server::{
    model::GateKeyId,
    store::{
        Committed, Deposit, Deposited, FoldCommit, GateKeyPut, GateKeyQuota, GateKeyRoom, GateKeyRow, GateKeyUse,
        LicenseRow, LimitRow, LimitView, NewGateKey, ObliviousRow, OpenGate, OpenLicense, PlayAnswer, PlayFound, Store,
        SweepRules, Turn,
    },
};
use zeroize::Zeroizing;

use crate::rows::{NOW, commit, deposit, done, license, lookup, mailbox};

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
pub async fn gates(store: &dyn Store) {
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
        license: Some(Box::new(LicenseRow {
            limit: LimitRow::Oblivious(ObliviousRow {
                gate_key: id(key),
                capability_hash: [capability; 32],
                class: 15,
                state: vec![1; 80],
            }),
            ..license(nonce)
        })),
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
