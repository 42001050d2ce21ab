//! When keys are due, when they go, and what a restored backup does with its numbers.

use super::*;
use crate::tests::rng;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const INTERVAL: Duration = Duration::from_secs(600);

/// An account whose first keys are at the relay, and the id of a one-time prekey there.
fn published() -> (Account, u32) {
    let mut account = Account::generate(Address::parse("alice@localhost").unwrap(), &mut rng(1));
    account.publication(None, false, NOW, &mut rng(2)).unwrap();
    account.publication_confirmed(NOW);
    let id = *account.one_time.keys().next().unwrap();
    (account, id)
}

impl Account {
    /// The private halves are lost, as by a vault that was put back.
    pub(crate) fn forget_one_time_secrets(&mut self) {
        self.one_time.values_mut().for_each(|key| key.secret = None);
    }
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
    account.publication_confirmed(NOW);
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

/// Publishes what is due, week by week; the relay takes it.
fn kept_up(account: &mut Account, until: Duration) {
    let mut week = SIGNED_PREKEY_ROTATION;
    while week <= until {
        account.publication(None, false, NOW.plus(week), &mut rng(6)).unwrap();
        account.publication_confirmed(NOW.plus(week));
        week += SIGNED_PREKEY_ROTATION;
    }
}

#[test]
fn keys_go_when_their_time_is_over_and_it_is_said() {
    let at = |after: Duration| {
        let (mut account, first) = published();
        let signed = *account.signed.keys().next().unwrap();
        kept_up(&mut account, after);
        let gone = account.expire(NOW.plus(after));
        (
            gone,
            account.signed.contains_key(&signed),
            account.one_time.contains_key(&first),
        )
    };
    let moment = Duration::from_millis(1);
    let signed = SIGNED_PREKEY_ROTATION + SIGNED_PREKEY_GRACE + SENDER_LEAD;
    let batch = BATCH_LIFETIME + SIGNED_PREKEY_GRACE;
    assert_eq!(at(Duration::ZERO), (false, true, true));
    assert_eq!(at(signed - moment), (false, true, true));
    assert_eq!(at(signed), (true, false, true));
    assert_eq!(at(batch - moment), (true, false, true));
    assert_eq!(at(batch), (true, false, false));
}

#[test]
fn no_clock_takes_keys_that_the_relay_still_hands_out() {
    for wrong in [45, 100, 10_000].map(|days| DAY * days) {
        let (mut account, _) = published();
        assert!(!account.expire(NOW.plus(wrong)), "{wrong:?}");
        // Another is made by that clock, and the relay does not take it.
        assert!(account.publication(None, false, NOW.plus(wrong), &mut rng(7)).is_some());
        assert!(!account.expire(NOW.plus(wrong)), "{wrong:?}");
        assert_eq!((account.signed.len(), account.one_time_count()), (2, 100));
    }
    // Taken, and a clock that is behind: the first goes a month after that, by the relay's word too.
    let (mut account, _) = published();
    account.publication(None, true, NOW.plus(DAY), &mut rng(8)).unwrap();
    account.publication_confirmed(NOW);
    let dies = NOW.plus(SIGNED_PREKEY_GRACE + SENDER_LEAD);
    assert!(!account.expire(dies), "nothing bears that date out");
    account.publication(None, true, dies, &mut rng(9)).unwrap();
    assert!(!account.expire(dies), "nor does what was not taken");
    account.publication_confirmed(dies);
    assert!(account.expire(dies));
    assert_eq!(account.signed.len(), 2);
}

#[test]
fn what_was_made_while_the_clock_was_ahead_is_made_anew() {
    let (mut account, _) = published();
    let ahead = NOW.plus(MAX_CLOCK_SKEW + Duration::from_secs(60));
    let (key, address) = (account.identity_key().clone(), account.address().clone());
    // Keys and all.
    account.publication(Some(0), true, ahead, &mut rng(7)).unwrap();
    let anew = account.publication(None, false, NOW, &mut rng(8)).unwrap();
    anew.signed_prekey.unwrap().verify(&key, &address, NOW).unwrap();
    anew.one_time_batch.unwrap().verify(&key, &address, NOW).unwrap();
    account.publication_confirmed(NOW);
    // A batch alone.
    let batch = account.publication(Some(0), false, ahead, &mut rng(9)).unwrap();
    assert!(batch.signed_prekey.is_none() && batch.one_time_batch.unwrap().verify(&key, &address, NOW).is_err());
    let anew = account.publication(None, false, NOW, &mut rng(10)).unwrap();
    anew.one_time_batch.unwrap().verify(&key, &address, NOW).unwrap();
    // A date that a relay takes is no reason.
    let soon = NOW.plus(MAX_CLOCK_SKEW);
    account.publication_confirmed(NOW);
    let batch = account.publication(Some(0), false, soon, &mut rng(11)).unwrap();
    assert_eq!(account.publication(None, false, NOW, &mut rng(12)), Some(batch));
}

#[test]
fn a_signed_prekey_that_waits_and_was_made_while_the_clock_was_behind_is_made_anew() {
    let made = |behind: Duration| {
        let (mut account, _) = published();
        let back = Timestamp(NOW.0 - u64::try_from(behind.as_millis()).unwrap());
        let waits = account.publication(None, true, back, &mut rng(7)).unwrap();
        let offered = account.publication(None, false, NOW, &mut rng(8)).unwrap();
        (waits == offered, account, offered)
    };
    let moment = Duration::from_millis(1);
    for behind in [SIGNED_PREKEY_ROTATION, DAY * 10, SIGNED_PREKEY_LIFETIME, DAY * 400] {
        let (same, mut account, offered) = made(behind);
        assert!(!same, "{behind:?}");
        let (key, address) = (account.identity_key().clone(), account.address().clone());
        let signed = offered.signed_prekey.expect("another one");
        assert_eq!(signed.verify(&key, &address, NOW).unwrap().created, NOW);
        assert!(offered.replace_one_time && offered.one_time_batch.is_some());
        account.publication_confirmed(NOW);
        assert_eq!(account.publication(None, false, NOW, &mut rng(9)), None);
    }
    assert!(
        made(SIGNED_PREKEY_ROTATION - moment).0,
        "it serves until the next one is due"
    );
}

#[test]
fn a_clock_that_is_behind_does_not_shorten_the_life_of_the_key_before() {
    let (mut account, _) = published();
    let first = *account.signed.keys().next().unwrap();
    let behind = Timestamp(NOW.0 - 40 * 24 * 3_600_000);
    account.publication(None, true, behind, &mut rng(7)).unwrap();
    account.publication_confirmed(behind);
    let dies = account.signed[&first].dies();
    assert_eq!(dies, NOW.plus(SIGNED_PREKEY_GRACE + SENDER_LEAD));
    let (mut account, _) = published();
    account.mark_stale(behind);
    assert_eq!(account.signed[&first].dies(), dies);
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

/// A relay that says that no one-time prekeys are left whenever it is asked, or hands one out twice; a vault that is begun anew again and again.
#[test]
fn what_a_relay_makes_us_publish_is_kept_in_bounds_and_the_newest_stays() {
    let (mut account, first) = published();
    let mut last = None;
    for hour in 1..=2 * MAX_BATCHES as u64 {
        let now = NOW.plus(Duration::from_secs(3600 * hour));
        let publication = account
            .publication(Some(0), hour % 3 == 0, now, &mut rng(hour))
            .unwrap();
        last = publication.one_time_batch.or(last);
        if hour % 16 == 0 {
            account.mark_stale(now);
        } else {
            account.publication_confirmed(now);
        }
        assert!(account.batches.len() <= MAX_BATCHES && account.signed.len() <= MAX_SIGNED_PREKEYS);
        assert_eq!(account.one_time.len(), account.batches.len() * BATCH_SIZE as usize);
    }
    assert_eq!(account.batches.len(), MAX_BATCHES);
    assert!(account.one_time(first).is_none(), "the oldest went");
    let payload = hash(&[&last.unwrap().payload]);
    let newest = account.batches.iter().find(|(_, batch)| batch.payload_hash == payload);
    let id = *newest.expect("the newest stays").0;
    assert_eq!(
        account.one_time.values().filter(|key| key.batch == id).count(),
        BATCH_SIZE as usize
    );
    let stored = account.store_prekeys().len();
    assert!(stored < 1 << 20, "{stored} bytes");
}

#[test]
fn what_the_relay_may_still_hand_out_is_forgotten_last() {
    let (mut account, first) = published();
    let batch_of = |account: &Account, id| account.one_time(id).map(|(key, _)| key.batch);
    let kept = batch_of(&account, first).unwrap();
    // Replacements: each takes the one before out of the relay's hands, but for the first, which we say is still there.
    for n in 0..MAX_BATCHES as u64 {
        account.new_batch(true, NOW.plus(Duration::from_secs(n)), &mut rng(n));
        account.batches.get_mut(&kept).unwrap().published = true;
    }
    assert_eq!(account.batches.len(), MAX_BATCHES);
    assert_eq!(batch_of(&account, first), Some(kept));
    // And of signed prekeys the one in use, however old.
    let in_use = account.signed_prekey_created();
    for n in 0..MAX_SIGNED_PREKEYS as u64 {
        let later = NOW.plus(Duration::from_secs(n + 1));
        account.new_signed_prekey(later, &mut rng(n));
        for key in account.signed.values_mut().filter(|key| key.created == later) {
            key.retired = Some(later);
        }
    }
    assert_eq!(account.signed.len(), MAX_SIGNED_PREKEYS);
    assert_eq!(account.signed_prekey_created(), in_use);
}
