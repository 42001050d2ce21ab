//! The relay under load, as a process of its own behind a real socket, with real accounts.
//!
//! The unit is an echo behind the relay's own door ([`echo`]), measured in turns with the relay. Processor time is the server's own, so it does not depend on what
//! the load generator costs.

pub mod account;
pub mod echo;
mod load;
mod mail;
pub mod metrics;
pub mod process;
mod quiet;
#[cfg(unix)]
mod rivals;
mod scale;
mod seed;
mod setting;

use std::path::Path;

use anyhow::Result;

use crate::measure::Effort;
use crate::table::Report;
pub use setting::{BODY_LEN, Relay, Size, start};

/// Connections at once when nothing else is said.
pub const CONNECTIONS: u16 = 64;

/// Measures the suite.
pub fn run(effort: Effort, size: Size, relay: Option<&Path>) -> Result<Report> {
    let binary = process::named_or_built(relay)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = runtime.block_on(mail::run(effort, size, &binary))?;
    report.rows.extend(runtime.block_on(scale::idle(effort, &binary))?);
    report.rows.extend(runtime.block_on(scale::waiting(size, &binary))?);
    report
        .rows
        .extend(runtime.block_on(scale::fill(effort, size, &binary))?);
    Ok(report)
}
