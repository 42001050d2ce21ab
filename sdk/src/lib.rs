//! A typed client of the Latchkey relay.
//!
//! The methods and types of [`Client`] are generated from the relay's contract, `openapi.yaml`; what is written by hand here is what a
//! contract cannot say: how to hold a token ([`Session`]), bytes that travel as base64 ([`Base64`]), how to dial ([`connect`]), what went wrong
//! ([`SdkError`]) and ids that are computed instead of asked for ([`mailbox_id`], [`LicenseId`]).
//!
//! This crate moves sealed envelopes and keys; it neither makes nor opens them. That is the business of the Latchkey client library, or of your
//! own tool. A session token comes from signing a challenge with an account's identity key, which is also theirs; whoever has one can use
//! everything here.
//!
//! ```no_run
//! # async fn example(token: latchkey_sdk::Token) -> Result<(), latchkey_sdk::SdkError> {
//! let relay = latchkey_sdk::connect("http://127.0.0.1:5000")?;
//!
//! // Without an account:
//! let status = relay.status().send().await?;
//! println!("{} runs {}; registration is {}", status.relay_name, status.version, status.registration);
//!
//! // With one: a message id made by the sender makes a repetition harmless.
//! relay.session().sign_in(token);
//! let id = uuid::Uuid::new_v4();
//! match relay.send().to("bob").id(id).body(vec![1, 2, 3]).send().await.map_err(latchkey_sdk::SdkError::from) {
//!     Ok(stored) => println!("stored until {}", stored.expires_at),
//!     Err(refused) => println!("{refused}; {}", refused.action()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every operation is a builder: name it, set its parts, `send()`. A successful answer derefs to its body; `into_inner()` takes it.

mod bounds;
mod bytes;
mod connect;
mod error;
mod id;
mod pin;
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
