//! Both modes and a plain model, at the relay: whatever is asked in whatever order, they say the same.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::*;

/// The relay keeps its answers for ten minutes.
const KEPT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug)]
enum Act {
    Play,
    /// So many at once.
    Together(usize),
    /// The same play again, by its place among those before.
    Repeat(usize),
    /// In counted mode there are none.
    Decoy,
    /// What was answered is forgotten.
    Wait,
    Revoke,
    Expire,
}

/// A limit as anyone would write it down.
struct Plain {
    left: u8,
    over: bool,
    /// Whether it was granted, and whether that is still known.
    plays: Vec<(bool, bool)>,
}

impl Plain {
    fn play(&mut self) -> bool {
        let granted = !self.over && self.left > 0;
        self.left -= u8::from(granted);
        self.plays.push((granted, true));
        granted
    }
}

/// One mode at the relay.
enum Mode {
    Counted(License),
    Oblivious { sent: Box<Sent>, slot: u16 },
}

/// A play that can be asked again.
type Asked = (Uuid, Vec<u8>);

impl Mode {
    fn ask(&mut self, want: Want) -> Asked {
        let request = match self {
            Self::Counted(_) => Vec::new(),
            Self::Oblivious { sent, slot } => {
                let request = PlayRequest::padded(&sent.pads, *slot, want)
                    .unwrap_or_else(|| PlayRequest::sealed(&sent.opening, want, &mut rng()));
                *slot += 1;
                request.to_bytes()
            }
        };
        (Uuid::new_v4(), request)
    }

    /// Whether the share came out.
    async fn granted(&self, api: &Api, (id, request): &Asked) -> bool {
        match self {
            Self::Counted(license) => {
                let mut answer = license.play(api, *id).await;
                while answer.status == 503 {
                    tokio::task::yield_now().await;
                    answer = license.play(api, *id).await;
                }
                if answer.status == 410 {
                    return false;
                }
                assert_eq!(unb64(&answer.ok()["share"]), license.share);
                true
            }
            Self::Oblivious { sent, .. } => {
                let answer = sent.license.insist(api, *id, request).await;
                answer.status != 410 && sent.opens(*id, &answer.ok())
            }
        }
    }

    fn license(&self) -> &License {
        match self {
            Self::Counted(license) => license,
            Self::Oblivious { sent, .. } => &sent.license.license,
        }
    }

    async fn left(&self, api: &Api, limit: u8) -> u8 {
        match self {
            Self::Counted(license) => {
                let view = license.owned(api, Method::GET, &license.owner).await.ok();
                limit - u8::try_from(view["used"].as_u64().unwrap()).unwrap()
            }
            Self::Oblivious { sent, .. } => sent.left(api).await,
        }
    }
}

