//! Carries sealed envelopes between files and a relay, and knows nothing of what is in them: the skeleton of a bridge, a queue or a backup.
//!
//! ```text
//! export LATCHKEY_TOKEN=…
//! cargo run --example raw_mail -- http://127.0.0.1:5000 send bob letter.envelope
//! cargo run --example raw_mail -- http://127.0.0.1:5000 receive inbox/
//! ```
//!
//! `latchkey token` prints a token. Signing in takes an account's identity key, and making and opening envelopes takes its sessions: both are the Latchkey
//! client's business and not this crate's.
//!
//! Receiving acknowledges, and what is acknowledged is deleted at the relay: the client whose token this is does not get that mail. What is in the files is then the
//! only copy.
#![allow(clippy::print_stdout, reason = "it is what an example is for")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use latchkey_sdk::types::{Acknowledgement, InboxRequest};
use latchkey_sdk::{Client, SdkError, Token};
use uuid::Uuid;

/// Seconds to wait for mail when there is none: the most that a relay grants.
const WAIT_SECONDS: u32 = 30;

/// Sends the envelope in `file` to `user` and returns the message id.
///
/// # Errors
/// When the file cannot be read or the relay refuses.
pub async fn send(relay: &Client, user: &str, file: &Path) -> Result<Uuid> {
    let envelope = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    // Made once, before the first attempt: repeating the send with the same id can never deliver twice.
    let id = Uuid::new_v4();
    loop {
        match relay
            .send()
            .to(user)
            .id(id)
            .body(envelope.clone())
            .send()
            .await
            .map_err(SdkError::from)
        {
            Ok(_) => return Ok(id),
            Err(error) => match error.retry_after() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(anyhow::Error::new(error).context(format!("{user} was not sent anything"))),
            },
        }
    }
}

/// Writes everything that waits into files of `directory`, acknowledges it, and returns how many there were. Waits for the first.
///
/// # Errors
/// When a file cannot be written or the relay refuses. What was not written is not acknowledged, and comes again.
pub async fn receive(relay: &Client, directory: &Path, wait_seconds: u32) -> Result<usize> {
    let mut request = InboxRequest {
        ack: None,
        wait_seconds: Some(wait_seconds),
        limit: None,
        commit_counter: None,
    };
    let mut received = 0;
    loop {
        let page = relay
            .inbox()
            .body(request)
            .send()
            .await
            .map_err(SdkError::from)?
            .into_inner();
        let Some(last) = page.envelopes.last().map(|delivery| delivery.sequence) else {
            return Ok(received);
        };
        for delivery in &page.envelopes {
            let file = directory.join(format!("{:020}.envelope", delivery.sequence));
            keep(&file, &delivery.envelope).with_context(|| format!("{} cannot be written", file.display()))?;
            received += 1;
        }
        keep_names(directory).with_context(|| format!("{} cannot be written", directory.display()))?;
        // Only what is safely kept, also if the power fails now, is acknowledged, which deletes it at the relay.
        let ack = Acknowledgement {
            incarnation: page.incarnation,
            sequence: last,
        };
        request = InboxRequest {
            ack: Some(ack),
            wait_seconds: Some(0),
            limit: None,
            commit_counter: None,
        };
    }
}

/// Writes a file, and returns when its bytes are on the disk. What is left of an earlier attempt is replaced.
fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns when the names of a directory's files are on the disk.
fn keep_names(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory is no file that could be opened, and a file's own sync is all there is.
    if cfg!(unix) {
        File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file as a module")]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let token = std::env::var("LATCHKEY_TOKEN").context("set LATCHKEY_TOKEN to a session token")?;
    let relay = |url: &str| -> Result<Client, SdkError> {
        let relay = latchkey_sdk::connect(url)?;
        relay.session().sign_in(Token::from(token.clone()));
        Ok(relay)
    };
    match args[..] {
        [url, "send", user, file] => println!("sent as {}", send(&relay(url)?, user, Path::new(file)).await?),
        [url, "receive", directory] => {
            println!(
                "received {}",
                receive(&relay(url)?, Path::new(directory), WAIT_SECONDS).await?
            );
        }
        _ => anyhow::bail!("usage: raw_mail URL send USER FILE | raw_mail URL receive DIRECTORY"),
    }
    Ok(())
}
