//! A database at its limit: what adds rows and makes no room leaves the pages that emptying it takes.

use std::{fs::File, sync::Arc};

use server::{
    model::{GateKeyId, Incarnation, MailboxId},
    store::{
        Ack, BlockPut, Deposit, Deposited, GateKeyPut, GateKeyQuota, GateKeyRow, NewGateKey, Quota, Store, StoreError,
        TokenPut, TokenRow, sqlite::Sqlite,
    },
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::rows::{NOW, deposit, mailbox, registration};

/// What the database may have.
const MOST: u64 = 4 << 20;
/// Far more than fits.
const FLOOD: u32 = 100_000;
const BODY: usize = 200_000;

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
    let first = MailboxId::from_bytes(numbered(0));
    store.block_account(eve, first, 1).await.unwrap();
    let mut stored = 0;
    while store.deposit(large(stored)).await.is_ok() {
        stored += 1;
        assert!(stored < 100, "the limit never came");
    }
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
    for _ in 0..stored {
        let page = store.page(bob, 1, usize::MAX, NOW).await.unwrap().unwrap();
        let ack = Ack {
            incarnation: Incarnation(Uuid::from_u128(7)),
            sequence: page.envelopes[0].sequence,
        };
        store.acknowledge(bob, Some(ack), None).await.unwrap();
    }
    // As much room as the first time, but for what was flooded into it.
    for id in 1000..1000 + stored - 1 {
        let sent = store.deposit(large(id)).await;
        assert!(matches!(sent, Ok(Deposited::Done { .. })), "{id}: {sent:?}");
    }
}
