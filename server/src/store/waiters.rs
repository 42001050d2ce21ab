//! Who is waiting for mail, and how they are told.
//!
//! A wait is registered before the mailbox is read, and the writer wakes after it has committed: what arrives in between is not missed.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::model::MailboxId;

/// At most this many waits on one mailbox: an account has one live device, and a connection that broke unnoticed may linger beside it.
const MAX_WAITS_A_MAILBOX: usize = 4;

#[derive(Debug, Default)]
struct Slot {
    notify: Arc<Notify>,
    waits: usize,
}

/// The waiting owners.
#[derive(Debug, Default)]
pub struct Waiters {
    slots: Mutex<HashMap<MailboxId, Slot>>,
}

impl Waiters {
    /// Registers a wait; none when too many wait on this mailbox already.
    #[must_use]
    pub fn wait(self: &Arc<Self>, mailbox: MailboxId) -> Option<Wait> {
        let mut slots = self.slots.lock();
        let slot = slots.entry(mailbox).or_default();
        if slot.waits >= MAX_WAITS_A_MAILBOX {
            return None;
        }
        slot.waits += 1;
        Some(Wait {
            wakes: Arc::clone(self),
            mailbox,
            notify: Arc::clone(&slot.notify),
        })
    }

    /// Wakes everyone who waits on the mailbox.
    pub fn wake(&self, mailbox: MailboxId) {
        if let Some(slot) = self.slots.lock().get(&mailbox) {
            slot.notify.notify_waiters();
        }
    }

    /// How many waits there are in all.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slots.lock().values().map(|slot| slot.waits).sum()
    }
}

/// A registered wait; dropping it ends it.
#[derive(Debug)]
pub struct Wait {
    wakes: Arc<Waiters>,
    mailbox: MailboxId,
    notify: Arc<Notify>,
}

impl Wait {
    /// The next wake-up, from now on: what comes into the mailbox after this and before the wait for it begins is not missed.
    #[must_use]
    pub fn armed(&self) -> Pin<Box<OwnedNotified>> {
        let mut wake = Box::pin(Arc::clone(&self.notify).notified_owned());
        wake.as_mut().enable();
        wake
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut slots = self.wakes.slots.lock();
        if let Some(slot) = slots.get_mut(&self.mailbox) {
            slot.waits -= 1;
            if slot.waits == 0 {
                slots.remove(&self.mailbox);
            }
        }
    }
}
