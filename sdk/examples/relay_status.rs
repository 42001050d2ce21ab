//! What a relay tells anyone: `cargo run --example relay_status -- http://127.0.0.1:5000`
#![allow(clippy::print_stdout, reason = "it is what an example is for")]

use anyhow::Result;
use latchkey_sdk::SdkError;

/// Asks the relay at `url` for its status and describes it in a few lines.
///
/// # Errors
/// When there is no relay there.
pub async fn describe(url: &str) -> Result<String, SdkError> {
    let relay = latchkey_sdk::connect(url)?;
    let status = relay.status().send().await?;
    Ok(format!(
        "{} (version {}, suite {}, {})\n  key            {}\n  registration   {}\n  accounts       {}\n  pending        {}",
        status.relay_name,
        status.version,
        status.suite,
        status.storage_engine,
        status.relay_key_fingerprint,
        status.registration,
        roughly(status.accounts),
        roughly(status.messages_pending),
    ))
}

/// A relay shows powers of two, an hour old, or nothing.
fn roughly(number: Option<u64>) -> String {
    match number {
        None => "not shown".to_owned(),
        Some(0) => "few".to_owned(),
        Some(number) => format!("about {number}"),
    }
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file as a module")]
async fn main() -> Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "http://127.0.0.1:5000".to_owned());
    println!("{}", describe(&url).await?);
    Ok(())
}
