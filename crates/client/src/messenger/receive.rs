//! Receiving: the poll, what is opened, what waits for the user, and what is noticed about this vault on the way.

pub(super) mod agreement;
mod cleared;
pub(super) mod early;
pub(super) mod opened;
pub(super) mod poll;
pub(super) mod quarantine;
pub(super) mod restored;
