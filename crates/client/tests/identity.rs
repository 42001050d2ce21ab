//! Somebody else speaks in a contact's name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use latchkey_client::vault::{Direction, MessageBody, MessageState};
use latchkey_client::{Error, Event, Messenger, RECEIPT_DELAY, Standing, Timestamp};
use protocol::content::{Body, Content, ContentId};
use protocol::party::Party;
use server::operator::errands::Errand;
use support::raw::Raw;
use support::{START, Stage, address, kept, receive, texts};

/// A stranger with bob's address and another identity, who writes to alice through an account of their own.
struct Impostor {
    raw: Raw,
    party: Party,
}

impl Impostor {
    async fn new(stage: &Stage, name: &str, seed: u64) -> Self {
        let mut raw = Raw::register(&stage.line.url(), name, seed, Timestamp(START)).await;
        let mut party = Party::generate(address("bob"), &mut raw.rng);
        party.publication(None, false, Timestamp(START), &mut raw.rng).unwrap();
        let bundle = raw.fetch(&address("alice")).await;
        party.start(&bundle, Timestamp(START), &mut raw.rng).unwrap();
        Self { raw, party }
    }

    async fn say(&mut self, text: &str) {
        let content = Content {
            id: ContentId::random(&mut self.raw.rng),
            sent_at: Timestamp(START),
            body: Body::Text(text.to_owned()),
        };
        let sealed = self
            .party
            .send(&address("alice"), &content, Timestamp(START), &mut self.raw.rng)
            .unwrap();
        self.raw.deposit(&address("alice"), sealed.envelope).await;
    }
}

async fn scene(stage: &Stage) -> (Messenger, Messenger, Impostor) {
    let (mut alice, mut bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "are you there?").await.unwrap();
    receive(&mut bob).await;
    bob.send_text(&address("alice"), "yes").await.unwrap();
    receive(&mut alice).await;
    alice.verify(&address("bob")).unwrap();
    let impostor = Impostor::new(stage, "mallory", 1).await;
    (alice, bob, impostor)
}

#[tokio::test]
async fn a_changed_identity_stops_sending_and_shows_nothing_until_the_user_decides() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, mut impostor) = scene(&stage).await;
    let before = alice.safety_number(&address("bob")).unwrap().to_string();
    impostor.say("send me the password").await;

    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(texts(&events).is_empty());
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::IdentityChanged { peer, .. } if *peer == address("bob")))
    );
    assert!(matches!(
        alice.contact(&address("bob")).unwrap().standing,
        Standing::Changed { .. }
    ));
    // The number to compare is the new one's.
    assert_ne!(alice.safety_number(&address("bob")).unwrap().to_string(), before);

    stage.line.take_requests();
    let refused = alice.send_text(&address("bob"), "1234").await;
    assert!(
        matches!(
            refused,
            Err(Error::IdentityChanged {
                pinned: Some(_),
                offered: Some(_),
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(matches!(
        alice.verify(&address("bob")),
        Err(Error::IdentityChanged { .. })
    ));
    assert!(
        stage.line.take_requests().is_empty(),
        "nothing is even asked of the relay"
    );
    assert!(!kept(&alice, Direction::Outgoing).contains(&"1234".to_owned()));

    // Not even a restart forgets it.
    drop(alice);
    let mut alice = stage.open("alice");
    assert!(matches!(
        alice.send_text(&address("bob"), "1234").await,
        Err(Error::IdentityChanged { .. })
    ));
    assert!(receive(&mut bob).await.is_empty());
}

#[tokio::test]
async fn what_waited_is_shown_after_the_new_identity_was_accepted() {
    let stage = Stage::new().await;
    let (mut alice, _bob, mut impostor) = scene(&stage).await;
    // Perhaps it really is bob, with a new telephone.
    impostor.say("new phone").await;
    impostor.say("who dis").await;
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.own_status().unwrap().quarantined, 2);
    drop(alice);
    let mut alice = stage.open("alice");

    let (person, events) = alice.accept_identity(&address("bob")).unwrap();
    assert_eq!(person.standing, Standing::Unverified, "accepted is not verified");
    assert_eq!(texts(&events), ["new phone", "who dis"]);
    assert_eq!(alice.own_status().unwrap().quarantined, 0);
    assert_eq!(alice.unread().unwrap().len(), 2 + 1);
    assert!(
        alice
            .history(None, 10)
            .unwrap()
            .iter()
            .any(|message| message.state == MessageState::New)
    );
    impostor.say("thanks").await;
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(texts(&events), ["thanks"]);
}

#[tokio::test]
async fn quarantine_is_bounded_in_number_and_time_and_says_so() {
    let stage = Stage::open_to_strangers().await;
    let (mut alice, _bob, mut impostor) = scene(&stage).await;
    for n in 0..260 {
        impostor.say(&format!("flood {n}")).await;
    }
    let events = alice.receive(Duration::ZERO).await.unwrap();
    let dropped: u64 = events
        .iter()
        .map(|event| {
            if let Event::QuarantineDropped { count, .. } = event {
                *count
            } else {
                0
            }
        })
        .sum();
    assert_eq!(alice.own_status().unwrap().quarantined, 256);
    assert_eq!(dropped, 4);
    let said = events
        .iter()
        .filter(|event| matches!(event, Event::IdentityChanged { .. }))
        .count();
    assert_eq!(said, 1, "a flood is one remark");

    stage.advance(Duration::from_secs(7 * 24 * 3600));
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.own_status().unwrap().quarantined, 0);
    let dropped: u64 = events
        .iter()
        .map(|event| {
            if let Event::QuarantineDropped { count, .. } = event {
                *count
            } else {
                0
            }
        })
        .sum();
    assert_eq!(dropped, 256);
}

#[tokio::test]
async fn rubbish_in_the_mailbox_is_counted_and_done_with() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    let mut raw = Raw::register(&stage.line.url(), "mallory", 2, Timestamp(START)).await;
    for rubbish in [vec![0], vec![1; 100], b"hello".to_vec(), vec![0xff; 20_000]] {
        raw.deposit(&address("alice"), rubbish).await;
    }
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Unreadable { count: 4, .. })),
        "{events:?}"
    );
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test]
async fn used_up_prekeys_are_refilled() {
    let stage = Stage::new().await;
    let mut alice = stage.register("alice").await;
    for seed in 0..4 {
        let raw = Raw::register(&stage.line.url(), &format!("asker{seed}"), seed, Timestamp(START)).await;
        for _ in 0..19 {
            assert!(raw.fetch(&address("alice")).await.one_time.is_some());
        }
    }
    assert_eq!(alice.keys().await.unwrap().one_time_left, 24);
    // Nobody wrote; it is noticed within the hour all the same.
    stage.advance(Duration::from_secs(3601));
    alice.receive(Duration::ZERO).await.unwrap();
    assert!(alice.keys().await.unwrap().one_time_left >= 100);
}

