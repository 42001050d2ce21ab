//! The bounds of batches and dates, each at its edge.

use super::*;
use crate::identity::IdentityKeyPair;
use crate::tests::rng;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A batch of `count` keys, numbered from `first`, whose keys are noise: only their hashes are signed.
fn batch(first: u32, count: u32) -> (IdentityKeyPair, Address, PublishedBatch) {
    let pair = IdentityKeyPair::generate(&mut rng(1));
    let address = Address::parse("bob@localhost").unwrap();
    let fingerprint = pair.public().fingerprint(&address);
    let keys: Vec<Vec<u8>> = (0..count).map(|n| vec![n as u8; KEM_KEY_LENGTH]).collect();
    let leaves: Vec<_> = (0..count)
        .map(|n| merkle::leaf(first.wrapping_add(n), &keys[n as usize]))
        .collect();
    let fields = Fields {
        address: &address,
        fingerprint,
        id: 7,
        seq: 9,
        created: NOW,
        expires: NOW.plus(Duration::from_secs(3600)),
    };
    let payload = fields.batch(first, &leaves);
    let signature = pair.sign(Purpose::OneTimeBatch, &fingerprint, &payload, &mut rng(2));
    let batch = PublishedBatch {
        payload,
        signature,
        keys,
    };
    (pair, address, batch)
}

#[test]
fn a_batch_is_as_large_as_it_may_be_and_no_larger() {
    let verdict = |first, count| {
        let (pair, address, batch) = batch(first, count);
        batch
            .verify(pair.public(), &address, NOW)
            .map(|good| good.entries().count())
    };
    assert_eq!(verdict(1, MAX_BATCH), Ok(256));
    assert_eq!(verdict(1, MAX_BATCH + 1).err(), Some(PreKeyError::BadBatch));
    assert_eq!(verdict(1, MAX_BATCH + 2).err(), Some(PreKeyError::BadBatch));
    assert_eq!(verdict(1, 0).err(), Some(PreKeyError::BadBatch));
    assert_eq!(verdict(u32::MAX - 1, 1), Ok(1), "the greatest id that can be followed");
    assert_eq!(verdict(u32::MAX - 1, 2).err(), Some(PreKeyError::BadBatch));
    // The payload alone: what a sender has of a batch.
    let (pair, address, large) = batch(1, MAX_BATCH + 1);
    let info = verify_batch_payload(&large.payload, &large.signature, pair.public(), &address, NOW);
    assert_eq!(info.err(), Some(PreKeyError::BadBatch));
    let (pair, address, mut short) = batch(1, 3);
    short.keys[1].pop();
    assert_eq!(
        short.verify(pair.public(), &address, NOW).err(),
        Some(PreKeyError::BadBatch)
    );
}

#[test]
fn the_longest_path_is_taken_and_what_has_no_form_is_not_looked_at() {
    let (pair, address, batch) = batch(1, MAX_BATCH);
    let verified = batch.verify(pair.public(), &address, NOW).unwrap();
    let last = verified.entries().last().unwrap();
    assert_eq!(last.path.len(), merkle::MAX_PATH);
    let one = PublishedOneTime {
        payload: batch.payload,
        signature: batch.signature,
        id: last.id,
        key: last.key,
        path: last.path,
    };
    let verdict = |change: fn(&mut PublishedOneTime)| {
        let mut one = one.clone();
        change(&mut one);
        one.verify(pair.public(), &address, NOW)
    };
    assert_eq!(verdict(|_| ()), Ok(()));
    assert_eq!(verdict(|one| one.path.push(vec![0; 64])), Err(PreKeyError::NotInBatch));
    assert_eq!(verdict(|one| one.key.push(0)), Err(PreKeyError::NotInBatch));
    assert_eq!(
        verdict(|one| one.signature.truncate(SIGNATURE_LENGTH - 1)),
        Err(PreKeyError::NotInBatch)
    );
    assert_eq!(verdict(|one| one.signature[0] ^= 1), Err(PreKeyError::BadSignature));
    assert_eq!(verdict(|one| one.id += 1), Err(PreKeyError::NotInBatch));
    assert_eq!(verdict(|one| one.id = 0), Err(PreKeyError::NotInBatch));
}

#[test]
fn dates_count_to_the_millisecond() {
    let (pair, address, batch) = batch(1, 1);
    let at = |now| batch.verify(pair.public(), &address, now).map(drop);
    let moment = Duration::from_millis(1);
    assert_eq!(at(Timestamp(NOW.0 - 86_400_000)), Ok(()));
    assert_eq!(at(Timestamp(NOW.0 - 86_400_001)), Err(PreKeyError::FromTheFuture));
    assert_eq!(at(NOW.plus(Duration::from_secs(3600) - moment)), Ok(()));
    assert_eq!(at(NOW.plus(Duration::from_secs(3600))), Err(PreKeyError::Expired));
}
