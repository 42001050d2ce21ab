//! The poll: asks for mail, opens and commits it, then acknowledges.

use std::time::Duration;

use protocol::address::Address;
use protocol::party::Followed;

use crate::error::Error;
use crate::event::{Event, Flooder};
use crate::messenger::Messenger;
use crate::messenger::receive::agreement::Agreement;
use crate::messenger::round::{Round, postpone};
use crate::messenger::steps::Step;
use crate::relay::{Code, Flood, PAGE, Page, jittered};
use crate::vault::{AckPosition, Moment, Totals, key};

/// Pages in one call: more than a full mailbox (10 000 envelopes of 64 a page), so that a relay that never stops sending is left.
const MAX_PAGES: usize = 256;
/// Senders that flood: as many as the relay tells at once.
pub(in crate::messenger) const MAX_FLOODERS: usize = 16;

/// The first pause of a loop whose relay is away, doubled each time: a relay that restarts is back within a second or so, …
const FIRST_OUTAGE_PAUSE: Duration = Duration::from_millis(500);
/// … and one that was away for long is noticed within twice this by the person in front of it: a random part of up to the same is added, so that not all clients come
/// at once. To ask in vain costs a connection that is not taken.
const LONGEST_OUTAGE_PAUSE: Duration = Duration::from_millis(2500);
/// A relay that answers and asks for patience gets so much.
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

impl Messenger {
    /// Fetches what waits, for up to `wait` (at most 30 s) when nothing does. Everything is stored before it is acknowledged, and a
    /// message is in exactly one answer, however often it is delivered.
    ///
    /// Afterwards the rest of a round is done: conversations that need new keys, publications, the outbox. What of that fails is an
    /// [`Event::Postponed`]; so is a fault after messages came.
    ///
    /// A relay that is away is an error here; a loop that shall outlive that calls [`Messenger::listen`].
    ///
    /// # After a crash
    /// The events of this answer are told once. A program that dies between this call and what it does about a message is not told again: the message
    /// is in the vault, and the relay has deleted its copy. What is still to be done is asked of [`Messenger::unread`], at the start and after each
    /// round; a message is there until [`Messenger::mark_seen`]. Take events for news to show, and `unread` for work.
    ///
    /// Work that sends something is repeated when the program dies before `mark_seen`. [`Messenger::answer`] makes that harmless: there is one answer
    /// to a message, whatever happens in between.
    ///
    /// # Errors
    /// The relay's refusals when nothing was received; vault trouble.
    pub async fn receive(&mut self, wait: Duration) -> Result<Vec<Event>, Error> {
        // What cannot be kept is not asked for.
        self.party()?;
        self.writable()?;
        let mut round = self.untold.round();
        let fetched = self.fetch_all(wait, &mut round).await;
        round.say_unreadable();
        if round.forgot {
            self.vault.compact()?;
        }
        match fetched {
            Ok(()) => {}
            Err(Error::Relay(error)) if !round.events.is_empty() => {
                // The messages are here and must be shown; the rest waits until the relay is back.
                round.events.push(Event::Postponed(error.into()));
                return Ok(std::mem::take(&mut round.events));
            }
            Err(error) => return Err(error),
        }
        self.maintain(&mut round).await?;
        Ok(std::mem::take(&mut round.events))
    }

