//! What the operator asks of a running relay.

pub mod errands;
