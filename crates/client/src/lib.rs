//! The Latchkey client engine: what every front end uses.
//!
//! [`Messenger`] sequences: it decides what is durable before what is revealed. The [`vault`] keeps everything, encrypted, in one file;
//! `relay` makes the requests. No printing and no prompting here: errors are typed, and say what to do.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod event;
mod invite;
mod messenger;
mod relay;
pub mod vault;

pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use event::{Event, Flooder};
pub use invite::{BadInvite, Invite};
pub use messenger::{
    Access, DECOY_PAUSE, DEFAULT_EXPIRY, FreshGateKeys, GATE_KEY_LIFE, GateKeyReport, GateKeySource, GateStage,
    GateWatch, KeyReport, LicenseReport, LimitRequest, MAX_DECOYS, Messenger, NoSteps, Options, OwnStatus, Person,
    Playback, RECEIPT_DELAY, Sent, Standing, Step, Steps,
};
pub use protocol::Timestamp;
pub use protocol::address::{Address, NameError, RelayName, UserName};
pub use protocol::identity::{Fingerprint, SafetyNumber};
pub use relay::{BadPin, CertificatePin, Code, Registration, RelayError, RelayStatus, RelayUrl, Verdict};
pub use vault::Passphrase;
