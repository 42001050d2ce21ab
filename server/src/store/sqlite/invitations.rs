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
    store::{Admission, AuditEvent, AuditRecord, InviteMade, MAX_INVITES, NewInvite, Registered, Released, Result},
};

/// A life of a name has as many sequence numbers as no mailbox comes to: four billion. A new life begins at a multiple of that, and not right behind the last envelope, so that its
/// owner is not told how much mail the one before got. Two million lives stay within what JSON's numbers are exact to, 2^53.
const LIFE_BITS: u32 = 32;

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
        .prepare_cached("SELECT 1 FROM invite WHERE hash = ?1 AND uses > 0 AND expires > ?2")?
        .query_row(params![hash, time(now)], |_| Ok(()))
        .optional()?;
    Ok(holds.is_none().then_some(Registered::InviteRefused))
}

/// Takes one use of the invitation, in the transaction of the registration. Its row stays until it expires: so it is not made again by an errand that comes back.
pub(super) fn spend(c: &Connection, admission: Admission) -> Result<()> {
    if let Admission::Invited(Some(hash)) = admission {
        c.prepare_cached("UPDATE invite SET uses = uses - 1 WHERE hash = ?1 AND uses > 0")?
            .execute([hash])?;
    }
    Ok(())
}

pub(super) fn make_invite(c: &Connection, invite: &NewInvite) -> Result<InviteMade> {
    refuse_growth(c)?;
    if invite.expires <= invite.now {
        return Ok(InviteMade::Expired);
    }
    c.prepare_cached("DELETE FROM invite WHERE expires <= ?1")?
        .execute([time(invite.now)])?;
    if c.prepare_cached("SELECT 1 FROM invite WHERE hash = ?1")?
        .exists([invite.hash])?
    {
        return Ok(InviteMade::Before);
    }
    let count: u64 = c
        .prepare_cached("SELECT count(*) FROM invite WHERE uses > 0")?
        .query_row([], |row| number(row, 0))?;
    if count >= MAX_INVITES {
        return Ok(InviteMade::TooMany);
    }
    let uses = u64::from(invite.uses.get());
    c.prepare_cached("INSERT INTO invite (hash, uses, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![invite.hash, int(uses), time(invite.expires)])?;
    note(c, AuditEvent::InviteMade, None, uses, invite.now)?;
    Ok(InviteMade::Done)
}

/// Ends an invitation; like one that is used up it is remembered until it expires.
pub(super) fn revoke_invite(c: &Connection, hash: &Bytes32, now: Timestamp) -> Result<bool> {
    let left: Option<u64> = c
        .prepare_cached("SELECT uses FROM invite WHERE hash = ?1 AND uses > 0")?
        .query_row([hash], |row| number(row, 0))
        .optional()?;
    let Some(uses) = left else {
        return Ok(false);
    };
    c.prepare_cached("UPDATE invite SET uses = 0 WHERE hash = ?1")?
        .execute([hash])?;
    note(c, AuditEvent::InviteRevoked, None, uses, now)?;
    Ok(true)
}

/// Lets a name be registered anew. That mail of the account that had it is still to be erased, as on a disk that fails, is no reason to wait: the next mailbox begins behind it ([`next_life`]).
pub(super) fn release_name(c: &Connection, mailbox: MailboxId, removed: Timestamp, now: Timestamp) -> Result<Released> {
    let id = mailbox.as_bytes();
    let account = c
        .prepare_cached("SELECT 1 FROM account WHERE mailbox = ?1")?
        .query_row([id], |_| Ok(()))
        .optional()?;
    if account.is_some() {
        return Ok(Released::HasAccount);
    }
    let released = c
        .prepare_cached(
            "UPDATE removed_account SET released = 1 WHERE mailbox = ?1 AND removed_at = ?2 AND released = 0",
        )?
        .execute(params![id, time(removed)])?;
    if released == 0 {
        return Ok(Released::NotReserved);
    }
    note(c, AuditEvent::NameReleased, Some(mailbox), 1, now)?;
    Ok(Released::Done)
}

/// Behind which sequence number the mailbox of a new account begins. Of a name that was never used it is 0. Of one that was released it lies behind all that was ever stored there: an
/// envelope up to that number does not wait, whether it was erased or not.
pub(super) fn next_life(c: &Connection, mailbox: MailboxId) -> Result<u64> {
    let last: Option<u64> = c
        .prepare_cached("DELETE FROM removed_account WHERE mailbox = ?1 RETURNING last_seq")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))
        .optional()?;
    Ok(last.map_or(0, |last| ((last >> LIFE_BITS) + 1) << LIFE_BITS))
}

/// In the same transaction: the operator's acts are few, and repeating one after a crash would not note it any more.
pub(super) fn note(
    c: &Connection,
    event: AuditEvent,
    mailbox: Option<MailboxId>,
    times: u64,
    at: Timestamp,
) -> Result<()> {
    let record = AuditRecord {
        at,
        event,
        mailbox,
        times,
    };
    audit::append(c, &[record]).map(drop)
}
