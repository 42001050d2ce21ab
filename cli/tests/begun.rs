//! A registration that was begun and broken off: what is kept is said, and it goes on from there.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use client::vault::Passphrase;
use client::{CertificatePin, Error, Messenger, Options, RelayUrl, Step, Steps, UserName};
use rustix::process::Signal;
use support::{PASSPHRASE, Person, Stage};
use terminal::Terminal;
use testkit::wait::blocking;

const REGISTERS: &str = "POST /v1/accounts";

/// The client as one starts it who has never named a relay to the environment.
fn without_relay(person: &Person, args: &[&str]) -> Terminal {
    let mut command = person.command(args);
    command.env_remove("LATCHKEY_RELAY").env_remove("LATCHKEY_PASSPHRASE");
    Terminal::start(command)
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_registration_that_was_broken_off_goes_on_where_it_was_begun() {
    let stage = Stage::new();
    let line = stage.line();
    line.swallow(REGISTERS);
    let alice = stage.person("alice");
    let mut terminal = without_relay(&alice, &[]);
    // A newcomer has a relay of their own in mind, and none runs here; or one does.
    let screen = terminal.looks("a question", |screen| {
        screen.contains("? Relay:") || screen.contains("? Your name")
    });
    if screen.contains("? Your name") {
        terminal.goes_back_to("Relay:");
    }
    terminal.types("\u{15}");
    terminal.enters(&line.url());
    terminal.sees("Your name at the relay:");
    terminal.enters("alice");
    terminal.sees("New passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("Once more:");
    terminal.enters(PASSPHRASE);
    blocking("a registration is on its way", || line.has_taken(REGISTERS));
    terminal.sends(Signal::INT);
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(130), "{all}");
    let said = words(&all);
    for part in [
        &format!("the registration of alice at {} is not finished", line.url()),
        "are kept here",
        "Start latchkey again with the same passphrase",
    ] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }

    // By command it is said how, whatever relay the environment names.
    let home = alice.home.display().to_string();
    let other = alice.command(&["--home", &home, "contacts"]).output().unwrap();
    assert_eq!(other.status.code(), Some(3));
    let hint = words(&String::from_utf8(other.stderr).unwrap());
    assert!(
        hint.contains(&format!("--relay {} register alice", line.url())),
        "{hint}"
    );

    // The next start asks for neither relay nor name, also when the relay does not answer at first.
    line.take_requests();
    let mut terminal = without_relay(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("was not finished");
    blocking("a registration is on its way", || line.has_taken(REGISTERS));
    terminal.sends(Signal::INT);
    assert_eq!(terminal.ends().0.code(), Some(130));
    line.swallow("nothing");
    let mut terminal = without_relay(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    let between = terminal.sees("What next?");
    for question in ["Relay:", "Your name", "New passphrase", "127.0.0.1:5000"] {
        assert!(!between.contains(question), "{between}");
    }
    assert!(between.contains("Registered"), "{between}");
    terminal.quits();
}

#[test]
fn register_without_a_relay_goes_on_where_it_was_begun() {
    let stage = Stage::new();
    let line = stage.line();
    let mut alice = stage.person("alice");
    alice.url = line.url();
    for _ in 0..3 {
        line.lose_answer(REGISTERS);
    }
    alice.fails(4, &["register", "alice"]);
    let again = alice
        .command(&["register", "alice"])
        .env_remove("LATCHKEY_RELAY")
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(alice.json_one(&["status"])["relay"]["url"], line.url());
}

/// Stops behind what is kept, before the relay hears of it.
struct Stops;

impl Steps for Stops {
    fn reached(&self, step: Step) -> Result<(), Error> {
        match step {
            Step::BeforeRegister => Err(Error::Oneself),
            _ => Ok(()),
        }
    }
}

/// A way to the relay that passes bytes on, while it is open.
fn way_to(stage: &Stage) -> (String, Arc<AtomicBool>) {
    let (listener, relay) = (TcpListener::bind("127.0.0.1:0").unwrap(), stage.addr());
    let url = format!("https://{}", listener.local_addr().unwrap());
    let open = Arc::new(AtomicBool::new(true));
    let is_open = Arc::clone(&open);
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            if !is_open.load(Ordering::SeqCst) {
                continue;
            }
            let far = TcpStream::connect(relay).unwrap();
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    (url, open)
}

#[test]
fn the_certificate_that_was_pinned_is_kept_with_a_registration() {
    let (stage, fingerprint) = Stage::self_signed();
    let (url, open) = way_to(&stage);
    let alice = stage.person("alice");
    let pinned = RelayUrl::parse(&url)
        .unwrap()
        .pinned(fingerprint.parse::<CertificatePin>().unwrap())
        .unwrap();
    let passphrase = Passphrase::new(PASSPHRASE.to_owned()).unwrap();
    let options = Options {
        steps: Arc::new(Stops),
        ..Options::default()
    };
    let name = UserName::parse("alice").unwrap();
    let begun = stage.block_on(Messenger::register(&alice.home, &passphrase, &name, pinned, options));
    assert!(matches!(begun, Err(Error::Oneself)));

    let hint = words(&alice.fails(3, &["contacts"]));
    assert!(
        hint.contains(&format!("--relay {url} --pin {fingerprint} register alice")),
        "{hint}"
    );

    // Also when the relay does not answer at first.
    open.store(false, Ordering::SeqCst);
    let mut terminal = without_relay(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    terminal.sees("cannot be reached");
    terminal.presses_escape();
    let (status, all) = terminal.ends();
    assert_eq!(status.code(), Some(0), "{all}");
    assert!(
        words(&all).contains(&format!(
            "The registration of alice at {url} goes on at the next start."
        )),
        "{all}"
    );
    let mut terminal = without_relay(&alice, &[]);
    terminal.sees("Passphrase:");
    terminal.enters(PASSPHRASE);
    for _ in 0..2 {
        terminal.sees("cannot be reached");
        terminal.looks("the relay", |screen| screen.contains(&format!("? Relay: {url}\n")));
        terminal.enters("");
    }
    terminal.sees("cannot be reached");
    terminal.looks("the relay", |screen| screen.contains(&format!("? Relay: {url}\n")));
    open.store(true, Ordering::SeqCst);
    terminal.enters("");
    let between = terminal.sees("What next?");
    assert!(!between.contains("Its fingerprint:"), "{between}");
    assert!(between.contains("Registered"), "{between}");
    terminal.quits();
    assert_eq!(
        alice
            .command(&["status"])
            .env_remove("LATCHKEY_RELAY")
            .status()
            .unwrap()
            .code(),
        Some(0)
    );
}