#[tokio::test]
async fn whoever_may_be_somebody_else_loses_the_delivery_token() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, mut impostor) = scene(&stage).await;
    receive(&mut bob).await;
    stage.line.take_named();
    bob.send_text(&address("alice"), "by token").await.unwrap();
    assert!(stage.line.take_named_sends().is_empty());
    assert_eq!(receive(&mut alice).await, ["by token"]);

    impostor.say("let me in").await;
    let deletes = |requests: Vec<String>| {
        let requests = requests.into_iter();
        requests
            .filter(|request| request.starts_with("DELETE /v1/delivery-tokens/"))
            .count()
    };
    stage.line.take_requests();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(deletes(stage.line.take_requests()), 1);
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(deletes(stage.line.take_requests()), 0);

    // What Bob holds is worth nothing now; he goes on as himself, and Alice, who has not decided, gives him no other.
    stage.line.take_named();
    let sent = bob.send_text(&address("alice"), "as myself").await.unwrap();
    assert_eq!(sent.state, MessageState::Sent);
    // He looks whether it is still she who has the name, and sends.
    let named = stage.line.take_named();
    let asked = named.iter().filter(|request| *request != "POST /v1/inbox").count();
    assert_eq!(asked, 2, "{named:?}");
    alice.receive(Duration::ZERO).await.unwrap();
    let puts = stage.line.take_requests().into_iter();
    assert_eq!(
        puts.filter(|request| request.starts_with("PUT /v1/delivery-tokens"))
            .count(),
        0
    );
}

/// The relay's operator removes bob.
async fn removed(stage: &Stage) {
    assert!(stage.remove_account("bob").await);
}

/// The relay's operator removes bob and releases his name, and somebody else registers it.
async fn given_to_another(stage: &Stage) -> Messenger {
    removed(stage).await;
    released_to_another(stage).await
}

async fn released_to_another(stage: &Stage) -> Messenger {
    let services = stage.services();
    let name = latchkey_client::UserName::parse("bob").unwrap();
    let reader = server::store::sqlite::admin::Reader::open(&stage.relay_home()).unwrap();
    let release = Errand::release(&reader, &name).unwrap().unwrap();
    assert!(services.do_errand(&release).await.unwrap());
    let home = stage.home("another-bob");
    Messenger::register(&home, &support::passphrase(), &name, stage.url(), stage.options())
        .await
        .unwrap()
}

/// Nothing of alice's has left, and she has a decision to make.
async fn warned(alice: &mut Messenger, another: &mut Messenger) {
    assert!(matches!(
        alice.contact(&address("bob")).unwrap().standing,
        Standing::Changed { .. }
    ));
    let refused = alice.send_text(&address("bob"), "are you still there?").await;
    assert!(matches!(refused, Err(Error::IdentityChanged { .. })), "{refused:?}");
    assert_eq!(receive(another).await, [""; 0]);
}

