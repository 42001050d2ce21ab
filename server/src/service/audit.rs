//! What goes into the audit log, and how often: nobody fills the disk with it.
//!
//! An event is in the log before its answer leaves, as long as the database may grow: where it may not, events are counted until it may. Beyond `SINGLY` an account's events are counted instead and written once a minute, as are failed
//! sign-ins, which anyone can cause; and of those counts a minute writes at most `MAX_COUNTS`.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;

use super::{
    Refusal, Result,
    rates::{Rate, Takings},
};
use crate::{
    clock::Clock,
    metrics::Metrics,
    model::MailboxId,
    store::{AuditEvent, AuditRecord, Store},
};

/// Events of one account that are written one by one; above what a person causes.
const SINGLY: &str = "60/h";
/// Counts that a minute writes; what concerns more accounts than that is put together under none.
const MAX_COUNTS: usize = 64;

/// The audit log.
pub struct Audit {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    singly: Takings,
    counts: Mutex<Counts>,
    metrics: Arc<Metrics>,
}

impl Audit {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            clock,
            singly: Takings::new(Rate::parse(SINGLY)),
            counts: Mutex::default(),
            metrics,
        }
    }

    /// Something happened to `mailbox`. Where there is no room for a record of it it is counted: what is done on a full disk, such as clearing a mailbox, has not failed.
    ///
    /// # Errors
    /// [`super::Refusal`] when the log cannot be written otherwise; what happened has happened, and repeating the request is harmless.
    pub async fn note(&self, event: AuditEvent, mailbox: MailboxId) -> Result<()> {
        if !self.singly.take(mailbox) {
            self.count(event, Some(mailbox));
            return Ok(());
        }
        let record = AuditRecord {
            at: self.clock.now(),
            event,
            mailbox: Some(mailbox),
            times: 1,
        };
        match self.write(vec![record]).await {
            Err(Refusal::StorageFull) => {
                self.count(event, Some(mailbox));
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn write(&self, records: Vec<AuditRecord>) -> Result<()> {
        self.store.audit(records).await.map_err(|error| {
            self.metrics.audit_failures.fetch_add(1, Ordering::Relaxed);
            Refusal::from(error)
        })?;
        Ok(())
    }

    /// Something happened that is only counted.
    pub(super) fn count(&self, event: AuditEvent, mailbox: Option<MailboxId>) {
        add(&mut self.counts.lock(), (event, mailbox), 1);
    }

    /// Writes the counts.
    ///
    /// # Errors
    /// [`super::Refusal`] when the log cannot be written; the counts are kept for the next time.
    pub async fn flush(&self) -> Result<()> {
        self.singly.purge();
        let counts = std::mem::take(&mut *self.counts.lock());
        if counts.is_empty() {
            return Ok(());
        }
        let at = self.clock.now();
        let records = counts.iter().map(|(&(event, mailbox), &times)| AuditRecord {
            at,
            event,
            mailbox,
            times,
        });
        if let Err(refusal) = self.write(records.collect()).await {
            let mut kept = self.counts.lock();
            for (key, times) in counts {
                add(&mut kept, key, times);
            }
            return Err(refusal);
        }
        Ok(())
    }
}

type Counts = BTreeMap<(AuditEvent, Option<MailboxId>), u64>;

/// Beyond [`MAX_COUNTS`] of them, what is new is counted under no account: however long they wait for room.
fn add(counts: &mut Counts, (event, mailbox): (AuditEvent, Option<MailboxId>), more: u64) {
    let key = if counts.len() < MAX_COUNTS || counts.contains_key(&(event, mailbox)) {
        (event, mailbox)
    } else {
        (event, None)
    };
    let times = counts.entry(key).or_default();
    *times = times.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_wait_for_room_are_bounded_and_none_is_lost() {
        let mut counts = Counts::new();
        for n in 0..200_u8 {
            for event in [AuditEvent::SignInFailed, AuditEvent::MailboxCleared] {
                add(&mut counts, (event, Some(MailboxId::from_bytes([n; 16]))), 3);
            }
        }
        assert_eq!(counts.len(), MAX_COUNTS + 2);
        assert_eq!(counts.values().sum::<u64>(), 200 * 2 * 3);
    }
}
