//! When keys are due, when they go, and what a restored backup does with its numbers.

use super::*;
use crate::golden::rng;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const INTERVAL: Duration = Duration::from_secs(600);

/// An account whose first keys are at the relay, and the id of a one-time prekey there.
fn published() -> (Account, u32) {
    let mut account = Account::generate(Address::parse("alice@localhost").unwrap(), &mut rng(1));
    account.publication(None, false, NOW, &mut rng(2)).unwrap();
    account.publication_confirmed();
    let id = *account.one_time.keys().next().unwrap();
    (account, id)
}

/// The sequence number that the account gave last.
fn last_seq(account: &Account) -> u64 {
    account.seq
}

#[test]
fn what_is_due_is_due_to_the_key_and_to_the_millisecond() {
    let (account, _) = published();
    let due = |left, after: Duration| {
        let mut account = account.clone();
        let publication = account.publication(left, false, NOW.plus(after), &mut rng(3));
        publication.map(|new| (new.signed_prekey.is_some(), new.one_time_batch.is_some()))
    };
    let moment = Duration::from_millis(1);
    assert_eq!(due(Some(REFILL_BELOW), Duration::ZERO), None);
    assert_eq!(due(Some(REFILL_BELOW - 1), Duration::ZERO), Some((false, true)));
    assert_eq!(due(None, SIGNED_PREKEY_ROTATION - moment), None);
    assert_eq!(due(None, SIGNED_PREKEY_ROTATION), Some((true, false)));
}

#[test]
fn a_batch_whose_keys_are_gone_is_replaced_once_in_an_interval() {
    let (mut account, id) = published();
    assert!(
        !account.clone().one_time_was_gone(None, INTERVAL, NOW),
        "of no batch of ours"
    );
    let unknown = account.one_time.keys().copied().max().unwrap().wrapping_add(1);
    assert!(!account.clone().one_time_was_gone(Some(unknown), INTERVAL, NOW));
    assert!(account.one_time_was_gone(Some(id), INTERVAL, NOW));
    assert!(!account.one_time_was_gone(Some(id), INTERVAL, NOW), "asked for already");
    let replacement = account.publication(None, false, NOW, &mut rng(4)).unwrap();
    assert!(replacement.replace_one_time);
    account.publication_confirmed();
    assert!(
        !account.one_time_was_gone(Some(id), INTERVAL, NOW),
        "its batch is not handed out any more"
    );
    let next = *account
        .one_time
        .iter()
        .find(|(_, key)| account.batches[&key.batch].published)
        .unwrap()
        .0;
    let almost = NOW.plus(INTERVAL - Duration::from_millis(1));
    assert!(!account.clone().one_time_was_gone(Some(next), INTERVAL, NOW));
    assert!(
        !account.clone().one_time_was_gone(Some(next), INTERVAL, almost),
        "too soon"
    );
    assert!(account.one_time_was_gone(Some(next), INTERVAL, NOW.plus(INTERVAL)));
}

#[test]
fn a_restored_backup_numbers_above_whatever_the_relay_has_seen() {
    let (mut account, _) = published();
    account.mark_stale(NOW);
    assert_eq!(last_seq(&account), NOW.0 / 1000 + 1, "seconds since 1970, and one more");
    account.mark_stale(Timestamp(0));
    assert_eq!(last_seq(&account), NOW.0 / 1000 + 2, "and never back");
    assert_eq!(account.one_time_count(), 0);
}

#[test]
fn keys_go_when_their_time_is_over_and_it_is_said() {
    let (account, _) = published();
    let at = |after: Duration| {
        let mut account = account.clone();
        let gone = account.expire(NOW.plus(after));
        (
            gone,
            account.signed.len(),
            account.batches.len(),
            account.one_time.len(),
        )
    };
    let moment = Duration::from_millis(1);
    let signed = SIGNED_PREKEY_LIFETIME + SIGNED_PREKEY_GRACE;
    let batch = BATCH_LIFETIME + SIGNED_PREKEY_GRACE;
    assert_eq!(at(Duration::ZERO), (false, 1, 1, 100));
    assert_eq!(at(signed - moment), (false, 1, 1, 100));
    assert_eq!(at(signed), (true, 0, 1, 100));
    assert_eq!(at(batch - moment), (true, 0, 1, 100));
    assert_eq!(at(batch), (true, 0, 0, 0));
}

#[test]
fn ids_are_consecutive_and_in_nobodys_way() {
    struct Draws(Vec<u32>);
    impl rand_core::TryRng for Draws {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.0.remove(0))
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.try_next_u32().map(u64::from)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(0);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Draws {}
    let used = BTreeMap::from([(10, ()), (20, ())]);
    // Too near the end, in the way of 10, of 20, and free.
    assert_eq!(unused_id(&mut Draws(vec![u32::MAX - 2, 8, 18, 11]), 3, &used), 11);
    assert_eq!(unused_id(&mut Draws(vec![7]), 3, &used), 7, "ends right before one");
}
