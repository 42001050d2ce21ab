//! Sends: which are repetitions, which fit, where each goes. Those that come together are one transaction, with their licenses and their receipts.

use std::collections::HashMap;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    Entry, Envelopes, RESERVE_PAGES,
    index::Usage,
    pages_left,
    rows::{self, New},
};
use crate::{
    model::{BodyDigest, Bytes32, MailboxId},
    store::{
        Deposit, Deposited, LicenseRow, LimitRow, Part, Result, StoreError,
        sqlite::{
            PAGE_BYTES,
            deposit_receipts::{Key, Receipt},
            licenses::{self, Planned},
            mail, mailbox_heads,
            totals::add_totals,
            writer::Sums,
        },
    },
};

/// A send that waits for its turn.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Sending {
    /// What is to be stored.
    pub deposit: Box<Deposit>,
    /// The idempotency key.
    pub key: Bytes32,
    /// [`rows::body_sum`] of the envelope.
    pub body_sum: u32,
    /// Who waits for it.
    pub reply: oneshot::Sender<Result<Deposited>>,
}

/// How a send went.
#[derive(Debug)]
pub(in crate::store::sqlite) struct Outcome {
    /// What is answered.
    pub answer: Result<Deposited>,
    /// Whether it was stored now, so that its recipient is to be woken.
    pub stored: bool,
}

#[derive(Debug)]
enum Plan {
    Settled(Result<Deposited>),
    /// As that other send of this batch, which has the same id; a conflict if its content is another.
    As(usize, bool),
    Stored(Entry),
}

/// What a batch has decided so far.
#[derive(Default)]
struct Batch {
    keys: HashMap<Key, (usize, BodyDigest)>,
    /// What it adds to each mailbox.
    added: HashMap<MailboxId, Usage>,
    receipts: Vec<(Key, Receipt)>,
    licenses: i64,
    /// Whether anything was written.
    writes: bool,
    /// Pages that the database may still grow by; none when it has no limit.
    pages: Option<u64>,
}

/// What became of a send with a license.
enum Limited {
    /// Nothing was stored.
    Refused(Deposited),
    /// Stored, with a license more or with one that was there.
    Stored { new_license: bool },
}

