//! What surrounds a command: home, relay, passphrase, and somebody to ask or nobody.

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use client::vault::Passphrase;
use client::{BadPin, CertificatePin, Error, Messenger, Options, RelayUrl};
use etcetera::BaseStrategy;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::exit::Failure;
use crate::prompt;
use crate::render::{Render, Working};
use crate::terminal;

/// The relay of the README's first command.
pub const DEFAULT_RELAY: &str = "http://127.0.0.1:5000";
/// Longest passphrase file read, in bytes: a passphrase has at most 1024.
const MAX_PASSPHRASE_FILE: u64 = 4096;

/// What surrounds a command.
#[derive(Debug)]
pub struct Context {
    /// Where output goes.
    pub render: Render,
    global: Global,
    interactive: bool,
    runtime: Runtime,
}

impl Context {
    /// Looks at the terminal and the options.
    ///
    /// # Errors
    /// The system's refusal to start the runtime.
    pub fn new(global: Global, menu: bool) -> Result<Self, Failure> {
        let render = Render::new(&global, menu);
        // Prompts are drawn on standard error and answered on standard input; without either there is nobody to ask.
        let interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            render,
            global,
            interactive,
            runtime,
        })
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn interactive(&self) -> bool {
        self.interactive
    }

    /// Where the account is kept.
    ///
    /// # Errors
    /// When the platform names no data directory.
    pub fn home(&self) -> Result<PathBuf, Failure> {
        if let Some(home) = &self.global.home {
            if home.as_os_str().is_empty() {
                return Err(empty("home", "--home", "LATCHKEY_HOME", "a directory"));
            }
            return Ok(home.clone());
        }
        let base = etcetera::choose_base_strategy().map_err(|_| {
            Failure::Usage("this system names no home directory; name one with --home or LATCHKEY_HOME".to_owned())
        })?;
        Ok(base.data_dir().join("latchkey"))
    }

    /// The relay that was asked for.
    ///
    /// # Errors
    /// An unusable URL.
    pub fn relay(&self) -> Result<Option<RelayUrl>, Failure> {
        match self.global.relay.as_deref() {
            // To take another relay than the one that a script meant would tell that one who asks.
            Some(url) if url.trim().is_empty() => Err(empty(
                "relay",
                "--relay",
                "LATCHKEY_RELAY",
                "a URL such as https://relay.example",
            )),
            Some(url) => self.parse_relay(url).map(Some),
            None => match self.global.pin.as_deref() {
                None => Ok(None),
                Some(pin) if pin.trim().is_empty() => Err(empty_pin()),
                Some(_) => Err(Failure::Usage(
                    "--pin needs --relay; write --relay https://host:port --pin sha256:…".to_owned(),
                )),
            },
        }
    }

    /// Whether one was asked for.
    #[must_use]
    pub fn names_relay(&self) -> bool {
        self.global.relay.is_some()
    }

    /// A URL, under the rule about plain http, with the certificate that was asked for.
    ///
    /// # Errors
    /// An unusable URL or fingerprint.
    pub fn parse_relay(&self, url: &str) -> Result<RelayUrl, Failure> {
        let parse = if self.global.allow_plain_http {
            RelayUrl::parse_plain_allowed
        } else {
            RelayUrl::parse
        };
        let url = parse(url)?;
        match self.global.pin.as_deref() {
            Some(pin) if pin.trim().is_empty() => Err(empty_pin()),
            Some(pin) => {
                let pin: CertificatePin = pin
                    .parse()
                    .map_err(|error: BadPin| Failure::Usage(format!("this --pin cannot be used: {error}")))?;
                Ok(url.pinned(pin)?)
            }
            None => Ok(url),
        }
    }

    /// Opens the account for a command that keeps something. Where nothing can be kept, that is said before anything else.
    ///
    /// # Errors
    /// As [`Context::open_to_ask`], and a home that cannot be written.
    pub fn open(&self) -> Result<Messenger, Failure> {
        let messenger = self.open_to_ask()?;
        messenger.writable()?;
        Ok(messenger)
    }

    /// Opens the account for a command that asks the relay, and shows what is kept: on a full disk too, and where nothing may be written.
    ///
    /// # Errors
    /// None here, no passphrase, or a wrong one; a home in which another process works for too long.
    pub fn open_to_ask(&self) -> Result<Messenger, Failure> {
        self.open_by(Messenger::open)
    }

    /// Opens the account for a command that shows what is kept and nothing else: beside another process that works in this home too.
    ///
    /// # Errors
    /// None here, no passphrase, or a wrong one.
    pub fn open_to_read(&self) -> Result<Messenger, Failure> {
        self.open_by(Messenger::open_to_read)
    }

    fn open_by(
        &self,
        open: fn(&Path, &Passphrase, Option<RelayUrl>, Options) -> Result<Messenger, Error>,
    ) -> Result<Messenger, Failure> {
        let home = self.home()?;
        if !Messenger::exists(&home) {
            return Err(Error::NotRegistered.into());
        }
        let relay = self.relay()?;
        let passphrase = self.passphrase()?;
        Ok(open(&home, &passphrase, relay, Options::default())?)
    }

    /// The passphrase of an existing account.
    ///
    /// # Errors
    /// When it is nowhere and nobody can be asked.
    pub fn passphrase(&self) -> Result<Passphrase, Failure> {
        match self.given_passphrase()? {
            Some(passphrase) => Ok(passphrase),
            None if self.interactive => prompt::passphrase("Passphrase:")?.ok_or(Failure::Interrupted),
            None => Err(missing_passphrase()),
        }
    }

    /// The passphrase of a new account. `None`: the person stepped back.
    ///
    /// # Errors
    /// As [`Context::passphrase`].
    pub fn new_passphrase(&self) -> Result<Option<Passphrase>, Failure> {
        match self.given_passphrase()? {
            Some(passphrase) => Ok(Some(passphrase)),
            None if self.interactive => prompt::new_passphrase(),
            None => Err(missing_passphrase()),
        }
    }

    fn given_passphrase(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(file) = &self.global.passphrase_file {
            return read_passphrase(file, "--passphrase-file").map(Some);
        }
        match std::env::var_os("LATCHKEY_PASSPHRASE").map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) if text.is_empty() => Err(Failure::Usage(
                "LATCHKEY_PASSPHRASE is set and empty; set it to the passphrase, or unset it to be asked at a terminal"
                    .to_owned(),
            )),
            Some(Ok(text)) => Ok(Some(Passphrase::new(Zeroizing::new(text))?)),
            Some(Err(_)) => Err(Failure::Usage(
                "LATCHKEY_PASSPHRASE is not UTF-8 text; set it to the passphrase in UTF-8, or unset it to be asked at a terminal"
                    .to_owned(),
            )),
        }
    }

    /// Whether the passphrase comes from a file or the environment, so that nobody is asked.
    #[must_use]
    pub fn passphrase_is_given(&self) -> bool {
        self.global.passphrase_file.is_some() || std::env::var_os("LATCHKEY_PASSPHRASE").is_some()
    }

    /// Whether to ask before something that cannot be undone. `yes` was said with the command; where nobody can be asked it has to be.
    ///
    /// # Errors
    /// When it was not said and nobody can be asked. Programs are not.
    pub fn asks(&self, yes: bool, what: &str) -> Result<bool, Failure> {
        if !yes && (!self.interactive || self.render.is_json()) {
            return Err(Failure::Usage(format!(
                "latchkey asks first {what}, and cannot ask here: there is no terminal, or --json was given. Nothing was done; give --yes to do it without the question"
            )));
        }
        Ok(!yes)
    }

    /// Waits for a question that is asked while something else goes on.
    ///
    /// # Errors
    /// The question's own.
    pub fn wait<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.runtime.block_on(asking)
    }

    /// Does something that waits for the network: with a spinner when it takes long, until it is done or Ctrl-C.
    ///
    /// Breaking off is safe anywhere: what is revealed was committed before.
    ///
    /// # Errors
    /// The work's own, or [`Failure::Interrupted`].
    pub fn work<T, E: Into<Failure>>(
        &self,
        text: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        self.work_on(self.render.working(text), work)
    }

    /// The same under a spinner that was made before.
    ///
    /// # Errors
    /// As [`Context::work`].
    pub fn work_on<T, E: Into<Failure>>(
        &self,
        spinner: Working,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let mut working = terminal::working();
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = working.broken_off() => Err(Failure::Interrupted),
                outcome = work => outcome.map_err(Into::into),
                never = spinner.appear() => match never {},
            }
        });
        drop(working);
        if matches!(outcome, Err(Failure::Interrupted)) {
            spinner.broken_off();
        }
        outcome
    }
}

