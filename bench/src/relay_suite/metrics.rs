//! What a relay says of itself on its second listener.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::http::Connection;

/// 1 until the store has put away and deleted what there is to be put away and deleted.
pub const ERASING: &str = "latchkey_store_erasing";

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// What a relay has not done after this long it does not do.
const PATIENCE: Duration = Duration::from_secs(120);

/// One number of the relay whose metrics are at `host`.
pub async fn read(connection: &mut Connection, name: &str) -> Result<f64> {
    let answer = connection.request("GET /metrics", "", &[]).await?;
    answer.expect_ok()?;
    let text = String::from_utf8(answer.body)?;
    value(&text, name).with_context(|| format!("the relay has no {name} among its metrics"))
}

/// Waits until a number is what it should be.
pub async fn until(host: &str, name: &str, wanted: f64) -> Result<()> {
    let mut connection = Connection::open(host).await?;
    let start = Instant::now();
    loop {
        let found = read(&mut connection, name).await?;
        if found == wanted {
            return Ok(());
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "{name} is {found} and does not become {wanted}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

fn value(text: &str, name: &str) -> Option<f64> {
    let samples = text.lines().filter_map(|line| line.split_once(' '));
    samples
        .filter(|(sample, _)| *sample == name)
        .find_map(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_whole_name() {
        let text = "# HELP a_b x\n# TYPE a_b gauge\na_bc 1\na_b{l=\"m\"} 2\na_b 3.5\n# EOF\n";
        assert_eq!(value(text, "a_b"), Some(3.5));
        assert_eq!(value(text, "a_b{l=\"m\"}"), Some(2.0));
        assert_eq!(value(text, "a"), None);
    }
}
