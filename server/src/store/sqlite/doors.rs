//! Invitations, and names of removed accounts.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    audit,
    envelopes::refuse_growth,
    rows::{int, number, time},
};
use crate::{
    model::{Bytes32, MailboxId},
    store::{
        Admission, AuditEvent, AuditRecord, InviteMade, MAX_INVITES, NewInvite, Registered, Released, Result,
        StoreError,
    },
};

/// Whether someone new may claim a name. Changes nothing: until the name is known to be free, nothing is spent ([`spend`]).
pub(super) fn refuse(c: &Connection, admission: Admission, now: Timestamp) -> Result<Option<Registered>> {
    let hash = match admission {
        Admission::Anyone => return Ok(None),
        Admission::Nobody => return Ok(Some(Registered::Closed)),
        Admission::Invited(None) => return Ok(Some(Registered::InviteMissing)),
        Admission::Invited(Some(hash)) => hash,
    };
    // Found by its hash: how long that takes says nothing of the code.
    let holds = c
        .prepare_cached("SELECT 1 FROM invite WHERE hash = ?1 AND expires > ?2")?
        .query_row(params![hash, time(now)], |_| Ok(()))
        .optional()?;
    Ok(holds.is_none().then_some(Registered::InviteRefused))
}

/// Takes one use of the invitation, in the transaction of the registration.
pub(super) fn spend(c: &Connection, admission: Admission) -> Result<()> {
    if let Admission::Invited(Some(hash)) = admission {
        let last = c
            .prepare_cached("DELETE FROM invite WHERE hash = ?1 AND uses = 1")?
            .execute([hash])?;
        if last == 0 {
            c.prepare_cached("UPDATE invite SET uses = uses - 1 WHERE hash = ?1")?
                .execute([hash])?;
        }
    }
    Ok(())
}

pub(super) fn make_invite(c: &Connection, invite: &NewInvite) -> Result<InviteMade> {
    refuse_growth(c)?;
    c.prepare_cached("DELETE FROM invite WHERE expires <= ?1")?
        .execute([time(invite.now)])?;
    let count: u64 = c
        .prepare_cached("SELECT count(*) FROM invite WHERE hash <> ?1")?
        .query_row([invite.hash], |row| number(row, 0))?;
    if count >= MAX_INVITES {
        return Ok(InviteMade::TooMany);
    }
    let uses = u64::from(invite.uses.get());
    let new = c
        .prepare_cached("INSERT OR IGNORE INTO invite (hash, uses, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![invite.hash, int(uses), time(invite.expires)])?;
    if new > 0 {
        note(c, AuditEvent::InviteMade, None, uses, invite.now)?;
    }
    Ok(InviteMade::Done)
}

pub(super) fn revoke_invite(c: &Connection, hash: &Bytes32, now: Timestamp) -> Result<bool> {
    let left: Option<u64> = c
        .prepare_cached("DELETE FROM invite WHERE hash = ?1 RETURNING uses")?
        .query_row([hash], |row| number(row, 0))
        .optional()?;
    if let Some(uses) = left {
        note(c, AuditEvent::InviteRevoked, None, uses, now)?;
    }
    Ok(left.is_some())
}

pub(super) fn release_name(c: &Connection, mailbox: MailboxId, now: Timestamp) -> Result<Released> {
    let id = mailbox.as_bytes();
    let account = c
        .prepare_cached("SELECT 1 FROM account WHERE mailbox = ?1")?
        .query_row([id], |_| Ok(()))
        .optional()?;
    if account.is_some() {
        return Ok(Released::HasAccount);
    }
    // What was addressed to it is erased within moments, or, on a disk that fails, not yet: the next one who has the name would be given it.
    if c.prepare_cached("SELECT 1 FROM envelope WHERE mailbox = ?1")?
        .exists([id])?
    {
        return Err(StoreError::Busy);
    }
    let reserved = c
        .prepare_cached("DELETE FROM removed_account WHERE mailbox = ?1")?
        .execute([id])?;
    if reserved == 0 {
        return Ok(Released::NotReserved);
    }
    note(c, AuditEvent::NameReleased, Some(mailbox), 1, now)?;
    Ok(Released::Done)
}

/// In the same transaction: the operator's acts are few, and repeating one after a crash would not note it any more.
fn note(c: &Connection, event: AuditEvent, mailbox: Option<MailboxId>, times: u64, at: Timestamp) -> Result<()> {
    let record = AuditRecord {
        at,
        event,
        mailbox,
        times,
    };
    audit::append(c, &[record]).map(drop)
}