#[tokio::test]
async fn what_waits_for_a_decision_stays_when_a_clock_that_was_behind_is_put_right() {
    let stage = Stage::new().await;
    let (alice, _bob, mut impostor) = scene(&stage).await;
    impostor.say("let me in").await;
    drop(alice);
    let options = latchkey_client::Options {
        clock: stage.clock_off_by(Duration::ZERO, Duration::from_secs(21 * 24 * 3600)),
        ..stage.options()
    };
    let mut alice = stage.try_open("alice", options).unwrap();
    alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(alice.own_status().unwrap().quarantined, 1);
    drop(alice);
    let mut alice = stage.open("alice");
    let events = alice.receive(Duration::ZERO).await.unwrap();
    let dropped = |event: &Event| matches!(event, Event::QuarantineDropped { .. });
    assert!(!events.iter().any(dropped), "{events:?}");
    assert_eq!(alice.own_status().unwrap().quarantined, 1);
}

/// One answer of a relay that says it is a distant year.
#[tokio::test]
async fn one_lie_about_the_time_keeps_no_quarantined_mail_for_ever() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let stage = Stage::new().await;
    let (mut alice, _bob, mut impostor) = scene(&stage).await;
    impostor.say("let me in").await;
    let right = std::sync::Arc::clone(&stage.clock);
    let distant = server::clock::Clock::now(&*right).plus(DAY * 365_000);
    stage
        .line
        .date_by(std::sync::Arc::new(server::clock::ManualClock::at(distant)));
    alice.receive(Duration::ZERO).await.unwrap();
    stage.line.date_by(right);
    alice.receive(Duration::ZERO).await.unwrap();
    stage.advance(DAY * 6);
    let dropped = |event: &Event| matches!(event, Event::QuarantineDropped { .. });
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(!events.iter().any(dropped), "{events:?}");
    assert_eq!(alice.own_status().unwrap().quarantined, 1);
    stage.advance(DAY + Duration::from_secs(60));
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert!(events.iter().any(dropped), "{events:?}");
    assert_eq!(alice.own_status().unwrap().quarantined, 0);
}

#[tokio::test]
async fn a_contact_whose_account_is_gone_does_not_keep_others_from_being_followed() {
    let stage = Stage::new().await;
    let (mut alice, _bob, mut impostor) = scene(&stage).await;
    let mut carol = stage.register("carol").await;
    carol.send_text(&address("alice"), "hello").await.unwrap();
    assert_eq!(receive(&mut alice).await, ["hello"]);
    alice.send_text(&address("carol"), "hi").await.unwrap();
    assert_eq!(receive(&mut carol).await, ["hi"]);
    // Of bob nothing can be asked any more, and carol comes behind him.
    impostor.say("let me in").await;
    removed(&stage).await;
    carol.rotate_identity().await.unwrap();
    carol.send_text(&address("alice"), "with another key").await.unwrap();
    let events = alice.receive(Duration::ZERO).await.unwrap();
    let followed = |event: &Event| matches!(event, Event::Succeeded { peer, .. } if *peer == address("carol"));
    assert!(events.iter().any(followed), "{events:?}");
    assert_eq!(texts(&events), ["with another key"]);
}

#[tokio::test]
async fn who_gets_a_released_name_is_announced_when_they_write() {
    let stage = Stage::new().await;
    let (mut alice, _bob, _) = scene(&stage).await;
    let mut another = given_to_another(&stage).await;
    another.send_text(&address("alice"), "it is me, bob").await.unwrap();
    let events = alice.receive(Duration::ZERO).await.unwrap();
    assert_eq!(texts(&events), [""; 0]);
    let said = |event: &Event| matches!(event, Event::IdentityChanged { peer, .. } if *peer == address("bob"));
    assert!(events.iter().any(said), "{events:?}");
    warned(&mut alice, &mut another).await;
}

#[tokio::test]
async fn who_writes_to_a_released_name_is_warned_before_anything_goes_there() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, _) = scene(&stage).await;
    // By now she holds a delivery token of his; it is his, not the name's.
    receive(&mut bob).await;
    receive(&mut alice).await;
    stage.line.take_named();
    alice.send_text(&address("bob"), "by token").await.unwrap();
    assert!(stage.line.take_named_sends().is_empty());
    let mut another = given_to_another(&stage).await;
    let refused = alice.send_text(&address("bob"), "the door code is 4711").await;
    assert!(matches!(refused, Err(Error::IdentityChanged { .. })), "{refused:?}");
    let waiting = stage.services().totals().await.unwrap().pending;
    assert_eq!(waiting, 0, "nothing of it lies in another's mailbox");
    warned(&mut alice, &mut another).await;
    // It is kept until she has decided, and goes to whom she decided for.
    alice.accept_identity(&address("bob")).unwrap();
    alice.send_text(&address("bob"), "whoever you are").await.unwrap();
    let events = another.receive(Duration::ZERO).await.unwrap();
    assert!(texts(&events).contains(&"whoever you are".to_owned()), "{events:?}");
}

