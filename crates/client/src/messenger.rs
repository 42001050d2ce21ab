//! The engine: in what order things are kept and transmitted.
//!
//! Not its concern: how records are sealed (`vault`), what envelopes look like (`protocol`), how HTTP fails (`relay`), and showing
//! anything to anyone.
//!
//! One rule orders everything: **commit, then reveal.**
//!
//! | before | is durable |
//! |---|---|
//! | an envelope is sent | the advanced session, the message, and the envelope itself in the outbox |
//! | an envelope is sent or acknowledged | the number by which the relay notices a copy that was put back, and the relay has it |
//! | an envelope is acknowledged | the advanced session and the message that was in it |
//! | a name is registered, keys are published, an identity is replaced | their private halves |
//! | a play is asked for | its id; in oblivious mode also the request and its slot of the pad |
//! | an evaluation key is made and uploaded | the secret of the gate key |
//!
//! What is transmitted can be transmitted again: envelopes have ids, plays have ids, acknowledgements have positions. So a crash at any
//! point is mended by doing the same again. When a transaction fails after the protocol's state advanced in memory, that state is thrown
//! away and read back from the vault.

mod account;
mod core;
mod history;
mod people;
mod plays;
mod receive;
mod round;
mod send;
mod steps;

pub use self::core::{Messenger, Options};
use self::core::{Scope, dialled, load_party, persist, registration_pending, seeded};
pub use account::access::Access;
pub use account::prekeys::KeyReport;
pub use account::status::OwnStatus;
pub use people::acknowledgements::RECEIPT_DELAY;
pub use people::contacts::{Person, Standing};
pub use plays::counted::LicenseReport;
pub use plays::decoy_clock::DECOY_PAUSE;
pub use plays::decoys::MAX_DECOYS;
pub use plays::gate_key_source::{FreshGateKeys, GateKeySource};
pub use plays::gate_keys::{GATE_KEY_LIFE, GateKeyReport, GateStage, GateWatch};
pub use plays::playback::Playback;
pub(crate) use receive::agreement::MAX_RESTARTS;
pub use send::message::{DEFAULT_EXPIRY, LimitRequest, Sent};
pub use steps::{NoSteps, Step, Steps};
