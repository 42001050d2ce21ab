//! A bot that sends every text back to its author, once, whatever happens to it in between.
//!
//! ```text
//! export LATCHKEY_PASSPHRASE='correct horse battery staple'
//! cargo run --example echo -- http://127.0.0.1:5000 echo /tmp/echo
//! ```
#![allow(clippy::print_stderr, reason = "it is what an example is for")]

use std::path::Path;
use std::time::Duration;

use latchkey_client::vault::MessageBody;
use latchkey_client::{Error, Messenger, Options, Passphrase, RelayUrl, UserName};

/// How long to wait for mail before asking again: the most that a relay grants.
const WAIT: Duration = Duration::from_secs(30);

/// The account that `home` keeps. A home without one registers `name`; so does one whose registration died half-way, which finishes it.
///
/// # Errors
/// A wrong passphrase, a name that is taken, a relay that is not there, …
pub async fn start(home: &Path, key: &Passphrase, name: &str, relay: &str, with: Options) -> Result<Messenger, Error> {
    match Messenger::open(home, key, None, with.clone()) {
        Err(Error::NotRegistered | Error::RegistrationPending { .. }) => {
            let (name, relay) = (UserName::parse(name)?, RelayUrl::parse(relay)?);
            Messenger::register(home, key, &name, relay, with).await
        }
        opened => opened,
    }
}

/// Answers what waits for an answer. It asks the vault for that, and not the events of a round, which a crash loses.
///
/// # Errors
/// Vault trouble.
pub async fn answer_all(bot: &mut Messenger) -> Result<(), Error> {
    for message in bot.unread()? {
        let outcome = match &message.body {
            MessageBody::Text(text) => bot.answer(&message, text).await.map(drop),
            _ => bot.mark_seen(std::slice::from_ref(&message)),
        };
        match outcome {
            Err(error @ Error::Vault(_)) => return Err(error),
            // It will never go: it is not tried again.
            Err(error @ (Error::AccountGone(_) | Error::Blocked(_) | Error::Empty)) => {
                eprintln!("{} gets no answer: {error}", message.peer);
                bot.mark_seen(std::slice::from_ref(&message))?;
            }
            // The others get their answers; this one is tried again.
            Err(error) => eprintln!("{} gets no answer now: {error}", message.peer),
            Ok(()) => {}
        }
    }
    Ok(())
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file as a module")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [relay, name, home] = args.as_slice() else {
        return Err("usage: echo URL NAME HOME".into());
    };
    let passphrase = Passphrase::new(std::env::var("LATCHKEY_PASSPHRASE")?)?;
    let mut bot = start(home.as_ref(), &passphrase, name, relay, Options::default()).await?;
    loop {
        answer_all(&mut bot).await?;
        bot.listen(WAIT).await?;
    }
}
