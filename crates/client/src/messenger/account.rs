//! The account itself: registration, sessions, its published keys, and what the relay shows of it.

pub(super) mod access;
pub(super) mod lookup;
pub(super) mod prekeys;
pub(super) mod registration;
pub(super) mod status;
