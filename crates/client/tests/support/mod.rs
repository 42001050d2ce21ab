//! A relay in this process, a faulty line to it, and people with throw-away homes.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod gate;
pub mod line;
pub mod raw;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use latchkey_client::vault::{Direction, KdfCost, MessageBody, Passphrase};
use latchkey_client::{
    Address, Clock, Error, Event, Messenger, NoSteps, Options, RelayUrl, Step, Steps, Timestamp, UserName,
};
use server::RunningRelay;
use server::clock::ManualClock;
use server::service::Services;
use tempfile::TempDir;

use line::Line;

/// The moment all tests begin at: 2026-11-01 00:00 UTC.
pub const START: u64 = 1_793_491_200_000;

/// A relay behind a line, and a clock that everyone goes by.
pub struct Stage {
    pub line: Line,
    pub clock: Arc<ManualClock>,
    /// What differs from the defaults at the next start.
    pub change: fn(&mut server::Config),
    relay: Option<RunningRelay>,
    strangers: bool,
    dir: TempDir,
}

struct TestClock(Arc<ManualClock>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        server::clock::Clock::now(&*self.0)
    }
}

impl Stage {
    pub async fn new() -> Self {
        Self::start(false).await
    }

    /// With a relay at which accounts send as much as holders of delivery tokens.
    pub async fn open_to_strangers() -> Self {
        Self::start(true).await
    }

    async fn start(strangers: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(START)));
        let line = Line::new().await;
        line.date_by(Arc::clone(&clock));
        let mut stage = Self {
            line,
            clock,
            change: |_| {},
            relay: None,
            strangers,
            dir,
        };
        stage.start_relay().await;
        stage
    }

    pub async fn start_relay(&mut self) {
        let mut config = server::Config::new(self.dir.path().join("relay")).unwrap();
        // Crashes at every step mean registrations by the hundred.
        config.rates = server::service::rates::RateLimits::off();
        if self.strangers {
            config.shares.strangers = None;
        }
        config.listen.set_port(0);
        (self.change)(&mut config);
        let clock = Arc::clone(&self.clock);
        let relay = server::Relay::start_with_clock(config, clock).await.unwrap();
        self.line.connect_to(relay.addr());
        self.relay = Some(relay);
    }

    /// What the relay is made of.
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(self.relay.as_ref().unwrap().services())
    }

    /// Nobody answers any more.
    pub async fn stop_relay(&mut self) {
        self.line.cut();
        if let Some(relay) = self.relay.take() {
            relay.shutdown().await;
        }
    }

    /// An orderly restart, as `systemctl restart` does it; the line holds.
    pub async fn restart_relay(&mut self) {
        if let Some(relay) = self.relay.take() {
            relay.shutdown().await;
        }
        self.start_relay().await;
    }

    /// How many wait for mail.
    pub fn waiting(&self) -> usize {
        self.relay
            .as_ref()
            .map_or(0, |relay| relay.services().mailboxes.waiting())
    }

    /// Removes an account as the operator does; whether there was one.
    pub async fn remove_account(&self, name: &str) -> bool {
        let reader = server::store::sqlite::admin::Reader::open(&self.relay_home()).unwrap();
        let Some(removal) =
            server::operator::errands::Errand::removal(&reader, &UserName::parse(name).unwrap()).unwrap()
        else {
            return false;
        };
        let services = self.relay.as_ref().unwrap().services();
        services.do_errand(&removal).await.unwrap()
    }

    /// Where the relay keeps everything.
    pub fn relay_home(&self) -> PathBuf {
        self.dir.path().join("relay")
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn url(&self) -> RelayUrl {
        RelayUrl::parse(&self.line.url()).unwrap()
    }

    pub fn options(&self) -> Options {
        self.options_with(Arc::new(NoSteps))
    }

    pub fn options_with(&self, steps: Arc<dyn Steps>) -> Options {
        Options {
            clock: Arc::new(TestClock(Arc::clone(&self.clock))),
            kdf: KdfCost::insecure_for_tests(),
            steps,
            gate_keys: Arc::new(gate::OneGateKey),
        }
    }

    pub fn home(&self, name: &str) -> PathBuf {
        self.dir.path().join("homes").join(name)
    }

    pub async fn register(&self, name: &str) -> Messenger {
        self.try_register(name, self.options()).await.unwrap()
    }

    pub async fn try_register(&self, name: &str, options: Options) -> Result<Messenger, Error> {
        let user = UserName::parse(name).unwrap();
        Messenger::register(&self.home(name), &passphrase(), &user, self.url(), options).await
    }

    pub fn open(&self, name: &str) -> Messenger {
        self.try_open(name, self.options()).unwrap()
    }

    pub fn try_open(&self, name: &str, options: Options) -> Result<Messenger, Error> {
        Messenger::open(&self.home(name), &passphrase(), None, options)
    }
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned()).unwrap()
}

