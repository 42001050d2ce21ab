//! Envelopes that wait for the user's decision about a changed identity. Bounded in number, size and time; what is dropped is reported.

use std::time::Duration;

use protocol::Timestamp;
use protocol::address::Address;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::Messenger;
use crate::messenger::round::Round;
use crate::vault::{Entry, Kind, Quarantined};

/// What may wait for a decision about changed identities (the specification's numbers).
const MAX_QUARANTINED: usize = 256;
const MAX_QUARANTINED_BYTES: usize = 4 * 1024 * 1024;
const QUARANTINE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What still fits into quarantine.
#[derive(Clone, Copy, Debug)]
pub(in crate::messenger) struct Room {
    envelopes: usize,
    bytes: usize,
}

impl Room {
    pub(in crate::messenger) fn take(&mut self, length: usize) -> bool {
        if self.envelopes == 0 || self.bytes < length {
            return false;
        }
        self.envelopes -= 1;
        self.bytes -= length;
        true
    }
}

impl Messenger {
    /// Opens what waited for the decision about `peer`.
    pub(in crate::messenger) fn release_quarantine(&mut self, peer: &Address) -> Result<Vec<Event>, Error> {
        let waiting: Vec<Entry<Quarantined>> = self
            .vault
            .list::<Quarantined>()?
            .into_iter()
            .filter(|entry| entry.record.peer == *peer)
            .collect();
        let round = self.transact(|scope| {
            let mut round = Round::default();
            for entry in &waiting {
                scope.tx.delete::<Quarantined>(&entry.key)?;
                // What is still undecided (a third identity) goes back to where it was.
                let mut room = Room {
                    envelopes: 1,
                    bytes: entry.record.envelope.len(),
                };
                scope.open(&entry.record.envelope, &mut room, &mut round)?;
            }
            Ok(round)
        })?;
        if round.forgot {
            self.vault.compact()?;
        }
        Ok(round.events)
    }

    /// The pinned identity stays: what waited of it is opened, what waited of others is gone.
    pub(in crate::messenger) fn refuse_quarantine(&mut self, peer: &Address) -> Result<Vec<Event>, Error> {
        let waiting = self.vault.list::<Quarantined>()?;
        let mut round = self.transact(|scope| {
            let mut round = Round::default();
            scope.party.reject_identity(peer);
            for entry in waiting.iter().filter(|entry| entry.record.peer == *peer) {
                scope.tx.delete::<Quarantined>(&entry.key)?;
                let mut full = Room { envelopes: 0, bytes: 0 };
                scope.open(&entry.record.envelope, &mut full, &mut round)?;
                // What is of another identity is that offer again.
                scope.party.reject_identity(peer);
            }
            Ok(round)
        })?;
        if round.forgot {
            self.vault.compact()?;
        }
        let offers = |event: &Event| matches!(event, Event::IdentityChanged { .. } | Event::QuarantineDropped { .. });
        round.events.retain(|event| !offers(event));
        Ok(round.events)
    }

    pub(in crate::messenger) fn quarantine_room(&self) -> Result<Room, Error> {
        if self.vault.count(Kind::Quarantine)? == 0 {
            return Ok(Room {
                envelopes: MAX_QUARANTINED,
                bytes: MAX_QUARANTINED_BYTES,
            });
        }
        let waiting = self.vault.list::<Quarantined>()?;
        let bytes: usize = waiting.iter().map(|entry| entry.record.envelope.len()).sum();
        Ok(Room {
            envelopes: MAX_QUARANTINED.saturating_sub(waiting.len()),
            bytes: MAX_QUARANTINED_BYTES.saturating_sub(bytes),
        })
    }

    pub(in crate::messenger) fn expire_quarantine(&mut self, round: &mut Round) -> Result<(), Error> {
        if self.vault.count(Kind::Quarantine)? == 0 {
            return Ok(());
        }
        // A clock that is wrong throws nothing away.
        let now = self.now();
        let now = self.party()?.borne_out(now);
        let old: Vec<Entry<Quarantined>> = self
            .vault
            .list::<Quarantined>()?
            .into_iter()
            .filter(|entry| now.since(Timestamp(entry.record.received_at)) >= QUARANTINE_LIFE)
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        self.vault
            .transaction(|tx| old.iter().try_for_each(|entry| tx.delete::<Quarantined>(&entry.key)))?;
        for entry in old {
            round.dropped(&entry.record.peer, 1);
        }
        Ok(())
    }
}
