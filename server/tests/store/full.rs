//! A database at its limit: what adds rows and makes no room leaves the pages that emptying it takes.

use std::{collections::BTreeMap, fs::File, num::NonZeroU32, sync::Arc};

use playgate::PlayLimit;
use protocol::succession::PublishedSuccession;
use server::{
    model::{GateKeyId, Incarnation, LicenseId, MailboxId},
    store::{
        Ack, AuditEvent, AuditRecord, BlockPut, Committed, Deposit, Deposited, GateKeyPut, GateKeyQuota, GateKeyRow,
        IdentityChange, IdentityChanged, LicenseRow, LimitRow, NewGateKey, NewInvite, PlayCommit, Publication, Quota,
        Registration, RoughNumbers, Store, StoreError, TokenPut, TokenRow, Turn, sqlite::Sqlite,
    },
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::rows::{NOW, batch, commit, deposit, license, lookup, mailbox, registration, spk};

/// What the database may have.
const MOST: u64 = 4 << 20;
/// Far more than fits.
const FLOOD: u32 = 100_000;
const BODY: usize = 200_000;
/// What is kept for emptying it, in pages, and what plays may not touch of that.
const KEPT: u64 = 256;
const KEPT_BY_PLAYS: u64 = 192;
/// What one of anything takes at most: it is looked whether there is room before it is added.
const ONE: u64 = 8;

fn large(id: u128) -> Deposit {
    Deposit {
        quota: Quota {
            envelopes: 1000,
            bytes: u64::MAX,
            licenses: 0,
        },
        ..deposit("bob", id, &[7; BODY])
    }
}

fn numbered<const N: usize>(n: u32) -> [u8; N] {
    // Spread over the index, as hashes are.
    let mut bytes = [0; N];
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b1).to_le_bytes());
    bytes
}

fn gate_key(n: u32) -> NewGateKey {
    NewGateKey {
        row: GateKeyRow {
            id: GateKeyId::from_bytes(numbered(n)),
            owner: mailbox("eve"),
            sha256: [1; 32],
            bytes: 1,
            capability_hash: [2; 32],
            retired: false,
        },
        replaces: None,
        quota: GateKeyQuota {
            live: u64::from(FLOOD),
            kept: u64::from(FLOOD),
            bytes: u64::from(FLOOD),
        },
        now: NOW,
    }
}

/// Asks for more and more of one kind, until the store refuses for want of room.
async fn flood<T>(kind: &str, one: impl AsyncFn(u32) -> Result<T, StoreError>) {
    for n in 0..FLOOD {
        match one(n).await {
            Ok(_) => {}
            Err(StoreError::Full(_)) => return,
            Err(other) => panic!("{kind}: {other}"),
        }
    }
    panic!("{kind}: nothing was refused");
}

const NOTHING: RoughNumbers = RoughNumbers {
    accounts: 0,
    messages_pending: 0,
    licenses_active: 0,
    gate_keys: 0,
};
/// Licenses that an attacker has: of each as many plays may be asked for as there may be.
const LICENSES: u8 = 4;

/// By how many pages the database may still grow.
async fn left(store: &dyn Store) -> u64 {
    let room = store.disk_use().await.unwrap();
    (MOST - (room.database - room.free)) / 4096
}

fn record(n: u32) -> AuditRecord {
    AuditRecord {
        at: NOW,
        event: AuditEvent::SignInFailed,
        mailbox: Some(MailboxId::from_bytes(numbered(n))),
        times: 1,
    }
}

fn play(n: u32) -> PlayCommit {
    PlayCommit {
        play: numbered(n),
        license: LicenseId {
            nonce: [u8::try_from(n / 255).unwrap(); 16],
            ..license(0).id
        },
        ..commit(&lookup(0, 0, NOW), u64::from(n % 255) + 1, Turn::Counted)
    }
}