/// The first line of the file that an option names.
///
/// # Errors
/// The file, or its content.
pub fn read_passphrase(file: &Path, option: &str) -> Result<Passphrase, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        // Not the name: the passphrase itself may stand in its place.
        Failure::Usage(format!(
            "the file of {option} cannot be used ({why}); name a file whose first line is the passphrase"
        ))
    };
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(file)
        .and_then(|file| file.take(MAX_PASSPHRASE_FILE).read_to_string(&mut text))
        .map_err(|error| unusable(&error))?;
    let first = text.lines().next().unwrap_or_default();
    Passphrase::new(Zeroizing::new(first.to_owned())).map_err(|error| unusable(&error))
}

/// What was given is nothing. A shell's `NAME=` and an unset variable of a script look alike there, and mean different things.
fn empty(what: &str, option: &str, variable: &str, value: &str) -> Failure {
    Failure::Usage(format!(
        "the {what} that {option} or {variable} gives is empty, and nothing was done; give {value}, or leave out the option and unset the variable"
    ))
}

fn empty_pin() -> Failure {
    empty("pin", "--pin", "LATCHKEY_PIN", "a fingerprint such as sha256:…")
}

fn missing_passphrase() -> Failure {
    Failure::Usage("the passphrase is missing; give it with --passphrase-file FILE or LATCHKEY_PASSPHRASE".to_owned())
}
