//! Envelopes that wait: for the user's decision about a changed identity, or for their date (`early`). Bounded in number, size and time; what is dropped is reported.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::Timestamp;
use protocol::address::Address;
use protocol::handshake::MAX_FUTURE;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::Messenger;
use crate::messenger::round::Round;
use crate::vault::{Entry, Kind, Quarantined};

/// What may wait for a decision about changed identities (the specification's numbers).
const MAX_QUARANTINED: usize = 256;
const MAX_QUARANTINED_BYTES: usize = 4 * 1024 * 1024;
const QUARANTINE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Half of that may wait for its date: strangers decide what they date ahead, and leave the other half to what contacts send.
const MAX_EARLY_BYTES: usize = MAX_QUARANTINED_BYTES / 2;
/// And so much of it from one sender, so that one stranger does not keep the others out.
const MAX_EARLY_OF_ONE: usize = MAX_EARLY_BYTES / 4;
/// An envelope counts as this many bytes at least, so that half of the number is kept free too.
const LEAST_EARLY: usize = MAX_QUARANTINED_BYTES / MAX_QUARANTINED;

/// What still fits into quarantine.
#[derive(Clone, Debug)]
pub(in crate::messenger) struct Room {
    envelopes: usize,
    bytes: usize,
    /// The user has decided: nothing more waits for that.
    decided: bool,
    early: Vec<Waiting>,
}

/// One that waits for its date.
#[derive(Clone, Debug)]
struct Waiting {
    key: Vec<u8>,
    peer: Address,
    length: usize,
}

impl Room {
    fn of(waiting: &[Entry<Quarantined>]) -> Self {
        let bytes: usize = waiting.iter().map(|entry| entry.record.envelope.len()).sum();
        let early = waiting.iter().filter(|entry| entry.record.dated.is_some());
        Self {
            envelopes: MAX_QUARANTINED.saturating_sub(waiting.len()),
            bytes: MAX_QUARANTINED_BYTES.saturating_sub(bytes),
            decided: false,
            early: early
                .map(|entry| Waiting {
                    key: entry.key.to_vec(),
                    peer: entry.record.peer.clone(),
                    length: entry.record.envelope.len(),
                })
                .collect(),
        }
    }

    /// For one that waits for a decision.
    pub(in crate::messenger) fn take(&mut self, length: usize) -> bool {
        !self.decided && self.fill(length)
    }

    fn fill(&mut self, length: usize) -> bool {
        if self.envelopes == 0 || self.bytes < length {
            return false;
        }
        self.envelopes -= 1;
        self.bytes -= length;
        true
    }

    /// One is gone.
    pub(super) fn give_back(&mut self, key: &[u8], length: usize) {
        self.envelopes += 1;
        self.bytes += length;
        self.early.retain(|waiting| waiting.key != key);
    }

    /// For one that waits for its date: `None` when there is no room, else those that go for it, the latest of the senders that have more than this one.
    pub(super) fn take_early(&mut self, key: &[u8], peer: &Address, length: usize) -> Option<Vec<(Vec<u8>, Address)>> {
        let (mut after, mut evicted) = (self.clone(), Vec::new());
        let weight = length.max(LEAST_EARLY);
        let own = weight + after.weights().get(peer).copied().unwrap_or_default();
        if own > MAX_EARLY_OF_ONE {
            return None;
        }
        loop {
            let all: usize = after.weights().into_values().sum();
            if all + weight <= MAX_EARLY_BYTES && after.fill(length) {
                break;
            }
            let weights = after.weights().into_iter();
            let (crowd, most) = weights.max_by_key(|(_, weight)| *weight)?;
            if most <= own {
                return None;
            }
            let last = after.early.iter().rposition(|waiting| waiting.peer == *crowd)?;
            let gone = after.early.remove(last);
            after.give_back(&gone.key, gone.length);
            evicted.push((gone.key, gone.peer));
        }
        after.early.push(Waiting {
            key: key.to_vec(),
            peer: peer.clone(),
            length,
        });
        *self = after;
        Some(evicted)
    }

    fn weights(&self) -> BTreeMap<&Address, usize> {
        let mut weights = BTreeMap::new();
        for waiting in &self.early {
            *weights.entry(&waiting.peer).or_default() += waiting.length.max(LEAST_EARLY);
        }
        weights
    }
}

