//! Refusals that must not tell one cause from another take alike long, too. Asked of the services, where the work is done: HTTP adds the same to all.
//!
//! Clocks of shared machines are noisy, so each comparison is made up to [`ATTEMPTS`] times, beside a control that does only what a careless relay
//! would do. What differs differs each time; one attempt in which the control shows and nothing else does is enough.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::Value;
use server::{
    model::Sender,
    service::{
        Refusal, Services,
        licenses::{LicenseParts, LimitParts},
        sessions::ProofParts,
    },
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{ENVELOPE, common::*};

/// Rounds of one attempt; medians of so many do not move with a single pause of the machine.
const ROUNDS: usize = 120;
/// Attempts, of which one must be quiet.
const ATTEMPTS: usize = 8;
/// Attempts in which something that differs has to be noticed, each time.
const TRIPS: usize = 3;
/// The slowest median over the fastest, at most. What a look at the database or a signature takes is more than that.
const ALIKE: f64 = 1.15;
/// And of the control, at least.
const TELLS: f64 = 1.3;

/// What one attempt found.
struct Attempt<const N: usize> {
    /// In microseconds, the control last.
    medians: [f64; N],
    /// Whether all but the control took alike long.
    alike: bool,
    /// Whether the control, which differs, was told from them. An attempt in which it was not shows nothing.
    tells: bool,
}

/// Asks for each of N refusals in turns, each round beginning with another; the last is the control.
async fn attempt<const N: usize>(ask: &mut impl AsyncFnMut(usize) -> Duration) -> Attempt<N> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..ROUNDS {
        for step in 0..N {
            let which = (round + step) % N;
            times[which].push(ask(which).await);
        }
    }
    let medians = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64() * 1e6
    });
    let (control, alike) = medians.split_last().unwrap();
    let least = alike.iter().copied().fold(f64::INFINITY, f64::min);
    let most = alike.iter().copied().fold(0.0, f64::max);
    Attempt {
        medians,
        alike: most / least <= ALIKE,
        tells: (least / control).max(control / most) >= TELLS,
    }
}

async fn alike<const N: usize>(mut ask: impl AsyncFnMut(usize) -> Duration) {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let attempt: Attempt<N> = attempt(&mut ask).await;
        if attempt.alike && attempt.tells {
            return;
        }
        seen.push(attempt.medians);
    }
    panic!("never alike; microseconds, the control last: {seen:?}");
}

/// The comparison itself has to trip: it is asked about something that differs by what `ask` adds, and must not find it alike once.
async fn differs<const N: usize>(mut ask: impl AsyncFnMut(usize) -> Duration) {
    let mut told = 0;
    for _ in 0..TRIPS {
        let attempt: Attempt<N> = attempt(&mut ask).await;
        assert!(!attempt.alike, "the difference was not noticed: {:?}", attempt.medians);
        told += u32::from(attempt.tells);
    }
    assert!(told > 0, "no attempt would have counted");
}

async fn timed<T>(job: impl Future<Output = Result<T, Refusal>>) -> Duration {
    let start = Instant::now();
    let refusal = job.await.err().expect("a refusal");
    let took = start.elapsed();
    assert!(matches!(refusal, Refusal::Unauthorized), "{refusal}");
    took
}

/// A success that needs no look at the database: what a refusal from memory would take.
async fn from_memory(services: &Services, user: &User) -> Duration {
    let start = Instant::now();
    services.sessions.authenticate(&user.token).await.expect("a session");
    start.elapsed()
}

fn services(relay: &TestRelay) -> &Services {
    relay.relay.as_ref().unwrap().services()
}

fn token(mailbox: [u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode([&mailbox[..], &random::<32>()].concat())
}

#[tokio::test]
async fn wrong_expired_foreign_and_unknown_tokens_take_alike_long() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (relay.user("alice").await, relay.user("bob").await);
    relay.clock.advance(Duration::from_secs(1800));
    let mut carol = relay.user("carol").await;
    relay.clock.advance(Duration::from_secs(1801));
    carol.sign_in().await;
    // Alice's token has expired, Bob's secret is shown for Carol's mailbox, Carol has a session and this is not its token.
    let asked = [
        alice.token.clone(),
        token(carol.mailbox()),
        token(mailbox_of("nobody")),
        token(bob.mailbox()),
    ];
    let services = services(&relay);
    alike::<5>(async |which| match asked.get(which) {
        Some(token) => timed(services.sessions.authenticate(token)).await,
        None => from_memory(services, &carol).await,
    })
    .await;
}

/// A relay that looks once more for one of two causes is noticed, however short a look is.
#[tokio::test]
async fn the_comparison_trips_on_one_more_look_at_the_database() {
    let relay = TestRelay::start().await;
    let carol = relay.user("carol").await;
    let services = services(&relay);
    let look = async || timed(services.sessions.authenticate(&token(mailbox_of("nobody")))).await;
    differs::<3>(async |which| match which {
        0 => look().await,
        1 => look().await + look().await,
        _ => from_memory(services, &carol).await,
    })
    .await;
}

/// So is a relay that verifies no signature when it knows already that it will refuse.
#[tokio::test]
async fn the_comparison_trips_on_a_signature_that_is_not_verified() {
    let relay = TestRelay::start().await;
    let impostor = User::new(relay.api(), "nobody");
    let services = services(&relay);
    differs::<3>(async |which| match which {
        0 => refused_sign_in(&relay, &impostor, None).await,
        // Looked up and refused without a signature being verified.
        1 => timed(services.sessions.authenticate(&token(mailbox_of("nobody")))).await,
        _ => from_memory_of_nobody(),
    })
    .await;
}

