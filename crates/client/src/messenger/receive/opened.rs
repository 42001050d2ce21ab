//! What of an envelope is kept, and what it moves.

use playgate::{Mode, Policy};
use protocol::Timestamp;
use protocol::address::Address;
use protocol::content::{Body, Content, ContentId, Limited};
use protocol::handshake::HandshakeError;
use protocol::party::{Followed, Opened, Received, Refusal};
use sha2::{Digest, Sha256};

use super::quarantine::Room;
use crate::error::Error;
use crate::event::Event;
use crate::messenger::Scope;
use crate::messenger::round::Round;
use crate::vault::{
    Direction, License, LimitMode, LimitedTerms, MessageBody, MessageId, MessageState, ObliviousHalf, Quarantined,
    SealedBody, StoredMessage, Totals, VaultError, key,
};

impl Scope<'_, '_> {
    /// Opens one envelope and stores what is in it.
    pub(in crate::messenger) fn open(
        &mut self,
        envelope: &[u8],
        room: &mut Room,
        round: &mut Round,
    ) -> Result<(), Error> {
        match self.party.receive(envelope, self.now, self.rng) {
            Received::Opened(opened) => self.keep(*opened, round)?,
            // Seen before, and stored then.
            Received::Duplicate => {}
            Received::IdentityChanged { from, offered } => {
                self.quarantine(&from, envelope, room, round)?;
                round.identity_changed(from, offered);
            }
            Received::IdentityForked { from } => {
                self.quarantine(&from, envelope, room, round)?;
                round.followed(&from, Followed::Forked);
            }
            // Its author has another identity by now, and says it again under that.
            Received::Refused(Refusal::Superseded) => {}
            // The protocol answers with a handshake of its own (`wanted`); the sender sends again on that.
            Received::OneTimeKeyGone { .. } => round.keys_used = true,
            Received::Forked { .. } => {}
            Received::Unknown => round.unreadable("it belongs to no conversation of this home; if this home was restored or copied, ask your contacts to write again"),
            Received::Malformed(why) => round.unreadable(&format!("it is malformed: {why}; ask the sender to write again")),
            Received::Replay => round.unreadable("it repeats a handshake that was accepted before, or is older than those that are remembered; if you miss a message, ask its sender to write again"),
            Received::Refused(Refusal::Handshake(HandshakeError::FromTheFuture)) => {
                self.keep_early(envelope, room, round)?;
            }
            Received::Refused(reason) => round.unreadable(&reason.to_string()),
            #[allow(
                unreachable_patterns,
                reason = "the protocol may learn new outcomes; they are counted, not hidden"
            )]
            _ => round.unreadable("this version does not know its kind; update latchkey"),
        }
        Ok(())
    }

    /// Keeps an envelope until the user has decided, as far as there is room.
    fn quarantine(&mut self, from: &Address, envelope: &[u8], room: &mut Room, round: &mut Round) -> Result<(), Error> {
        if !room.take(envelope.len()) {
            round.dropped(from, 1);
            return Ok(());
        }
        let record = Quarantined {
            peer: from.clone(),
            envelope: envelope.to_vec(),
            received_at: self.now.max(self.believed()).as_millis(),
            dated: None,
        };
        Ok(self.tx.put(&Sha256::digest(envelope), &record)?)
    }

    fn keep(&mut self, opened: Opened, round: &mut Round) -> Result<(), Error> {
        let from = opened.from;
        if opened.first_contact {
            round.keys_used = true;
            round.events.push(Event::FirstContact { peer: from.clone() });
        }
        if opened.without_one_time {
            round.events.push(Event::NoOneTimeKey { peer: from.clone() });
        }
        if let Some(dated) = opened.begun {
            self.forget_early(&from, dated)?;
        }
        if !opened.outgoing.is_empty() {
            self.supersede(&from, &opened.outgoing)?;
        }
        self.acknowledge(&opened.acknowledged, round)?;
        // Opened all the same: the session goes on, so that a block can be taken back.
        if self.delivery(&from)?.blocked {
            return Ok(());
        }
        if opened.missing > 0 {
            self.tell_missing(&from, opened.missing, round)?;
        }
        if let Body::DeliveryToken(token) = &opened.content.body {
            self.hold_token(&from, token)?;
        }
        if let Body::Receipt(receipt) = &opened.content.body {
            self.receipt(&from, receipt, round)?;
        }
        if let Body::PlayHead(head) = &opened.content.body {
            self.note_head(&from, head)?;
        }
        self.note_wrote(&from)?;
        self.give_token(&from)?;
        let Some(message) = incoming(&from, opened.content, self.now) else {
            return Ok(());
        };
        let row = key::incoming(opened.origin.as_bytes(), message.id);
        if self.tx.insert(&row, &message)? {
            self.note_arrival(&from, message.id)?;
            round.events.push(Event::Message(Box::new(message)));
        }
        Ok(())
    }

    /// Notes what the peer opened, and forgets the shares of limited messages that will not be sent again.
    fn acknowledge(&mut self, opened: &[ContentId], round: &mut Round) -> Result<(), VaultError> {
        let mut delivered = Vec::new();
        for id in opened {
            let message = MessageId(id.0);
            self.tx.update::<StoredMessage>(&key::outgoing(message), |row| {
                if matches!(row.state, MessageState::Queued | MessageState::Sent) {
                    row.state = MessageState::Delivered;
                    delivered.push(message);
                }
            })?;
            if let Some(mut license) = self.tx.get::<License>(&id.0)?
                && license.share.take().is_some()
            {
                self.tx.put(&id.0, &license)?;
                round.forgot = true;
            }
        }
        if !delivered.is_empty() {
            round.events.push(Event::Delivered { ids: delivered });
        }
        Ok(())
    }

    pub(in crate::messenger) fn note_totals(&mut self, totals: Totals, round: &mut Round) -> Result<(), VaultError> {
        let before: Option<Totals> = self.tx.get(key::TOTALS)?;
        if before == Some(totals) {
            return Ok(());
        }
        let before = before.unwrap_or_default();
        let (expired, refused) = (
            totals.expired.saturating_sub(before.expired),
            totals.refused.saturating_sub(before.refused),
        );
        if expired > 0 || refused > 0 {
            round.events.push(Event::DroppedByRelay { expired, refused });
        }
        self.tx.put(key::TOTALS, &totals)
    }
}

