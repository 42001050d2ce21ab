//! Until something is so, with a bound: a test that waits in vain fails, and says for what.

use std::time::{Duration, Instant};

/// Far longer than anything takes that is waited for, on a machine that does something else too.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// Looks again until `check` holds.
pub async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    until(what, async || check()).await;
}

/// The same, where looking itself takes time.
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    // By the runtime's clock, which a test may turn.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The same, without a runtime.
#[track_caller]
pub fn blocking(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(LOOK);
    }
}
