//! Oblivious plays with the real arithmetic and parameters. One gate key is made for all tests here (some seconds) and each play takes a fraction of a second, so there are
//! few of them; `oblivious` beside this directory has the many.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
#[path = "../common/mod.rs"]
mod common;

use std::sync::OnceLock;

use common::*;
use playgate::{
    PlayLimit,
    oblivious::{CounterView, GateKey, OpeningKey, PadKey, PlayContext, PlayRelease, PlayRequest, Want},
};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

const CAPABILITY: [u8; 32] = [7; 32];
const KEY: [u8; 16] = [1; 16];

/// The sender's secret, and what it uploads.
type Keys = (GateKey, Vec<u8>);

fn made(key: GateKey) -> Keys {
    let evaluation = key.evaluation_key(&mut rng(), &mut |_| ());
    (key, evaluation)
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| made(GateKey::generate(&mut rng())))
}

fn toy_keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| made(GateKey::generate_insecure_toy(&mut rng())))
}

struct Sent {
    license: ObliviousLicense,
    opening: OpeningKey,
    pads: PadKey,
    key: &'static GateKey,
}

impl Sent {
    async fn by(user: &User, keys: &'static Keys, to: &str, limit: u8) -> Self {
        let (key, _) = keys;
        let (counter, pads) = key.seal(PlayLimit::new(limit).unwrap(), &mut rng());
        let license = ObliviousLicense::new(to, KEY, CAPABILITY, counter.to_bytes());
        assert!(license.counter.len() <= 256);
        let body = license.message(to, Uuid::new_v4(), b"sealed");
        user.call(Method::POST, "/v1/messages/oblivious", Some(body)).await.ok();
        let opening = OpeningKey::from_bytes(&key.opening_key().to_bytes()).unwrap();
        Self {
            license,
            opening,
            pads,
            key,
        }
    }

    fn request(&self, slot: u16, want: Want) -> Vec<u8> {
        let request = PlayRequest::padded(&self.pads, slot, want).unwrap().to_bytes();
        assert!(request.len() <= 128);
        request
    }

    /// Whether it was granted, which only the recipient can tell.
    fn opens(&self, play: Uuid, answer: &Value) -> bool {
        let bytes = unb64(&answer["release"]);
        assert!(bytes.len() <= 4096);
        let context = PlayContext {
            license: self.license.id(),
            play_id: *play.as_bytes(),
        };
        let share = self.opening.open(&PlayRelease::from_bytes(&bytes).unwrap(), &context);
        share.is_some_and(|share| {
            assert_eq!(*share.as_bytes(), self.license.license.share);
            true
        })
    }

    async fn left(&self, api: &Api) -> u8 {
        let view = self
            .license
            .license
            .owned(api, Method::GET, &self.license.license.owner)
            .await
            .ok();
        let view = CounterView::from_bytes(&unb64(&view["counter"])).unwrap();
        self.key.left(&view).unwrap()
    }
}

