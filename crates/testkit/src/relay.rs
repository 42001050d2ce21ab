//! A relay in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::address::UserName;
use server::invite::InviteCode;
use server::operator::errands::Errand;
use server::service::Services;
use server::service::gate::Gate;
use server::service::homomorphic::Homomorphic;
use server::store::Totals;
use server::store::sqlite::admin::Reader;
use server::{Config, Relay, RunningRelay};
use tempfile::TempDir;

use crate::clock::{Clock, SystemClock};

/// A relay on a free port and on data of its own, which are gone with this value.
pub struct TestRelay {
    /// The relay, while it runs.
    pub relay: Option<RunningRelay>,
    /// What it has when it starts the next time.
    pub config: Config,
    /// What computes oblivious plays.
    pub gate: Arc<dyn Gate>,
    /// Where its data is, and room for a test's own files.
    pub dir: TempDir,
    clock: Arc<dyn Clock>,
}

impl TestRelay {
    /// One with the settings of a fresh relay, by the machine's clock.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Arc::new(SystemClock), Arc::new(Homomorphic), change).await
    }

    /// By a clock and with a gate of the test's own.
    pub async fn start_on(clock: Arc<dyn Clock>, gate: Arc<dyn Gate>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = Config::new(dir.path().join("relay")).unwrap();
        config.listen.set_port(0);
        change(&mut config);
        let mut relay = Self {
            relay: None,
            config,
            gate,
            dir,
            clock,
        };
        relay.start_again().await;
        relay
    }

    /// Ends it in order, if it runs.
    pub async fn stop(&mut self) {
        if let Some(relay) = self.relay.take() {
            relay.shutdown().await;
        }
    }

    /// On the same data, and at another address unless the settings name one.
    pub async fn start_again(&mut self) {
        assert!(self.relay.is_none(), "it runs");
        let (clock, gate) = (Arc::clone(&self.clock), Arc::clone(&self.gate));
        // Boxed: it is the largest part of most tests.
        let starting = Box::pin(Relay::start_with(self.config.clone(), clock, gate));
        self.relay = Some(starting.await.unwrap());
    }

    /// Stops and starts, as `systemctl restart` does it.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// The relay; it has to run.
    #[must_use]
    pub fn running(&self) -> &RunningRelay {
        self.relay.as_ref().unwrap()
    }

    /// What it is made of.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        self.running().services()
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.running().addr()
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.running().url()
    }

    /// How many wait for mail.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.relay
            .as_ref()
            .map_or(0, |relay| relay.services().mailboxes.waiting())
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.config.data_dir
    }

    /// Its database, as commands read it.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::open(self.data()).unwrap()
    }

    /// The exact numbers, which only the operator sees.
    pub async fn totals(&self) -> Totals {
        self.services().totals().await.unwrap()
    }

    /// An invitation for so many, good for so long.
    pub async fn invite(&self, uses: u32, lifetime: Duration) -> InviteCode {
        let code = InviteCode::generate().unwrap();
        let errand = Errand::Invite {
            hash: code.hash(),
            uses: uses.try_into().unwrap(),
            expires: self.clock.now().plus(lifetime),
        };
        assert!(self.services().do_errand(&errand).await.unwrap());
        code
    }

    /// What removes the account that has this name now, if there is one.
    #[must_use]
    pub fn removal(&self, name: &str) -> Option<Errand> {
        Errand::removal(&self.reader(), &UserName::parse(name).unwrap()).unwrap()
    }

    /// Removes an account, as the operator's command has the relay do it. Whether there was one.
    pub async fn remove(&self, name: &str) -> bool {
        match self.removal(name) {
            Some(removal) => self.services().do_errand(&removal).await.unwrap(),
            None => false,
        }
    }
}
