//! Accounts, prekeys, sessions.

use protocol::{
    Timestamp,
    address::UserName,
    prekey::{PublishedOneTime, PublishedSignedPreKey},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::envelopes::refuse_growth;
use super::identities::successions;
use super::mail::raise_counter;
use super::rows::{array, damaged, int, number, time, timestamp};
use super::totals::add_totals;
use super::writer::Sums;
use crate::store::sqlite::invitations;
use crate::{
    model::{Bytes32, CommitCounter, MailboxId},
    store::{
        AccountRow, Admission, BatchRow, BundleRow, KeyCounts, Publication, Published, Registered, Registration,
        Result, Seed, SignedPreKeyRow, TokenRow,
    },
};

/// Bytes of one node of a Merkle path.
const NODE: usize = 64;

pub(super) fn relay_seed(c: &Connection, fresh: Seed) -> Result<Seed> {
    let stored: Option<Vec<u8>> = c.query_row("SELECT identity_seed FROM relay WHERE one = 1", [], |row| row.get(0))?;
    if let Some(stored) = stored.map(Zeroizing::new) {
        let seed: [u8; 64] = stored.as_slice().try_into().map_err(|_| damaged("the relay's seed"))?;
        return Ok(Zeroizing::new(seed));
    }
    c.execute("UPDATE relay SET identity_seed = ?1 WHERE one = 1", [&fresh[..]])?;
    Ok(fresh)
}

pub(super) fn register(c: &Connection, r: &Registration, admission: Admission) -> Result<Registered> {
    let id = r.mailbox.as_bytes();
    let known: Option<Vec<u8>> = c
        .prepare_cached("SELECT identity_key FROM account WHERE mailbox = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let removed = c
        .prepare_cached("SELECT 1 FROM removed_account WHERE mailbox = ?1 AND released = 0")?
        .query_row([id], |_| Ok(()))
        .optional()?;
    let is_owner = removed.is_none() && known.as_ref() == Some(&r.identity_key);
    // Before the name is looked at: who is not admitted learns nothing of names.
    if !is_owner && let Some(refused) = invitations::refuse(c, admission, r.now)? {
        return Ok(refused);
    }
    if removed.is_some() {
        return Ok(Registered::NameTaken);
    }
    match known {
        Some(_) if !is_owner => return Ok(Registered::NameTaken),
        Some(_) => {
            // The answer to an earlier registration was lost. What it published stays; what is newer is taken as well.
            for (signed_prekey, batch) in [(Some(r.signed_prekey.clone()), None), (None, r.batch.clone())] {
                publish(
                    c,
                    &Publication {
                        mailbox: r.mailbox,
                        signed_prekey,
                        batch,
                        replace_one_time: false,
                        max_one_time: r.max_one_time,
                        now: r.now,
                    },
                )?;
            }
        }
        None => {
            refuse_growth(c)?;
            invitations::spend(c, admission)?;
            let spk = &r.signed_prekey;
            c.prepare_cached(
                "INSERT INTO account (mailbox, user_name, identity_key, spk_payload, spk_signature, spk_id, spk_seq, spk_expires,
                 created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id,
                r.user.as_str(),
                r.identity_key,
                spk.published.payload,
                spk.published.signature,
                spk.id,
                int(spk.seq),
                time(spk.expires),
                time(r.now)
            ])?;
            let begins = invitations::next_life(c, r.mailbox)?;
            c.prepare_cached("INSERT INTO mailbox (mailbox, incarnation, acked_seq) VALUES (?1, ?2, ?3)")?
                .execute(params![id, r.incarnation.0.as_bytes(), int(begins)])?;
            if let Some(batch) = &r.batch {
                put_batch(c, r.mailbox, batch)?;
            }
            let one_more = Sums {
                accounts: 1,
                ..Sums::default()
            };
            add_totals(c, one_more)?;
        }
    }
    put_token(c, r.mailbox, &r.token, None)?;
    Ok(Registered::Done)
}

pub(super) fn account(c: &Connection, mailbox: MailboxId) -> Result<Option<AccountRow>> {
    let row = c
        .prepare_cached("SELECT user_name, identity_key FROM account WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(name, identity_key)| {
        Ok(AccountRow {
            user: UserName::parse(&name).map_err(|_| damaged("a user name"))?,
            identity_key,
        })
    })
    .transpose()
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Freshness {
    Newer,
    Same,
    Older,
}

fn newer_signed_prekey(c: &Connection, mailbox: MailboxId, spk: &SignedPreKeyRow) -> Result<Freshness> {
    let (seq, payload): (u64, Vec<u8>) = c
        .prepare_cached("SELECT spk_seq, spk_payload FROM account WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| Ok((number(row, 0)?, row.get(1)?)))?;
    // Signatures are randomised: the same prekey signed again is the same prekey.
    Ok(match spk.seq.cmp(&seq) {
        std::cmp::Ordering::Greater => Freshness::Newer,
        std::cmp::Ordering::Equal if payload == spk.published.payload => Freshness::Same,
        _ => Freshness::Older,
    })
}

fn newer_batch(c: &Connection, mailbox: MailboxId, batch: &BatchRow) -> Result<Freshness> {
    let highest: i64 = c
        .prepare_cached("SELECT batch_seq FROM account WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| row.get(0))?;
    if int(batch.seq) != highest {
        return Ok(if int(batch.seq) > highest {
            Freshness::Newer
        } else {
            Freshness::Older
        });
    }
    let payload: Option<Vec<u8>> = c
        .prepare_cached("SELECT payload FROM batch WHERE mailbox = ?1 AND seq = ?2")?
        .query_row(params![mailbox.as_bytes(), highest], |row| row.get(0))
        .optional()?;
    Ok(if payload.as_ref() == Some(&batch.payload) {
        Freshness::Same
    } else {
        Freshness::Older
    })
}

pub(super) fn put_signed_prekey(c: &Connection, mailbox: MailboxId, spk: &SignedPreKeyRow) -> Result<()> {
    c.prepare_cached(
        "UPDATE account SET spk_payload = ?2, spk_signature = ?3, spk_id = ?4, spk_seq = ?5, spk_expires = ?6 WHERE mailbox = ?1",
    )?
    .execute(params![
        mailbox.as_bytes(),
        spk.published.payload,
        spk.published.signature,
        spk.id,
        int(spk.seq),
        time(spk.expires)
    ])?;
    Ok(())
}

pub(super) fn put_batch(c: &Connection, mailbox: MailboxId, batch: &BatchRow) -> Result<()> {
    refuse_growth(c)?;
    let id = mailbox.as_bytes();
    // An empty batch is kept only while it is the latest, to recognise its repetition.
    c.prepare_cached("DELETE FROM batch WHERE mailbox = ?1 AND remaining = 0")?
        .execute([id])?;
    c.prepare_cached("UPDATE account SET batch_seq = ?2 WHERE mailbox = ?1")?
        .execute(params![id, int(batch.seq)])?;
    c.prepare_cached(
        "INSERT INTO batch (mailbox, seq, payload, signature, expires, remaining) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id,
        int(batch.seq),
        batch.payload,
        batch.signature,
        time(batch.expires),
        int(batch.entries.len() as u64)
    ])?;
    let mut insert =
        c.prepare_cached("INSERT INTO one_time (mailbox, seq, id, key, path) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for entry in &batch.entries {
        insert.execute(params![id, int(batch.seq), entry.id, entry.key, entry.path.concat()])?;
    }
    Ok(())
}

fn drop_one_time(c: &Connection, mailbox: MailboxId) -> Result<()> {
    let id = mailbox.as_bytes();
    c.prepare_cached("DELETE FROM one_time WHERE mailbox = ?1")?
        .execute([id])?;
    c.prepare_cached("UPDATE batch SET remaining = 0 WHERE mailbox = ?1")?
        .execute([id])?;
    Ok(())
}

pub(super) fn publish(c: &Connection, p: &Publication) -> Result<Published> {
    if key_counts(c, p.mailbox, p.now)?.is_none() {
        return Ok(Published::NoSuchAccount);
    }
    // Everything is judged before anything is changed: a refusal leaves both halves alone.
    let spk = p
        .signed_prekey
        .as_ref()
        .map(|spk| newer_signed_prekey(c, p.mailbox, spk))
        .transpose()?;
    let batch = p
        .batch
        .as_ref()
        .map(|batch| newer_batch(c, p.mailbox, batch))
        .transpose()?;
    if spk == Some(Freshness::Older) || batch == Some(Freshness::Older) {
        return Ok(Published::Stale);
    }
    // A repetition of a batch must not drop that batch itself.
    let replace = p.replace_one_time && batch != Some(Freshness::Same);
    if let (Some(new), Some(Freshness::Newer)) = (&p.batch, batch) {
        let kept: u64 = if replace {
            0
        } else {
            c.prepare_cached("SELECT coalesce(sum(remaining), 0) FROM batch WHERE mailbox = ?1")?
                .query_row([p.mailbox.as_bytes()], |row| number(row, 0))?
        };
        if kept + new.entries.len() as u64 > u64::from(p.max_one_time) {
            return Ok(Published::TooMany);
        }
    }
    if let (Some(new), Some(Freshness::Newer)) = (&p.signed_prekey, spk) {
        put_signed_prekey(c, p.mailbox, new)?;
    }
    if replace {
        drop_one_time(c, p.mailbox)?;
    }
    if let (Some(new), Some(Freshness::Newer)) = (&p.batch, batch) {
        put_batch(c, p.mailbox, new)?;
    }
    Ok(key_counts(c, p.mailbox, p.now)?.map_or(Published::NoSuchAccount, Published::Done))
}

pub(super) fn key_counts(c: &Connection, mailbox: MailboxId, now: Timestamp) -> Result<Option<KeyCounts>> {
    let counts = c
        .prepare_cached(
            "SELECT spk_id, spk_expires, (SELECT coalesce(sum(remaining), 0) FROM batch WHERE batch.mailbox = ?1 AND expires > ?2)
             FROM account WHERE mailbox = ?1",
        )?
        .query_row(params![mailbox.as_bytes(), time(now)], |row| {
            Ok(KeyCounts {
                signed_prekey_id: row.get(0)?,
                signed_prekey_expires: timestamp(row, 1)?,
                one_time_left: number(row, 2)?,
            })
        })
        .optional()?;
    Ok(counts)
}

pub(super) fn take_bundle(
    c: &Connection,
    mailbox: MailboxId,
    now: Timestamp,
    one_time: bool,
) -> Result<Option<BundleRow>> {
    let id = mailbox.as_bytes();
    let account = c
        .prepare_cached("SELECT identity_key, spk_payload, spk_signature FROM account WHERE mailbox = ?1")?
        .query_row([id], |row| {
            Ok((
                row.get(0)?,
                PublishedSignedPreKey {
                    payload: row.get(1)?,
                    signature: row.get(2)?,
                },
            ))
        })
        .optional()?;
    let Some((identity_key, signed_prekey)) = account else {
        return Ok(None);
    };
    let one_time = c
        .prepare_cached(
            "SELECT batch.seq, one_time.id, key, path, payload, signature FROM one_time JOIN batch USING (mailbox, seq)
             WHERE mailbox = ?1 AND expires > ?2 AND ?3 ORDER BY batch.seq, one_time.id LIMIT 1",
        )?
        .query_row(params![id, time(now), one_time], |row| {
            let path: Vec<u8> = row.get(3)?;
            let one_time = PublishedOneTime {
                id: row.get(1)?,
                key: row.get(2)?,
                path: path.chunks(NODE).map(<[u8]>::to_vec).collect(),
                payload: row.get(4)?,
                signature: row.get(5)?,
            };
            Ok((row.get::<_, i64>(0)?, one_time))
        })
        .optional()?;
    if let Some((seq, one_time)) = &one_time {
        c.prepare_cached("DELETE FROM one_time WHERE mailbox = ?1 AND seq = ?2 AND id = ?3")?
            .execute(params![id, seq, one_time.id])?;
        c.prepare_cached("UPDATE batch SET remaining = remaining - 1 WHERE mailbox = ?1 AND seq = ?2")?
            .execute(params![id, seq])?;
    }
    Ok(Some(BundleRow {
        identity_key,
        signed_prekey,
        one_time: one_time.map(|(_, one_time)| one_time),
        successions: successions(c, mailbox)?,
    }))
}

pub(super) fn put_token(
    c: &Connection,
    mailbox: MailboxId,
    token: &TokenRow,
    counter: Option<CommitCounter>,
) -> Result<Option<u64>> {
    if let Some(counter) = counter {
        raise_counter(c, mailbox, counter)?;
    }
    let commit_counter = c
        .prepare_cached("SELECT commit_counter FROM mailbox WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| number(row, 0))
        .optional()?;
    if commit_counter.is_some() {
        c.prepare_cached("INSERT OR REPLACE INTO token (mailbox, hash, expires) VALUES (?1, ?2, ?3)")?
            .execute(params![mailbox.as_bytes(), token.hash, time(token.expires)])?;
    }
    Ok(commit_counter)
}

pub(super) fn token(c: &Connection, mailbox: MailboxId) -> Result<Option<TokenRow>> {
    let token = c
        .prepare_cached("SELECT hash, expires FROM token WHERE mailbox = ?1")?
        .query_row([mailbox.as_bytes()], |row| {
            Ok(TokenRow {
                hash: array(row, 0)?,
                expires: timestamp(row, 1)?,
            })
        })
        .optional()?;
    Ok(token)
}

pub(super) fn drop_token(c: &Connection, mailbox: MailboxId, hash: &Bytes32) -> Result<()> {
    // The row stays: where a full database takes no more, its owner signs in all the same, to fetch what waits.
    c.prepare_cached("UPDATE token SET hash = zeroblob(32), expires = 0 WHERE mailbox = ?1 AND hash = ?2")?
        .execute(params![mailbox.as_bytes(), hash])?;
    Ok(())
}
