//! The commands, one file a topic.

pub(crate) mod account;
pub(crate) mod gate;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod plays;
pub(crate) mod shell;
