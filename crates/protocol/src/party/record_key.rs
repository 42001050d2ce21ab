//! What names a stored record.

use crate::address::Address;
use crate::session::SessionId;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RecordKey {
    Identity,
    Prekeys,
    Publication,
    Peer(Address),
    Session(SessionId),
    Skipped(SessionId),
    Pending(Address, u64),
    Handshake([u8; 32]),
    Replay(u8),
    /// Of the identity that is to take the place of the present one.
    Next(Part),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Identity,
    Prekeys,
    Publication,
    Statement,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Identity, Self::Prekeys, Self::Publication, Self::Statement];
}

impl RecordKey {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Identity => "identity".into(),
            Self::Prekeys => "prekeys".into(),
            Self::Publication => "publication".into(),
            Self::Peer(address) => format!("peer/{address}"),
            Self::Session(id) => format!("session/{id}"),
            Self::Skipped(id) => format!("skipped/{id}"),
            Self::Pending(_, number) => format!("pending/{number:016x}"),
            Self::Handshake(digest) => format!("handshake/{}", SessionId(*digest)),
            Self::Replay(slot) => format!("replay/{slot:02}"),
            Self::Next(Part::Identity) => "next/identity".into(),
            Self::Next(Part::Prekeys) => "next/prekeys".into(),
            Self::Next(Part::Publication) => "next/publication".into(),
            Self::Next(Part::Statement) => "next/statement".into(),
        }
    }
}
