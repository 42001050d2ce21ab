//! Statements and chains of them, made by hand: which count.

use std::time::Duration;

use latchkey_protocol::identity::{Fingerprint, IdentityKeyPair, Purpose};
use latchkey_protocol::succession::{MAX_SUCCESSIONS, PublishedSuccession, Succession, SuccessionError, verify_chain};
use rand_chacha::ChaCha20Rng;

use super::common::*;

/// Bob's identities, made by hand: a key for each and the statements between them.
pub struct Line {
    keys: Vec<IdentityKeyPair>,
}

impl Line {
    pub fn new(count: usize, rng: &mut ChaCha20Rng) -> Self {
        Self {
            keys: (0..count).map(|_| IdentityKeyPair::generate(rng)).collect(),
        }
    }

    pub fn fingerprint(&self, i: usize) -> Fingerprint {
        self.keys[i].public().fingerprint(&address("bob"))
    }

    pub fn link(&self, old: usize, new: usize, counter: u64, rng: &mut ChaCha20Rng) -> PublishedSuccession {
        let statement = Succession {
            address: address("bob"),
            old: self.fingerprint(old),
            new: self.fingerprint(new),
            counter,
            time: NOW,
        };
        self.publish(old, &statement, rng)
    }

    fn publish(&self, signer: usize, statement: &Succession, rng: &mut ChaCha20Rng) -> PublishedSuccession {
        let payload = statement.payload();
        PublishedSuccession {
            identity_key: self.keys[signer].public().to_bytes(),
            signature: self.keys[signer].sign(Purpose::Succession, &self.fingerprint(signer), &payload, rng),
            payload,
        }
    }
}

#[test]
fn a_statement_counts_only_as_its_old_key_made_it() {
    let mut rng = rng(70);
    let line = Line::new(3, &mut rng);
    let good = line.link(0, 1, 1, &mut rng);
    assert_eq!(good.verify(&address("bob"), NOW).unwrap().new, line.fingerprint(1));
    let refused = |link: &PublishedSuccession| link.verify(&address("bob"), NOW).unwrap_err();
    assert_eq!(
        good.verify(&address("alice"), NOW),
        Err(SuccessionError::WrongOwner),
        "another's address"
    );
    for at in 0..good.payload.len() {
        let mut altered = good.clone();
        altered.payload[at] ^= 1;
        refused(&altered);
        let mut short = good.clone();
        short.payload.truncate(at);
        assert!(matches!(refused(&short), SuccessionError::Malformed(_)));
    }
    for at in [0, 63, 64, 4690] {
        let mut altered = good.clone();
        altered.signature[at] ^= 1;
        assert_eq!(refused(&altered), SuccessionError::BadSignature, "{at}");
    }
    let mut other_key = good.clone();
    other_key.identity_key = line.keys[2].public().to_bytes();
    assert_eq!(refused(&other_key), SuccessionError::WrongOwner);
    let mut statement = Succession::parse(&good.payload).unwrap();
    let forged = PublishedSuccession {
        identity_key: good.identity_key.clone(),
        ..line.publish(2, &statement, &mut rng)
    };
    assert_eq!(
        refused(&forged),
        SuccessionError::BadSignature,
        "signed by somebody else"
    );
    let mut purpose = good.clone();
    purpose.signature = line.keys[0].sign(Purpose::Handshake, &line.fingerprint(0), &good.payload, &mut rng);
    assert_eq!(
        refused(&purpose),
        SuccessionError::BadSignature,
        "signed for something else"
    );
    statement.time = NOW.plus(Duration::from_secs(24 * 3600));
    let ahead = line.publish(0, &statement, &mut rng);
    assert!(
        ahead.verify(&address("bob"), NOW).is_ok(),
        "a day ahead is still a clock"
    );
    statement.new = statement.old;
    assert_eq!(
        refused(&line.publish(0, &statement, &mut rng)),
        SuccessionError::OneSelf
    );
    statement.new = line.fingerprint(1);
    statement.time = NOW.plus(Duration::from_millis(24 * 3_600_000 + 1));
    assert_eq!(
        refused(&line.publish(0, &statement, &mut rng)),
        SuccessionError::FromTheFuture
    );
}

#[test]
fn a_chain_joins_counts_on_and_leads_to_what_is_served() {
    let mut rng = rng(71);
    let line = Line::new(4, &mut rng);
    let links = [(0, 1, 1), (1, 2, 2), (2, 3, 3)].map(|(old, new, counter)| line.link(old, new, counter, &mut rng));
    let verdict = |chain: &[&PublishedSuccession], current| {
        let chain: Vec<_> = chain.iter().copied().cloned().collect();
        verify_chain(&chain, &address("bob"), &line.fingerprint(current), NOW).map(|chain| chain.len())
    };
    let [one, two, three] = &links;
    assert_eq!(verdict(&[one, two, three], 3), Ok(3));
    assert_eq!(verdict(&[two, three], 3), Ok(2), "a relay forgets the oldest");
    assert_eq!(verdict(&[], 0), Ok(0));
    assert_eq!(verdict(&[one, two], 3), Err(SuccessionError::Broken), "leads elsewhere");
    assert_eq!(verdict(&[one, three], 3), Err(SuccessionError::Broken), "a gap");
    assert_eq!(verdict(&[two, one], 1), Err(SuccessionError::Broken), "turned round");
    let skips = line.link(1, 2, 3, &mut rng);
    assert_eq!(
        verdict(&[one, &skips], 2),
        Err(SuccessionError::Broken),
        "counts wrongly"
    );
    let back = line.link(1, 0, 2, &mut rng);
    assert_eq!(verdict(&[one, &back], 0), Err(SuccessionError::Broken), "comes back");
    assert_eq!(verdict(&[one; MAX_SUCCESSIONS + 1], 1), Err(SuccessionError::TooMany));
}

#[test]
fn a_chain_has_eight_links_at_most() {
    let mut rng = rng(83);
    let line = Line::new(MAX_SUCCESSIONS + 2, &mut rng);
    let chain: Vec<_> = (0..=MAX_SUCCESSIONS)
        .map(|i| line.link(i, i + 1, i as u64 + 1, &mut rng))
        .collect();
    let verdict = |links: usize| {
        let to = line.fingerprint(links);
        verify_chain(&chain[..links], &address("bob"), &to, NOW).map(|good| good.len())
    };
    assert_eq!(verdict(MAX_SUCCESSIONS), Ok(MAX_SUCCESSIONS));
    assert_eq!(verdict(MAX_SUCCESSIONS + 1), Err(SuccessionError::TooMany));
}
