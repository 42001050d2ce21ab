//! Play limits: no account is asked, the capability is the permission.
//!
//! Both modes take one road: look at the license, compute the answer, sign the receipt, commit all of it if the license is still as it was seen, and
//! only then answer. Plays of one license are serial; what is not durable is not shown.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use playgate::{Capability, PlayLimit, PlayShare};
use protocol::play_receipt::{counted_answer, request_hash};
use uuid::Uuid;

use super::{REMEMBERED, Refusal, Result, exactly, oblivious::Oblivious};
use crate::service::{license_queue::LicenseQueue, play_receipts::Receipts};
use crate::{
    clock::Clock,
    model::LicenseId,
    store::{
        Committed, LicenseView, OpenGate, OpenLicense, PlayAnswer, PlayCommit, PlayFound, PlayLookup, Store, Turn,
    },
};

/// How long the answer to a play is kept for a repetition: an outage of the network, not an archive of shares.
pub const ANSWER_KEPT: Duration = Duration::from_secs(600);
/// Counted plays of one license that may wait or run at once. One takes a signature and a commit, some milliseconds.
const COUNTED_LINE: usize = 128;
/// Another relay on the same store may be quicker each time; after this many it is.
const TRIES: u32 = 8;

/// One granted play.
pub struct Granted {
    /// Which play, from 1.
    pub number: u8,
    /// How many in all.
    pub limit: u8,
    /// The relay's half of the content key.
    pub share: PlayShare,
    /// The signed receipt.
    pub receipt: Vec<u8>,
}

/// One answered play in oblivious mode; whether it was granted only its asker can tell.
pub struct Released {
    /// The release as it travels.
    pub release: Vec<u8>,
    /// The signed receipt.
    pub receipt: Vec<u8>,
}

/// The moments of a play at which a crash must not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayStep {
    /// The answer is there and nothing is stored.
    Computed,
    /// Everything is stored and nothing is answered.
    Committed,
}

type Observer = Box<dyn Fn(PlayStep) + Send + Sync>;

/// What is asked, by mode.
enum Ask {
    Counted,
    Oblivious(Vec<u8>),
}

/// The licenses.
pub struct Plays {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    receipts: Receipts,
    oblivious: Arc<Oblivious>,
    turns: LicenseQueue,
    observer: OnceLock<Observer>,
}