fn acts(rng: &mut ChaCha20Rng, pads: bool) -> Vec<Act> {
    let mut below = |n: u32| rng.next_u32() % n;
    let mut acts: Vec<Act> = (0..12)
        .map(|_| match below(12) {
            0..4 => Act::Play,
            // Padded requests of one license come one after the other: a slot that was passed is over.
            4 | 5 if !pads => Act::Together(2 + below(3) as usize),
            4..6 => Act::Play,
            6..9 => Act::Repeat(below(20) as usize),
            9 | 10 => Act::Decoy,
            _ => Act::Wait,
        })
        .collect();
    match below(3) {
        0 => acts.push(Act::Revoke),
        1 => acts.push(Act::Expire),
        _ => {}
    }
    acts.extend([Act::Play, Act::Repeat(0), Act::Repeat(1)]);
    acts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_modes_and_a_plain_model_say_the_same() {
    let (mut grants, mut denials) = (0, 0);
    for story in 0..12 {
        let mut rng = ChaCha20Rng::seed_from_u64(story);
        let pads = story % 2 == 0;
        let limit = if story % 4 == 3 {
            17
        } else {
            1 + (rng.next_u32() % 6) as u8
        };
        let (relay, alice) = relay_with_key(toy_keys()).await;
        let api = relay.api();
        let counted = License::new("alice", limit);
        let body = counted.message("alice", Uuid::new_v4(), b"x");
        alice.call(Method::POST, "/v1/messages/limited", Some(body)).await.ok();
        let sent = Box::new(Sent::by(&alice, toy_keys(), "alice", limit).await);
        let mut modes = [Mode::Counted(counted), Mode::Oblivious { sent, slot: 0 }];
        if !pads {
            let Mode::Oblivious { sent, slot } = &mut modes[1] else {
                unreachable!()
            };
            *slot = 24;
            let (id, last) = (Uuid::new_v4(), sent.request(23, Want::Decoy));
            assert!(!sent.opens(id, &sent.license.insist(&api, id, &last).await.ok()));
        }

        let acts = acts(&mut rng, pads);
        let mut answers: Vec<Vec<bool>> = Vec::new();
        let mut asked: [Vec<Asked>; 2] = [Vec::new(), Vec::new()];
        let mut plain = Plain {
            left: limit,
            over: false,
            plays: Vec::new(),
        };
        for act in &acts {
            let at_once = if let Act::Together(count) = act { *count } else { 1 };
            let before = plain.plays.len();
            // What the plain model says; of several at once only how many.
            let expected = match *act {
                Act::Play | Act::Together(_) => (0..at_once).filter(|_| plain.play()).count(),
                Act::Repeat(n) => {
                    let known = plain.plays.get(n).is_some_and(|(granted, known)| *granted && *known);
                    usize::from(known && !plain.over)
                }
                Act::Decoy => 0,
                Act::Wait => {
                    relay.clock.advance(KEPT);
                    plain.plays.iter_mut().for_each(|(_, known)| *known = false);
                    continue;
                }
                Act::Revoke => {
                    plain.over = true;
                    for mode in &modes {
                        let license = mode.license();
                        license.owned(&api, Method::DELETE, &license.owner).await.ok();
                    }
                    continue;
                }
                Act::Expire => {
                    plain.over = true;
                    relay.clock.advance(DAY * 90);
                    continue;
                }
            };
            let mut said = Vec::new();
            for (mode, asked) in modes.iter_mut().zip(&mut asked) {
                let plays: Vec<Asked> = match act {
                    Act::Play | Act::Together(_) => (0..at_once).map(|_| mode.ask(Want::Play)).collect(),
                    Act::Repeat(n) => asked.get(*n).cloned().into_iter().collect(),
                    _ if matches!(mode, Mode::Oblivious { .. }) => vec![mode.ask(Want::Decoy)],
                    _ => Vec::new(),
                };
                let granted = futures_util::future::join_all(plays.iter().map(|play| mode.granted(&api, play))).await;
                if matches!(act, Act::Play | Act::Together(_)) {
                    asked.extend(plays);
                }
                assert_eq!(
                    granted.iter().filter(|granted| **granted).count(),
                    expected,
                    "story {story}, limit {limit}: {act:?} after {answers:?} of {acts:?}"
                );
                said.push(granted);
            }
            // Which of several at once were granted is chance, and another in each mode: those that were come first, in the model and in both.
            for (granted, asked) in said.iter().zip(&mut asked) {
                if matches!(act, Act::Together(_)) {
                    let mut order: Vec<_> = granted.iter().zip(asked.split_off(before)).collect();
                    order.sort_by_key(|(granted, _)| !**granted);
                    asked.extend(order.into_iter().map(|(_, play)| play));
                }
            }
            answers.push(said.swap_remove(0));
            if matches!(act, Act::Play | Act::Together(_)) {
                grants += expected;
                denials += at_once - expected;
            }
            if !plain.over {
                for mode in &modes {
                    assert_eq!(
                        mode.left(&api, limit).await,
                        plain.left,
                        "story {story} after {act:?} of {acts:?}"
                    );
                }
            }
        }
    }
    assert!(grants > 30 && denials > 20, "{grants} and {denials}");
}
