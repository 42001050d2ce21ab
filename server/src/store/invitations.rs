//! Who may come in: invitations, and names that are given out again.

use std::num::NonZeroU32;

use protocol::Timestamp;

use crate::model::Bytes32;

/// Invitations at most. Making one counts them; and an operator who needs more gives some of them more uses, or wants an open relay.
pub const MAX_INVITES: u64 = 1000;

/// Who may claim a name that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Anyone.
    Anyone,
    /// Who shows an invitation; the hash of the code that was shown, if one was.
    Invited(Option<Bytes32>),
    /// Nobody.
    Nobody,
}

/// An invitation to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewInvite {
    /// The hash of its code.
    pub hash: Bytes32,
    /// How many may register by it.
    pub uses: NonZeroU32,
    /// Until when.
    pub expires: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// How making an invitation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteMade {
    /// It is there.
    Done,
    /// It was made before; by now it may be used up or revoked.
    Before,
    /// Its time is over.
    Expired,
    /// There are [`MAX_INVITES`].
    TooMany,
}

/// How releasing a name went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// It can be registered anew.
    Done,
    /// It is not kept for the account that was removed then.
    NotReserved,
    /// There is (still) an account of that name.
    HasAccount,
}
