//! What a round of receiving brought besides messages.

use client::{Address, ClockOff, Error, Event, Flooder};

use super::plural::counted;
use super::{Render, escape, short};

impl Render {
    /// What a round of receiving brought besides messages.
    pub fn events(&self, events: &[Event]) {
        for event in events {
            match event {
                // Messages are shown as such; deliveries are seen in the history.
                Event::Message(_) | Event::Delivered { .. } | Event::Read { .. } => {}
                Event::Disconnected { because } => {
                    let because = escape::line(&because.to_string());
                    self.notice(&format!("{because}; trying again until the wait is over"));
                }
                Event::Reconnected => self.notice("the relay is back"),
                Event::Restored => self.warning(
                    "this home is an older copy of itself, as after a backup was restored: its keys were replaced and every conversation restarts. Messages of the time in between are not here; ask your contacts for them",
                ),
                Event::OwnSuccession => self.notice(
                    "your identity was replaced: all conversations restart, and your safety numbers have changed",
                ),
                Event::Succeeded { peer, was_verified: false } => self.notice(&format!(
                    "{peer} has a new identity, and the one you knew vouches for it; the safety number has changed"
                )),
                // No alarm: this is what a contact does who changes keys. Who writes to it is stopped until the numbers were compared.
                Event::Succeeded { peer, was_verified: true } => self.notice(&format!(
                    "{peer} has a new identity, and the one you verified vouches for it. Its messages are shown; yours wait until you have compared the new safety number: {}",
                    self.decide(peer.user().as_str(), &["verify NAME"])
                )),
                Event::IdentityForked { peer } => self.warning(&format!(
                    "two identities claim to succeed the one you knew of {peer}, so another person has its key. Nothing is sent or shown. Meet or \
                     call {peer}, and compare: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
                )),
                Event::FirstContact { peer } => self.notice(&format!(
                    "{peer} wrote for the first time. Compare safety numbers over another channel: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME"])
                )),
                Event::Missing { peer, count: 1 } => self.warning(&format!(
                    "1 envelope from {peer} did not arrive: a message, or a receipt or another note of its client. That client learns of it with your next message to {peer}, and sends it again if it is a message"
                )),
                Event::Missing { peer, count } => {
                    self.warning(&format!(
                        "{} from {peer} did not arrive: messages, or receipts and other notes of its client. That client learns of it with your next message to {peer}, and sends the messages again",
                        counted(*count, "envelope")
                    ));
                }
                Event::ClearedHere { peer, count: 1 } => self.notice(&format!(
                    "1 envelope from {peer} will not be shown: probably one that you deleted at the relay, unread. If it is a message, it comes again once its client learns of that"
                )),
                Event::ClearedHere { peer, count } => self.notice(&format!(
                    "{} from {peer} will not be shown: probably those that you deleted at the relay, unread. The messages among them come again once its client learns of that",
                    counted(*count, "envelope")
                )),
                Event::IdentityChanged { peer, .. } => self.warning(&format!(
                    "the identity of {peer} has changed; its messages wait for your decision. Compare the new safety number: {}",
                    self.decide(peer.user().as_str(), &["safety-number NAME", "verify NAME --accept", "reject-identity NAME"])
                )),
                Event::QuarantineDropped { peer, count } => {
                    self.warning(&format!("deleted {} from the undecided identity of {peer}: your decision took too long", counted(*count, "message")));
                }
                Event::TooEarly {
                    peer,
                    kept,
                    dropped,
                    clock,
                } => {
                    if *kept > 0 {
                        self.warning(&too_early(peer, *kept, *clock));
                    }
                    if *dropped > 0 {
                        self.warning(&format!(
                            "of {peer}, {} dated ahead and not kept: too many wait, or for seven days. When the clocks are right, ask {peer} to write again",
                            messages_are(*dropped)
                        ));
                    }
                }
                Event::ClockWrong(off) => self.warning(&format!(
                    "the clock of this device is {off} that of the relay. Set it: meanwhile your first messages may open late, and conversations that need it do not restart. If the clock is right, tell the relay's operator"
                )),
                Event::Unreadable { count, reason } => {
                    self.warning(&unreadable(*count, reason));
                }
                Event::Restarted { peer } => {
                    self.notice(&format!(
                        "the conversation with {peer} restarts with fresh keys. Messages of yours that {peer} has not acknowledged are sent again; what {peer} sent on the earlier keys may not open any more"
                    ));
                }
                Event::NoOneTimeKey { peer } => {
                    self.notice(&format!("{peer} found no one-time prekey of this account at the relay; full forward secrecy begins with your first answer"));
                }
                Event::DroppedByRelay { expired, refused } => self.warning(&format!(
                    "the relay dropped {} not fetched in time, and refused {refused} because the mailbox was full",
                    counted(*expired, "message")
                )),
                Event::Flooded { by: Flooder::Account(who) | Flooder::Contact(who), times } => self.warning(&format!(
                    "the relay refused {} of {who}: more than it takes at a time. To stop them: {}",
                    counted(*times, "message"),
                    self.how(&format!("block {}", who.user()), "choose Contacts, then block somebody")
                )),
                Event::Flooded { by: Flooder::Unknown, times } => self.warning(&format!(
                    "the relay refused {} that came with a delivery token of a contact that you do not have any more",
                    counted(*times, "message")
                )),
                Event::Undeliverable { id, reason } => {
                    self.warning(&format!("message {} was not delivered: {}", short(&id.to_string()), escape::line(reason)));
                }
                Event::RelayFault { id, reason } => self.warning(&format!(
                    "about a play of message {}: {}; do not rely on its limit",
                    short(&id.to_string()),
                    escape::line(reason)
                )),
                // It is not put off: the account is gone, and what was asked for holds in this home alone.
                Event::Postponed(error @ Error::ShutOut { .. }) => {
                    self.notice(&format!("done here alone: {}", escape::line(&error.to_string())));
                }
                Event::Postponed(error) => {
                    let until = if self.menu { ", and tried again by itself" } else { " until the next command" };
                    self.notice(&format!("put off{until}: {}", escape::line(&error.while_it_waits())));
                }
                _ => {}
            }
        }
    }
}

/// `1 message is`, `2 messages are`.
fn messages_are(number: u64) -> String {
    format!(
        "{} {}",
        counted(number, "message"),
        if number == 1 { "is" } else { "are" }
    )
}

/// The reason is that of the first one.
fn unreadable(count: u64, reason: &str) -> String {
    let about = if count == 1 { "" } else { " About the first of them:" };
    let end = if count == 1 { ':' } else { '.' };
    format!(
        "{} could not be opened{end}{about} {}",
        counted(count, "envelope"),
        escape::line(reason)
    )
}

/// Which clock is wrong is known only when the relay's agrees with the sender's.
fn too_early(peer: &Address, kept: u64, clock: Option<ClockOff>) -> String {
    match clock {
        Some(off) => format!(
            "of {peer}, {} dated ahead of your clock, which is {off} that of the relay: your clock is wrong. What is kept opens when you have set it",
            messages_are(kept)
        ),
        None => format!(
            "of {peer}, {} dated more than ten minutes ahead: your clock or theirs is wrong. What is kept opens when the clocks agree",
            messages_are(kept)
        ),
    }
}
