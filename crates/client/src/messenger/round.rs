//! What a round of receiving brings together for the front end: each thing said once, however often it comes.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::address::Address;
use protocol::identity::Fingerprint;
use protocol::party::Followed;

use crate::error::Error;
use crate::event::{Event, Flooder};

/// What a round found and told nobody of, because whoever waited for it went away half-way: a person pressed a key. The next round tells it.
#[derive(Clone, Debug, Default)]
pub(super) struct Untold(Arc<Mutex<Vec<Event>>>);

impl Untold {
    /// A round that begins with what is untold.
    pub(super) fn round(&self) -> Carried {
        let events = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Carried {
            round: Round {
                events,
                ..Round::default()
            },
            untold: self.clone(),
        }
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
        let mut untold = self.untold.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    pub(super) fn unreadable(&mut self, reason: &str) {
        self.unreadable += 1;
        self.first_reason.get_or_insert_with(|| reason.to_owned());
    }
}

/// Faults of the network and refusals wait for the next round; vault trouble does not.
pub(super) fn postpone(error: Error, round: &mut Round) -> Result<(), Error> {
    match error {
        Error::Vault(_) | Error::Randomness => Err(error),
        other => {
            round.events.push(Event::Postponed(other));
            Ok(())
        }
    }
}