/// A message to bob with a license of as many plays as there may be.
fn limited(nonce: u8) -> Deposit {
    Deposit {
        license: Some(Box::new(LicenseRow {
            limit: LimitRow::Counted(PlayLimit::new(255).unwrap()),
            ..license(nonce)
        })),
        quota: Quota {
            envelopes: u64::from(FLOOD),
            bytes: u64::MAX,
            licenses: u64::from(FLOOD),
        },
        ..deposit("bob", 1 << 64 | u128::from(nonce), &[7; 100])
    }
}

/// What an attacker with an account or without one asks for, each for as long as there is room. Plays come last: they may use what all others leave.
async fn flood_with_everything(store: &dyn Store) {
    let eve = mailbox("eve");
    flood("delivery tokens", async |n| {
        let put = store.put_delivery_token(eve, numbered(n), FLOOD).await?;
        assert!(matches!(put, TokenPut::Done(_)));
        Ok(())
    })
    .await;
    flood("blocks", async |n| {
        let put = store
            .block_account(eve, MailboxId::from_bytes(numbered(n)), FLOOD)
            .await?;
        assert!(matches!(put, BlockPut::Done(_)));
        Ok(())
    })
    .await;
    flood("gate keys", async |n| {
        assert_eq!(store.put_gate_key(gate_key(n)).await?, GateKeyPut::Done);
        Ok(())
    })
    .await;
    flood("registrations", async |n| {
        let new = Registration {
            batch: None,
            ..registration(&format!("mallory-{n}"), 9)
        };
        store.register(new).await
    })
    .await;
    flood("prekeys", async |n| {
        let published = Publication {
            mailbox: eve,
            signed_prekey: None,
            batch: Some(batch(u64::from(n) + 2, n, 1)),
            replace_one_time: false,
            max_one_time: FLOOD,
            now: NOW,
        };
        store.publish(published).await
    })
    .await;
    flood("successions", async |n| {
        let key = |n: u32| vec![u8::try_from(n % 200).unwrap() + 9; 2624];
        let change = IdentityChange {
            mailbox: eve,
            statement: PublishedSuccession {
                identity_key: key(n),
                payload: vec![1; 3000],
                signature: vec![2; 3000],
            },
            counter: u64::from(n) + 1,
            identity_key: key(n + 1),
            signed_prekey: spk(u64::from(n) + 2, 1),
            batch: None,
            token: registration("eve", 9).token,
            keep: u64::from(FLOOD),
        };
        assert_eq!(store.succeed(change).await?, IdentityChanged::Done);
        Ok(())
    })
    .await;
    flood("invitations", async |n| {
        let invite = NewInvite {
            hash: numbered(n),
            uses: NonZeroU32::MIN,
            expires: NOW.plus(std::time::Duration::from_secs(60)),
            now: NOW,
        };
        store.make_invite(invite).await
    })
    .await;
    flood("audit records", async |n| store.audit(vec![record(n); 20]).await).await;
    flood("what is shown", async |n| store.show(NOTHING, record(n)).await).await;
    flood("sends", async |n| {
        store.deposit(limited(u8::try_from(100 + n).unwrap())).await
    })
    .await;
    let kept = left(store).await;
    assert!((KEPT - ONE..=KEPT + ONE).contains(&kept), "{kept} pages are left");
    flood("plays", async |n| {
        assert_eq!(store.commit_play(play(n)).await?, Committed::Done);
        Ok(())
    })
    .await;
    let kept = left(store).await;
    assert!(
        (KEPT_BY_PLAYS - ONE..=KEPT_BY_PLAYS + ONE).contains(&kept),
        "{kept} pages are left"
    );
}

