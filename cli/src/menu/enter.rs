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
            Err(Error::RegistrationPending { name, relay }) => {
                context.render.text(&format!(
                    "The registration of {name} at {relay} was not finished; finishing it now."
                ))?;
                let left = format!("The registration of {name} at {relay} goes on at the next start.");
                let entered = first_run(context, Some((name, relay)), Some(passphrase))?;
                if entered.is_none() {
                    context.render.text(&left)?;
                }
                return Ok(entered);
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

/// What was answered, for who steps back and comes again.
struct Answers {
    /// The relay to be asked for without a question: the one of the command line.
    given: Option<RelayUrl>,
    /// The relay of the last answer.
    relay: Option<String>,
    /// The last one that had a pin.
    pinned: Option<RelayUrl>,
    invite: Option<Invite>,
    name: Option<UserName>,
    passphrase: Option<Passphrase>,
}

/// What can fail comes first, and what was typed is not asked for again.
fn first_run(
    context: &Context,
    pending: Option<(UserName, RelayUrl)>,
    passphrase: Option<Passphrase>,
) -> Result<Option<Messenger>, Failure> {
    let (pending, begun) = pending.unzip();
    let mut answers = Answers {
        given: context.relay()?,
        relay: None,
        pinned: None,
        invite: None,
        name: None,
        passphrase,
    };
    // One that was begun goes on where it was begun, with the certificate that was pinned there, unless another relay is named now.
    if let Some(begun) = begun {
        let other = answers.given.take();
        answers.given = Some(match other {
            Some(other) if other.as_str() != begun.as_str() || other.certificate().is_some() => other,
            _ => begun,
        });
    }
    while let Some(relay) = relay(context, &mut answers, pending.is_some())? {
        match account(context, &mut answers, &relay, pending.as_ref())? {
            Next::Done(messenger) => return Ok(Some(*messenger)),
            Next::Leave => return Ok(None),
            Next::Back => {}
        }
    }
    Ok(None)
}

/// How it goes on.
enum Next {
    Done(Box<Messenger>),
    /// To the question before.
    Back,
    Leave,
}

/// An account at this relay, under a name that is asked for or under which it was begun.
fn account(
    context: &Context,
    answers: &mut Answers,
    relay: &RelayUrl,
    pending: Option<&UserName>,
) -> Result<Next, Failure> {
    let mut again = None;
    loop {
        let name = match again.take().or_else(|| pending.cloned()) {
            Some(name) => name,
            None => {
                let help = "1 to 32 of a-z 0-9 _ . - beginning with a letter or digit. Esc goes back.";
                let parse = |text: &str| UserName::parse(text.trim()).map_err(|why| why.to_string());
                let before = answers.name.as_ref().map_or("", UserName::as_str);
                match prompt::checked("Your name at the relay:", help, before, parse)? {
                    Some(name) => name,
                    None => return Ok(Next::Back),
                }
            }
        };
        answers.name = Some(name.clone());
        let secret = match &answers.passphrase {
            Some(passphrase) => passphrase.clone(),
            None => match context.new_passphrase()? {
                Some(passphrase) => passphrase,
                None => continue,
            },
        };
        answers.passphrase = Some(secret.clone());
        match account::register_with(context, &name, &secret, relay, &mut answers.invite) {
            Ok(Some(messenger)) => return Ok(Next::Done(Box::new(messenger))),
            Ok(None) if pending.is_some() => return Ok(Next::Back),
            Ok(None) => {}
            Err(failure @ (Failure::Interrupted | Failure::Unregistered | Failure::Unfinished { .. })) => {
                return Err(failure);
            }
            Err(failure) => {
                context.render.failure(&failure);
                if is_taken(&failure) {
                    answers.name = None;
                    continue;
                }
                match prompt::confirm("Try again?", true) {
                    Ok(Some(true)) => again = Some(name),
                    // What was begun is kept, which is said to who leaves.
                    Ok(Some(false)) | Err(Failure::Interrupted) => {
                        return match account::unfinished(&context.home()?, &secret) {
                            Some(unfinished) => Err(unfinished),
                            None => Ok(Next::Leave),
                        };
                    }
                    Err(failure) => return Err(failure),
                    Ok(None) if pending.is_some() => return Ok(Next::Back),
                    Ok(None) => {}
                }
            }
        }
    }
}

fn is_taken(failure: &Failure) -> bool {
    matches!(failure, Failure::Client(Error::Relay(error)) if error.code() == Some(Code::NameTaken))
}

/// A relay that answers, with its pin and an invitation where it needs them. One at which a registration was begun may have finished it, and is asked for nothing.
fn relay(context: &Context, answers: &mut Answers, pending: bool) -> Result<Option<RelayUrl>, Failure> {
    loop {
        let url = match answers.given.take() {
            Some(url) => url,
            None => {
                let help = "scheme://host[:port], or the link of an invitation. Esc leaves.";
                let parse = |text: &str| relay_or_link(context, text.trim());
                let before = answers.relay.as_deref().unwrap_or_default();
                match prompt::secretly("Relay:", help, DEFAULT_RELAY, before, without_code, parse)? {
                    Some((url, code)) => {
                        // An invitation is for one relay, and so is a pin.
                        if code.is_some() || answers.relay.as_deref() != Some(url.as_str()) {
                            answers.invite = code;
                        }
                        let pinned = answers.pinned.clone().filter(|pinned| pinned.as_str() == url.as_str());
                        pinned.unwrap_or(url)
                    }
                    None => return Ok(None),
                }
            }
        };
        answers.relay = Some(url.as_str().to_owned());
        if url.certificate().is_some() {
            answers.pinned = Some(url.clone());
        }
        let outcome = context.work("asking the relay …", Messenger::relay_at(url.clone()));
        let failure = match outcome {
            Ok(_) if pending => return Ok(Some(url)),
            Ok(status) => match account::admits(context, &url, &status, &mut answers.invite) {
                Ok(true) => return Ok(Some(url)),
                Ok(false) => continue,
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        match failure {
            Failure::Client(Error::Relay(
                RelayError::UntrustedCertificate { .. } | RelayError::OtherCertificate { .. },
            )) => answers.given = pinned(context, url, &failure)?,
            failure @ (Failure::Interrupted | Failure::Io(_)) => return Err(failure),
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
    match prompt::checked("Its fingerprint:", "Enter alone: another relay", "", parse)? {
        Some(Some(pin)) => Ok(Some(url.pinned(pin)?)),
        _ => Ok(None),
    }
}