impl Messenger {
    /// Opens what waited for the decision about `peer`.
    pub(in crate::messenger) fn release_quarantine(&mut self, peer: &Address) -> Result<Vec<Event>, Error> {
        let waiting: Vec<Entry<Quarantined>> = self
            .vault
            .list::<Quarantined>()?
            .into_iter()
            .filter(|entry| entry.record.peer == *peer && entry.record.dated.is_none())
            .collect();
        let mut room = self.quarantine_room()?;
        let round = self.transact(|scope| {
            let mut round = Round::default();
            for entry in &waiting {
                scope.tx.delete::<Quarantined>(&entry.key)?;
                // What is still undecided (a third identity) goes back to where it was.
                room.give_back(&entry.key, entry.record.envelope.len());
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
        let mut waiting = self.vault.list::<Quarantined>()?;
        let mut room = Room::of(&waiting);
        room.decided = true;
        waiting.retain(|entry| entry.record.peer == *peer && entry.record.dated.is_none());
        let mut round = self.transact(|scope| {
            let mut round = Round::default();
            scope.party.reject_identity(peer);
            for entry in &waiting {
                scope.tx.delete::<Quarantined>(&entry.key)?;
                room.give_back(&entry.key, entry.record.envelope.len());
                scope.open(&entry.record.envelope, &mut room, &mut round)?;
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
            return Ok(Room::of(&[]));
        }
        Ok(Room::of(&self.vault.list::<Quarantined>()?))
    }

    pub(in crate::messenger) fn expire_quarantine(&mut self, round: &mut Round) -> Result<(), Error> {
        if self.vault.count(Kind::Quarantine)? == 0 {
            return Ok(());
        }
        self.set_back_misdated()?;
        // A clock that is wrong throws nothing away.
        let now = self.now().min(self.believed());
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
        for Entry { record, .. } in old {
            match record.dated {
                Some(_) => round.too_early(&record.peer, 0, 1, None),
                None => round.dropped(&record.peer, 1),
            }
        }
        Ok(())
    }

    /// One lie about the time would keep mail, and the room that it takes, for ever: what was noted at a time that neither clock has reached counts from
    /// now on. Not cut off when it is noted: a clock of ours that is years behind would have it thrown away on the day on which it is set.
    fn set_back_misdated(&mut self) -> Result<(), Error> {
        if self.relay.clock_off().is_none() {
            return Ok(());
        }
        let latest = self.now().max(self.believed());
        let ahead = |entry: &Entry<Quarantined>| Timestamp(entry.record.received_at) > latest.plus(MAX_FUTURE);
        let mut misdated = self.vault.list::<Quarantined>()?;
        misdated.retain(ahead);
        if misdated.is_empty() {
            return Ok(());
        }
        Ok(self.vault.transaction(|tx| {
            misdated.iter_mut().try_for_each(|entry| {
                entry.record.received_at = latest.as_millis();
                tx.put(&entry.key, &entry.record)
            })
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str) -> Address {
        Address::parse(&format!("{name}@localhost")).unwrap()
    }

    /// So many small ones of one sender; how many were kept, and whose went for them.
    fn fill(room: &mut Room, name: &str, count: u8) -> (usize, Vec<Address>) {
        let (mut kept, mut gone) = (0, Vec::new());
        for n in 0..count {
            let key = [name.as_bytes(), &[n]].concat();
            if let Some(evicted) = room.take_early(&key, &address(name), 100) {
                kept += 1;
                gone.extend(evicted.into_iter().map(|(_, peer)| peer));
            }
        }
        (kept, gone)
    }

    #[test]
    fn what_is_dated_ahead_has_half_of_the_quarantine_and_one_sender_a_quarter_of_that() {
        let mut room = Room::of(&[]);
        for name in ["eve0", "eve1", "eve2", "eve3"] {
            assert_eq!(fill(&mut room, name, 40), (32, vec![]), "{name}");
        }
        assert_eq!(room.envelopes, MAX_QUARANTINED / 2, "the other half is free");
        // Whoever has few gets room, at the cost of those who have many.
        let (kept, gone) = fill(&mut room, "bob", 3);
        assert_eq!((kept, gone.len()), (3, 3));
        assert!(gone.iter().all(|peer| peer.as_str().starts_with("eve")), "{gone:?}");
        assert_eq!(room.envelopes, MAX_QUARANTINED / 2);
        // And no crowd takes it from those who have few.
        for n in 0..200 {
            fill(&mut room, &format!("mallory{n}"), 1);
        }
        let of_bob = room
            .early
            .iter()
            .filter(|waiting| waiting.peer == address("bob"))
            .count();
        assert!(of_bob >= 1, "{of_bob}");
        assert_eq!(room.early.len(), MAX_QUARANTINED / 2);
        // By their bytes, too.
        let mut room = Room::of(&[]);
        assert!(room.take_early(b"1", &address("eve"), 250_000).is_some());
        assert!(room.take_early(b"2", &address("eve"), 250_000).is_some());
        assert!(room.take_early(b"3", &address("eve"), 250_000).is_none());
        assert_eq!(room.bytes, MAX_QUARANTINED_BYTES - 500_000);
        room.give_back(b"1", 250_000);
        assert!(room.take_early(b"3", &address("eve"), 250_000).is_some());
    }

    #[test]
    fn what_waits_for_a_decision_fills_all_of_it() {
        let mut room = Room::of(&[]);
        assert!((0..MAX_QUARANTINED).all(|_| room.take(100)) && !room.take(100));
        assert!(room.take_early(b"1", &address("eve"), 100).is_none(), "nothing is left");
        room.decided = true;
        room.give_back(b"", 100);
        assert!(!room.take(100), "the user has decided");
        assert!(room.take_early(b"1", &address("eve"), 100).is_some());
    }
}
