//! Clocks that are wrong: first contacts that are dated ahead, ours and those of others, and what is said of our own clock.
//!
//! A handshake from more than ten minutes ahead cannot be opened yet ([`protocol::party::Early`]). It waits in quarantine, as far as there is room, until its date is near. Anybody can date
//! handshakes ahead, so these have a part of the quarantine for themselves, and nobody has much of that.

use protocol::Timestamp;
use protocol::address::Address;
use protocol::handshake::MAX_FUTURE;
use protocol::party::Early;
use protocol::prekey::MAX_CLOCK_SKEW;
use sha2::{Digest, Sha256};

use super::quarantine::Room;
use crate::clock::ClockOff;
use crate::error::Error;
use crate::event::Event;
use crate::messenger::round::Round;
use crate::messenger::{Messenger, Scope};
use crate::vault::{Entry, Kind, Quarantined, VaultError};

impl Messenger {
    /// How far our clock is off, when the relay says that it is: by more than a handshake may be dated ahead.
    pub(in crate::messenger) fn clock_off(&self) -> Option<ClockOff> {
        self.relay.clock_off().filter(|off| off.apart > MAX_FUTURE)
    }

    /// The time, by the relay's clock where ours is off. A relay that lies says what it likes: its word only ever delays what throws something away.
    pub(in crate::messenger) fn believed(&self) -> Timestamp {
        let now = self.now();
        self.clock_off().map_or(now, |off| off.at_relay(now))
    }

    /// Whether a handshake that we make now is of no use: dated ahead for its receiver, or to keys that look to us as if they were from the future.
    pub(in crate::messenger) fn handshakes_wait(&self) -> bool {
        self.clock_off()
            .is_some_and(|off| off.ahead || off.apart > MAX_CLOCK_SKEW)
    }

    /// Says once a run that our clock is off.
    pub(in crate::messenger) fn tell_clock(&mut self, events: &mut Vec<Event>) {
        let off = self.clock_off();
        let said = |event: &Event| matches!(event, Event::Postponed(Error::ClockWrong { .. }));
        if let Some(off) = off.filter(|_| !self.clock_told && !events.iter().any(said)) {
            events.push(Event::ClockWrong(off));
        }
        self.clock_told = off.is_some();
    }

    /// Before something is sent, when the relay has shown that our clock is right: what was begun while it was ahead is begun anew, instead of repeating its date.
    pub(in crate::messenger) fn set_misdated_aside(&mut self) -> Result<(), Error> {
        let right = self.relay.clock_off().is_some() && self.clock_off().is_none();
        let now = self.now();
        if right && self.party()?.has_misdated(now) {
            self.transact(|scope| Ok(scope.party.set_aside_misdated(scope.now)))?;
        }
        Ok(())
    }

    /// Opens what waited for its date.
    pub(in crate::messenger) fn open_early(&mut self, round: &mut Round) -> Result<(), Error> {
        if self.vault.count(Kind::Quarantine)? == 0 {
            return Ok(());
        }
        let now = self.now();
        let is_due = |record: &Quarantined| record.dated.is_some_and(|dated| Early::is_due(Timestamp(dated), now));
        let mut due: Vec<Entry<Quarantined>> = self.vault.list()?;
        due.retain(|entry| is_due(&entry.record));
        if due.is_empty() {
            return Ok(());
        }
        let mut room = self.quarantine_room()?;
        let brought = self.transact(|scope| {
            let mut brought = Round::default();
            for entry in &due {
                // One before it may have shown that its author has given it up.
                if scope.tx.get::<Quarantined>(&entry.key)?.is_some() {
                    scope.tx.delete::<Quarantined>(&entry.key)?;
                    room.give_back(&entry.key, entry.record.envelope.len());
                    scope.open(&entry.record.envelope, &mut room, &mut brought)?;
                }
            }
            Ok(brought)
        })?;
        if brought.forgot {
            self.vault.compact()?;
        }
        round.merge(brought);
        round.say_unreadable();
        Ok(())
    }
}

impl Scope<'_, '_> {
    /// Keeps an envelope until its date, as far as there is room.
    pub(in crate::messenger) fn keep_early(
        &mut self,
        envelope: &[u8],
        room: &mut Room,
        round: &mut Round,
    ) -> Result<(), Error> {
        let Some(Early { from, dated }) = self.party.early(envelope, self.now) else {
            round.unreadable("it is dated ahead, and its sender is not known; ask your contacts to write again");
            return Ok(());
        };
        let key: [u8; 32] = Sha256::digest(envelope).into();
        // Ours, if by the relay's the date has come.
        let ours = self.off.filter(|_| Early::is_due(dated, self.believed()));
        // What a blocked contact says is not shown when it opens, either.
        if self.delivery(&from)?.blocked || self.tx.get::<Quarantined>(&key)?.is_some() {
            return Ok(());
        }
        let Some(evicted) = room.take_early(&key, &from, envelope.len()) else {
            round.too_early(&from, 0, 1, ours);
            return Ok(());
        };
        for (key, peer) in evicted {
            self.tx.delete::<Quarantined>(&key)?;
            round.too_early(&peer, 0, 1, None);
        }
        let record = Quarantined {
            peer: from.clone(),
            envelope: envelope.to_vec(),
            received_at: self.now.max(self.believed()).as_millis(),
            dated: Some(dated.as_millis()),
        };
        self.tx.put(&key, &record)?;
        round.too_early(&from, 1, 0, ours);
        Ok(())
    }

    /// A contact began a conversation on `dated`: what it dated later, while its clock was ahead, it says again on this one.
    pub(in crate::messenger) fn forget_early(&mut self, from: &Address, dated: Timestamp) -> Result<(), VaultError> {
        for entry in self.tx.list::<Quarantined>()? {
            let later = entry.record.dated.is_some_and(|early| early > dated.as_millis());
            if later && entry.record.peer == *from {
                self.tx.delete::<Quarantined>(&entry.key)?;
            }
        }
        Ok(())
    }

    /// As [`Messenger::believed`].
    pub(in crate::messenger) fn believed(&self) -> Timestamp {
        self.off.map_or(self.now, |off| off.at_relay(self.now))
    }
}
