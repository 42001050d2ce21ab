//! RECV: recognise, derive, open, and only then change anything.
//!
//! Everything up to the opened text works on copies of the few keys concerned; [`Session::apply`] is the one place that changes the state,
//! and it cannot fail. So an envelope that does not open leaves the state byte for byte as it was.

use super::{
    AdvanceSignature, EMPTY_HASH, Header, MAX_CHAIN, Position, ReceiveChain, Session, SessionId, Turn, WINDOW,
};
use crate::content::Content;
use crate::envelope::{
    self, Body, Envelope, EnvelopeType, HEADER_BOX_LENGTH, NUMBER_BOX_LENGTH, SIGNED_HEADER_BOX_LENGTH,
};
use crate::error::DecodeError;
use crate::identity::Purpose;
use crate::inner::{self, Acknowledgement, Counts, Hole};
use crate::prekey::KEM_KEY_LENGTH;
use crate::primitives::hash;
use crate::primitives::kem::{CIPHERTEXT_LENGTH, Ciphertext, KemPublicKey};
use crate::ratchet::{EpochKeys, Form, MAX_KEPT_OF_JUMP, MessageKey, SkippedKey};
use crate::time::Timestamp;

/// Where an envelope belongs in this session, by its tag and box alone.
pub(crate) struct Locate<'a> {
    epoch: u32,
    n: u32,
    header: Option<Announced>,
    sealed: &'a [u8],
}

/// A peer's advance as it arrived.
struct Announced {
    header: Box<Header>,
    /// What a responder signed, on its first.
    signature: Option<Box<AdvanceSignature>>,
}

/// An opened envelope.
pub(crate) struct Decrypted {
    pub(crate) acknowledged: Acknowledgement,
    pub(crate) content: Content,
    /// Numbers that this envelope passed over and reports missing.
    pub(crate) gaps: Vec<Gap>,
    /// Whether it had been reported missing before.
    pub(crate) late: bool,
    /// Whether skipped keys died of age meanwhile.
    pub(crate) expired: bool,
}

/// Why an envelope that belongs to a session does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotOpen {
    #[error("its key is gone: opened before, or expired")]
    Gone,
    #[error("another header for an epoch that was entered")]
    Forked,
    #[error("a header out of turn, or with a degenerate key")]
    BadHeader,
    #[error("the first answer is not signed by the identity that was written to")]
    BadSignature,
    #[error("altered, or not of this session")]
    BadMessage,
    #[error("it opened, and holds no content: {0}")]
    BadContent(DecodeError),
}

/// The changes that an opened envelope makes.
struct Transition {
    epoch: u32,
    entered: Option<(EpochKeys, [u8; 64], KemPublicKey)>,
    used: Option<(u32, u32)>,
    /// The chain of that epoch, as far as it was stepped; none when the key had been kept.
    chain: Option<ReceiveChain>,
    /// Older chains that end.
    closed: Vec<u32>,
    skipped: Vec<((u32, u32), SkippedKey)>,
    gaps: Vec<Gap>,
}

