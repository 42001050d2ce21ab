//! Challenges without memory: a nonce carries its own proof, so asking for challenges fills nothing and pushes nobody's challenge out.
//!
//! `nonce = r[16] ‖ HMAC-SHA-256(key, "latchkey/1/challenge" ‖ r ‖ u64 expiry ‖ name)[..16]`. What has to be remembered is which nonces a proof was
//! accepted with, for the minute in which it could be presented again. A proof that does not hold is worth nothing the second time either, so it leaves no trace: what is made up fills no memory.
//! So a challenge is looked at first ([`Challenges::is_good`]), then the signature, and then it is spent ([`Challenges::spend`]), which of any number of the same proofs one can do.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::{Mutex, MutexGuard};
use protocol::{Timestamp, address::UserName};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Refusal, Result, fill};
use crate::model::{Bytes32, MailboxId};

/// Long enough for a person to unlock a key, short enough that a stolen proof is worth nothing.
pub const CHALLENGE_TTL: Duration = Duration::from_secs(60);
/// Nonces remembered as used. Each stands for a proof that held for an account, so a thousand a second for a minute; beyond that the relay is busy.
const MAX_USED: usize = 65_536;
/// Of one account. A client signs in when its session has ended, a script perhaps for each command.
const MAX_OF_ONE: u32 = 32;
/// With so many remembered each account may have [`FEW`]: so it takes half of [`MAX_USED`] accounts, and a signature of each every minute, until anybody else is refused.
const CROWDED: usize = MAX_USED / 2;
/// What an account may have in a crowd.
const FEW: u32 = 1;
const LABEL: &[u8] = b"latchkey/1/challenge";

/// Makes challenges and takes each back once.
pub struct Challenges {
    key: Zeroizing<Bytes32>,
    used: Mutex<Used>,
}

/// When it dies, and the nonce's first half: what is equal in both has the same tag, and so the same name.
type Key = (Timestamp, [u8; 16]);

fn key(nonce: &Bytes32, expires: Timestamp) -> Key {
    let mut random = [0; 16];
    random.copy_from_slice(&nonce[..16]);
    (expires, random)
}

#[derive(Default)]
struct Used {
    /// Whose each was.
    by_expiry: BTreeMap<Key, MailboxId>,
    /// How many there are of each account.
    of_each: HashMap<MailboxId, u32>,
}

impl Used {
    fn forget(&mut self, key: &Key) {
        let Some(mailbox) = self.by_expiry.remove(key) else {
            return;
        };
        if let Some(count) = self.of_each.get_mut(&mailbox) {
            *count -= 1;
            if *count == 0 {
                self.of_each.remove(&mailbox);
            }
        }
    }
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

