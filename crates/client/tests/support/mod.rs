//! A relay in this process, a faulty line to it, and people with throw-away homes.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

pub mod gate;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use latchkey_client::vault::{Direction, KdfCost, MessageBody, Passphrase};
use latchkey_client::{
    Address, Clock, Error, Event, Messenger, NoSteps, Options, RelayUrl, Step, Steps, Timestamp, UserName,
};
use server::service::Services;
use server::service::homomorphic::Homomorphic;
use server::service::rates::RateLimits;
use testkit::clock::ManualClock;
pub use testkit::disk::{bytes as bytes_on_disk, contains, copy, holds};
use testkit::relay::TestRelay;
pub use testkit::{line, user as raw};

use line::Line;

/// The moment all tests begin at.
pub const START: u64 = testkit::clock::START.as_millis();

/// A relay behind a line, and a clock that everyone goes by.
pub struct Stage {
    pub line: Line,
    pub clock: Arc<ManualClock>,
    /// What differs from the defaults at the next start.
    pub change: fn(&mut server::Config),
    pub relay: TestRelay,
}

/// The stage's clock, or one that is so far from it.
struct TestClock {
    right: Arc<ManualClock>,
    ahead: Duration,
    behind: Duration,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let now = testkit::clock::Clock::now(&*self.right).plus(self.ahead);
        Timestamp(now.as_millis() - u64::try_from(self.behind.as_millis()).unwrap())
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
        let clock = Arc::new(ManualClock::at(testkit::clock::START));
        let relay = TestRelay::start_on(Arc::clone(&clock) as _, Arc::new(Homomorphic), |config| {
            // Crashes at every step mean registrations by the hundred.
            config.rates = RateLimits::off();
            if strangers {
                config.shares.strangers = None;
            }
        });
        let relay = relay.await;
        let line = Line::to(relay.addr()).await;
        line.date_by(Arc::clone(&clock) as _);
        Self {
            line,
            clock,
            change: |_| {},
            relay,
        }
    }

    pub async fn start_relay(&mut self) {
        (self.change)(&mut self.relay.config);
        self.relay.start_again().await;
        self.line.connect_to(self.relay.addr());
    }

    /// What the relay is made of.
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(self.relay.services())
    }

    /// Nobody answers any more.
    pub async fn stop_relay(&mut self) {
        self.line.cut();
        self.relay.stop().await;
    }

    /// An orderly restart, as `systemctl restart` does it; the line holds.
    pub async fn restart_relay(&mut self) {
        self.relay.stop().await;
        self.start_relay().await;
    }

    /// How many wait for mail.
    pub fn waiting(&self) -> usize {
        self.relay.waiting()
    }

    /// Removes an account as the operator does; whether there was one.
    pub async fn remove_account(&self, name: &str) -> bool {
        self.relay.remove(name).await
    }

    /// Where the relay keeps everything.
    pub fn relay_home(&self) -> PathBuf {
        self.relay.data().to_owned()
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
            clock: self.clock_off_by(Duration::ZERO, Duration::ZERO),
            kdf: KdfCost::insecure_for_tests(),
            steps,
            gate_keys: Arc::new(gate::OneGateKey),
        }
    }

    /// A clock that is wrong by so much.
    pub fn clock_off_by(&self, ahead: Duration, behind: Duration) -> Arc<dyn Clock> {
        let right = Arc::clone(&self.clock);
        Arc::new(TestClock { right, ahead, behind })
    }

    pub fn home(&self, name: &str) -> PathBuf {
        self.relay.dir.path().join("homes").join(name)
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
