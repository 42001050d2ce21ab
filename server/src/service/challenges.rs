//! Challenges without memory: a nonce carries its own proof, so asking for challenges fills nothing and pushes nobody's challenge out.
//!
//! `nonce = r[16] ‖ HMAC-SHA-256(key, "latchkey/1/challenge" ‖ r ‖ u64 expiry ‖ name)[..16]`. What has to be remembered is which nonces were
//! presented, for the minute in which they could be presented again.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::{Timestamp, address::UserName};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Refusal, Result, fill};
use crate::model::Bytes32;

/// Long enough for a person to unlock a key, short enough that a stolen proof is worth nothing.
pub const CHALLENGE_TTL: Duration = Duration::from_secs(60);
/// Nonces remembered as used. Each stands for a proof that was checked, so a thousand a second for a minute; beyond that the relay is busy.
const MAX_USED: usize = 65_536;
const LABEL: &[u8] = b"latchkey/1/challenge";

/// Makes challenges and takes each back once.
pub struct Challenges {
    key: Zeroizing<Bytes32>,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    nonces: HashSet<[u8; 16]>,
    by_expiry: BTreeSet<(Timestamp, [u8; 16])>,
}

/// A nonce and when it dies.
#[derive(Debug, Clone, Copy)]
pub struct Issued {
    /// To be signed.
    pub nonce: Bytes32,
    /// When it dies.
    pub expires: Timestamp,
}

impl Challenges {
    /// With a fresh key: challenges do not survive a restart, which costs a client one more round.
    ///
    /// # Errors
    /// [`Refusal::Internal`] without randomness.
    pub fn new() -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        fill(&mut *key)?;
        Ok(Self {
            key,
            used: Mutex::default(),
        })
    }

    /// A challenge for `user`, whether there is such a user or not.
    ///
    /// # Errors
    /// [`Refusal::Internal`] without randomness.
    pub fn issue(&self, user: &UserName, now: Timestamp) -> Result<Issued> {
        let expires = now.plus(CHALLENGE_TTL);
        let mut nonce = [0; 32];
        fill(&mut nonce[..16])?;
        let tag = self.tag(&nonce[..16], user, expires)?;
        nonce[16..].copy_from_slice(&tag);
        Ok(Issued { nonce, expires })
    }

    /// Whether this is a challenge of ours for `user`, in time and presented for the first time. From now on it has been.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many proofs were presented in the last minute.
    pub fn take(&self, user: &UserName, nonce: &Bytes32, expires: Timestamp, now: Timestamp) -> Result<bool> {
        let ours = self.tag(&nonce[..16], user, expires)?.ct_eq(&nonce[16..]);
        if !bool::from(ours) || expires <= now {
            return Ok(false);
        }
        let mut random = [0; 16];
        random.copy_from_slice(&nonce[..16]);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, old)) = used.by_expiry.first().copied().filter(|(expiry, _)| *expiry <= now) {
            used.by_expiry.pop_first();
            used.nonces.remove(&old);
        }
        if used.nonces.len() >= MAX_USED {
            return Err(Refusal::Busy);
        }
        used.by_expiry.insert((expires, random));
        Ok(used.nonces.insert(random))
    }

    fn tag(&self, random: &[u8], user: &UserName, expires: Timestamp) -> Result<[u8; 16]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key).map_err(|_| Refusal::Internal)?;
        // Every field before the name has a fixed length.
        mac.update(LABEL);
        mac.update(random);
        mac.update(&expires.as_millis().to_be_bytes());
        mac.update(user.as_str().as_bytes());
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Ok(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_once_for_its_user_and_its_minute() {
        let challenges = Challenges::new().unwrap();
        let (alice, bob) = (UserName::parse("alice").unwrap(), UserName::parse("bob").unwrap());
        let now = Timestamp(1_000_000);
        let take = |user, issued: Issued, at| challenges.take(user, &issued.nonce, issued.expires, at).unwrap();

        let issued = challenges.issue(&alice, now).unwrap();
        assert!(!take(&bob, issued, now));
        assert!(!take(
            &alice,
            Issued {
                expires: issued.expires.plus(CHALLENGE_TTL),
                ..issued
            },
            now
        ));
        for bit in 0..256 {
            let mut nonce = issued.nonce;
            nonce[bit / 8] ^= 1 << (bit % 8);
            assert!(!take(&alice, Issued { nonce, ..issued }, now), "bit {bit}");
        }
        assert!(take(&alice, issued, now));
        assert!(!take(&alice, issued, now));

        let late = challenges.issue(&alice, now).unwrap();
        assert!(!take(&alice, late, now.plus(CHALLENGE_TTL)));
        // What could come again no more is forgotten.
        let other = challenges.issue(&alice, now.plus(CHALLENGE_TTL)).unwrap();
        assert!(take(&alice, other, now.plus(CHALLENGE_TTL)));
        assert_eq!(challenges.used.lock().unwrap().nonces.len(), 1);
    }

    /// The bound is reached by proofs with good challenges alone, and a minute later there is room again; whoever is refused has used nothing up.
    #[test]
    fn so_many_are_remembered_and_then_the_relay_is_busy_for_their_minute() {
        let challenges = Challenges::new().unwrap();
        let alice = UserName::parse("alice").unwrap();
        let now = Timestamp(1_000_000);
        let take = |issued: &Issued, at| challenges.take(&alice, &issued.nonce, issued.expires, at);
        let first = challenges.issue(&alice, now).unwrap();
        assert!(take(&first, now).unwrap());
        // The same one again and again, and what is no challenge, fill nothing.
        for _ in 0..10 {
            assert!(!take(&first, now).unwrap());
            assert!(!challenges.take(&alice, &[7; 32], first.expires, now).unwrap());
        }
        let later = now.plus(Duration::from_secs(1));
        for _ in 1..MAX_USED {
            let issued = challenges.issue(&alice, later).unwrap();
            assert!(take(&issued, later).unwrap());
        }
        let beyond = challenges.issue(&alice, later).unwrap();
        assert!(matches!(take(&beyond, later), Err(Refusal::Busy)));
        // What is no challenge of ours is still told apart: it needs no memory.
        assert!(!challenges.take(&alice, &[7; 32], beyond.expires, later).unwrap());
        // The first one's minute is over: there is room for one, and the one that was refused is good.
        let over = first.expires;
        assert!(take(&beyond, over).unwrap());
        let next = challenges.issue(&alice, over).unwrap();
        assert!(matches!(take(&next, over), Err(Refusal::Busy)));
        let all_over = over.plus(CHALLENGE_TTL);
        let fresh = challenges.issue(&alice, all_over).unwrap();
        assert!(take(&fresh, all_over).unwrap());
        assert_eq!(challenges.used.lock().unwrap().nonces.len(), 1);
    }
}
