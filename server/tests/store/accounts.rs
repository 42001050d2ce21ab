//! Accounts: registration, sessions, prekeys, identities that take each other's place, removal.

use protocol::{Timestamp, succession::PublishedSuccession};
use server::{
    model::{CommitCounter, Incarnation},
    store::{
        Ack, Acked, Deposited, IdentityChange, IdentityChanged, KeyCounts, Publication, Published, Registered, Removal,
        Store, TokenPut, TokenRow, Totals,
    },
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::rows::{NOW, batch, deposit, done, mailbox, registration, spk};

/// The first part: accounts, keys, sessions.
pub async fn accounts(store: &dyn Store) {
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
            None,
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

/// Identities that take each other's place.
pub async fn identities(store: &dyn Store) {
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

/// An account that the operator removes while its owner's requests are under way: what they ask for meets no account, which is an answer and no fault.
pub async fn removed(store: &dyn Store) {
    let carol = mailbox("carol");
    for (id, to) in [(1, "bob"), (2, "carol")] {
        assert_eq!(store.deposit(deposit(to, id, b"mail")).await.unwrap(), done(NOW));
    }
    let incarnation = store.page(carol, 1, 1000, NOW).await.unwrap().unwrap().incarnation;
    assert_eq!(store.remove_account(carol, NOW, NOW, 256).await.unwrap(), Removal::Done);

    let ack = Ack {
        incarnation,
        sequence: 1,
    };
    for ack in [ack, Ack { sequence: 9, ..ack }] {
        let answer = store
            .acknowledge(carol, Some(ack), CommitCounter::new(5))
            .await
            .unwrap();
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
    assert_eq!(store.put_token(carol, session, None).await.unwrap(), None);
    assert_eq!(
        store.deposit(deposit("carol", 3, b"late")).await.unwrap(),
        Deposited::NoSuchMailbox
    );
    assert!(store.page(carol, 1, 1000, NOW).await.unwrap().is_none());
    assert_eq!(
        store.remove_account(carol, NOW, NOW, 256).await.unwrap(),
        Removal::NoSuchAccount
    );
    // Nobody else noticed.
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.accounts, totals.pending), (1, 1));
    assert_eq!(store.deposit(deposit("bob", 4, b"more")).await.unwrap(), done(NOW));
}
