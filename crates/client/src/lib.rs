//! The Latchkey client engine: what every front end uses, and what a bot or a bridge is built on.
//!
//! ```
//! use std::time::Duration;
//!
//! use latchkey_client::vault::MessageBody;
//! use latchkey_client::{Messenger, Options, Passphrase, RelayUrl, UserName};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let (alices_home, bobs_home) = (dir.path().join("alice"), dir.path().join("bob"));
//! # let mut config = server::Config::new(dir.path().join("relay"))?;
//! # config.listen.set_port(0);
//! # let running = server::Relay::start(config).await?;
//! # let url = format!("http://{}", running.addr());
//! let passphrase = Passphrase::new("correct horse battery staple".to_owned())?;
//! let relay = RelayUrl::parse(&url)?;
//! let (alice, bob) = (UserName::parse("alice")?, UserName::parse("bob")?);
//! let mut alice = Messenger::register(&alices_home, &passphrase, &alice, relay.clone(), Options::default()).await?;
//! let mut bob = Messenger::register(&bobs_home, &passphrase, &bob, relay, Options::default()).await?;
//!
//! // `Ok` says that it is kept and will arrive, when there is no network too.
//! let to = alice.resolve("bob")?;
//! alice.send_text(&to, "hello").await?;
//!
//! bob.listen(Duration::from_secs(30)).await?;
//! # let mut heard = Vec::new();
//! for message in bob.unread()? {
//!     if let MessageBody::Text(text) = &message.body {
//!         println!("{}: {text}", message.peer);
//! #       heard.push(format!("{}: {text}", message.peer));
//!         bob.answer(&message, "hello yourself").await?;
//!     }
//! }
//! # assert_eq!(heard, ["alice@localhost: hello"]);
//! # alice.receive(Duration::ZERO).await?;
//! # assert_eq!(alice.unread()?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! [`Messenger`] sequences: it decides what is durable before what is revealed. The [`vault`] keeps everything, encrypted, in one file;
//! `relay` makes the requests. No printing and no prompting here: errors are typed, and say what to do.
//!
//! What a program does about a message it may have to do again after a crash: see [`Messenger::receive`], and the crate's README with its echo bot.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod event;
mod invite;
mod messenger;
mod randomness;
mod relay;
pub mod vault;

pub use clock::{Clock, ClockOff, SystemClock};
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
