//! The kinds of records.

/// The kinds of records. Names are part of the file format (key derivation and authenticated data): never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Keys, sessions and contacts, as the protocol gives them: opaque here.
    Party = 1,
    /// Messages in both directions, oldest first.
    Message = 2,
    /// Envelopes that the relay has not confirmed yet, in sending order.
    Outbox = 3,
    /// Envelopes that wait for the user's decision about a changed identity.
    Quarantine = 4,
    /// Single values: pinned relay, session token, acknowledged position, …
    Setting = 5,
    /// What the sender of a limited message keeps about it.
    License = 6,
    /// The vault's own: the commit counter.
    Meta = 7,
    /// How messages go to and come from a contact: delivery tokens, blocking.
    Delivery = 8,
    /// Our gate keys, with which oblivious limits are sealed.
    GateKey = 9,
    /// The last receipt that the relay signed for each license that we play.
    PlayChain = 10,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Party,
        Self::Message,
        Self::Outbox,
        Self::Quarantine,
        Self::Setting,
        Self::License,
        Self::Meta,
        Self::Delivery,
        Self::GateKey,
        Self::PlayChain,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Message => "message",
            Self::Outbox => "outbox",
            Self::Quarantine => "quarantine",
            Self::Setting => "setting",
            Self::License => "license",
            Self::Meta => "meta",
            Self::Delivery => "delivery",
            Self::GateKey => "gate-key",
            Self::PlayChain => "play-chain",
        }
    }

    pub(super) const fn code(self) -> u8 {
        self as u8
    }
}