/// Nothing at all: what cannot be mistaken for either.
fn from_memory_of_nobody() -> Duration {
    let start = Instant::now();
    std::hint::black_box(&start).elapsed()
}

/// A challenge.
fn issue(relay: &TestRelay, user: &User) -> Value {
    let (issued, identity) = services(relay).sessions.challenge(&user.name).unwrap();
    serde_json::json!({
        "server_nonce": b64(issued.nonce),
        "expires_at": issued.expires.as_millis(),
        "relay_key_fingerprint": hex::encode(identity.fingerprint.as_bytes()),
    })
}

/// A sign-in with a challenge of its own, or with one that was `used`, which is refused. What comes before is the same for all of them: two signatures are made, and another sign-in
/// was refused just now.
async fn refused_sign_in(relay: &TestRelay, user: &User, used: Option<&Value>) -> Duration {
    let services = services(relay);
    let (first, second) = (issue(relay, user), issue(relay, user));
    let mut spoilt = proof(relay, user, &first);
    spoilt.signature[0] ^= 1;
    timed(services.sessions.sign_in(spoilt, None)).await;
    let proof = proof(relay, user, used.unwrap_or(&second));
    timed(services.sessions.sign_in(proof, None)).await
}

fn proof(relay: &TestRelay, user: &User, challenge: &Value) -> ProofParts {
    let body = user.sign_in_with(challenge, &relay.url());
    ProofParts {
        user: body["user"].as_str().unwrap().to_owned(),
        origin: body["origin"].as_str().unwrap().to_owned(),
        address: None,
        host: relay.url().split("//").nth(1).map(str::to_owned),
        server_nonce: unb64(&body["server_nonce"]),
        client_nonce: unb64(&body["client_nonce"]),
        expires_at: body["expires_at"].as_u64().unwrap(),
        signature: unb64(&body["signature"]),
    }
}

#[tokio::test]
async fn unknown_users_wrong_signatures_and_used_challenges_take_alike_long() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let [impostor, nobody] = ["alice", "nobody"].map(|name| User::new(relay.api(), name));
    let services = services(&relay);
    // Used by a sign-in: one that is refused uses none.
    let used = issue(&relay, &alice);
    services
        .sessions
        .sign_in(proof(&relay, &alice, &used), None)
        .await
        .map(drop)
        .unwrap();
    alike::<4>(async |which| match which {
        0 => refused_sign_in(&relay, &impostor, None).await,
        1 => refused_sign_in(&relay, &nobody, None).await,
        2 => refused_sign_in(&relay, &alice, Some(&used)).await,
        // Looked up and refused without a signature being verified.
        _ => timed(services.sessions.authenticate(&token(mailbox_of("nobody")))).await,
    })
    .await;
}

/// What goes with the envelope.
#[derive(Clone, Copy, Debug)]
enum With {
    Nothing,
    Plays,
    /// Under a gate key that is there, or is not.
    Oblivious(Option<[u8; 16]>),
}

impl With {
    fn license(self, to: &str) -> Option<LicenseParts> {
        let limit = match self {
            Self::Nothing => return None,
            Self::Plays => LimitParts::Counted(3),
            Self::Oblivious(gate_key) => LimitParts::Oblivious {
                gate_key: hex::encode(gate_key.unwrap_or([0xee; 16])),
                capability: vec![5; 32],
                counter: fake_counter(3),
            },
        };
        let License { id, expires_at, .. } = License::new(to, 3);
        Some(LicenseParts {
            id,
            limit,
            expires_at,
            share: vec![1; 32],
            play_hash: vec![2; 32],
            owner_hash: vec![3; 32],
        })
    }
}

#[tokio::test]
async fn unknown_and_deleted_delivery_tokens_and_unknown_recipients_take_alike_long() {
    let relay = TestRelay::start_on(Arc::new(FakeGate::default()), |_| {}).await;
    let bob = relay.user("bob").await;
    let hash = |token: &[u8]| -> [u8; 32] { Sha256::digest(token).into() };
    let path = format!("/v1/delivery-tokens/{}", hex::encode(hash(b"deleted")));
    let body = serde_json::json!({ "token_hash": b64(hash(b"deleted")) });
    bob.call(Method::PUT, "/v1/delivery-tokens", Some(body)).await.ok();
    bob.call(Method::DELETE, &path, None).await.ok();
    let gate_key = [7; 16];
    put_gate_key(&bob, gate_key, [5; 32], fake_key(1000, b"")).await.ok();
    let services = services(&relay);
    let send = async |to: &str, token: &[u8], with: With| {
        let from = Sender::Token(hash(token));
        let license = with.license(to);
        timed(
            services
                .mailboxes
                .deposit(from, to, Uuid::new_v4(), ENVELOPE.to_vec(), license),
        )
        .await
    };
    for with in [
        With::Nothing,
        With::Plays,
        With::Oblivious(Some(gate_key)),
        With::Oblivious(None),
    ] {
        alike::<4>(async |which| match which {
            0 => send("bob", b"unknown", with).await,
            1 => send("bob", b"deleted", with).await,
            2 => send("nobody", b"unknown", with).await,
            _ => from_memory(services, &bob).await,
        })
        .await;
    }
}