pub fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@localhost")).unwrap()
}

/// The texts of what just came.
pub fn texts(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        })
        .filter_map(|message| match &message.body {
            MessageBody::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// Receives and gives the texts; nothing else may have gone wrong.
pub async fn receive(person: &mut Messenger) -> Vec<String> {
    let events = person.receive(Duration::ZERO).await.unwrap();
    for event in &events {
        assert!(
            !matches!(
                event,
                Event::Postponed(_) | Event::Unreadable { .. } | Event::Missing { .. }
            ),
            "{event:?}"
        );
    }
    texts(&events)
}

/// The texts kept in one direction, oldest first.
pub fn kept(person: &Messenger, direction: Direction) -> Vec<String> {
    person
        .history(None, 1000)
        .unwrap()
        .into_iter()
        .filter(|message| message.direction == direction)
        .map(|message| match message.body {
            MessageBody::Text(text) => text,
            MessageBody::Limited(terms, _) => format!("limited to {}", terms.limit),
            MessageBody::Unknown => "unknown".to_owned(),
        })
        .collect()
}

/// A directory and what is in it, in place of what was there.
pub fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Every byte in the files of a directory.
pub fn bytes_on_disk(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The forms in which bytes could be inside of something that travels: as they are, in hexadecimal, and in base64 wherever in a group of three they begin.
pub fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), hex(text.as_bytes())];
    for shift in 0..3 {
        let from = &text.as_bytes()[shift..];
        let whole = &from[..from.len() / 3 * 3];
        forms.push(sdk::Base64::from(whole.to_vec()).to_string());
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What unwinds when the plug is pulled.
struct Crash(Step);

/// Where the plug was pulled in `work`, if it was. Whatever `work` worked on is to be dropped then: its memory is lost, as after a crash.
pub async fn until_crash<T>(work: impl Future<Output = T>) -> Result<T, Step> {
    match AssertUnwindSafe(Box::pin(work)).catch_unwind().await {
        Ok(outcome) => Ok(outcome),
        Err(unwound) => match unwound.downcast::<Crash>() {
            Ok(crash) => Err(crash.0),
            Err(other) => resume_unwind(other),
        },
    }
}

/// Pulls the plug at one step.
pub struct CrashAt {
    only: Option<Step>,
    countdown: AtomicUsize,
    crashed: Mutex<Option<Step>>,
}

impl CrashAt {
    /// The next time that `step` is reached.
    pub fn step(step: Step) -> Arc<Self> {
        Arc::new(Self {
            only: Some(step),
            countdown: AtomicUsize::new(0),
            crashed: Mutex::default(),
        })
    }

    /// At the `n`-th step of whatever kind, from 0.
    pub fn nth(n: usize) -> Arc<Self> {
        Arc::new(Self {
            only: None,
            countdown: AtomicUsize::new(n),
            crashed: Mutex::default(),
        })
    }

    /// Where it happened, if it did.
    pub fn crashed(&self) -> Option<Step> {
        *self.crashed.lock().unwrap()
    }
}

impl Steps for CrashAt {
    fn reached(&self, step: Step) -> Result<(), Error> {
        let mut crashed = self.crashed.lock().unwrap();
        if crashed.is_some() || self.only.is_some_and(|only| only != step) {
            return Ok(());
        }
        let left = self.countdown.load(Ordering::SeqCst);
        if left > 0 {
            self.countdown.store(left - 1, Ordering::SeqCst);
            return Ok(());
        }
        *crashed = Some(step);
        drop(crashed);
        // Without the hook of panics: a crash says nothing.
        resume_unwind(Box::new(Crash(step)));
    }
}
