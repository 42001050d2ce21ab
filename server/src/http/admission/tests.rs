//! Who has to go when places or memory run short.

use futures_util::FutureExt as _;

use super::*;
use crate::model::MailboxId;

fn account(n: u8) -> Shown {
    Shown::Account(MailboxId::from_bytes([n; 16]))
}

fn known(places: &Arc<Places>, n: u8) -> Place {
    let place = places.take(None).unwrap();
    place.guest().recognise(account(n));
    place
}

/// A request of it is here whole, and worked on.
fn serve(place: &Place) {
    place.guest().begins();
    place.guest().has_asked();
}

/// Makes it look as if that had not moved for so long.
fn still_for(place: &Place, time: Duration) {
    let guest = place.guest();
    guest
        .since
        .store(guest.places.now().saturating_sub(milliseconds(time)), Relaxed);
}

fn has_to_leave(place: &Place) -> bool {
    place.guest().has_to_leave().now_or_never().is_some()
}

/// Places that were begun long ago, so that guests can have been still since before now.
fn places(most: usize, bytes: usize) -> Arc<Places> {
    let mut places = Places::with_memory(most, None, bytes);
    let begun = Instant::now().checked_sub(STALLED * 100).unwrap();
    Arc::get_mut(&mut places).unwrap().begun = begun;
    places
}

#[test]
fn strangers_make_room_first_then_idle_accounts_and_nobody_who_is_served() {
    let places = places(4, 0);
    let (idle, served) = (known(&places, 1), known(&places, 2));
    serve(&served);
    still_for(&idle, STALLED * 9);
    still_for(&served, STALLED * 9);
    let (older, newer) = (places.take(None).unwrap(), places.take(None).unwrap());
    still_for(&older, STALLED);
    let fifth = known(&places, 5);
    assert!(has_to_leave(&older), "the stranger that idles longest goes");
    assert!(![&idle, &served, &newer].into_iter().any(has_to_leave));
    let sixth = known(&places, 6);
    assert!(has_to_leave(&newer));
    for place in [&fifth, &sixth] {
        serve(place);
    }
    let seventh = known(&places, 7);
    assert!(has_to_leave(&idle), "no stranger is left");
    serve(&seventh);
    assert!(places.take(None).is_none(), "everybody is being served");
    drop(served);
    assert!(places.take(None).is_some(), "who leaves makes room");
}

/// The one that is not evicted is the one for which the relay works or that waits for mail. One whose request stops before its end would keep its place for as long as a body may take.
#[test]
fn an_account_keeps_its_place_by_an_unfinished_request_as_long_as_that_moves() {
    let places = places(2, 0);
    let (first, second) = (known(&places, 1), known(&places, 2));
    for place in [&first, &second] {
        still_for(place, STALLED * 2);
        place.guest().begins();
    }
    assert!(places.take(None).is_none(), "both have just begun");
    for place in [&first, &second] {
        still_for(place, STALLED);
    }
    first.guest().moved(HEADWAY - 1);
    second.guest().moved(HEADWAY);
    let third = known(&places, 3);
    assert!(has_to_leave(&first) && !has_to_leave(&second));
    serve(&third);
    still_for(&third, STALLED * 9);
    second.guest().has_asked();
    still_for(&second, STALLED * 9);
    assert!(
        places.take(None).is_none(),
        "all of it is here: the relay works, or it waits for mail"
    );
    second.guest().is_answered();
    assert!(places.take(None).is_some());
    assert!(has_to_leave(&second) && !has_to_leave(&third));
}

/// A mailbox has thousands of tokens, and may give all of them to itself. What its friends hold takes nothing from its own sessions.
#[test]
fn all_delivery_tokens_of_a_mailbox_spare_as_many_as_one_account() {
    let places = places(SPARED as usize * 3, 0);
    let by_token = |mailbox| {
        let place = places.take(None).unwrap();
        place
            .guest()
            .recognise(Shown::TokenOf(MailboxId::from_bytes([mailbox; 16])));
        place
    };
    let of_one: Vec<_> = (0..=SPARED).map(|_| by_token(1)).collect();
    let known = of_one.iter().filter(|place| place.guest().is_known()).count();
    assert_eq!(known, SPARED as usize);
    let owner = self::known(&places, 1);
    assert!(owner.guest().is_known() && by_token(2).guest().is_known());
    // One of too many friends, with an account of its own.
    let friend = of_one.last().unwrap().guest();
    friend.recognise(account(3));
    assert!(friend.is_known());
}

