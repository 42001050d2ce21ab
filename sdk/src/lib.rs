//! A typed client of the Latchkey relay.
//!
//! The methods and types of [`Client`] are generated from the relay's contract, `openapi.yaml`; what is written by hand here is what a
//! contract cannot say: how to hold a token ([`Session`]), bytes that travel as base64 ([`Base64`]), how to dial ([`connect`]), what went wrong
//! ([`SdkError`]) and ids that are computed instead of asked for ([`mailbox_id`], [`LicenseId`]).
//!
//! ```
//! use latchkey_sdk::SdkError;
//! use latchkey_sdk::types::{InboxRequest, ProblemCode};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let mut config = server::Config::new(dir.path())?;
//! # config.listen.set_port(0);
//! # let running = server::Relay::start(config).await?;
//! # let url = format!("http://{}", running.addr());
//! let relay = latchkey_sdk::connect(&url)?;
//!
//! // Without an account:
//! let status = relay.status().send().await.map_err(SdkError::from)?;
//! println!("{} runs {}; registration is {}", status.relay_name, status.version, status.registration);
//!
//! // What belongs to an account takes its token, `relay.session().sign_in(token)`, and is refused without.
//! let request = InboxRequest { ack: None, wait_seconds: Some(0), limit: None, commit_counter: None };
//! let refused = match relay.inbox().body(request).send().await.map_err(SdkError::from) {
//!     Ok(page) => panic!("{} envelopes for nobody", page.envelopes.len()),
//!     Err(refused) => refused,
//! };
//! assert_eq!(refused.code(), Some(ProblemCode::Unauthorized));
//! println!("{refused}; {}", refused.action());
//! # Ok(())
//! # }
//! ```
//!
//! This crate moves sealed envelopes and public keys; it makes and opens neither. Where that ends, and what takes keys:
//!
//! | what a program wants | by this crate alone | with |
//! |---|---|---|
//! | a relay's status and key | yes | |
//! | envelopes moved, a mailbox cleared, keys counted | yes | the token of an account that is signed in |
//! | a license played, confirmed, looked at, revoked | yes | its capability |
//! | a name registered, a session begun | it carries the request | `latchkey-protocol`, which signs the challenge |
//! | envelopes made and opened | no | `latchkey-protocol` |
//! | all of that kept, with nothing lost in a crash | no | `latchkey-client` |
//!
//! `examples/two_people.rs` goes the whole way with `latchkey-protocol`, from a name to an opened message.
//!
//! Every operation is a builder: name it, set its parts, `send()`. A successful answer derefs to its body; `into_inner()` takes it.

mod bounds;
mod bytes;
mod connect;
mod error;
mod foreign;
mod hooks;
mod id;
mod pin;
mod scheme;
mod session;

// The generator's formatting is compared byte by byte, so rustfmt must not touch it.
#[rustfmt::skip]
#[allow(clippy::all, reason = "generated: judged where it is generated from")]
#[allow(clippy::unwrap_used, reason = "generated: one, in Client::new, which `connect` replaces")]
#[allow(clippy::needless_pass_by_value, reason = "generated: builders take what converts")]
#[allow(missing_docs, reason = "generated: openapi.yaml documents operations and fields, not the builders around them")]
#[allow(rustdoc::broken_intra_doc_links, reason = "generated: its prose is OpenAPI's, where [:port] is no link")]
#[allow(unused_imports, reason = "generated: it brings a prelude that we do not re-export")]
#[allow(unused_qualifications, rust_2018_idioms, reason = "generated: full paths are safe everywhere")]
mod generated;

pub use bytes::{Base64, WrongLength};
pub use connect::{connect, connect_pinned};
pub use error::{BadRelayUrl, SdkError};
pub use generated::{Client, Error, ResponseValue, builder, types};
pub use id::{BadLicenseId, LicenseId, mailbox_id};
pub use pin::{BadPin, CertificatePin, WrongCertificate};
pub use session::{Session, Token};
