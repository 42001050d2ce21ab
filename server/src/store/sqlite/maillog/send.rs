//! Sends: which are repetitions, which fit, where each goes.

use std::collections::HashMap;

use protocol::Timestamp;
use rusqlite::Connection;

use super::{
    Item, MailLog, Purpose,
    index::Usage,
    receipts::Receipt,
    record::{self, Key},
};
use crate::{
    model::{BodyDigest, Bytes32, MailboxId},
    store::{
        Deposited, Result, StoreError,
        sqlite::{
            licenses::{self, Planned},
            mail, rows, segments,
        },
        writer::{Outcome, Sending, Sums},
    },
};

/// The check that goes with an envelope into the log.
pub(in crate::store::sqlite) fn check(envelope: &[u8]) -> u32 {
    record::check(envelope)
}

enum Plan {
    Settled(Result<Deposited>),
    /// As that other send of this batch, which has the same id; a conflict if its content is another.
    As(usize, bool),
    Append(u64),
}

/// What a batch has decided so far.
#[derive(Default)]
struct Batch {
    plans: Vec<Plan>,
    keys: HashMap<Key, (usize, BodyDigest)>,
    /// What it adds to each mailbox.
    added: HashMap<MailboxId, Usage>,
    /// Those that need the database, whose transaction is open if there are any.
    rows: Vec<usize>,
    failed: Option<StoreError>,
    licenses: i64,
}