/// A stranger that has a request under way may be one that never finishes it.
#[test]
fn a_stranger_does_not_keep_its_place_by_an_unfinished_request() {
    let places = places(1, 0);
    let stranger = places.take(None).unwrap();
    stranger.guest().begins();
    assert!(places.take(None).is_some());
    assert!(has_to_leave(&stranger));
}

#[test]
fn an_account_spares_so_many_connections_and_no_more() {
    let places = places(SPARED as usize + 2, 0);
    let mut of_one: Vec<_> = (0..=SPARED).map(|_| known(&places, 1)).collect();
    let other = known(&places, 2);
    for place in &of_one {
        serve(place);
        still_for(place, STALLED);
    }
    let _next = places.take(None).unwrap();
    let surplus = of_one.pop().unwrap();
    assert!(has_to_leave(&surplus) && !has_to_leave(&other));
    assert!(!of_one.iter().any(has_to_leave));
    // What is given back is spared again.
    drop(of_one.pop());
    let again = known(&places, 1);
    assert!(again.guest().is_known());
}

#[test]
fn each_address_has_so_many_and_makes_room_among_its_own() {
    let places = Places::new(10, NonZeroU32::new(2));
    let [one, other] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(|ip| Some(Network::from(std::net::IpAddr::from(ip))));
    let elsewhere = places.take(other).unwrap();
    let (first, second) = (places.take(one).unwrap(), places.take(one).unwrap());
    second.guest().recognise(account(1));
    serve(&second);
    let third = places.take(one).unwrap();
    assert!(has_to_leave(&first) && ![&elsewhere, &second].into_iter().any(has_to_leave));
    third.guest().recognise(account(2));
    serve(&third);
    assert!(places.take(one).is_none(), "both are being served");
    assert!(places.take(other).is_some());
    drop(second);
    assert!(places.take(one).is_some());
    drop((first, third, elsewhere));
    assert!(places.inside().addresses.is_empty());
}

#[test]
fn memory_is_taken_from_strangers_then_from_what_stalls_and_not_from_what_moves() {
    let places = places(10, 100);
    let (stranger, stalled, moving) = (places.take(None).unwrap(), known(&places, 1), known(&places, 2));
    let _of_stranger = stranger.guest().hold(40).unwrap();
    let of_stalled = stalled.guest().hold(30).unwrap();
    let of_moving = moving.guest().hold(30).unwrap();
    still_for(&stalled, STALLED);
    let newcomer = known(&places, 3);
    let first = newcomer.guest().hold(38).unwrap();
    assert!(has_to_leave(&stranger) && !has_to_leave(&stalled));
    let second = newcomer.guest().hold(32).unwrap();
    assert!(has_to_leave(&stalled) && !has_to_leave(&moving));
    assert!(
        newcomer.guest().hold(1).is_none(),
        "nobody stalls: the newcomer is told to try later"
    );
    assert!(!has_to_leave(&newcomer) && !has_to_leave(&moving));
    // What closed connections held was given back once, when they were closed.
    drop((of_stalled, first, second));
    assert_eq!(places.bytes.load(Relaxed), 30);
    drop(of_moving);
    assert_eq!(places.bytes.load(Relaxed), 0);
}

#[test]
fn a_stranger_that_asks_for_more_than_there_is_goes_itself() {
    let places = places(10, 100);
    let stranger = places.take(None).unwrap();
    let mut held = stranger.guest().hold(60).unwrap();
    assert!(!held.grow(60));
    assert!(has_to_leave(&stranger));
    assert!(!held.grow(1), "what is closed gets nothing");
    assert!(stranger.guest().hold(1).is_none());
    drop(held);
    assert_eq!(places.bytes.load(Relaxed), 0);
}

#[test]
fn a_byte_now_and_then_is_no_headway() {
    let places = places(10, 100);
    let place = known(&places, 1);
    still_for(&place, STALLED);
    let since = || place.guest().since.load(Relaxed);
    let before = since();
    for _ in 0..HEADWAY - 1 {
        place.guest().moved(1);
    }
    assert_eq!(since(), before);
    place.guest().moved(1);
    assert!(since() > before);
}

#[test]
fn whoever_has_left_is_not_recognised_any_more() {
    let places = places(1, 0);
    let gone = places.take(None).unwrap();
    let _next = places.take(None).unwrap();
    assert!(has_to_leave(&gone));
    gone.guest().recognise(account(1));
    drop(gone);
    assert!(places.inside().accounts.is_empty() && places.inside().guests.len() == 1);
}