impl Envelopes {
    /// Stores what is to be stored of `tasks`: durable when this returns. An outcome for each. No transaction is open.
    pub fn store(&mut self, c: &Connection, tasks: &[Sending]) -> Vec<Outcome> {
        let outcomes = self.transaction(c, tasks).unwrap_or_else(|error| {
            let refused = |_| Outcome {
                answer: Err(error.clone()),
                stored: false,
            };
            tasks.iter().map(refused).collect()
        });
        if !c.is_autocommit()
            && let Err(error) = c.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be undone");
        }
        outcomes
    }

    fn transaction(&mut self, c: &Connection, tasks: &[Sending]) -> Result<Vec<Outcome>> {
        if let Some(most) = self.max_pages {
            let needed = tasks.iter().map(|task| pages_of(&task.deposit));
            self.make_room(c, most, RESERVE_PAGES + RECEIPT_PAGES + needed.sum::<u64>())?;
        }
        c.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut batch = Batch {
            pages: self.max_pages.map(|most| pages_left(c, most)).transpose()?,
            keys: HashMap::with_capacity(tasks.len()),
            added: HashMap::with_capacity(tasks.len()),
            receipts: Vec::with_capacity(tasks.len()),
            ..Batch::default()
        };
        let mut plans = Vec::with_capacity(tasks.len());
        let mut next_id = self.next_id;
        for (n, task) in tasks.iter().enumerate() {
            let plan = match self.plan(c, &mut batch, task, next_id) {
                Ok(plan) => plan,
                // A statement took the whole transaction down: all are told.
                Err(error) if c.is_autocommit() || matches!(error, StoreError::Damaged(_)) => return Err(error),
                Err(error) => Plan::Settled(Err(error)),
            };
            if let Plan::Stored(_) = plan {
                batch.keys.insert(short(&task.key), (n, task.deposit.digest));
                next_id += 1;
            }
            plans.push(plan);
        }
        if !batch.receipts.is_empty() {
            self.receipts.put(c, &batch.receipts)?;
        }
        if batch.licenses > 0 {
            let sums = Sums {
                licenses: batch.licenses,
                ..Sums::default()
            };
            add_totals(c, sums)?;
        }
        let end = if batch.writes || !batch.receipts.is_empty() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        c.prepare_cached(end)?.execute([])?;
        Ok(self.settle(batch, plans, tasks, next_id))
    }

    /// Everything is durable: now it is known, and answered.
    fn settle(&mut self, batch: Batch, plans: Vec<Plan>, tasks: &[Sending], next_id: u64) -> Vec<Outcome> {
        self.next_id = next_id;
        self.receipts.know(batch.receipts);
        let stored = plans.iter().zip(tasks).filter_map(|(plan, task)| match plan {
            Plan::Stored(entry) => Some((task.deposit.mailbox, *entry)),
            _ => None,
        });
        let stored: Vec<_> = stored.collect();
        if !stored.is_empty() {
            self.tight = false;
        }
        for (_, entry) in &stored {
            self.blocks.add(entry.id, entry.length, true);
        }
        let replaced = self.index.add(stored);
        self.bury(&replaced);
        let done = |n: usize| {
            tasks.get(n).map_or_else(
                || Err(StoreError::Fault("a send has no outcome".into())),
                |task| {
                    Ok(Deposited::Done {
                        stored_at: task.deposit.now,
                        expires: task.deposit.expires,
                    })
                },
            )
        };
        let outcome = |(n, plan)| match plan {
            Plan::Settled(answer) => Outcome { answer, stored: false },
            Plan::As(other, same) => Outcome {
                answer: if same { done(other) } else { Ok(Deposited::Conflict) },
                stored: false,
            },
            Plan::Stored(_) => Outcome {
                answer: done(n),
                stored: true,
            },
        };
        plans.into_iter().enumerate().map(outcome).collect()
    }

    fn plan(&mut self, c: &Connection, batch: &mut Batch, task: &Sending, id: u64) -> Result<Plan> {
        let d = &*task.deposit;
        let settled = |answer| Ok(Plan::Settled(Ok(answer)));
        let key = short(&task.key);
        if let Some((other, digest)) = batch.keys.get(&key).copied() {
            return Ok(Plan::As(other, digest == d.digest));
        }
        let Some(acked) = self.head(c, d.mailbox)? else {
            // Receipts outlive the account, so this comes first.
            return settled(Deposited::NoSuchMailbox);
        };
        if let Some(receipt) = self.receipts.get(c, &key, d.now)? {
            return settled(if receipt.digest == d.digest {
                Deposited::Done {
                    stored_at: receipt.stored_at,
                    expires: receipt.expires,
                }
            } else {
                Deposited::Conflict
            });
        }
        let size = d.envelope.as_bytes().len() as u64;
        batch.take_pages(d)?;
        let (there, added) = (
            self.index.usage(d.mailbox),
            batch.added.get(&d.mailbox).copied().unwrap_or_default(),
        );
        let (held, more) = (there.held[d.part as usize], added.held[d.part as usize]);
        let fits = held.count + more.count < d.quota.envelopes
            && (held.bytes + more.bytes).saturating_add(size) <= d.quota.bytes;
        let sequence = acked.max(there.last).max(added.last) + 1;
        let new = New {
            id,
            mailbox: d.mailbox,
            sequence,
            stored_at: d.now,
            expires: d.expires,
            part: d.part,
            body_sum: task.body_sum,
            body: d.envelope.as_bytes(),
        };
        let limited = match &d.license {
            _ if !fits && d.license.is_none() => Limited::Refused(Deposited::Full),
            None => {
                rows::insert(c, &new)?;
                Limited::Stored { new_license: false }
            }
            // Several statements: when one of them fails, the others' sends are not touched.
            Some(license) => savepoint(c, || with_license(c, d, license, fits, &new))?,
        };
        match limited {
            Limited::Refused(refusal) => {
                // Strangers are refused without a write: there may be many of them.
                if refusal == Deposited::Full && d.part == Part::Known {
                    mail::refuse(c, d.mailbox)?;
                    batch.writes = true;
                }
                return settled(refusal);
            }
            Limited::Stored { new_license } => batch.licenses += i64::from(new_license),
        }
        batch.writes = true;
        let entry = Entry {
            sequence,
            id,
            expires: d.expires,
            length: u32::try_from(size).unwrap_or(u32::MAX),
            part: d.part,
        };
        batch.added.insert(d.mailbox, added.and(&entry));
        batch.receipts.push((
            key,
            Receipt {
                digest: d.digest,
                stored_at: d.now,
                expires: d.expires,
                forget_at: d.forget_at,
            },
        ));
        Ok(Plan::Stored(entry))
    }
}

