//! The only module that names the SDK (this file, and those below it): requests with retries, and errors put into terms that decide something.
//!
//! Every operation can be repeated: envelopes, plays and acknowledgements carry ids. So a request whose answer was lost is simply made
//! again, a bounded number of times; what is left after that is the outbox's business. (Signing in is the exception: its nonce is used up by
//! the first attempt, so the messenger repeats the pair of requests as a whole.)

mod account;
mod advice;
mod date;
mod error;
mod failed;
mod gate;
mod keys;
mod patience;
mod plays;
mod proxy;
mod sends;
mod url;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::Timestamp;
use protocol::address::UserName;
use sdk::{Client, SdkError, Token, types};
use uuid::Uuid;

use crate::clock::{Clock, ClockOff};
use crate::vault::{AckPosition, Session};
use date::RelayClock;
pub(crate) use patience::outlasts_the_lock;
use patience::{PAGE_TIMEOUT, PROMPT, Silence};

pub use sdk::{BadPin, CertificatePin};

pub(crate) use error::bounded;
pub use error::{Code, RelayError, Verdict};
use error::{MAX_WORD, bounded_to};
pub(crate) use gate::{Released, Sent};
pub(crate) use keys::Bundle;
use proxy::Proxy;
pub use url::RelayUrl;
pub(crate) use wire::{
    Challenge, Flood, KeyStatus, LicenseStatus, Page, Played, SignedClaim, Upload, license_id, own_half,
};
pub use wire::{Registration, RelayStatus};
use wire::{base64, fingerprint};

/// A relay that does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request is made in all, unless its time was over. A relay that restarts is back within a second or so; a longer outage is for the outbox.
const ATTEMPTS: u32 = 3;
/// First pause between attempts; it doubles, and a random part is added so that clients do not come back all at once.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A relay may ask for patience; a user in front of a prompt has this much.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most envelopes asked for at once; the relay's own bound.
pub(crate) const PAGE: u32 = 64;

/// A connection to one relay; clones share it.
#[derive(Clone)]
pub(crate) struct Relay {
    url: RelayUrl,
    client: Client,
    /// What stands in between, for errors.
    proxy: Option<Arc<Proxy>>,
    session: Option<Session>,
    requests: Arc<AtomicU64>,
    clock: RelayClock,
    silence: Silence,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("url", &self.url)
            .field("signed_in", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

type Answer<T> = Result<sdk::ResponseValue<T>, sdk::Error<types::Problem>>;

impl Relay {
    /// Prepares requests to `url`; makes none. `clock` is compared with the relay's.
    pub(crate) fn new(url: RelayUrl, clock: Arc<dyn Clock>) -> Result<Self, RelayError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Envelopes are small and each waits for its answer.
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none());
        let proxy = if url.is_loopback() {
            // A proxy for the outside world has no business on this machine.
            builder = builder.no_proxy();
            None
        } else {
            proxy::check(proxy::environment)?;
            Proxy::of(url.as_str(), proxy::environment).map(Arc::new)
        };
        if let Some(certificate) = url.certificate() {
            let config = certificate
                .tls_config()
                .map_err(|_| RelayError::Malformed("TLS configuration"))?;
            builder = builder.tls_backend_preconfigured(config);
        } else if !url.is_tls() {
            // No certificate will be looked at, so a machine without any can still talk to a relay of its own.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .build()
            .map_err(|error| RelayError::from_sdk(&url, proxy.as_deref(), SdkError::Unreachable(error)))?;
        let client = Client::new_with_client(url.as_str(), http, sdk::Session::default());
        Ok(Self {
            url,
            client,
            proxy,
            session: None,
            requests: Arc::default(),
            clock: RelayClock::new(clock),
            silence: Silence::default(),
        })
    }

    pub(crate) fn url(&self) -> &RelayUrl {
        &self.url
    }

    /// How far our clock is from the relay's, as its last answer said; `None` when none said so.
    pub(crate) fn clock_off(&self) -> Option<ClockOff> {
        self.clock.off()
    }

    /// A silence that was found here and is not noted in the home: how long ago, and how long the answer was waited for.
    pub(crate) fn take_silence(&self) -> Option<(Duration, Duration)> {
        self.silence.take_untold()
    }

    /// Another command found the relay silent a moment ago: it is not asked for a while.
    pub(crate) fn was_silent(&self, patience: Duration) {
        self.silence.was_found(patience);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Uses a stored session, if it was made for this URL.
    pub(crate) fn resume(&mut self, session: Option<Session>) {
        self.session = session.filter(|session| session.url == self.url.as_str());
        match &self.session {
            Some(session) => self.client.session().sign_in(Token::from(session.token.clone())),
            None => self.client.session().forget(),
        }
    }

    /// The session, if there is one.
    pub(crate) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Whether there is a token that has not run out.
    pub(crate) fn signed_in(&self, now: Timestamp) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.expires_at > now.as_millis())
    }

    pub(crate) async fn put_delivery_token(&self, hash: &[u8; 32]) -> Result<(), RelayError> {
        let body = types::DeliveryTokenRequest {
            token_hash: base64(hash),
        };
        self.call(ATTEMPTS, || self.client.put_delivery_token().body(body.clone()).send())
            .await?;
        Ok(())
    }