    /// What a loop calls: as [`Messenger::receive`], and a relay that restarts or is away for a while is no error. It is told once as
    /// [`Event::Disconnected`]; each further call waits a while, longer from time to time and five seconds at most (or as long as the relay asks for, up to two minutes), and tries again;
    /// [`Event::Reconnected`] tells that it is back. An answer without events says that there is nothing new. After a crash: as [`Messenger::receive`].
    ///
    /// # Errors
    /// What does not pass by waiting: the relay's refusals, another relay or certificate than the pinned one, vault trouble.
    pub async fn listen(&mut self, wait: Duration) -> Result<Vec<Event>, Error> {
        if let Some(pause) = self.outage {
            self.release()?;
            tokio::time::sleep(jittered(pause)).await;
        }
        match self.receive(wait).await {
            Ok(mut events) => {
                if self.outage.take().is_some() {
                    events.insert(0, Event::Reconnected);
                }
                Ok(events)
            }
            Err(Error::Relay(because)) if because.passes() => {
                let pause = outage_pause(self.outage, because.wanted_pause());
                let known = self.outage.replace(pause).is_some();
                Ok(if known {
                    Vec::new()
                } else {
                    vec![Event::Disconnected { because }]
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Sends what waits and serves what the protocol wants, without fetching.
    ///
    /// # Errors
    /// Vault trouble; faults of the network are events.
    pub async fn catch_up(&mut self) -> Result<Vec<Event>, Error> {
        let mut round = self.untold.round();
        self.maintain(&mut round).await?;
        Ok(std::mem::take(&mut round.events))
    }

    async fn fetch_all(&mut self, wait: Duration, round: &mut Round) -> Result<(), Error> {
        let mut wait = wait;
        for _ in 0..MAX_PAGES {
            let ack: Option<AckPosition> = self.vault.get(key::ACK)?;
            let page = match self.poll(ack, wait).await {
                // The mailbox was cleared or restored: our position means nothing there.
                Err(Error::Relay(error)) if ack.is_some() && error.code() == Some(Code::StaleIncarnation) => {
                    self.vault.transaction(|tx| tx.delete::<AckPosition>(key::ACK))?;
                    continue;
                }
                other => other?,
            };
            self.note_floods(round)?;
            let empty = page.envelopes.is_empty();
            // Another process may have acknowledged more while this one waited.
            let ack: Option<AckPosition> = self.vault.get(key::ACK)?;
            self.take(&page, ack, round)?;
            if empty {
                return Ok(());
            }
            self.step(Step::BeforeAck)?;
            // Once more, to acknowledge what was just stored and to see what came meanwhile.
            wait = Duration::ZERO;
        }
        Ok(())
    }

    /// Who the relay says sends too much: a token is looked for among those that we gave.
    fn note_floods(&mut self, round: &mut Round) -> Result<(), Error> {
        for (flood, times) in std::mem::take(&mut self.floods) {
            let by = match flood {
                Flood::Account(user) => Flooder::Account(Address::new(user, self.party()?.address().relay())),
                Flood::Token(hash) => self.holder(&hash)?.map_or(Flooder::Unknown, Flooder::Contact),
            };
            round.flooded(by, times);
        }
        Ok(())
    }

    /// The same outside of a round of receiving.
    pub(in crate::messenger) fn tell_floods(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        let mut round = Round::default();
        self.note_floods(&mut round)?;
        events.append(&mut round.events);
        Ok(())
    }

    /// Opens a page and stores what is in it, in one transaction.
    fn take(&mut self, page: &Page, ack: Option<AckPosition>, round: &mut Round) -> Result<(), Error> {
        let done = ack
            .filter(|ack| ack.incarnation == page.incarnation)
            .map_or(0, |ack| ack.sequence);
        let fresh: Vec<&(u64, Vec<u8>)> = page.envelopes.iter().filter(|(sequence, _)| *sequence > done).collect();
        let totals = Totals {
            expired: page.expired_total,
            refused: page.refused_total,
        };
        if fresh.is_empty() && self.vault.get::<Totals>(key::TOTALS)? == Some(totals) {
            return Ok(());
        }
        let quarantine = self.quarantine_room()?;
        self.step(Step::BeforeReceiveCommit)?;
        let brought = self.transact(|scope| {
            let mut brought = Round::default();
            let mut room = quarantine;
            for (_, envelope) in &fresh {
                scope.open(envelope, &mut room, &mut brought)?;
            }
            if let Some((sequence, _)) = fresh.iter().max_by_key(|(sequence, _)| *sequence) {
                scope.tx.put(
                    key::ACK,
                    &AckPosition {
                        incarnation: page.incarnation,
                        sequence: *sequence,
                    },
                )?;
                scope.moved_on()?;
            }
            scope.note_totals(totals, &mut brought)?;
            Ok(brought)
        })?;
        round.merge(brought);
        Ok(())
    }

    /// What follows a round of receiving.
    pub(in crate::messenger) async fn maintain(&mut self, round: &mut Round) -> Result<(), Error> {
        if let Err(error) = self.compare_once().await {
            postpone(error, round)?;
        }
        if self.vault.get::<Moment>(key::RESTORED)?.is_some() {
            self.vault.transaction(|tx| tx.delete::<Moment>(key::RESTORED))?;
            round.events.push(Event::Restored);
        }
        if self.vault.get::<Moment>(key::SUCCEEDED)?.is_some() {
            self.vault.transaction(|tx| tx.delete::<Moment>(key::SUCCEEDED))?;
            round.events.push(Event::OwnSuccession);
        }
        self.open_early(round)?;
        self.follow_changed(round).await?;
        let mut wanted = self.transact(|scope| {
            scope.party.expire(scope.now);
            // By a clock that is wrong a session looks misdated, or a peer silent, that is not.
            if scope.off.is_none() {
                scope.party.renew(scope.now);
            }
            scope.revoke_tokens_of_changed()?;
            Ok(scope.party.wanted())
        })?;
        self.expire_quarantine(round)?;
        // Keys first: a peer that met a dead one-time prekey must not be handed another while we answer.
        if let Err(error) = self.keep_keys_fresh(round.keys_used).await {
            postpone(error, round)?;
        }
        if self.handshakes_wait() {
            // They stay wanted.
            wanted.clear();
        }
        if !wanted.is_empty() {
            // What can go goes before it is superseded, receipts for example. What cannot is said at the end of the round.
            let mut events = Vec::new();
            self.flush_into(&mut events).await?;
            events.retain(|event| !matches!(event, Event::Postponed(_)));
            round.add(events);
        }
        for peer in wanted {
            if self.delivery(&peer)?.blocked {
                continue;
            }
            let outcome = self.restart(&peer).await;
            match outcome {
                Ok(followed) => {
                    round.followed(&peer, followed);
                    round.events.push(Event::Restarted { peer });
                }
                // The relay offers another identity than the pinned one: the user's decision, like one that came in an envelope.
                Err(Error::IdentityChanged {
                    offered: Some(offered), ..
                }) => round.identity_changed(peer, offered),
                Err(Error::IdentitySucceeded { .. }) => round.followed(&peer, Followed::Review),
                Err(Error::IdentityForked(peer)) => round.followed(&peer, Followed::Forked),
                Err(error) => postpone(error, round)?,
            }
        }
        self.serve_tokens(round).await?;
        self.serve_receipts()?;
        self.keep_gate_keys(round).await?;
        self.serve_plays(round).await?;
        self.flush_into(&mut round.events).await?;
        self.tell_clock(&mut round.events);
        Ok(())
    }

    /// A new handshake, because the protocol wants one. What is unacknowledged goes out again on it.
    async fn restart(&mut self, peer: &Address) -> Result<Followed, Error> {
        let bundle = self.fetch_bundle(peer).await?;
        self.transact(|scope| scope.start(&bundle))?
    }

    /// Waits for envelopes, and sends the decoys that fall due meanwhile.
    async fn poll(&mut self, ack: Option<AckPosition>, wait: Duration) -> Result<Page, Error> {
        if !self.decoys()? {
            return self.ask_inbox(ack, wait, PAGE).await;
        }
        let began = tokio::time::Instant::now();
        loop {
            let now = self.now();
            let due = self.decoy_clock.due(now, &mut self.rng);
            let left = Duration::from_millis(due.as_millis().saturating_sub(now.as_millis()));
            if !left.is_zero() {
                let wait = wait.saturating_sub(began.elapsed());
                // The poll is cut short, and made again: fetching changes nothing at the relay that it would not change again.
                tokio::select! {
                    biased;
                    page = self.ask_inbox(ack, wait, PAGE) => return page,
                    () = tokio::time::sleep(left) => {}
                }
            }
            self.party()?;
            self.decoy_clock.done();
            let mut round = Round::default();
            if let Err(error) = self.decoy().await {
                // Nothing that a user could do about it: the next one comes in a while.
                postpone(error, &mut round)?;
                tracing::debug!(events = ?round.events, "a decoy was not sent");
            }
        }
    }

    /// Asks for mail; that tells our number and compares. While it waits for a page, other processes may use the vault: what is read before is read again after.
    pub(in crate::messenger) async fn ask_inbox(
        &mut self,
        ack: Option<AckPosition>,
        wait: Duration,
        limit: u32,
    ) -> Result<Page, Error> {
        if limit < PAGE {
            // A small answer, which comes soon or not at all.
            return self.ask_at_once(ack, limit).await;
        }
        // With everything that may have to be kept on the way, so before any waiting.
        self.ready().await?;
        let told = self.told()?.value;
        // Until there is an answer nothing is known: the relay may have heard of it or not.
        self.told = Agreement::Unknown;
        let relay = self.relay.clone();
        let (answer, _) = self.unlocked(relay.inbox(ack, told, wait, limit)).await?;
        let mut page = match answer {
            // The session ended meanwhile, perhaps because another process began one; or our number takes another.
            Err(error) if error.wants_sign_in() => return self.ask_at_once(ack, limit).await,
            other => other?,
        };
        // Another process may have come further than what the relay heard here.
        if self.told()?.value == told {
            self.told = Agreement::Agreed;
        }
        self.keep_floods(&mut page);
        self.compare(page.commit_counter)?;
        Ok(page)
    }

    /// The relay tells once who floods, in whatever answer comes first.
    fn keep_floods(&mut self, page: &mut Page) {
        self.floods.append(&mut page.floods);
        self.floods.truncate(MAX_FLOODERS);
    }

    async fn ask_at_once(&mut self, ack: Option<AckPosition>, limit: u32) -> Result<Page, Error> {
        let told = self.told()?.value;
        self.told = Agreement::Unknown;
        let mut page = self
            .authorised(|relay| async move { relay.inbox(ack, told, Duration::ZERO, limit).await })
            .await?;
        self.told = Agreement::Agreed;
        self.keep_floods(&mut page);
        self.compare(page.commit_counter)?;
        Ok(page)
    }
}

/// The pause after another attempt in vain: `before` was the last one, and the relay asked for `wanted`.
fn outage_pause(before: Option<Duration>, wanted: Duration) -> Duration {
    let longer = before.map_or(FIRST_OUTAGE_PAUSE, |pause| LONGEST_OUTAGE_PAUSE.min(pause * 2));
    longer.max(wanted.min(LONGEST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_relay_that_was_away_for_an_hour_is_noticed_within_five_seconds_of_its_return() {
        let (mut pause, mut passed, mut attempts) = (None, Duration::ZERO, 0);
        while passed < 3600 * SECOND {
            let next = outage_pause(pause, Duration::ZERO);
            assert!(next >= FIRST_OUTAGE_PAUSE && pause.is_none_or(|before| next >= before));
            let waited = jittered(next);
            assert!(waited <= 5 * SECOND, "{waited:?}");
            passed += waited;
            pause = Some(next);
            attempts += 1;
        }
        assert!(
            attempts < 3600,
            "{attempts} attempts in an hour: a relay that is away is not hurried"
        );
    }

    #[test]
    fn a_relay_that_asks_for_patience_gets_it_within_bounds_and_once() {
        let asked = outage_pause(None, 20 * SECOND);
        assert_eq!(asked, 20 * SECOND);
        assert_eq!(outage_pause(Some(asked), Duration::ZERO), LONGEST_OUTAGE_PAUSE);
        assert_eq!(outage_pause(None, 86_400 * SECOND), LONGEST_PATIENCE);
        assert_eq!(outage_pause(None, Duration::from_millis(1)), FIRST_OUTAGE_PAUSE);
    }
}