/// Messages passed over: they are reported at once, and a later arrival withdraws the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The session.
    pub session: SessionId,
    /// The epoch.
    pub epoch: u32,
    /// The first number missing.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Session {
    /// Whether the envelope is of this session, and where in it. Plain: among the skipped tags and the next 64 of each chain. Boxed: one HMAC for
    /// each advance key held. First envelopes are found by their handshake, so `expect_first` says that this is the one.
    pub(crate) fn locate<'a>(&self, envelope: &Envelope<'a>, expect_first: bool) -> Option<Locate<'a>> {
        match &envelope.body {
            Body::First { number, sealed, .. } => {
                let advance = self.advance_keys.get(&0).filter(|_| expect_first)?;
                let aad = envelope::box_aad(EnvelopeType::First, &envelope.id, &envelope.tag);
                let text = advance.box_key(Form::First, &envelope.id).open(&aad, number).ok()?;
                Some(Locate {
                    epoch: 0,
                    n: read_number(&text)?,
                    header: None,
                    sealed,
                })
            }
            Body::Plain { sealed } => {
                let found = self.skipped.find(&envelope.tag).or_else(|| {
                    // The newest first: an older chain only waits to be closed, and costs a whole window of tags.
                    self.receive.iter().rev().find_map(|(epoch, chain)| {
                        let n = (chain.n..MAX_CHAIN.min(chain.n.saturating_add(WINDOW)))
                            .find(|n| chain.tags.tag(*n) == envelope.tag)?;
                        Some((*epoch, n))
                    })
                });
                found.map(|(epoch, n)| Locate {
                    epoch,
                    n,
                    header: None,
                    sealed,
                })
            }
            Body::Boxed { rest } => {
                let direction = self.role.receives();
                let (by, advance) = self
                    .advance_keys
                    .iter()
                    .find(|(_, key)| key.tag(direction, &envelope.id) == envelope.tag)?;
                let key = advance.box_key(Form::Boxed(direction), &envelope.id);
                let aad = envelope::box_aad(EnvelopeType::Boxed, &envelope.id, &envelope.tag);
                let try_open = |length: usize| {
                    let (boxed, sealed) = rest.split_at_checked(length)?;
                    Some((key.open(&aad, boxed).ok()?, sealed))
                };
                if let Some((text, sealed)) = try_open(NUMBER_BOX_LENGTH) {
                    return Some(Locate {
                        epoch: *by,
                        n: read_number(&text)?,
                        header: None,
                        sealed,
                    });
                }
                // The header of epoch 1 is the responder's first, and signed.
                let length = if *by == 0 {
                    SIGNED_HEADER_BOX_LENGTH
                } else {
                    HEADER_BOX_LENGTH
                };
                let (text, sealed) = try_open(length)?;
                let (header, signature) = text.get(4..)?.split_first_chunk()?;
                let header = Announced {
                    header: Box::new(*header),
                    signature: signature.first_chunk().map(|signature| Box::new(*signature)),
                };
                Some(Locate {
                    epoch: by.checked_add(1)?,
                    n: read_number(&text)?,
                    header: Some(header),
                    sealed,
                })
            }
        }
    }

    /// Opens a located envelope and moves on.
    ///
    /// # Errors
    /// [`CannotOpen`]; the state is then as it was.
    pub(crate) fn decrypt(
        &mut self,
        envelope: &Envelope<'_>,
        located: &Locate<'_>,
        now: Timestamp,
    ) -> Result<Decrypted, CannotOpen> {
        let Locate {
            epoch,
            n,
            header,
            sealed,
        } = located;
        let mut change = self.prepare(*epoch, header.as_ref())?;
        let header_hash = match &change.entered {
            Some((_, hash, _)) => *hash,
            None => self.header_hashes.get(epoch).copied().unwrap_or(EMPTY_HASH),
        };
        let key = self.message_key(&mut change, *n, now)?;
        let (kind, direction) = (envelope.kind(), self.role.receives());
        let position = Position {
            kind,
            direction,
            epoch: *epoch,
            n: *n,
            id: &envelope.id,
            tag: &envelope.tag,
        };
        let aad = self.message_aad(&position, &header_hash);
        let text = key.open(&aad, sealed).map_err(|_| CannotOpen::BadMessage)?;
        let (counts, content) = inner::decode(&text).map_err(|_| CannotOpen::BadMessage)?;
        self.close_older(&mut change, &counts, now)?;
        let content = Content::decode(content).map_err(CannotOpen::BadContent)?;
        let late = change.used.is_some();
        let (gaps, expired) = self.apply(change, now);
        self.missing.read(&counts.acknowledged);
        Ok(Decrypted {
            acknowledged: counts.acknowledged,
            content,
            gaps,
            late,
            expired,
        })
    }

    /// The keys of the epoch concerned, entered on trial if the header leads there.
    fn prepare(&self, epoch: u32, announced: Option<&Announced>) -> Result<Transition, CannotOpen> {
        let mut change = Transition {
            epoch,
            entered: None,
            used: None,
            chain: None,
            closed: Vec::new(),
            skipped: Vec::new(),
            gaps: Vec::new(),
        };
        let Some(Announced { header, signature }) = announced else {
            return Ok(change);
        };
        let header_hash = hash(&[&header[..]]);
        if epoch <= self.epoch {
            let known = self.header_hashes.get(&epoch);
            return if known.is_none_or(|known| *known == header_hash) {
                Ok(change)
            } else {
                Err(CannotOpen::Forked)
            };
        }
        let Turn::Theirs { own_key } = &self.turn else {
            return Err(CannotOpen::BadHeader);
        };
        if epoch == 1 {
            let (identity, signature) = self
                .peer_identity
                .as_ref()
                .zip(signature.as_ref())
                .ok_or(CannotOpen::BadSignature)?;
            let payload = self.first_advance_payload(&header_hash);
            identity
                .verify(Purpose::FirstAdvance, &self.peer, &payload, &signature[..])
                .map_err(|_| CannotOpen::BadSignature)?;
        }
        let ciphertext: &Ciphertext = header.first_chunk().ok_or(CannotOpen::BadHeader)?;
        let public: &[u8; KEM_KEY_LENGTH] = header[CIPHERTEXT_LENGTH..].first_chunk().ok_or(CannotOpen::BadHeader)?;
        let secret = own_key.decapsulate(ciphertext).map_err(|_| CannotOpen::BadHeader)?;
        let peer_key = KemPublicKey::from_bytes(public).map_err(|_| CannotOpen::BadHeader)?;
        let keys = self.root.advance(&secret, &self.id.0, epoch, &header_hash);
        let (key, tags) = keys.peek(self.role.receives());
        change.chain = Some(ReceiveChain { key, tags, n: 0 });
        change.entered = Some((keys, header_hash, peer_key));
        Ok(change)
    }

    /// The key of message `n` of the transition's epoch: kept when it was passed over, else from the chain.
    fn message_key(&self, change: &mut Transition, n: u32, now: Timestamp) -> Result<MessageKey, CannotOpen> {
        let position = (change.epoch, n);
        if let Some(kept) = self.skipped.get(position) {
            change.used = Some(position);
            return Ok(kept.key.clone());
        }
        let chain = change.chain.take().or_else(|| self.receive.get(&change.epoch).cloned());
        let mut chain = chain.ok_or(CannotOpen::Gone)?;
        if n < chain.n || n >= MAX_CHAIN {
            return Err(CannotOpen::Gone);
        }
        change.skip(&mut chain, self.id, change.epoch, n, now);
        let (key, next) = chain.key.next();
        chain.key = next;
        chain.n += 1;
        change.chain = Some(chain);
        Ok(key)
    }

    /// Chains of earlier epochs end where the sender says that it stopped; what was not received of them is missing.
    fn close_older(&self, change: &mut Transition, counts: &Counts, now: Timestamp) -> Result<(), CannotOpen> {
        for (&epoch, chain) in self.receive.range(..change.epoch) {
            let end = if epoch + 1 == change.epoch {
                counts.previous
            } else {
                counts.before_previous
            };
            if end < chain.n || end > MAX_CHAIN {
                return Err(CannotOpen::BadMessage);
            }
            change.skip(&mut chain.clone(), self.id, epoch, end, now);
            change.closed.push(epoch);
        }
        Ok(())
    }

    /// What was passed over, and whether skipped keys died of age.
    fn apply(&mut self, change: Transition, now: Timestamp) -> (Vec<Gap>, bool) {
        let Transition {
            epoch,
            entered,
            used,
            chain,
            closed,
            skipped,
            gaps,
        } = change;
        if let Some((keys, header_hash, peer_key)) = entered {
            self.enter(keys, header_hash);
            self.turn = Turn::Mine { peer_key }; // the secret key that the header was made for is dropped here
            self.header = None;
            self.peer_identity = None; // it was needed for the first header, which this one is or comes after
        }
        if let Some(chain) = chain {
            self.receive.insert(epoch, chain);
        }
        self.receive.retain(|epoch, _| !closed.contains(epoch));
        if let Some(position) = used {
            self.skipped.remove(position);
            self.missing.came(position);
        }
        for Gap {
            epoch, first, count, ..
        } in &gaps
        {
            let (epoch, first, count) = (*epoch, *first, *count);
            self.missing.add(Hole { epoch, first, count });
        }
        for (position, key) in skipped {
            self.skipped.insert(position, key);
        }
        self.skipped.trim();
        self.heard = self.heard.max(Some(epoch));
        self.first = None;
        if epoch >= self.epoch {
            self.header = None;
        }
        (gaps, self.expire(now))
    }

    /// Drops keys that have lived their time.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let changed = self.skipped.expire(self.epoch, now);
        let (recent, receive, skipped) = (self.epoch.saturating_sub(1), &self.receive, &self.skipped);
        let live = |epoch: u32| receive.contains_key(&epoch) || skipped.holds_epoch(epoch);
        self.advance_keys
            .retain(|epoch, _| *epoch >= recent || live(*epoch) || live(epoch.saturating_add(1)));
        self.header_hashes.retain(|epoch, _| *epoch >= recent || live(*epoch));
        changed
    }
}

impl Transition {
    /// Steps `chain`, that of `epoch`, to `to` (at most [`MAX_CHAIN`], checked by the callers), keeping the most recent keys passed over.
    fn skip(&mut self, chain: &mut ReceiveChain, session: SessionId, epoch: u32, to: u32, now: Timestamp) {
        if chain.n < to {
            self.gaps.push(Gap {
                session,
                epoch,
                first: chain.n,
                count: to - chain.n,
            });
        }
        while chain.n < to {
            let (key, next) = chain.key.clone().next();
            if to - chain.n <= MAX_KEPT_OF_JUMP {
                let kept = SkippedKey {
                    tag: chain.tags.tag(chain.n),
                    key,
                    since: now,
                };
                self.skipped.push(((epoch, chain.n), kept));
            }
            chain.key = next;
            chain.n += 1;
        }
    }
}

fn read_number(text: &[u8]) -> Option<u32> {
    text.first_chunk().map(|n| u32::from_be_bytes(*n))
}
