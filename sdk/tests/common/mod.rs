//! A relay in this process.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

use server::RunningRelay;
use tempfile::TempDir;

/// A relay that is gone with this value.
pub struct TestRelay {
    pub relay: RunningRelay,
    _data: TempDir,
}

impl TestRelay {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = server::Config::new(data.path()).unwrap();
        config.listen.set_port(0);
        Self {
            relay: server::Relay::start(config).await.unwrap(),
            _data: data,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.relay.addr())
    }
}
