//! Which handshakes are remembered against replay when there are too many: the oldest is forgotten, and refused by its date.

use std::collections::BTreeMap;

use super::record_key::RecordKey;
use super::{KnownHandshake, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER, Party};
use crate::address::Address;
use crate::time::Timestamp;

/// Whether a handshake can be remembered.
pub(super) enum Room {
    Free,
    /// When this one is forgotten.
    After([u8; 32]),
    None,
}

impl Party {
    /// Whether another handshake of `address` can be remembered, and which one is forgotten for it: the oldest of that peer when it has its share, else the
    /// oldest of the peer that has the most, so that no crowd keeps a peer out that has few. Of a session that is gone, if there is one: what comes on the
    /// others may still be repeating its handshake.
    pub(super) fn room_for_handshake(&self, address: &Address, created_at: Timestamp) -> Room {
        let of = |peer: &Address| self.handshakes.values().filter(|known| known.peer == *peer).count();
        let own = of(address);
        if self.handshakes.len() < MAX_HANDSHAKES && own < MAX_HANDSHAKES_OF_PEER {
            return Room::Free;
        }
        let mut crowd = address;
        if own < MAX_HANDSHAKES_OF_PEER {
            let mut counts: BTreeMap<&Address, usize> = BTreeMap::from([(address, 0)]);
            for known in self.handshakes.values() {
                *counts.entry(&known.peer).or_default() += 1;
            }
            let most = counts.iter().max_by_key(|(peer, count)| (**count, **peer == address));
            crowd = most.map_or(address, |(peer, _)| peer);
        }
        // The peer has to be there to remember the date; and the one that comes in is not to be the next to go.
        let may_go =
            |known: &KnownHandshake| known.peer == *crowd && (crowd != address || known.created_at < created_at);
        self.handshakes
            .iter()
            .filter(|(_, known)| may_go(known) && self.peers.contains_key(crowd))
            .min_by_key(|(digest, known)| (self.sessions.contains_key(&known.session), known.created_at, **digest))
            .map_or(Room::None, |(digest, _)| Room::After(*digest))
    }

    pub(super) fn forget_handshake(&mut self, digest: [u8; 32]) {
        let Some(forgotten) = self.handshakes.remove(&digest) else {
            return;
        };
        self.dirty.insert(RecordKey::Handshake(digest));
        if let Some(peer) = self.peers.get_mut(&forgotten.peer) {
            peer.forgotten = peer.forgotten.max(Some(forgotten.created_at));
            self.dirty.insert(RecordKey::Peer(forgotten.peer));
        }
    }
}
