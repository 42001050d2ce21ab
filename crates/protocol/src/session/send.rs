//! SEND: advance if it is time, take the next message key, choose the envelope's form.

use std::sync::Arc;

use rand_core::CryptoRng;

use super::{EMPTY_HASH, MAX_CHAIN, OwnAdvance, Position, RekeyPolicy, Session, Status, Turn, WINDOW};
use crate::account::Account;
use crate::envelope::{self, EnvelopeType, HEADER_LENGTH, NUMBER_BOX_LENGTH};
use crate::identity::Purpose;
use crate::inner::{self, Counts};
use crate::primitives::hash;
use crate::primitives::kem::{CIPHERTEXT_LENGTH, KemSecretKey};
use crate::ratchet::{ENVELOPE_ID_LENGTH, EnvelopeId, Form, Role, TAG_LENGTH};
use crate::time::Timestamp;
use crate::wire::Put;

/// An envelope, and where its content stands.
pub(crate) struct Encrypted {
    pub(crate) id: EnvelopeId,
    pub(crate) envelope: Vec<u8>,
    pub(crate) epoch: u32,
    pub(crate) n: u32,
}

/// Why a session does not send; a new handshake is the answer to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotSend {
    #[error("the session only receives")]
    NotActive,
    #[error("the sending chain is at its end")]
    ChainAtEnd,
    #[error("the peer's ratchet key is degenerate")]
    BadPeerKey,
}

impl Session {
    /// Whether [`Self::encrypt`] would refuse.
    pub(crate) fn can_send(&self) -> Result<(), CannotSend> {
        if self.status != Status::Active {
            return Err(CannotSend::NotActive);
        }
        if self.send.n >= MAX_CHAIN - 1 {
            return Err(CannotSend::ChainAtEnd);
        }
        Ok(())
    }

    /// Encrypts an encoded content; `account` is the own one, which signs a responder's first advance. On success the state has moved on and must be stored together with the envelope before that is sent.
    ///
    /// # Errors
    /// [`CannotSend`]; the state is then as it was.
    pub(crate) fn encrypt(
        &mut self,
        content: &[u8],
        account: &Account,
        policy: &RekeyPolicy,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Encrypted, CannotSend> {
        self.can_send()?;
        self.advance_if_due(account, policy, now, rng)?;
        let (key, next) = self.send.key.clone().next();
        let (epoch, n) = (self.epoch, self.send.n);
        let counts = Counts {
            previous: self.sent_before.0,
            before_previous: self.sent_before.1,
            acknowledged: self.own_acknowledgement(),
        };
        let inner = inner::encode(&counts, content);
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let id = key.envelope_id(&random, &inner);
        let mut envelope = self.open_envelope(&id, n, inner.len());
        let header_hash = self.header_hashes.get(&epoch).copied().unwrap_or(EMPTY_HASH);
        let aad = {
            let kind = self.form(n);
            let mut tag = [0; TAG_LENGTH];
            tag.copy_from_slice(&envelope[2 + ENVELOPE_ID_LENGTH..][..TAG_LENGTH]);
            let position = Position {
                kind,
                direction: self.role.sends(),
                epoch,
                n,
                id: &id,
                tag: &tag,
            };
            self.message_aad(&position, &header_hash)
        };
        envelope = key.seal(&aad, &inner, envelope);
        self.missing.tell((epoch, n));
        self.send.key = next;
        self.send.n += 1;
        self.since.0 = self.since.0.saturating_add(1);
        Ok(Encrypted { id, envelope, epoch, n })
    }

    /// The form that message `n` of the current epoch travels in.
    fn form(&self, n: u32) -> EnvelopeType {
        let settled = if self.acknowledged.0 == self.epoch {
            self.acknowledged.1
        } else {
            0
        };
        if self.first.is_some() {
            EnvelopeType::First
        } else if self.header.is_some() || n >= settled.saturating_add(WINDOW) {
            EnvelopeType::Boxed
        } else {
            EnvelopeType::Plain
        }
    }

    /// Everything before the sealed text, in a buffer for an inner text of this length.
    fn open_envelope(&self, id: &EnvelopeId, n: u32, inner_length: usize) -> Vec<u8> {
        let capacity = inner_length + 128;
        let direction = self.role.sends();
        let number = n.to_be_bytes();
        match (self.form(n), &self.first, &self.header) {
            (EnvelopeType::First, Some(first), _) => {
                let tag = [0; TAG_LENGTH];
                let capacity = capacity + first.len() + NUMBER_BOX_LENGTH;
                let mut out = envelope::head(EnvelopeType::First, id, &tag, capacity);
                out.put(first);
                if let Some(advance) = self.advance_keys.get(&0) {
                    let aad = envelope::box_aad(EnvelopeType::First, id, &tag);
                    out.put(&advance.box_key(Form::First, id).seal(&aad, &number));
                }
                out
            }
            (EnvelopeType::Boxed, _, header) => {
                // adv_{e-1} while the peer may not have entered e, adv_e as a locator afterwards; both are kept.
                let by = if header.is_some() {
                    self.epoch.saturating_sub(1)
                } else {
                    self.epoch
                };
                let mut text = number.to_vec();
                if let Some(advance) = header {
                    text.put(&advance.header[..]);
                    if let Some(signature) = &advance.signature {
                        text.put(&signature[..]);
                    }
                }
                let mut out = Vec::new();
                if let Some(advance) = self.advance_keys.get(&by) {
                    let tag = advance.tag(direction, id);
                    let aad = envelope::box_aad(EnvelopeType::Boxed, id, &tag);
                    out = envelope::head(EnvelopeType::Boxed, id, &tag, capacity + text.len() + 16);
                    out.put(&advance.box_key(Form::Boxed(direction), id).seal(&aad, &text));
                }
                out
            }
            _ => envelope::head(EnvelopeType::Plain, id, &self.send.tags.tag(n), capacity),
        }
    }

    /// ADVANCE: on my turn, when the policy says so, and always on a responder's first message.
    fn advance_if_due(
        &mut self,
        account: &Account,
        policy: &RekeyPolicy,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CannotSend> {
        let Turn::Mine { peer_key } = &self.turn else {
            return Ok(());
        };
        let first_answer = self.role == Role::Responder && self.epoch == 0;
        let due = self.since.0 >= policy.messages || now.since(self.since.1) >= policy.after;
        if !(first_answer || due) {
            return Ok(());
        }
        let (ciphertext, secret) = peer_key.encapsulate(rng).map_err(|_| CannotSend::BadPeerKey)?;
        let (own_key, public) = KemSecretKey::generate(rng);
        let mut header = Box::new([0; HEADER_LENGTH]);
        header[..CIPHERTEXT_LENGTH].copy_from_slice(&ciphertext[..]);
        header[CIPHERTEXT_LENGTH..].copy_from_slice(public.as_bytes());
        let header_hash = hash(&[&header[..]]);
        let signature = if first_answer {
            let signature = account.sign(Purpose::FirstAdvance, &self.first_advance_payload(&header_hash), rng);
            Some(Arc::new(signature.try_into().map_err(|_| CannotSend::NotActive)?))
        } else {
            None
        };
        let keys = self.root.advance(&secret, &self.id.0, self.epoch + 1, &header_hash);
        self.enter(keys, header_hash);
        self.turn = Turn::Theirs { own_key };
        self.header = Some(OwnAdvance {
            header: Arc::from(header),
            signature,
        });
        self.since = (0, now);
        Ok(())
    }
}
