//! The unit of the relay's rows: a send that authenticates no one and stores nothing, behind the relay's own door (`server::http::echo`).

use std::path::Path;

use anyhow::{Context, Result};
use server::{Config, Relay};

use super::setting::FLAGS;
use crate::table;

/// What the relay's process is told by flags, told to a relay in this one.
fn config(data: &Path) -> Result<Config> {
    let mut flags = std::collections::BTreeMap::from([("data_dir", data.display().to_string())]);
    for (flag, value) in FLAGS {
        let setting = server::config::SETTINGS.iter().find(|setting| setting.flag == *flag);
        flags.insert(
            setting.with_context(|| format!("--{flag} is no setting"))?.name,
            (*value).to_owned(),
        );
    }
    Ok(Config::load(&flags, |_| None)?)
}

/// Serves the echo on a free port of the loopback until killed, on as many threads as the relay has. `data` is for the relay behind whose door it is.
pub fn serve(data: &Path) -> Result<()> {
    server::http::file_limit::raise_limit();
    let config = config(data)?;
    server::http::threads::runtime()?.block_on(async {
        let relay = Relay::start(config.clone()).await?;
        let listener = server::http::echo::bind(&config).await?;
        table::line(&format!("http://{}", listener.local_addr()?));
        server::http::echo::serve(listener, relay.services().clone(), &config).await;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::http::Connection;
    use crate::place;
    use crate::relay_suite::account;

    #[tokio::test]
    async fn an_echo_is_answered_as_a_send_is() {
        let data = place::directory().unwrap();
        let config = config(data.path()).unwrap();
        let relay = Relay::start(config.clone()).await.unwrap();
        let client = sdk::connect(&relay.url()).unwrap();
        let user = account::register(&client, "u", &mut ChaCha20Rng::seed_from_u64(1))
            .await
            .unwrap();
        let listener = server::http::echo::bind(&config).await.unwrap();
        let echo = listener.local_addr().unwrap().to_string();
        let services = relay.services().clone();
        let serving = tokio::spawn(async move { server::http::echo::serve(listener, services, &config).await });

        let send = format!("POST /v1/messages?to=u&id={}", uuid::Uuid::from_u128(7));
        let headers = format!("Content-Type: application/octet-stream\r\n{}", user.authorization);
        let mut answers = Vec::new();
        for host in [relay.addr().to_string(), echo] {
            let mut connection = Connection::open(&host).await.unwrap();
            answers.push(connection.request(&send, &headers, &[5; 4096]).await.unwrap());
        }
        let [sent, echoed] = answers.as_slice() else { panic!() };
        sent.expect_ok().unwrap();
        assert_eq!((echoed.status, echoed.length), (sent.status, sent.length));
        assert_eq!(echoed.body.len(), sent.body.len());
        let counted = relay
            .services()
            .metrics()
            .requests()
            .iter()
            .find(|of| of.operation == "send")
            .unwrap();
        let answered = counted.answers[0].load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(answered, 2, "both are counted as sends");
        let waiting = relay.services().totals().await.unwrap().pending;
        assert_eq!(waiting, 1, "the echo was stored");
        serving.abort();
        let _ = serving.await;
        relay.shutdown().await;
    }
}