/// The record of a received content; none for contents that say nothing.
fn incoming(from: &Address, content: Content, now: Timestamp) -> Option<StoredMessage> {
    let body = match content.body {
        Body::Empty | Body::DeliveryToken(_) | Body::Receipt(_) | Body::PlayHead(_) => return None,
        Body::Text(text) => MessageBody::Text(text),
        Body::Limited(limited) => limited_body(&limited).unwrap_or(MessageBody::Unknown),
        _ => MessageBody::Unknown,
    };
    Some(StoredMessage {
        id: MessageId(content.id.0),
        peer: from.clone(),
        direction: Direction::Incoming,
        // A claim: a message from the future would stay on top for ever.
        sent_at: content.sent_at.min(now).as_millis(),
        received_at: now.as_millis(),
        state: MessageState::New,
        body,
    })
}

/// `None` for a limit of a later version, and for one whose mode and keys disagree.
fn limited_body(limited: &Limited) -> Option<MessageBody> {
    let policy = Policy::decode(&limited.policy).ok()?;
    let (mode, oblivious) = match (policy.mode, &limited.oblivious) {
        (Mode::Counted, None) => (LimitMode::Counted, None),
        (Mode::Oblivious, Some(keys)) => {
            let half = ObliviousHalf {
                opening_key: keys.opening_key.to_vec(),
                pad_key: keys.pad_key,
                next_slot: 0,
                play: None,
                decoy: None,
                decoys: 0,
            };
            (LimitMode::Oblivious, Some(half))
        }
        _ => return None,
    };
    let terms = LimitedTerms {
        limit: policy.limit.get(),
        expires_at: policy.expires_at,
        used: 0,
        ended: None,
        mode,
    };
    let sealed = SealedBody {
        license: limited.license,
        play_capability: limited.play_capability,
        content_share: limited.content_share,
        commit: limited.commit,
        policy: limited.policy.clone(),
        ciphertext: limited.ciphertext.clone(),
        pending_play: None,
        oblivious,
    };
    Some(MessageBody::Limited(terms, Some(sealed)))
}
