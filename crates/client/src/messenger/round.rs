//! What a round of receiving brings together for the front end: each thing said once, however often it comes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::address::Address;
use protocol::identity::Fingerprint;
use protocol::party::Followed;

use crate::clock::ClockOff;
use crate::error::Error;
use crate::event::{Event, Flooder};
use crate::vault::MessageId;

/// What a round found and told nobody of, because whoever waited for it went away half-way: a person pressed a key. The next round tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Untold(Arc<Mutex<Vec<Event>>>);

impl Untold {
    /// A round that begins with what is untold.
    pub(super) fn round(&self) -> Carried {
        let events = std::mem::take(&mut *self.0.lock());
        Carried {
            round: Round {
                events,
                ..Round::default()
            },
            untold: self.clone(),
        }
    }

    /// To be told with what is told next.
    pub(super) fn keep(&self, event: Event) {
        self.0.lock().push(event);
    }

    /// What is of this kind, to be told now. The rest stays for the next round.
    pub(super) fn take(&self, kind: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut untold = self.0.lock();
        let (taken, left) = std::mem::take(&mut *untold).into_iter().partition(kind);
        *untold = left;
        taken
    }

    /// The messages of ours that were refused, to be told now.
    pub(super) fn take_refused(&self) -> Vec<Event> {
        self.take(|event| matches!(event, Event::Undeliverable { .. }))
    }

    /// That a message was refused is told in another way.
    pub(super) fn forget_refused(&self, message: MessageId) {
        self.0
            .lock()
            .retain(|event| !matches!(event, Event::Undeliverable { id, .. } if *id == message));
    }
}

/// A round whose events are taken out at its end, or else are left to the next.
#[derive(Debug)]
pub(super) struct Carried {
    round: Round,
    untold: Untold,
}

impl Deref for Carried {
    type Target = Round;

    fn deref(&self) -> &Round {
        &self.round
    }
}

impl DerefMut for Carried {
    fn deref_mut(&mut self) -> &mut Round {
        &mut self.round
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        let mut untold = self.untold.0.lock();
        untold.append(&mut self.round.events);
    }
}

/// What a page brought, besides events.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) events: Vec<Event>,
    /// Somebody used up keys of ours.
    pub(super) keys_used: bool,
    /// Something was forgotten that shall not stay in the write-ahead log.
    pub(super) forgot: bool,
    pub(super) unreadable: u64,
    pub(super) first_reason: Option<String>,
}

impl Round {
    /// What another page brought.
    pub(super) fn add(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::IdentityChanged { peer, offered } => self.identity_changed(peer, offered),
                Event::QuarantineDropped { peer, count } => self.dropped(&peer, count),
                Event::TooEarly {
                    peer,
                    kept,
                    dropped,
                    clock,
                } => self.too_early(&peer, kept, dropped, clock),
                Event::IdentityForked { peer } => self.followed(&peer, Followed::Forked),
                other => self.events.push(other),
            }
        }
    }

    /// Said once a round, however much comes.
    pub(super) fn identity_changed(&mut self, peer: Address, offered: Fingerprint) {
        let said = |event: &Event| matches!(event, Event::IdentityChanged { peer: known, .. } if *known == peer);
        if !self.events.iter().any(said) {
            self.events.push(Event::IdentityChanged { peer, offered });
        }
    }

    /// Some more messages of a sender were refused at the relay.
    pub(super) fn flooded(&mut self, by: Flooder, more: u64) {
        for event in &mut self.events {
            if let Event::Flooded { by: known, times } = event
                && *known == by
            {
                *times = times.saturating_add(more);
                return;
            }
        }
        self.events.push(Event::Flooded { by, times: more });
    }

    /// Some more of a peer's envelopes are gone from quarantine, or never got in.
    pub(super) fn dropped(&mut self, peer: &Address, more: u64) {
        for event in &mut self.events {
            if let Event::QuarantineDropped { peer: known, count } = event
                && known == peer
            {
                *count += more;
                return;
            }
        }
        self.events.push(Event::QuarantineDropped {
            peer: peer.clone(),
            count: more,
        });
    }

    /// Some more of a peer's envelopes are dated ahead.
    pub(super) fn too_early(&mut self, peer: &Address, more_kept: u64, more_dropped: u64, off: Option<ClockOff>) {
        for event in &mut self.events {
            if let Event::TooEarly {
                peer: known,
                kept,
                dropped,
                ..
            } = event
                && known == peer
            {
                *kept += more_kept;
                *dropped += more_dropped;
                return;
            }
        }
        self.events.push(Event::TooEarly {
            peer: peer.clone(),
            kept: more_kept,
            dropped: more_dropped,
            clock: off,
        });
    }

    /// What another page, or the quarantine, brought, with what is remembered besides events.
    pub(super) fn merge(&mut self, mut brought: Self) {
        self.add(std::mem::take(&mut brought.events));
        self.keys_used |= brought.keys_used;
        self.forgot |= brought.forgot;
        self.unreadable += brought.unreadable;
        self.first_reason = self.first_reason.take().or(brought.first_reason);
    }

    /// Says how many envelopes could not be opened, and why the first could not.
    pub(super) fn say_unreadable(&mut self) {
        let count = std::mem::take(&mut self.unreadable);
        if count > 0 {
            let reason = self.first_reason.take().unwrap_or_default();
            self.events.push(Event::Unreadable { count, reason });
        }
    }

    pub(super) fn unreadable(&mut self, reason: &str) {
        self.unreadable += 1;
        self.first_reason.get_or_insert_with(|| reason.to_owned());
    }
}

/// Faults of the network and refusals wait for the next round; vault trouble does not.
pub(super) fn postpone(error: Error, round: &mut Round) -> Result<(), Error> {
    match error.on_the_way() {
        error @ (Error::Vault(_) | Error::Randomness) => Err(error),
        other => {
            round.events.push(Event::Postponed(other));
            Ok(())
        }
    }
}
