//! Invitations and released names.

use std::num::NonZeroU32;

use protocol::Timestamp;
use server::store::{
    Admission, InviteMade, MAX_INVITES, NewInvite, Registered, Registration, Released, Removal, Store,
};

use crate::rows::{NOW, batch, mailbox, registration};

fn invite(tag: u8, uses: u32, expires: u64) -> NewInvite {
    NewInvite {
        hash: [tag; 32],
        uses: NonZeroU32::new(uses).unwrap(),
        expires: Timestamp(expires),
        now: NOW,
    }
}

pub async fn doors(store: &dyn Store) {
    let later = NOW.as_millis() + 1;
    let by = async |registration: Registration, tag: u8| {
        let admission = Admission::Invited(Some([tag; 32]));
        store.admit(registration, admission).await
    };
    for _ in 0..2 {
        // The second time changes nothing: an errand may be done twice.
        assert_eq!(store.make_invite(invite(1, 1, later)).await.unwrap(), InviteMade::Done);
    }
    assert_eq!(store.totals().await.unwrap().audit.length, 1);
    // A registration that fails half way, after the use was taken: two one-time prekeys with one id.
    let mut broken = registration("dora", 3);
    let mut twice = batch(1, 0, 2);
    twice.entries[1].id = twice.entries[0].id;
    broken.batch = Some(twice);
    assert!(by(broken, 1).await.is_err());
    assert!(store.account(mailbox("dora")).await.unwrap().is_none());
    assert_eq!(by(registration("dora", 3), 1).await.unwrap(), Registered::Done);
    assert_eq!(by(registration("emil", 4), 1).await.unwrap(), Registered::InviteRefused);
    // One that ends at this moment has ended.
    store.make_invite(invite(2, 1, NOW.as_millis())).await.unwrap();
    assert_eq!(by(registration("emil", 4), 2).await.unwrap(), Registered::InviteRefused);
    let none = store.admit(registration("emil", 4), Admission::Invited(None)).await;
    assert_eq!(none.unwrap(), Registered::InviteMissing);
    let closed = store.admit(registration("emil", 4), Admission::Nobody).await;
    assert_eq!(closed.unwrap(), Registered::Closed);
    for admission in [Admission::Nobody, Admission::Invited(None)] {
        let again = store.admit(registration("dora", 3), admission).await;
        assert_eq!(again.unwrap(), Registered::Done, "she is there");
    }

    // So many and no more; the expired ones made room.
    for n in 0..MAX_INVITES {
        let mut one = invite(0, 1, later);
        one.hash[..8].copy_from_slice(&(n + 1).to_be_bytes());
        assert_eq!(store.make_invite(one).await.unwrap(), InviteMade::Done, "{n}");
    }
    assert_eq!(
        store.make_invite(invite(9, 1, later)).await.unwrap(),
        InviteMade::TooMany
    );

    let dora = mailbox("dora");
    assert_eq!(store.release_name(dora, NOW).await.unwrap(), Released::HasAccount);
    assert_eq!(store.remove_account(dora, NOW, 1).await.unwrap(), Removal::More);
    // While it goes it is neither here nor free.
    assert_eq!(store.release_name(dora, NOW).await.unwrap(), Released::HasAccount);
    while store.remove_account(dora, NOW, 1).await.unwrap() == Removal::More {}
    assert_eq!(
        store.register(registration("dora", 5)).await.unwrap(),
        Registered::NameTaken
    );
    assert_eq!(store.release_name(dora, NOW).await.unwrap(), Released::Done);
    assert_eq!(store.release_name(dora, NOW).await.unwrap(), Released::NotReserved);
    assert_eq!(store.register(registration("dora", 5)).await.unwrap(), Registered::Done);
}
