//! What a relay does by the clock while it serves.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    operator::errands,
    service::{
        Services,
        clock_guard::{ClockGuard, Trust},
    },
    tls::Certificates,
};

/// How often expired rows are removed. What has expired is not delivered in between either.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often the certificate's files are looked at: a renewed certificate is shown long before the old one ends.
const REFRESH_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether the operator wants something done; the command waits for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn refresh_for_ever(certificates: Arc<Certificates>, services: Arc<Services>) {
    let mut tick = interval(REFRESH_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The certificate that was said to be out of its time: at the start, when it came, or when its end came; once.
    let mut said = String::new();
    loop {
        tick.tick().await;
        refresh(&certificates).await;
        let now = i64::try_from(services.now().as_millis() / 1000).unwrap_or(i64::MAX);
        if let Some(fault) = certificates.out_of_time(now) {
            let fingerprint = certificates.fingerprint();
            if said != fingerprint {
                tracing::error!("{fault}");
                said = fingerprint;
            }
        }
    }
}

/// Looks whether there is another certificate.
pub(super) async fn refresh(certificates: &Arc<Certificates>) {
    let looking = Arc::clone(certificates);
    match tokio::task::spawn_blocking(move || looking.refresh()).await {
        Ok(Ok(true)) => tracing::info!(
            fingerprint = certificates.fingerprint(),
            "another certificate is shown from now on"
        ),
        Ok(Err(error)) => tracing::error!(%error, "the new certificate is not usable; the old one is shown on"),
        Ok(Ok(false)) | Err(_) => {}
    }
}

/// Does what the operator asked for by command.
pub(super) async fn run_errands_for_ever(services: Arc<Services>, data_dir: PathBuf) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let runner = errands::Runner::new(data_dir);
    loop {
        tick.tick().await;
        runner.serve(&services).await;
    }
}

pub(super) async fn sweep_for_ever(services: Arc<Services>) {
    let mut tick = interval(SWEEP_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (started, mut jumps) = (Instant::now(), ClockGuard::default());
    loop {
        tick.tick().await;
        services.renew_status().await;
        match jumps.judge(services.now(), started.elapsed()) {
            Trust::Steady => {}
            Trust::Watched => {
                put_off(&services);
                continue;
            }
            Trust::Jumped(milliseconds) => {
                put_off(&services);
                tracing::warn!(
                    seconds = milliseconds / 1000,
                    "the clock jumped; nothing expired is removed for ten minutes. Look at the machine's time service"
                );
                continue;
            }
        }
        if let Err(refusal) = services.sweep().await {
            tracing::warn!(%refusal, "expired rows could not be removed; trying again in a minute");
        }
    }
}

fn put_off(services: &Services) {
    services.metrics().sweeps.put_off.fetch_add(1, Ordering::Relaxed);
}
