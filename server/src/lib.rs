//! The Latchkey relay: stores sealed envelopes until they are acknowledged, releases the shares of play-limited messages, reads nothing.
//!
//! The road of a request: [`http`] (limits, errors) → [`api`] (the contract, thin) → [`service`] (every rule) → [`store`] (every transaction). It is
//! trusted to keep what it accepted until that was delivered, and with nothing else: this crate does not link the code that could open an
//! envelope.
//!
//! To run one inside a program or a test:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = server::Config::new("/tmp/relay")?;
//! config.listen.set_port(0);
//! let relay = server::Relay::start(config).await?;
//! println!("http://{}", relay.addr());
//! relay.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod api;
mod bounded;
pub mod clock;
pub mod config;
pub mod http;
pub mod invite;
mod log_throttle;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod operator;
pub mod origin;
pub mod plural;
pub mod proxies;
mod relay;
pub mod service;
pub mod store;
pub mod tls;

pub use crate::http::app::app;
pub use config::Config;
pub use relay::{Relay, RunningRelay, StartError, Told, serve};

/// The HTTP contract as YAML, byte-identical from run to run.
#[must_use]
pub fn openapi_yaml() -> String {
    api::openapi_yaml()
}