impl Plays {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        receipts: Receipts,
        oblivious: Arc<Oblivious>,
    ) -> Self {
        Self {
            store,
            clock,
            receipts,
            oblivious,
            turns: LicenseQueue::default(),
            observer: OnceLock::new(),
        }
    }

    /// Calls `observer` at each step of each play, on the thread that takes it. For tests that stop a relay in between; only the first is taken.
    pub fn observe(&self, observer: impl Fn(PlayStep) + Send + Sync + 'static) {
        let _ = self.observer.set(Box::new(observer));
    }

    /// Plays once, counted. Counted and durable before anything is answered.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`], [`Refusal::PlayLimitReached`], [`Refusal::LicenseRevoked`], [`Refusal::LicenseExpired`],
    /// [`Refusal::AnswerGone`], [`Refusal::PlayConflict`], [`Refusal::Busy`], and [`Refusal::BadRequest`] for a license of the other mode.
    pub async fn play(&self, license: &str, play: Uuid, capability: &[u8]) -> Result<Granted> {
        let lookup = self.lookup(license, play, capability, &[])?;
        let answer = self.answer(lookup, Ask::Counted).await?;
        Ok(Granted {
            number: u8::try_from(answer.number).map_err(|_| Refusal::Internal)?,
            limit: answer.limit,
            share: PlayShare::try_from(&answer.content[..]).map_err(|_| Refusal::Internal)?,
            receipt: answer.receipt,
        })
    }

    /// Plays once, obliviously. Durable before anything is answered.
    ///
    /// # Errors
    /// As [`Self::play`], and [`Refusal::SlotUsed`], [`Refusal::NoSuchGateKey`] when the key's file is lost.
    pub async fn play_oblivious(
        &self,
        license: &str,
        play: Uuid,
        capability: &[u8],
        request: Vec<u8>,
    ) -> Result<Released> {
        self.oblivious.check_request(&request)?;
        let lookup = self.lookup(license, play, capability, &request)?;
        let mut answer = self.answer(lookup, Ask::Oblivious(request)).await?;
        Ok(Released {
            release: std::mem::take(&mut *answer.content),
            receipt: answer.receipt,
        })
    }

    fn lookup(&self, license: &str, play: Uuid, capability: &[u8], request: &[u8]) -> Result<PlayLookup> {
        let license = parse(license)?;
        Ok(PlayLookup {
            license,
            capability_hash: read_capability("capability", capability)?.hash(),
            play: *play.as_bytes(),
            request_hash: request_hash(&license.to_bytes(), play.as_bytes(), request),
            now: self.clock.now(),
        })
    }

    async fn answer(&self, lookup: PlayLookup, ask: Ask) -> Result<PlayAnswer> {
        // Before anything is taken: who has no capability takes no place from those who have.
        if let Seen::Answered(answer) = self.look(&lookup).await? {
            return Ok(answer);
        }
        let (_admitted, line) = match &ask {
            Ask::Counted => (None, COUNTED_LINE),
            Ask::Oblivious(_) => (Some(self.oblivious.admit()?), super::oblivious::LINE),
        };
        let _turn = self.turns.take(lookup.license, line).await?;
        for _ in 0..TRIES {
            let open = match self.look(&lookup).await? {
                Seen::Answered(answer) => return Ok(answer),
                Seen::Open(open) => open,
            };
            if let Some(answer) = self.try_answer(&lookup, &ask, &open).await? {
                return Ok(answer);
            }
        }
        Err(Refusal::Busy)
    }

    /// Computes, signs, commits; none when the license has moved on.
    async fn try_answer(&self, lookup: &PlayLookup, ask: &Ask, open: &OpenLicense) -> Result<Option<PlayAnswer>> {
        let (turn, content, limit) = match (ask, &open.gate) {
            (Ask::Counted, OpenGate::Counted(limit)) => (Turn::Counted, open.share.as_bytes().to_vec(), limit.get()),
            (Ask::Oblivious(request), OpenGate::Oblivious { gate_key, state }) => {
                let computed = self.oblivious.play(lookup, open, *gate_key, state, request).await?;
                let turn = Turn::Oblivious {
                    state: computed.state,
                    folded: computed.folded,
                    release: computed.release.clone(),
                };
                (turn, computed.release, 0)
            }
            (Ask::Counted, OpenGate::Oblivious { .. }) => {
                return Err(Refusal::BadRequest(
                    "this license is oblivious; use play_oblivious".into(),
                ));
            }
            (Ask::Oblivious(_), OpenGate::Counted(_)) => {
                return Err(Refusal::BadRequest("this license is counted; use play".into()));
            }
        };
        let content = zeroize::Zeroizing::new(content);
        let now = self.clock.now();
        let receipt = match PlayLimit::new(limit) {
            Ok(limit) => {
                let number = u8::try_from(open.number + 1).map_err(|_| Refusal::Internal)?;
                let answer = counted_answer(number, limit.get(), open.share.as_bytes());
                self.receipts.sign(lookup, open, &*answer, now).await?
            }
            Err(_) => self.receipts.sign(lookup, open, &content, now).await?,
        };
        self.step(PlayStep::Computed);
        let fold = match &turn {
            Turn::Oblivious {
                state, folded: false, ..
            } => Some(state.clone()),
            _ => None,
        };
        let commit = PlayCommit {
            license: lookup.license,
            play: lookup.play,
            request_hash: lookup.request_hash,
            number: open.number + 1,
            turn,
            receipt: receipt.clone(),
            answer_until: now.plus(ANSWER_KEPT),
            forget_at: now.plus(REMEMBERED),
            now,
        };
        if self.store.commit_play(commit).await? == Committed::Lost {
            return Ok(None);
        }
        self.step(PlayStep::Committed);
        if let (Some(state), OpenGate::Oblivious { gate_key, .. }) = (fold, &open.gate) {
            self.oblivious
                .fold_later(lookup.license, open.number + 1, *gate_key, state);
        }
        Ok(Some(PlayAnswer {
            number: open.number + 1,
            limit,
            content,
            receipt,
        }))
    }

    async fn look(&self, lookup: &PlayLookup) -> Result<Seen> {
        match self.store.find_play(lookup.clone()).await? {
            PlayFound::Answered(answer) => Ok(Seen::Answered(answer)),
            PlayFound::Open(open) => Ok(Seen::Open(open)),
            PlayFound::AnswerGone => Err(Refusal::AnswerGone),
            PlayFound::Conflict => Err(Refusal::PlayConflict),
            PlayFound::Exhausted => Err(Refusal::PlayLimitReached),
            PlayFound::Revoked => Err(Refusal::LicenseRevoked),
            PlayFound::Expired => Err(Refusal::LicenseExpired),
            PlayFound::NoSuchLicense => Err(Refusal::NoSuchLicense),
        }
    }

    fn step(&self, step: PlayStep) {
        if let Some(observer) = self.observer.get() {
            observer(step);
        }
    }

    /// The answer to a play has arrived: what is kept of it is shredded.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`], also when there was no such play.
    pub async fn confirm(&self, license: &str, play: Uuid, capability: &[u8]) -> Result<()> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let known = self
            .store
            .confirm_play(parse(license)?, capability.hash(), *play.as_bytes())
            .await?;
        if known { Ok(()) } else { Err(Refusal::NoSuchLicense) }
    }

    /// A license, for its owner.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`].
    pub async fn view(&self, license: &str, capability: &[u8]) -> Result<LicenseView> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let view = self
            .store
            .license(parse(license)?, capability.hash(), self.clock.now())
            .await?;
        self.oblivious.readable(view.ok_or(Refusal::NoSuchLicense)?)
    }

    /// Takes a license back, for its owner.
    ///
    /// # Errors
    /// [`Refusal::NoSuchLicense`].
    pub async fn revoke(&self, license: &str, capability: &[u8]) -> Result<LicenseView> {
        let capability = read_capability("Latchkey-Capability", capability)?;
        let now = self.clock.now();
        let view = self
            .store
            .revoke(parse(license)?, capability.hash(), now.plus(REMEMBERED), now)
            .await?;
        self.oblivious.readable(view.ok_or(Refusal::NoSuchLicense)?)
    }
}

/// What is to be done about a request.
enum Seen {
    Answered(PlayAnswer),
    Open(Box<OpenLicense>),
}

/// What cannot be a license id is no license.
fn parse(license: &str) -> Result<LicenseId> {
    LicenseId::parse(license).ok_or(Refusal::NoSuchLicense)
}

fn read_capability(field: &str, bytes: &[u8]) -> Result<Capability> {
    Ok(Capability::from_bytes(exactly(field, bytes)?))
}