async fn relay_with_key(keys: &Keys) -> (TestRelay, User) {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    put_gate_key(&alice, KEY, CAPABILITY, keys.1.clone()).await.ok();
    (relay, alice)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_road_in_both_classes() {
    let (mut relay, mut alice) = relay_with_key(keys()).await;
    for limit in [2, 200] {
        alice.api = relay.api();
        let sent = Sent::by(&alice, keys(), "alice", limit).await;
        let api = relay.api();
        let mut left = limit;
        for (slot, want) in [(0, Want::Play), (1, Want::Decoy), (5, Want::Play), (23, Want::Play)] {
            let (id, request) = (Uuid::new_v4(), sent.request(slot, want));
            let answer = sent.license.insist(&api, id, &request).await.ok();
            let granted = sent.opens(id, &answer);
            assert_eq!(granted, want == Want::Play && left > 0, "limit {limit}, slot {slot}");
            left -= u8::from(granted);
            assert_eq!(sent.left(&api).await, left);
            assert_eq!(sent.license.insist(&api, id, &request).await.ok(), answer);
            let signed = receipt(&api, &answer["receipt"]).await;
            signed
                .is_for(&sent.license.id(), id.as_bytes(), &request, &unb64(&answer["release"]))
                .unwrap();
        }
        // The pad is used up; what follows is sealed. A restart is between.
        let used = sent
            .license
            .ask(&api, Uuid::new_v4(), &sent.request(22, Want::Play))
            .await;
        assert_eq!(used.refused(409, "slot_used")["next_slot"], 24);
        relay.restart().await;
        let api = relay.api();
        let (id, request) = (
            Uuid::new_v4(),
            PlayRequest::sealed(&sent.opening, Want::Play, &mut rng()),
        );
        let answer = sent.license.insist(&api, id, &request.to_bytes()).await.ok();
        assert_eq!(sent.opens(id, &answer), left > 0);
    }
}

/// All different. At the toy parameters, where a play takes a tenth of the time: what is tested is that the relay's transactions and the
/// arithmetic fit together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_plays_at_once_three_are_granted() {
    const PLAYS: usize = 1000;
    let (relay, alice) = relay_with_key(toy_keys()).await;
    let (api, sent) = (relay.api(), Sent::by(&alice, toy_keys(), "alice", 3).await);
    // The pad first, to its end, so that the plays can be sealed and come in any order.
    let id = Uuid::new_v4();
    let decoy = sent.license.insist(&api, id, &sent.request(23, Want::Decoy)).await.ok();
    assert!(!sent.opens(id, &decoy));
    let plays: Vec<(Uuid, Vec<u8>)> = (0..PLAYS)
        .map(|_| {
            let request = PlayRequest::sealed(&sent.opening, Want::Play, &mut rng());
            (Uuid::new_v4(), request.to_bytes())
        })
        .collect();
    let distinct: std::collections::HashSet<_> = plays.iter().map(|(_, request)| request).collect();
    assert_eq!(distinct.len(), PLAYS);
    let answers = sent.license.storm(&api, &plays).await;
    let granted = plays
        .iter()
        .zip(&answers)
        .filter(|((id, _), answer)| sent.opens(*id, answer))
        .count();
    assert_eq!(granted, 3);
    assert_eq!(sent.left(&api).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_key_is_refused_and_what_is_anothers_does_not_fit() {
    let relay = TestRelay::start().await;
    let alice = relay.user("alice").await;
    let whole = &keys().1;
    let mut heads = whole.clone();
    let cuts = [&whole[..whole.len() - 1], &whole[..1000], &whole[..1]];
    let longer = [&whole[..], &[0]].concat();
    for bad in cuts.into_iter().chain([&longer[..]]) {
        put_gate_key(&alice, KEY, CAPABILITY, bad.to_vec())
            .await
            .refused(400, "bad_gate_key");
    }
    // The head: what it is, its version, its parameter set.
    for at in 0..3 {
        heads[at] ^= 0x10;
        put_gate_key(&alice, KEY, CAPABILITY, heads.clone())
            .await
            .refused(400, "bad_gate_key");
        heads[at] ^= 0x10;
    }
    assert_eq!(relay.totals().await.gate_keys, 0);

    // A flipped bit further on makes a key that computes nonsense: its owner's own loss, and no more than that.
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    put_gate_key(&alice, KEY, CAPABILITY, flipped).await.ok();
    let (api, sent) = (relay.api(), Sent::by(&alice, keys(), "alice", 2).await);
    let answer = sent
        .license
        .insist(&api, Uuid::new_v4(), &sent.request(0, Want::Play))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    // A counter sealed under another secret.
    let (counter, _) = GateKey::generate(&mut rng()).seal(PlayLimit::new(3).unwrap(), &mut rng());
    let other = ObliviousLicense::new("alice", KEY, CAPABILITY, counter.to_bytes());
    let body = other.message("alice", Uuid::new_v4(), b"x");
    alice
        .call(Method::POST, "/v1/messages/oblivious", Some(body))
        .await
        .ok();
    other
        .insist(&api, Uuid::new_v4(), &sent.request(0, Want::Play))
        .await
        .refused(400, "bad_request");
    // Every byte of a request.
    let request = sent.request(1, Want::Play);
    for at in 0..2 {
        let mut bad = request.clone();
        bad[at] ^= 0x40;
        sent.license
            .ask(&api, Uuid::new_v4(), &bad)
            .await
            .refused(400, "bad_request");
    }
    sent.license
        .ask(&api, Uuid::new_v4(), &[&request[..], &[0]].concat())
        .await
        .refused(400, "bad_request");
    assert_eq!(relay.totals().await.gate_keys, 1);
}
