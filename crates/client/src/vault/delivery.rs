//! How messages go to and come from a contact, besides what the protocol keeps about it.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::record::record;
use super::{Kind, MessageId, Record, VaultError};

/// A delivery token that we made for a contact.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct GivenToken {
    /// The token.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub token: [u8; 32],
    /// Registered at the relay, and on its way to the contact.
    #[n(1)]
    pub sent: bool,
}

/// How messages go to and come from a contact, filed under its address.
#[derive(Clone, Default, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub struct Delivery {
    /// What comes is dropped.
    #[n(0)]
    pub blocked: bool,
    /// The token with which it sends to us.
    #[n(1)]
    pub given: Option<GivenToken>,
    /// The token with which we send to it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub held: Option<[u8; 32]>,
    /// Hashes of its earlier tokens that the relay still has to delete.
    #[n(3)]
    #[zeroize(skip)]
    pub dead: Vec<minicbor::bytes::ByteArray<32>>,
    /// What came from it and is to be said in a receipt.
    #[n(4)]
    #[zeroize(skip)]
    pub arrived: Vec<MessageId>,
    /// The user wrote to it or verified it: only then is it given a token and told of arrivals.
    #[n(5)]
    pub accepted: bool,
    /// Something that it sent was opened.
    #[n(6)]
    pub wrote: bool,
    /// When the receipts that wait are due, in milliseconds since the epoch.
    #[n(7)]
    pub due: Option<u64>,
    /// What of it was shown, and is to be said in a receipt.
    #[n(8)]
    #[zeroize(skip)]
    pub read: Vec<MessageId>,
    /// The last unknown identity for which the relay was asked how the contact came to it.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub asked: Option<[u8; 32]>,
    /// The relay takes nothing from its account: what it was last told. Blocked or not, it is told what it was not.
    #[n(10)]
    pub barred: bool,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("blocked", &self.blocked)
            .field("given", &self.given.is_some())
            .field("held", &self.held.is_some())
            .finish_non_exhaustive()
    }
}

/// What contacts are told about what they sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipts {
    /// That it arrived.
    #[n(0)]
    pub delivery: bool,
    /// That it was shown.
    #[n(1)]
    pub read: bool,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            delivery: true,
            read: false,
        }
    }
}

record!(Receipts, Setting, "receipts");
record!(Delivery, Delivery, "delivery");