/// Each verb that writes is one of those above, or cannot use up what is kept.
#[test]
fn every_verb_that_writes_waits_for_room_or_takes_none() {
    let verbs = BTreeMap::from([
        ("admit", "flooded"),
        ("make_invite", "flooded"),
        ("succeed", "flooded"),
        ("publish", "flooded"),
        ("put_delivery_token", "flooded"),
        ("block_account", "flooded"),
        ("put_gate_key", "flooded"),
        ("commit_play", "flooded"),
        ("audit", "flooded"),
        ("show", "flooded"),
        ("relay_seed", "once"),
        ("revoke_invite", "the operator's, and a record of the audit log each"),
        ("release_name", "the operator's, and a record of the audit log each"),
        ("remove_account", "the operator's; removes far more than it notes"),
        ("put_token", "one row of an account, made with it and replaced"),
        ("acknowledge", "changes a row"),
        ("clear", "changes a row"),
        ("commit_fold", "replaces a state by one as long"),
        ("revoke", "changes a row and removes a share"),
        ("retire_gate_key", "changes a row"),
        ("take_bundle", "removes"),
        ("drop_token", "changes a row"),
        ("delete_delivery_token", "removes"),
        ("unblock_account", "removes"),
        ("confirm_play", "removes"),
        ("sweep_gate_keys", "removes"),
        ("sweep", "removes"),
    ]);
    // Sends are the writer's own (`send`), and flooded as well.
    let source = include_str!("../../src/store/sqlite/verbs.rs");
    let store = source.split("impl Store for Sqlite").nth(1).unwrap();
    let writing: Vec<&str> = store
        .split("\n    fn ")
        .filter(|verb| verb.contains("self.write("))
        .map(|verb| verb.split('(').next().unwrap())
        .collect();
    let mut known: Vec<&str> = verbs.keys().copied().collect();
    let mut found = writing.clone();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(
        found, known,
        "a verb that is new: put it behind refuse_growth and flood with it, or say why it takes no room"
    );
}

#[tokio::test]
async fn what_makes_no_room_leaves_what_emptying_a_full_database_takes() {
    let dir = TempDir::new().unwrap();
    let lock = File::create(dir.path().join("lock")).unwrap();
    let store = Sqlite::open(dir.path(), lock, Some(MOST), Arc::default()).unwrap();
    for (name, key) in [("bob", 8), ("eve", 9)] {
        store.register(registration(name, key)).await.unwrap();
    }
    let (bob, eve) = (mailbox("bob"), mailbox("eve"));
    store.put_delivery_token(eve, numbered(0), 1).await.unwrap();
    for nonce in 0..LICENSES {
        let sent = store.deposit(limited(nonce)).await;
        assert!(matches!(sent, Ok(Deposited::Done { .. })), "{sent:?}");
    }
    let first = MailboxId::from_bytes(numbered(0));
    store.block_account(eve, first, 1).await.unwrap();
    let mut stored = 0;
    while store.deposit(large(stored)).await.is_ok() {
        stored += 1;
        assert!(stored < 100, "the limit never came");
    }
    flood_with_everything(&store).await;
    // What is there already is not refused.
    let again = store.put_delivery_token(eve, numbered(0), FLOOD).await.unwrap();
    assert!(matches!(again, TokenPut::Done(_)));
    assert_eq!(store.block_account(eve, first, FLOOD).await.unwrap(), BlockPut::Done(1));

    // A sign-in, and all mail read one by one.
    let token = TokenRow {
        hash: [3; 32],
        expires: NOW,
    };
    store.put_token(bob, token, None).await.unwrap();
    for _ in 0..stored + u128::from(LICENSES) {
        let page = store.page(bob, 1, usize::MAX, NOW).await.unwrap().unwrap();
        let ack = Ack {
            incarnation: Incarnation(Uuid::from_u128(7)),
            sequence: page.envelopes[0].sequence,
        };
        store.acknowledge(bob, Some(ack), None).await.unwrap();
    }
    // As much room as the first time, but for what was flooded into it: two messages' worth.
    for id in 1000..1000 + stored - 3 {
        let sent = store.deposit(large(id)).await;
        assert!(matches!(sent, Ok(Deposited::Done { .. })), "{id}: {sent:?}");
    }
}