    /// `hash` in hexadecimal.
    pub(crate) async fn delete_delivery_token(&self, hash: &str) -> Result<(), RelayError> {
        self.call(ATTEMPTS, || self.client.delete_delivery_token().hash(hash).send())
            .await?;
        Ok(())
    }

    /// The relay is to take nothing for us from the account `user`, or to take it again.
    pub(crate) async fn bar(&self, user: &UserName, barred: bool) -> Result<(), RelayError> {
        if barred {
            let body = types::BlockRequest { user: user.to_string() };
            self.call(ATTEMPTS, || self.client.block_account().body(body.clone()).send())
                .await?;
        } else {
            self.call(ATTEMPTS, || self.client.unblock_account().user(user.as_str()).send())
                .await?;
        }
        Ok(())
    }

    /// Acknowledges, says how far the vault has come, fetches at most `limit` envelopes.
    pub(crate) async fn inbox(
        &self,
        ack: Option<AckPosition>,
        told: u64,
        wait: Duration,
        limit: u32,
    ) -> Result<Page, RelayError> {
        let wait_seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).min(MAX_WAIT);
        let body = types::InboxRequest {
            ack: ack.map(|ack| types::Acknowledgement {
                incarnation: Uuid::from_bytes(ack.incarnation),
                sequence: ack.sequence,
            }),
            limit: Some(limit),
            wait_seconds: Some(wait_seconds),
            commit_counter: Some(told),
        };
        // When only the number matters the answer is a small one.
        let patience = if limit == 1 { PROMPT } else { PAGE_TIMEOUT };
        let patience = patience + Duration::from_secs(wait_seconds.into());
        let answer = self
            .call_for(ATTEMPTS, patience, || self.client.inbox().body(body.clone()).send())
            .await?;
        Ok(Page {
            incarnation: *answer.incarnation.as_bytes(),
            envelopes: answer
                .envelopes
                .into_iter()
                .map(|delivery| (delivery.sequence, delivery.envelope.into_vec()))
                .collect(),
            expired_total: answer.expired_total,
            refused_total: answer.refused_total,
            floods: answer.refused_senders.into_iter().filter_map(wire::flood).collect(),
            commit_counter: answer.commit_counter,
        })
    }

    pub(crate) async fn clear_inbox(&self) -> Result<u64, RelayError> {
        Ok(self.call(ATTEMPTS, || self.client.clear_inbox().send()).await?.deleted)
    }

    pub(crate) async fn status(&self) -> Result<RelayStatus, RelayError> {
        let answer = self.call(ATTEMPTS, || self.client.status().send()).await?;
        Ok(RelayStatus {
            fingerprint: fingerprint(&answer.relay_key_fingerprint)?,
            version: bounded_to(&answer.version, MAX_WORD),
            name: answer.relay_name,
            storage_engine: bounded_to(&answer.storage_engine, MAX_WORD),
            time: answer.time,
            registration: answer.registration,
            accounts: answer.accounts,
            messages_pending: answer.messages_pending,
            licenses_active: answer.licenses_active,
        })
    }

    async fn call<T, F: Future<Output = Answer<T>>>(
        &self,
        attempts: u32,
        request: impl FnMut() -> F,
    ) -> Result<T, RelayError> {
        self.call_for(attempts, PROMPT, request).await
    }

    /// Makes a request, and again after faults that pass; not when it took its whole time, and none at all right after that.
    async fn call_for<T, F: Future<Output = Answer<T>>>(
        &self,
        attempts: u32,
        patience: Duration,
        mut request: impl FnMut() -> F,
    ) -> Result<T, RelayError> {
        if let Some(waited) = self.silence.lately() {
            return Err(RelayError::silent(&self.url, self.proxy.as_deref(), waited));
        }
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let error = match tokio::time::timeout(patience, request()).await {
                Ok(Ok(answer)) => {
                    self.clock.note(answer.headers());
                    return Ok(answer.into_inner());
                }
                Ok(Err(error)) => {
                    if let sdk::Error::ErrorResponse(answer) = &error {
                        self.clock.note(answer.headers());
                    }
                    let error = SdkError::from(error);
                    if matches!(&error, SdkError::Unreachable(cause) if cause.is_timeout()) {
                        self.silence.begins(CONNECT_TIMEOUT);
                        return Err(RelayError::from_sdk(&self.url, self.proxy.as_deref(), error));
                    }
                    RelayError::from_sdk(&self.url, self.proxy.as_deref(), error)
                }
                Err(_) => {
                    self.silence.begins(patience);
                    return Err(RelayError::silent(&self.url, self.proxy.as_deref(), patience));
                }
            };
            let wanted = error.worth_repeating();
            let Some(wanted) = wanted.filter(|wanted| attempt < attempts && *wanted <= LONGEST_PAUSE) else {
                return Err(error);
            };
            tokio::time::sleep(wanted.max(jittered(pause))).await;
            pause *= 2;
            attempt += 1;
        }
    }
}

/// The relay's own bound on a long poll, in seconds.
const MAX_WAIT: u32 = 30;

/// Between one and two times `pause`. Without randomness from the system it is exactly one: nothing depends on it.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let part = getrandom::u32().unwrap_or(0);
    pause + pause.mul_f64(f64::from(part) / f64::from(u32::MAX))
}