    /// Whether this is a challenge of ours for `user`, in time, and not spent so far: which it may be by the time its proof was checked.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub fn is_good(&self, user: &UserName, nonce: &Bytes32, expires: Timestamp, now: Timestamp) -> Result<bool> {
        let ours = self.tag(&nonce[..16], user, expires)?.ct_eq(&nonce[16..]);
        Ok(bool::from(ours) && expires > now && !self.used().by_expiry.contains_key(&key(nonce, expires)))
    }

    /// Spends a challenge that is good, with which a proof of `user` held; false when it was spent before, or its minute is over by now.
    ///
    /// # Errors
    /// [`Refusal::TooFast`] when this account had too many proofs accepted in the last minute, [`Refusal::Busy`] when all together had.
    pub fn spend(&self, user: &UserName, nonce: &Bytes32, expires: Timestamp, now: Timestamp) -> Result<bool> {
        // Not left to the caller: what is no challenge of ours must not be remembered, and what is over may have been forgotten since it was looked at.
        if !self.is_good(user, nonce, expires, now)? {
            return Ok(false);
        }
        let (key, mailbox) = (key(nonce, expires), MailboxId::of(user));
        let mut used = self.used();
        while let Some((first, _)) = used
            .by_expiry
            .first_key_value()
            .filter(|((expiry, _), _)| *expiry <= now)
        {
            let first = *first;
            used.forget(&first);
        }
        if used.by_expiry.contains_key(&key) {
            return Ok(false);
        }
        let all = used.by_expiry.len();
        let most = if all < CROWDED { MAX_OF_ONE } else { FEW };
        let count = used.of_each.get(&mailbox).copied().unwrap_or_default();
        if count >= MAX_OF_ONE {
            return Err(Refusal::TooFast {
                who: "this account",
                wait: CHALLENGE_TTL,
            });
        }
        if all >= MAX_USED || count >= most {
            return Err(Refusal::Busy);
        }
        used.by_expiry.insert(key, mailbox);
        used.of_each.insert(mailbox, count + 1);
        Ok(true)
    }

    /// Nothing came of the proof for which this was spent: it is not remembered, so that what is refused fills nothing.
    pub fn give_back(&self, nonce: &Bytes32, expires: Timestamp) {
        self.used().forget(&key(nonce, expires));
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock()
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

    fn name(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    #[test]
    fn a_challenge_is_good_once_for_its_user_and_its_minute() {
        let challenges = Challenges::new().unwrap();
        let (alice, bob) = (name("alice"), name("bob"));
        let now = Timestamp(1_000_000);
        let spend = |user, issued: Issued, at| {
            let good = challenges.is_good(user, &issued.nonce, issued.expires, at).unwrap();
            let spent = challenges.spend(user, &issued.nonce, issued.expires, at).unwrap();
            assert!(good || !spent, "what is not good cannot be spent");
            spent
        };

        let issued = challenges.issue(&alice, now).unwrap();
        assert!(!spend(&bob, issued, now));
        assert!(!spend(
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
            assert!(!spend(&alice, Issued { nonce, ..issued }, now), "bit {bit}");
        }
        assert!(spend(&alice, issued, now));
        assert!(!spend(&alice, issued, now));

        let late = challenges.issue(&alice, now).unwrap();
        assert!(!spend(&alice, late, now.plus(CHALLENGE_TTL)));
        // What could come again no more is forgotten.
        let other = challenges.issue(&alice, now.plus(CHALLENGE_TTL)).unwrap();
        assert!(spend(&alice, other, now.plus(CHALLENGE_TTL)));
        assert_eq!(challenges.used.lock().by_expiry.len(), 1);
        // It was good when it was looked at, and was forgotten while its signature was.
        assert!(!spend(&alice, issued, now.plus(CHALLENGE_TTL)));
    }

    #[test]
    fn of_any_number_of_the_same_proofs_at_once_one_spends_the_challenge() {
        let challenges = Challenges::new().unwrap();
        let (alice, now) = (name("alice"), Timestamp(1_000_000));
        for _ in 0..16 {
            let issued = challenges.issue(&alice, now).unwrap();
            let spent = std::thread::scope(|scope| {
                let spend = || challenges.spend(&alice, &issued.nonce, issued.expires, now).unwrap();
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
                let spent = threads.into_iter().map(|thread| thread.join().unwrap());
                spent.filter(|spent| *spent).count()
            });
            assert_eq!(spent, 1);
        }
    }

    /// Looking at challenges fills nothing, and an account that signs in without an end fills its own part.
    #[test]
    fn an_account_has_so_many_a_minute_and_takes_none_from_others() {
        let challenges = Challenges::new().unwrap();
        let (alice, bob, now) = (name("alice"), name("bob"), Timestamp(1_000_000));
        let spend = |user, at| {
            let issued = challenges.issue(user, at).unwrap();
            challenges.spend(user, &issued.nonce, issued.expires, at)
        };
        for _ in 0..MAX_OF_ONE {
            assert!(spend(&alice, now).unwrap());
        }
        assert!(matches!(spend(&alice, now), Err(Refusal::TooFast { .. })));
        assert!(spend(&bob, now).unwrap());
        let later = now.plus(CHALLENGE_TTL);
        assert!(spend(&alice, later).unwrap(), "its minute is over");
        // What came to nothing takes no part of it.
        for _ in 0..2 * MAX_OF_ONE {
            let issued = challenges.issue(&bob, later).unwrap();
            assert!(challenges.spend(&bob, &issued.nonce, issued.expires, later).unwrap());
            challenges.give_back(&issued.nonce, issued.expires);
        }
        assert_eq!(challenges.used.lock().of_each.len(), 1);
    }

    /// The bound of all is reached by proofs that hold, of very many accounts, and a minute later there is room again; what is refused is not spent.
    #[test]
    fn so_many_are_remembered_and_then_the_relay_is_busy_for_their_minute() {
        let challenges = Challenges::new().unwrap();
        let alice = name("alice");
        let now = Timestamp(1_000_000);
        let spend = |user: &UserName, issued: &Issued, at| challenges.spend(user, &issued.nonce, issued.expires, at);
        let first = challenges.issue(&alice, now).unwrap();
        assert!(spend(&alice, &first, now).unwrap());
        let later = now.plus(Duration::from_secs(1));
        let of_each = usize::try_from(MAX_OF_ONE).unwrap();
        for n in 0..CROWDED - 1 {
            let user = name(&format!("greedy-{}", n / of_each));
            let issued = challenges.issue(&user, later).unwrap();
            assert!(spend(&user, &issued, later).unwrap());
        }
        // A crowd: who has one gets no more, and others do. What is no challenge, or was spent, is told apart all the same.
        let second = challenges.issue(&alice, later).unwrap();
        assert!(matches!(spend(&alice, &second, later), Err(Refusal::Busy)));
        assert!(!spend(&alice, &first, later).unwrap());
        assert!(!challenges.spend(&alice, &[7; 32], first.expires, later).unwrap());
        for n in 0..MAX_USED - CROWDED {
            let user = name(&format!("modest-{n}"));
            let issued = challenges.issue(&user, later).unwrap();
            assert!(spend(&user, &issued, later).unwrap(), "{n}");
        }
        let (bob, over) = (name("bob"), first.expires);
        let beyond = challenges.issue(&bob, later).unwrap();
        assert!(matches!(spend(&bob, &beyond, later), Err(Refusal::Busy)));
        // The first one's minute is over: there is room for one, and the one that was refused is good.
        assert!(spend(&bob, &beyond, over).unwrap());
        let carol = name("carol");
        let next = challenges.issue(&carol, over).unwrap();
        assert!(matches!(spend(&carol, &next, over), Err(Refusal::Busy)));
        let all_over = over.plus(CHALLENGE_TTL);
        let fresh = challenges.issue(&carol, all_over).unwrap();
        assert!(spend(&carol, &fresh, all_over).unwrap());
        let used = challenges.used.lock();
        assert_eq!((used.by_expiry.len(), used.of_each.len()), (1, 1));
    }
}