impl MailLog {
    /// Stores what is to be stored of `tasks`: durable when this returns. Whatever goes into the database with it (licenses, counts of refusals) is
    /// committed first; a crash in between leaves a license to which its message is still to come, and the repeated send finds it.
    pub(super) fn store(&mut self, c: &Connection, tasks: &[Sending]) -> Vec<Outcome> {
        let mut batch = Batch {
            plans: Vec::with_capacity(tasks.len()),
            keys: HashMap::with_capacity(tasks.len()),
            added: HashMap::with_capacity(tasks.len()),
            ..Batch::default()
        };
        for (n, task) in tasks.iter().enumerate() {
            let plan = self
                .plan(c, &mut batch, n, task)
                .unwrap_or_else(|error| Plan::Settled(Err(error)));
            if matches!(plan, Plan::Append(_)) {
                batch.keys.insert(short(&task.key), (n, task.deposit.digest));
            }
            batch.plans.push(plan);
        }
        batch.finish(c);
        let appended: Vec<(usize, Item<'_>)> = batch
            .plans
            .iter()
            .zip(tasks)
            .enumerate()
            .filter_map(|(n, (plan, task))| match plan {
                Plan::Append(sequence) => Some((n, item(task, *sequence))),
                _ => None,
            })
            .collect();
        let items: Vec<Item<'_>> = appended.iter().map(|(_, item)| *item).collect();
        let written = self.append(c, &items, Purpose::Keep);
        let mut stored: Vec<Option<Result<()>>> = vec![None; tasks.len()];
        for ((n, _), outcome) in appended.iter().zip(written) {
            if let Some(stored) = stored.get_mut(*n) {
                *stored = Some(outcome);
            }
        }
        let answer = |n: usize| match (stored.get(n).and_then(Option::as_ref), tasks.get(n)) {
            (Some(Ok(())), Some(task)) => Ok(Deposited::Done {
                stored_at: task.deposit.now,
                expires: task.deposit.expires,
            }),
            (Some(Err(error)), _) => Err(error.clone()),
            _ => Err(StoreError::Fault("a send has no outcome".into())),
        };
        let outcome = |(n, plan)| match plan {
            Plan::Settled(answer) => Outcome { answer, stored: false },
            // The other may have failed: then there is nothing that this one could repeat or contradict.
            Plan::As(other, same) => Outcome {
                answer: answer(other).map(|done| if same { done } else { Deposited::Conflict }),
                stored: false,
            },
            Plan::Append(_) => Outcome {
                answer: answer(n),
                stored: true,
            },
        };
        batch.plans.into_iter().enumerate().map(outcome).collect()
    }

    fn plan(&mut self, c: &Connection, batch: &mut Batch, n: usize, task: &Sending) -> Result<Plan> {
        let d = &*task.deposit;
        let key = short(&task.key);
        if let Some((other, digest)) = batch.keys.get(&key).copied() {
            return Ok(Plan::As(other, digest == d.digest));
        }
        if let Some(receipt) = self.receipt(c, &key, d.now)? {
            return Ok(Plan::Settled(Ok(match self.head(c, d.mailbox)? {
                // They outlive the account.
                None => Deposited::NoSuchMailbox,
                Some(_) if receipt.digest != d.digest => Deposited::Conflict,
                Some(_) => Deposited::Done {
                    stored_at: receipt.stored_at,
                    expires: receipt.expires,
                },
            })));
        }
        let license = match &d.license {
            None => None,
            Some(license) => {
                batch.begin(c, n)?;
                match licenses::plan(c, license, d.now)? {
                    Planned::Conflict => return Ok(Plan::Settled(Ok(Deposited::LicenseConflict))),
                    Planned::Expired => return Ok(Plan::Settled(Ok(Deposited::LicenseExpired))),
                    Planned::NoSuchGateKey => return Ok(Plan::Settled(Ok(Deposited::NoSuchGateKey))),
                    Planned::There => None,
                    Planned::New => Some(license),
                }
            }
        };
        let Some(last) = self.head(c, d.mailbox)? else {
            return Ok(Plan::Settled(Ok(Deposited::NoSuchMailbox)));
        };
        let size = d.envelope.as_bytes().len() as u64;
        let (there, added) = (self.index.usage(d.mailbox), batch.added.entry(d.mailbox).or_default());
        let mut fits = there.count + added.count < d.quota.envelopes
            && (there.bytes + added.bytes).saturating_add(size) <= d.quota.bytes;
        if let Some(license) = license
            && fits
        {
            fits = mail::licenses(c, d.mailbox)? < d.quota.licenses;
            if fits {
                mail::add_license(c, license)?;
                batch.licenses += 1;
            }
        }
        if !fits {
            batch.begin(c, n)?;
            mail::refuse(c, d.mailbox)?;
            return Ok(Plan::Settled(Ok(Deposited::Full)));
        }
        let sequence = last.max(there.last).max(added.last) + 1;
        *added = Usage {
            count: added.count + 1,
            bytes: added.bytes + size,
            last: sequence,
        };
        Ok(Plan::Append(sequence))
    }

    /// What is remembered of an earlier send with this key.
    fn receipt(&self, c: &Connection, key: &Key, now: Timestamp) -> Result<Option<Receipt>> {
        let recent = self.receipts.recent(key).filter(|receipt| receipt.forget_at > now);
        if recent.is_some() {
            return Ok(recent.copied());
        }
        let mut ranges = self.receipts.away(key).peekable();
        // One view of the database for all looks; each would take and give back its locks otherwise.
        let alone = ranges.peek().is_some() && c.is_autocommit();
        let _view = alone.then(|| c.unchecked_transaction()).transpose()?;
        for range in ranges {
            let found = segments::receipt(c, key, range, now)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The last sequence number of a mailbox, but for what waits in it; none when there is no such mailbox.
    fn head(&mut self, c: &Connection, mailbox: MailboxId) -> Result<Option<u64>> {
        if let Some(last) = self.heads.get(&mailbox) {
            return Ok(Some(*last));
        }
        let Some(last) = mail::last(c, mailbox)? else {
            return Ok(None);
        };
        if self.heads.len() >= super::HEADS {
            self.heads.clear();
        }
        self.heads.insert(mailbox, last);
        Ok(Some(last))
    }
}

impl Batch {
    /// Send number `n` needs the database.
    fn begin(&mut self, c: &Connection, n: usize) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if c.is_autocommit() {
            if !self.rows.is_empty() {
                // A statement took the whole transaction down: those before are told with this one.
                return Err(self.fail(StoreError::Fault("the transaction ended by itself".into())));
            }
            c.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        if self.rows.last() != Some(&n) {
            self.rows.push(n);
        }
        Ok(())
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.failed = Some(error.clone());
        error
    }

    /// Commits what went into the database. If that fails, none of the sends that needed it is stored.
    fn finish(&mut self, c: &Connection) {
        if self.rows.is_empty() {
            return;
        }
        // One that failed in the middle may have left half of itself in the transaction.
        let broken = self.rows.iter().find_map(|n| match self.plans.get(*n) {
            Some(Plan::Settled(Err(error))) => Some(error.clone()),
            _ => None,
        });
        let sums = Sums {
            licenses: self.licenses,
            ..Sums::default()
        };
        let outcome = match broken {
            Some(error) => Err(error),
            None => rows::add_totals(c, sums).and_then(|()| Ok(c.prepare_cached("COMMIT")?.execute([]).map(drop)?)),
        };
        if let Err(error) = outcome {
            if !c.is_autocommit()
                && let Err(error) = c.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a transaction could not be undone");
            }
            for n in &self.rows {
                if let Some(plan) = self.plans.get_mut(*n) {
                    *plan = Plan::Settled(Err(error.clone()));
                }
            }
        }
    }
}

fn short(key: &Bytes32) -> Key {
    key.first_chunk().copied().unwrap_or_default()
}

fn item(task: &Sending, sequence: u64) -> Item<'_> {
    let d = &*task.deposit;
    Item {
        mailbox: d.mailbox,
        sequence,
        stored_at: d.now,
        expires: d.expires,
        forget_at: d.forget_at,
        key: short(&task.key),
        digest: d.digest,
        check: task.check,
        envelope: d.envelope.as_bytes(),
    }
}
