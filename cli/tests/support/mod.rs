//! The real binary against a relay in this process.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use server::service::Registrations;
use server::service::rates::RateLimits;
use server::tls::TlsSource;
use testkit::clock::HOUR;
pub use testkit::disk::copy as copy_home;
use testkit::line::Line;
use testkit::relay::TestRelay;
use testkit::wait::blocking;
use tokio::runtime::Runtime;

pub const PASSPHRASE: &str = "correct horse battery staple";

/// What a client asks when it hands a message in.
const MESSAGE: &str = "POST /v1/messages";

/// A relay, and a directory for everything.
pub struct Stage {
    runtime: Runtime,
    relay: TestRelay,
    pub url: String,
}

impl Deref for Stage {
    type Target = TestRelay;

    fn deref(&self) -> &TestRelay {
        &self.relay
    }
}

impl Stage {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A relay that made its certificate itself, and the certificate's fingerprint.
    pub fn self_signed() -> (Self, String) {
        let stage = Self::with(|config| config.tls = Some(TlsSource::SelfSigned));
        let fingerprint = stage.running().certificate().unwrap();
        (stage, fingerprint)
    }

    /// A relay at which one address may register and ask as often as it likes.
    pub fn without_limits() -> Self {
        Self::with(|config| config.rates = RateLimits::off())
    }

    fn with(change: impl FnOnce(&mut server::Config)) -> Self {
        let runtime = Runtime::new().unwrap();
        let relay = runtime.block_on(TestRelay::start_with(change));
        let url = relay.url();
        Self { runtime, relay, url }
    }

    /// Waits for what is asked of the relay without a client.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A way to the relay that stays where it is.
    pub fn line(&self) -> Line {
        self.block_on(Line::to(self.addr()))
    }

    /// The same, on which messages are taken and no answer comes.
    pub fn silent_line(&self) -> Line {
        let line = self.line();
        line.swallow(MESSAGE);
        line
    }

    /// The same relay, which takes new accounts by invitation from now on.
    pub fn ask_for_invitations(&mut self) {
        self.relay.config.registration = Registrations::Invite;
        self.restart_relay();
    }

    /// The same relay, which takes no new accounts from now on.
    pub fn close_registration(&mut self) {
        self.relay.config.registration = Registrations::Closed;
        self.restart_relay();
    }

    /// A link by which one may register.
    pub fn invite(&self) -> String {
        let code = self.block_on(self.relay.invite(1, HOUR));
        code.link(&self.url).to_string()
    }

    /// Removes an account, as the operator's command has the relay do it.
    pub fn remove(&self, name: &str) {
        assert!(self.block_on(self.relay.remove(name)));
    }

    pub fn stop_relay(&mut self) {
        self.runtime.block_on(self.relay.stop());
    }

    /// Returns when somebody waits for mail.
    pub fn waits_for_mail(&self) {
        blocking("somebody waits for mail", || self.waiting() > 0);
    }

    /// The same relay at another address.
    pub fn restart_relay(&mut self) {
        self.runtime.block_on(self.relay.restart());
        self.url = self.relay.url();
    }

    pub fn person(&self, name: &str) -> Person {
        Person {
            home: self.dir.path().join(name),
            url: self.url.clone(),
            env: Vec::new(),
        }
    }

    pub fn register(&self, name: &str) -> Person {
        let person = self.person(name);
        person.ok(&["register", name]);
        person
    }
}

/// Returns when a message was handed in.
pub fn takes_a_message(line: &Line) {
    blocking("a message is on its way", || line.has_taken(MESSAGE));
}

/// Somebody with a home, at a shell.
pub struct Person {
    pub home: PathBuf,
    pub url: String,
    pub env: Vec<(String, String)>,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary in an environment of its own.
pub fn latchkey() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    for name in [
        "LATCHKEY_HOME",
        "LATCHKEY_RELAY",
        "LATCHKEY_PASSPHRASE",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

impl Person {
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = latchkey();
        command
            .env("LATCHKEY_HOME", &self.home)
            .env("LATCHKEY_PASSPHRASE", PASSPHRASE);
        // Without one no relay is named.
        if !self.url.is_empty() {
            command.env("LATCHKEY_RELAY", &self.url);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        self.command(args).output().unwrap().into()
    }

    pub fn run_with_input(&self, args: &[&str], input: &str) -> Answer {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that has read enough closes its end.
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        child.wait_with_output().unwrap().into()
    }

    /// Runs and succeeds.
    pub fn ok(&self, args: &[&str]) -> Answer {
        let answer = self.run(args);
        assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
        answer
    }

    /// Runs with `--json` and gives the objects; every line is one.
    pub fn json(&self, args: &[&str]) -> Vec<Value> {
        let answer = self.ok(&[&["--json"], args].concat());
        answer
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// As [`Person::json`], for commands that answer one object.
    pub fn json_one(&self, args: &[&str]) -> Value {
        let mut objects = self.json(args);
        assert_eq!(objects.len(), 1, "{args:?}: {objects:?}");
        objects.remove(0)
    }

    /// Runs, fails with this code, and says something on standard error alone.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let answer = self.run(args);
        assert_eq!(answer.code, code, "{args:?}: {answer:?}");
        assert!(!answer.err.trim().is_empty(), "{args:?} failed without a word");
        answer.err
    }
}

pub fn write_file(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// What a command's help says of `--json`.
#[derive(Debug, PartialEq)]
pub struct Documented {
    pub always: Vec<String>,
    pub sometimes: Vec<String>,
}

/// The keys that `help COMMAND` lists; those of an object inside as `outer.inner`.
pub fn documented(command: &[&str]) -> Documented {
    let answer: Answer = latchkey().arg("help").args(command).output().unwrap().into();
    let help = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = help
        .split_once("With --json: ")
        .unwrap_or_else(|| panic!("the help of {command:?} says nothing of --json"));
    let (_, rest) = rest.split_once("with the keys ").unwrap();
    let (listed, _) = rest.split_once('.').unwrap();
    let (always, sometimes) = listed.split_once("; where they apply ").unwrap_or((listed, ""));
    Documented {
        always: listed_keys(always),
        sometimes: listed_keys(sometimes),
    }
}

fn listed_keys(text: &str) -> Vec<String> {
    let (mut keys, mut outer) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let inner = word.starts_with('{') || !outer.is_empty();
        let key = word.trim_matches(|c| matches!(c, '{' | '}' | ','));
        if word.starts_with('{') {
            outer = keys.last().cloned().unwrap();
        }
        keys.push(if inner {
            format!("{outer}.{key}")
        } else {
            key.to_owned()
        });
        if word.trim_end_matches(',').ends_with('}') {
            outer.clear();
        }
    }
    keys
}

/// Runs a command with `--json`: every object that it prints has the keys that its help lists, and no others.
pub fn prints_what_help_lists(person: &Person, command: &[&str], args: &[&str]) -> Vec<Value> {
    let help = documented(command);
    let objects = person.json(args);
    for object in &objects {
        let mut printed = Vec::new();
        for (key, value) in object.as_object().unwrap() {
            printed.push(key.clone());
            printed.extend(
                value
                    .as_object()
                    .into_iter()
                    .flat_map(|inner| inner.keys())
                    .map(|inner| format!("{key}.{inner}")),
            );
        }
        for key in &printed {
            assert!(
                help.always.contains(key) || help.sometimes.contains(key),
                "{args:?}: {key:?} is not in the help: {object}"
            );
        }
        for key in help.always.iter().filter(|key| !key.contains('.')) {
            assert!(printed.contains(key), "{args:?}: {key:?} is missing: {object}");
        }
    }
    objects
}
