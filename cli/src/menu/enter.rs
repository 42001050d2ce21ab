//! The way in: the passphrase of an account, or a new account.

use client::vault::{Passphrase, VaultError};
use client::{CertificatePin, Code, Error, Invite, Messenger, Options, RelayError, RelayUrl, UserName};

use crate::commands::account;
use crate::context::{Context, DEFAULT_RELAY};
use crate::exit::Failure;
use crate::prompt;
use crate::render::without_options;

/// Attempts at the passphrase before giving up: a mistyped one is common, a fifth is not.
const PASSPHRASE_ATTEMPTS: u32 = 5;

/// Opens the account, or makes one.
pub(super) fn enter(context: &Context) -> Result<Option<Messenger>, Failure> {
    let home = context.home()?;
    if !Messenger::exists(&home) {
        context.render.headline("Welcome to Latchkey")?;
        context
            .render
            .text(&format!("There is no account in {} yet.", home.display()))?;
        return first_run(context, None, None);
    }
    for attempt in 1.. {
        let passphrase = context.passphrase()?;
        match Messenger::open(&home, &passphrase, context.relay()?, Options::default()) {
            Ok(messenger) => return Ok(Some(messenger)),
            Err(Error::RegistrationPending(name)) => {
                context.render.text(&format!(
                    "The registration of {name} was not finished; finishing it now."
                ))?;
                return first_run(context, Some(name.as_str()), Some(passphrase));
            }
            Err(Error::NotRegistered) => return first_run(context, None, Some(passphrase)),
            Err(Error::Vault(error @ VaultError::WrongPassphrase))
                if attempt < PASSPHRASE_ATTEMPTS && !context.passphrase_is_given() =>
            {
                context.render.failure(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// What can fail comes first, and what was typed is not asked for again.
fn first_run(
    context: &Context,
    pending: Option<&str>,
    mut passphrase: Option<Passphrase>,
) -> Result<Option<Messenger>, Failure> {
    let pending = pending.map(UserName::parse).transpose().map_err(Error::Name)?;
    let Some((relay, mut invite)) = relay(context, pending.is_some())? else {
        return Ok(None);
    };
    let mut name = pending;
    loop {
        let chosen = match name.take() {
            Some(name) => name,
            None => {
                let help = "1 to 32 of a-z 0-9 _ . - beginning with a letter or digit. Esc leaves.";
                let parse = |text: &str| UserName::parse(text.trim()).map_err(|why| why.to_string());
                match prompt::checked("Your name at the relay:", help, None, parse)? {
                    Some(name) => name,
                    None => return Ok(None),
                }
            }
        };
        let secret = match &passphrase {
            Some(passphrase) => passphrase.clone(),
            None => context.new_passphrase()?,
        };
        passphrase = Some(secret.clone());
        match account::register_with(context, &chosen, &secret, &relay, &mut invite) {
            Ok(messenger) => return Ok(Some(messenger)),
            Err(Failure::Interrupted) => return Ok(None),
            Err(failure) => {
                let taken =
                    matches!(&failure, Failure::Client(Error::Relay(error)) if error.code() == Some(Code::NameTaken));
                context.render.failure(&failure);
                if taken {
                    continue;
                }
                if !prompt::confirm("Try again?", true)? {
                    return Ok(None);
                }
                name = Some(chosen);
            }
        }
    }
}

/// A relay that answers, with its pin and an invitation where it needs them. One at which a registration was begun may have finished it, and is asked for nothing.
fn relay(context: &Context, pending: bool) -> Result<Option<(RelayUrl, Option<Invite>)>, Failure> {
    let mut given = context.relay()?;
    let mut invite = None;
    let mut default = DEFAULT_RELAY.to_owned();
    loop {
        let url = match given.take() {
            Some(url) => url,
            None => {
                let help = "scheme://host[:port], or the link of an invitation. Esc leaves.";
                let parse = |text: &str| relay_or_link(context, text.trim());
                match prompt::secretly("Relay:", help, Some(&default), without_code, parse)? {
                    Some((url, code)) => {
                        invite = code;
                        url
                    }
                    None => return Ok(None),
                }
            }
        };
        url.as_str().clone_into(&mut default);
        let outcome = context.work("asking the relay …", Messenger::relay_at(url.clone()));
        let failure = match outcome {
            Ok(_) if pending => return Ok(Some((url, invite))),
            Ok(status) => match account::admits(context, &url, &status, &mut invite) {
                Ok(true) => return Ok(Some((url, invite))),
                Ok(false) => return Ok(None),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        match failure {
            Failure::Interrupted => return Ok(None),
            Failure::Client(Error::Relay(
                RelayError::UntrustedCertificate { .. } | RelayError::OtherCertificate { .. },
            )) => given = pinned(context, url, &failure)?,
            failure @ Failure::Io(_) => return Err(failure),
            failure => context.render.failure(&failure),
        }
    }
}

/// What a person has been given: the relay's address, or a link with more in it.
fn relay_or_link(context: &Context, text: &str) -> Result<(RelayUrl, Option<Invite>), String> {
    let parse = |url: &str| {
        context
            .parse_relay(url)
            .map_err(|error| without_options(&error.to_string()))
    };
    if !text.contains('#') {
        return Ok((parse(text)?, None));
    }
    let invite = Invite::parse(text).map_err(|_| account::NO_INVITE.to_owned())?;
    let url = parse(
        invite
            .relay()
            .ok_or("the link names no relay; it begins with https://")?,
    )?;
    Ok((url, Some(invite)))
}

/// What stays on the screen of a relay's address, or of a link.
fn without_code(text: &str) -> String {
    match text.split_once('#') {
        Some((url, _)) => format!("{url} (with an invitation)"),
        None => text.to_owned(),
    }
}

/// The same relay with the fingerprint that the person has of it.
fn pinned(context: &Context, url: RelayUrl, failure: &Failure) -> Result<Option<RelayUrl>, Failure> {
    context.render.warning(&match failure {
        // Without the fingerprint that was shown: it would be pasted back.
        Failure::Client(Error::Relay(RelayError::OtherCertificate { .. })) => format!(
            "the certificate that {} shows is not the one whose fingerprint you gave. Nothing was sent. Ask the relay's operator for the fingerprint, over another \
             channel; if you gave the right one, another machine answers in the relay's place.",
            url.as_str()
        ),
        _ => format!(
            "this machine does not trust the certificate of {}. Nothing was sent. A relay that made its certificate itself prints the fingerprint \
             when it starts (sha256:…); ask its operator for it, over another channel.",
            url.as_str()
        ),
    });
    let parse = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text
            .parse::<CertificatePin>()
            .map(Some)
            .map_err(|error| error.to_string()),
    };
    match prompt::checked("Its fingerprint:", "Enter alone: another relay", None, parse)? {
        Some(Some(pin)) => Ok(Some(url.pinned(pin)?)),
        _ => Ok(None),
    }
}
