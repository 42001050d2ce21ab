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
    // The second time changes nothing: an errand may be done twice.
    for made in [InviteMade::Done, InviteMade::Before] {
        assert_eq!(store.make_invite(invite(1, 1, later)).await.unwrap(), made);
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
    // Nor is one that is used up, or was revoked.
    assert_eq!(
        store.make_invite(invite(1, 1, later)).await.unwrap(),
        InviteMade::Before
    );
    assert_eq!(by(registration("emil", 4), 1).await.unwrap(), Registered::InviteRefused);
    assert!(!store.revoke_invite([1; 32], NOW).await.unwrap(), "used up");
    assert_eq!(store.make_invite(invite(3, 1, later)).await.unwrap(), InviteMade::Done);
    assert!(store.revoke_invite([3; 32], NOW).await.unwrap());
    assert!(!store.revoke_invite([3; 32], NOW).await.unwrap(), "once");
    assert_eq!(
        store.make_invite(invite(3, 1, later)).await.unwrap(),
        InviteMade::Before
    );
    assert_eq!(by(registration("emil", 4), 3).await.unwrap(), Registered::InviteRefused);
    // One that ends at this moment has ended.
    let over = invite(2, 1, NOW.as_millis());
    assert_eq!(store.make_invite(over).await.unwrap(), InviteMade::Expired);
    assert_eq!(by(registration("emil", 4), 2).await.unwrap(), Registered::InviteRefused);
    let none = store.admit(registration("emil", 4), Admission::Invited(None)).await;
    assert_eq!(none.unwrap(), Registered::InviteMissing);
    let closed = store.admit(registration("emil", 4), Admission::Nobody).await;
    assert_eq!(closed.unwrap(), Registered::Closed);
    for admission in [Admission::Nobody, Admission::Invited(None)] {
        let again = store.admit(registration("dora", 3), admission).await;
        assert_eq!(again.unwrap(), Registered::Done, "she is there");
    }

    // So many and no more; those that are used up or revoked made room.
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
    let release = async |removed: Timestamp| store.release_name(dora, removed, NOW).await.unwrap();
    let remove = async |registered: Timestamp| store.remove_account(dora, registered, NOW, 1).await.unwrap();
    assert_eq!(release(NOW).await, Released::HasAccount);
    assert_eq!(remove(Timestamp(1)).await, Removal::NoSuchAccount, "another was meant");
    assert_eq!(remove(NOW).await, Removal::More);
    // While it goes it is neither here nor free.
    assert_eq!(release(NOW).await, Released::HasAccount);
    while remove(NOW).await == Removal::More {}
    assert_eq!(
        store.register(registration("dora", 5)).await.unwrap(),
        Registered::NameTaken
    );
    assert_eq!(release(Timestamp(1)).await, Released::NotReserved, "another was meant");
    assert_eq!(release(NOW).await, Released::Done);
    assert_eq!(release(NOW).await, Released::NotReserved);
    assert_eq!(store.register(registration("dora", 5)).await.unwrap(), Registered::Done);
}
