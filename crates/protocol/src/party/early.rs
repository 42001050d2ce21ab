//! Dates ahead of a clock: handshakes that came too early, and sessions that we began while our own clock was ahead.
//!
//! A handshake from more than ten minutes ahead is refused, for its session would outrank later ones until that date. One of the two clocks is wrong then, and
//! nothing in the envelope says which. Its receiver keeps it until the date has come. Its author, once its clock is right, sets the session aside and begins another
//! with a right date; what was said on the first is said again on that. The receiver takes the second as a sign to forget the first.

use super::Party;
use super::record_key::RecordKey;
use crate::address::Address;
use crate::envelope::{Body, Envelope};
use crate::handshake::{self, MAX_FUTURE};
use crate::session::{Session, SessionId, Status};
use crate::time::Timestamp;

/// A handshake that was refused for its date alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Early {
    /// Who made it, by its signature.
    pub from: Address,
    /// Its date.
    pub dated: Timestamp,
}

impl Early {
    /// Whether a clock has come near enough to the date.
    #[must_use]
    pub fn is_due(dated: Timestamp, now: Timestamp) -> bool {
        dated <= now.plus(MAX_FUTURE)
    }
}

impl Party {
    /// Who made an envelope that was refused as one from the future, and for when it is; `None` for every other envelope. Keep it, and receive it again when
    /// [`Early::is_due`]. When the same author meanwhile begins a session that is dated earlier ([`super::Opened::begun`]), forget it: that session would be outranked by one that
    /// its author has set aside.
    #[must_use]
    pub fn early(&self, envelope: &[u8], now: Timestamp) -> Option<Early> {
        let parsed = Envelope::parse(envelope).ok()?;
        let Body::First { handshake, .. } = &parsed.body else {
            return None;
        };
        let claimant = handshake::identify(&self.account, handshake).ok()?;
        let early = Early {
            from: claimant.address,
            dated: claimant.created_at,
        };
        Some(early).filter(|early| !Early::is_due(early.dated, now))
    }

    /// Sets sessions aside that we began while our clock was ahead and that nobody has answered: their peers keep what was said on them until that date. A handshake with a right date
    /// is wanted in their place, and what was said goes again. Says whether there were any.
    pub fn set_aside_misdated(&mut self, now: Timestamp) -> bool {
        let misdated = self.misdated(now);
        for (address, id) in &misdated {
            if let Some(session) = self.sessions.get_mut(id) {
                session.status = Status::SetAside;
                self.dirty.insert(RecordKey::Session(*id));
            }
            if let Some(peer) = self.peers.get_mut(address) {
                peer.wants_handshake = true;
                self.dirty.insert(RecordKey::Peer(address.clone()));
            }
        }
        !misdated.is_empty()
    }

    /// Whether [`Self::set_aside_misdated`] would do something.
    #[must_use]
    pub fn has_misdated(&self, now: Timestamp) -> bool {
        !self.misdated(now).is_empty()
    }

    fn misdated(&self, now: Timestamp) -> Vec<(Address, SessionId)> {
        let is_misdated = |session: &Session| {
            !Early::is_due(session.created_at, now) && session.heard.is_none() && session.status == Status::Active
        };
        let mut found = Vec::new();
        for (address, peer) in &self.peers {
            let (misdated, others): (Vec<&Session>, Vec<&Session>) =
                self.ranked(address).partition(|session| is_misdated(session));
            // A session in its place is dated after all of these. If that is to come as well, nothing is won.
            let newest = others
                .iter()
                .map(|session| session.created_at)
                .chain([peer.newest])
                .max();
            if newest.is_none_or(|newest| Early::is_due(newest, now)) {
                found.extend(misdated.iter().map(|session| (address.clone(), session.id())));
            }
        }
        found
    }
}