/// Of a name that another has by now. What was said to have arrived at the old holder, or not to have been delivered, is not sent to the new one.
#[tokio::test]
async fn only_what_may_still_arrive_goes_to_an_accepted_identity_and_is_named_before() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, _) = scene(&stage).await;
    receive(&mut bob).await;
    receive(&mut alice).await;
    alice.send_text(&address("bob"), "for the old one").await.unwrap();
    assert_eq!(receive(&mut bob).await, ["for the old one"]);
    stage.advance(RECEIPT_DELAY);
    receive(&mut bob).await;
    alice.receive(Duration::ZERO).await.unwrap();
    // Neither of these is opened by him. Of the first it is not known; the other one is said not to be delivered.
    alice.send_text(&address("bob"), "on its way").await.unwrap();
    removed(&stage).await;
    let failed = alice.send_text(&address("bob"), "not for anyone").await.unwrap_err();
    assert!(
        matches!(&failed, Error::AccountGone(peer) if *peer == address("bob")),
        "{failed}"
    );
    let states = |alice: &Messenger| -> Vec<MessageState> {
        let own = alice.history(None, 3).unwrap().into_iter();
        own.map(|message| message.state).collect()
    };
    let before = states(&alice);
    assert!(
        matches!(
            &before[..],
            [MessageState::Delivered, MessageState::Sent, MessageState::Failed(_)]
        ),
        "{before:?}"
    );

    let mut another = released_to_another(&stage).await;
    let waits = alice.send_text(&address("bob"), "who are you?").await;
    assert!(matches!(waits, Err(Error::IdentityChanged { .. })), "{waits:?}");
    let named: Vec<MessageBody> = alice
        .not_arrived(&address("bob"))
        .unwrap()
        .into_iter()
        .map(|message| message.body)
        .collect();
    let text = |words: &str| MessageBody::Text(words.to_owned());
    assert_eq!(named, [text("on its way"), text("who are you?")]);
    alice.accept_identity(&address("bob")).unwrap();
    for _ in 0..3 {
        alice.catch_up().await.unwrap();
        stage.advance(Duration::from_secs(8 * 24 * 3600));
    }
    assert_eq!(receive(&mut another).await, ["on its way", "who are you?"]);
    assert_eq!(states(&alice)[1], before[2], "what failed stays so");
}

#[tokio::test]
async fn a_known_contact_without_an_account_is_said_to_be_gone_and_not_to_be_misspelled() {
    let stage = Stage::new().await;
    // With a delivery token of his, and by his name alone.
    for answered in [true, false] {
        let (you, he) = if answered { ("alice", "bob") } else { ("carol", "dave") };
        let (mut alice, mut bob) = (stage.register(you).await, stage.register(he).await);
        alice.send_text(&address(he), "hello").await.unwrap();
        if answered {
            receive(&mut bob).await;
            bob.send_text(&address(you), "hi").await.unwrap();
            receive(&mut alice).await;
        }
        assert!(stage.remove_account(he).await);
        // The first one uses what is held of him, the second one does without.
        for text in ["one", "two"] {
            let failed = alice.send_text(&address(he), text).await.unwrap_err();
            assert!(
                matches!(&failed, Error::AccountGone(peer) if *peer == address(he)),
                "{failed}"
            );
            let kept = alice.history(None, 1).unwrap().pop().unwrap().state;
            assert!(
                matches!(&kept, MessageState::Failed(why) if why.contains("no account of") && failed.to_string().starts_with(why)),
                "{kept:?}"
            );
        }
        let status = alice.own_status().unwrap();
        assert_eq!(status.outbox + status.outbox_notes, 0);
    }
}

/// Whom the old holder never answered holds no token that could be refused.
#[tokio::test]
async fn a_released_name_is_looked_at_by_who_held_no_token_too() {
    let stage = Stage::new().await;
    let (mut alice, _bob) = (stage.register("alice").await, stage.register("bob").await);
    alice.send_text(&address("bob"), "hello").await.unwrap();
    let mut another = given_to_another(&stage).await;
    let refused = alice.send_text(&address("bob"), "the door code is 4711").await;
    assert!(matches!(refused, Err(Error::IdentityChanged { .. })), "{refused:?}");
    assert_eq!(
        stage.services().totals().await.unwrap().pending,
        0,
        "nothing of it lies in another's mailbox"
    );
    warned(&mut alice, &mut another).await;
}