/// Pages that the receipts of a batch take, at most.
const RECEIPT_PAGES: u64 = 6;

/// Pages that a send takes, at most: its envelope, and with a license its share and its encrypted counter behind their pads, and the rows of both.
fn pages_of(d: &Deposit) -> u64 {
    let pages = |bytes: usize| bytes as u64 / u64::from(PAGE_BYTES) + 2;
    let license = d.license.as_ref().map_or(0, |license| match &license.limit {
        LimitRow::Counted(_) => 6,
        LimitRow::Oblivious(gate) => 8 + pages(gate.state.len()),
    });
    pages(d.envelope.as_bytes().len()) + license
}

impl Batch {
    /// A send takes its pages of what may still grow.
    fn take_pages(&mut self, d: &Deposit) -> Result<()> {
        let Some(left) = &mut self.pages else {
            return Ok(());
        };
        let needed = pages_of(d);
        if *left < RESERVE_PAGES + RECEIPT_PAGES + needed {
            return Err(StoreError::Full(
                "the database has grown to its limit, or to that of the disk".into(),
            ));
        }
        *left -= needed;
        Ok(())
    }
}

/// Runs statements that belong together; when one fails, none of them was.
fn savepoint<T>(c: &Connection, statements: impl FnOnce() -> Result<T>) -> Result<T> {
    c.prepare_cached("SAVEPOINT send")?.execute([])?;
    let outcome = statements();
    // A statement that took the whole transaction down took the savepoint along.
    if !c.is_autocommit() {
        let undo = if outcome.is_err() {
            "ROLLBACK TO send"
        } else {
            "RELEASE send"
        };
        let end = |sql| c.prepare_cached(sql)?.execute([]).map(drop);
        let ended = end(undo).and_then(|()| if outcome.is_err() { end("RELEASE send") } else { Ok(()) });
        if let Err(error) = ended {
            // What is left of it would be committed with the others' sends: none of them is stored.
            c.execute_batch("ROLLBACK")?;
            return Err(error.into());
        }
    }
    outcome
}

/// Stores an envelope with its license. `fits`: the mailbox has room for the envelope.
fn with_license(c: &Connection, d: &Deposit, license: &LicenseRow, fits: bool, new: &New<'_>) -> Result<Limited> {
    let refused = |refusal| Ok(Limited::Refused(refusal));
    let new_license = match licenses::plan(c, license, d.now)? {
        Planned::Conflict => return refused(Deposited::LicenseConflict),
        Planned::Expired => return refused(Deposited::LicenseExpired),
        Planned::NoSuchGateKey => return refused(Deposited::NoSuchGateKey),
        Planned::There => false,
        Planned::New => true,
    };
    if !fits || (new_license && mailbox_heads::licenses(c, d.mailbox, d.part)? >= d.quota.licenses) {
        return refused(Deposited::Full);
    }
    if new_license {
        mail::add_license(c, license, d.part)?;
    }
    rows::insert(c, new)?;
    Ok(Limited::Stored { new_license })
}

fn short(key: &Bytes32) -> Key {
    key.first_chunk().copied().unwrap_or_default()
}
