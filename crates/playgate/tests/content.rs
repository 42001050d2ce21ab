//! Sealing and opening: golden vectors computed elsewhere, and what must not open.

#![cfg(all(feature = "client", feature = "relay"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails loudly"
)]

use latchkey_playgate::content::{MAX_PLAINTEXT_LEN, SEAL_OVERHEAD};
use latchkey_playgate::{
    ContentShare, Counter, Mode, OpenError, PlayLimit, PlayShare, Policy, SealError, SealedContent, open, seal,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Deserialize;

/// One entry of `vectors/play_content.json`, written by the script beside it.
#[derive(Deserialize)]
struct Vector {
    name: String,
    license_id: String,
    content_share: String,
    play_share: String,
    mode: u8,
    limit: u8,
    expires_at: Option<u64>,
    policy: String,
    commit: String,
    plaintext: String,
    ciphertext: String,
}

impl Vector {
    fn mode(&self) -> Mode {
        match self.mode {
            0 => Mode::Counted,
            1 => Mode::Oblivious,
            other => panic!("mode {other}"),
        }
    }
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn opens_what_another_implementation_sealed() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/play_content.json")).unwrap();
    assert_eq!(vectors.len(), 6);
    for v in vectors {
        let policy = Policy {
            mode: v.mode(),
            limit: PlayLimit::new(v.limit).unwrap(),
            expires_at: v.expires_at,
        };
        assert_eq!(hex::encode(policy.encode()), v.policy, "policy of {}", v.name);
        let opened = open(
            &array(&v.license_id),
            &hex::decode(&v.policy).unwrap(),
            &ContentShare::from_bytes(array(&v.content_share)),
            &array(&v.commit),
            &PlayShare::from_bytes(array(&v.play_share)),
            &hex::decode(&v.ciphertext).unwrap(),
        );
        assert_eq!(
            hex::encode(opened.unwrap_or_else(|e| panic!("{}: {e}", v.name))),
            v.plaintext,
            "{}",
            v.name
        );
    }
}

/// Gives out the bytes it was made of, so that sealing can be compared with a vector.
struct Scripted(std::vec::IntoIter<u8>);

impl rand_core::TryRng for Scripted {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill_with(|| self.0.next().expect("sealing draws two shares and no more"));
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Scripted {}

#[test]
fn seals_what_another_implementation_sealed() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/play_content.json")).unwrap();
    for v in vectors {
        let policy = Policy {
            mode: v.mode(),
            limit: PlayLimit::new(v.limit).unwrap(),
            expires_at: v.expires_at,
        };
        let shares = [array::<32>(&v.content_share), array(&v.play_share)].concat();
        let mut rng = Scripted(shares.into_iter());
        let sealed = seal(
            &array(&v.license_id),
            &policy,
            &hex::decode(&v.plaintext).unwrap(),
            &mut rng,
        )
        .unwrap();
        assert_eq!(hex::encode(sealed.commit), v.commit, "commit of {}", v.name);
        assert_eq!(
            hex::encode(&sealed.ciphertext),
            v.ciphertext,
            "ciphertext of {}",
            v.name
        );
        assert_eq!(rng.0.len(), 0, "both shares were drawn for {}", v.name);
    }
}

/// Everything a recipient holds once the relay released a share.
#[derive(Clone)]
struct Held {
    license_id: [u8; 16],
    policy: Vec<u8>,
    sealed: SealedContent,
}

impl Held {
    fn new(seed: u64, policy: Policy, plaintext: &[u8]) -> Self {
        let license_id = [seed as u8; 16];
        let sealed = seal(&license_id, &policy, plaintext, &mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
        Self {
            license_id,
            policy: policy.encode(),
            sealed,
        }
    }

    fn open(&self) -> Result<Vec<u8>, OpenError> {
        let SealedContent {
            content_share,
            play_share,
            commit,
            ciphertext,
        } = &self.sealed;
        open(
            &self.license_id,
            &self.policy,
            content_share,
            commit,
            play_share,
            ciphertext,
        )
        .map(|text| text.to_vec())
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    (1u8..=255, any::<Option<u64>>()).prop_map(|(limit, expires_at)| Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(limit).unwrap(),
        expires_at,
    })
}

proptest! {
    #[test]
    fn opens_as_often_as_the_share_is_released(
        seed: u64, policy in policies(), text in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let held = Held::new(seed, policy, &text);
        prop_assert_eq!(held.sealed.ciphertext.len(), text.len() + SEAL_OVERHEAD);
        let mut counter = Counter::new(policy.limit);
        let mut opened = 0u32;
        while counter.turn().is_ok() {
            prop_assert_eq!(&held.open().unwrap(), &text);
            opened += 1;
        }
        prop_assert_eq!(opened, u32::from(policy.limit.get()));
    }

    #[test]
    fn another_share_is_the_relays_fault(seed: u64, policy in policies(), other: [u8; 32]) {
        let mut held = Held::new(seed, policy, b"text");
        held.sealed.play_share = PlayShare::from_bytes(other);
        prop_assert_eq!(held.open(), Err(OpenError::RelayFault));
    }

    /// Two messages of one sender: no part of one fits the other, whichever is swapped in.
    #[test]
    fn parts_of_two_messages_do_not_mix(seed in 0u64..u64::MAX, policy in policies()) {
        let (a, b) = (Held::new(seed, policy, b"same text"), Held::new(seed + 1, policy, b"same text"));
        prop_assert_ne!(&a.sealed.ciphertext, &b.sealed.ciphertext);
        let swaps: [fn(&mut Held, &Held); 5] = [
            |a, b| a.license_id = b.license_id,
            |a, b| a.sealed.content_share = b.sealed.content_share.clone(),
            |a, b| a.sealed.play_share = b.sealed.play_share.clone(),
            |a, b| a.sealed.commit = b.sealed.commit,
            |a, b| a.sealed.ciphertext = b.sealed.ciphertext.clone(),
        ];
        for (i, swap) in swaps.iter().enumerate() {
            let mut mixed = a.clone();
            swap(&mut mixed, &b);
            prop_assert!(mixed.open().is_err(), "swap {} opened", i);
        }
    }

    /// A policy that allows more is another key: the recipient cannot raise the limit of what was sealed.
    #[test]
    fn another_policy_does_not_open(seed: u64, policy in policies(), other in policies()) {
        prop_assume!(policy != other);
        let mut held = Held::new(seed, policy, b"text");
        held.policy = other.encode();
        prop_assert_eq!(held.open(), Err(OpenError::RelayFault));
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let policy = Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(3).unwrap(),
        expires_at: Some(1_800_000_000_000),
    };
    let intact = Held::new(9, policy, b"thirty-two bytes of plain text..");
    assert!(intact.open().is_ok());
    let flip = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
    let flipped_share = |bytes: &[u8; 32], bit: usize| {
        let mut bytes = *bytes;
        flip(&mut bytes, bit);
        bytes
    };

    for bit in 0..intact.sealed.ciphertext.len() * 8 {
        let mut held = intact.clone();
        flip(&mut held.sealed.ciphertext, bit);
        assert_eq!(held.open(), Err(OpenError::Corrupt), "ciphertext bit {bit}");
    }
    for bit in 0..intact.policy.len() * 8 {
        let mut held = intact.clone();
        flip(&mut held.policy, bit);
        assert_eq!(held.open(), Err(OpenError::RelayFault), "policy bit {bit}");
    }
    for bit in 0..256 {
        let mut held = intact.clone();
        flip(&mut held.sealed.commit, bit);
        assert_eq!(held.open(), Err(OpenError::RelayFault), "commit bit {bit}");
        let mut held = intact.clone();
        held.sealed.play_share = PlayShare::from_bytes(flipped_share(intact.sealed.play_share.as_bytes(), bit));
        assert_eq!(held.open(), Err(OpenError::RelayFault), "play share bit {bit}");
        let mut held = intact.clone();
        held.sealed.content_share =
            ContentShare::from_bytes(flipped_share(intact.sealed.content_share.as_bytes(), bit));
        assert_eq!(held.open(), Err(OpenError::RelayFault), "content share bit {bit}");
    }
    for bit in 0..128 {
        let mut held = intact.clone();
        flip(&mut held.license_id, bit);
        assert_eq!(held.open(), Err(OpenError::RelayFault), "license id bit {bit}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let policy = Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(1).unwrap(),
        expires_at: None,
    };
    let intact = Held::new(4, policy, b"some text");
    for len in 0..intact.sealed.ciphertext.len() {
        let mut held = intact.clone();
        held.sealed.ciphertext.truncate(len);
        assert_eq!(held.open(), Err(OpenError::Corrupt), "{len} bytes");
    }
}

#[test]
fn sizes_are_bounded_on_both_sides() {
    let policy = Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(1).unwrap(),
        expires_at: None,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let text = vec![7; MAX_PLAINTEXT_LEN + 1];
    assert_eq!(
        seal(&[0; 16], &policy, &text, &mut rng).unwrap_err(),
        SealError::TooLarge
    );
    let mut held = Held::new(1, policy, &text[1..]);
    assert_eq!(held.open().unwrap(), text[1..]);
    held.sealed.ciphertext.push(0);
    assert_eq!(held.open(), Err(OpenError::Corrupt));
}

#[test]
fn debug_of_a_sealed_message_shows_no_share() {
    let policy = Policy {
        mode: Mode::Counted,
        limit: PlayLimit::new(1).unwrap(),
        expires_at: None,
    };
    let sealed = Held::new(2, policy, b"text").sealed;
    let shown = format!("{sealed:?}");
    assert!(
        shown.contains("PlayShare(…)") && shown.contains("ContentShare(…)"),
        "{shown}"
    );
}
