//! Envelopes and quotas; delivery tokens and the commit counter.

use protocol::Timestamp;
use server::{
    model::{CommitCounter, Incarnation, Sender},
    store::{Ack, Acked, BlockPut, Deposit, Deposited, Store, TokenPut, TokenRow},
};
use uuid::Uuid;

use crate::rows::{NOW, deposit, done, mailbox, read};

/// The second: envelopes.
pub async fn envelopes(store: &dyn Store) {
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
        Some(2)
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
pub async fn tokens(store: &dyn Store) {
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

    let counted = |counter: Option<u64>| counter.and_then(CommitCounter::new);
    let count = async |ack, counter| store.acknowledge(bob, ack, counted(counter)).await.unwrap();
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
    let far = 6 + CommitCounter::MAX_JUMP;
    assert_eq!(count(None, Some(far + 1)).await, Acked::CounterTooFar(6));
    assert_eq!(store.put_token(bob, session.clone(), None).await.unwrap(), Some(6));
    assert_eq!(count(None, Some(far)).await, read(0));
    let signed = store
        .put_token(bob, session.clone(), counted(Some(1 << 40)))
        .await
        .unwrap();
    assert_eq!(signed, Some(1 << 40));
    let lower = store.put_token(bob, session, counted(Some(7))).await.unwrap();
    assert_eq!(lower, Some(1 << 40));
}

/// Accounts that a mailbox blocks.
pub async fn blocks(store: &dyn Store) {
    let (bob, carol, mallory, eve) = (mailbox("bob"), mailbox("carol"), mailbox("mallory"), mailbox("eve"));
    assert!(!store.blocks(bob, mallory).await.unwrap());
    assert_eq!(
        store.knows_block(bob, mallory),
        Some(false),
        "read once, known from then on"
    );
    let block = async |of, account| store.block_account(of, account, 2).await.unwrap();
    assert_eq!(block(bob, mallory).await, BlockPut::Done(1));
    assert_ne!(store.knows_block(bob, mallory), Some(false), "changed since");
    assert!(store.blocks(bob, mallory).await.unwrap());
    assert_eq!(block(bob, mallory).await, BlockPut::Done(1));
    assert_eq!(block(bob, eve).await, BlockPut::Done(2));
    assert_eq!(block(bob, carol).await, BlockPut::TooMany);
    assert_eq!(block(bob, eve).await, BlockPut::Done(2));
    assert!(!store.blocks(mallory, bob).await.unwrap() && !store.blocks(carol, mallory).await.unwrap());
    assert_eq!(block(carol, mallory).await, BlockPut::NoSuchMailbox);
    assert_eq!(store.unblock_account(carol, mallory).await.unwrap(), None);
    assert_eq!(store.unblock_account(bob, mallory).await.unwrap(), Some(1));
    assert_ne!(store.knows_block(bob, mallory), Some(true));
    assert!(!store.blocks(bob, mallory).await.unwrap());
    assert_eq!(store.unblock_account(bob, mallory).await.unwrap(), Some(1));
}
