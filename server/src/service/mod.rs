//! What the relay decides: sizes, quotas, lifetimes, and who may. Handlers translate into these calls; the store persists what they decide.
//!
//! Not its concern: HTTP (`api`) and SQL (`store`).

pub mod audit;
pub mod challenges;
pub mod compute;
pub mod directory;
pub mod gate;
pub mod gate_cache;
pub mod gate_keys;
mod gate_pool;
pub mod homomorphic;
pub mod jumps;
pub mod licenses;
pub mod mailbox;
pub mod oblivious;
pub mod pace;
pub mod plays;
pub mod rates;
mod receipts;
pub mod sessions;
pub mod tokens;
mod turns;

use std::{sync::Arc, time::Duration};

use protocol::{
    Timestamp,
    address::{NameError, RelayName, UserName},
    identity::{Fingerprint, IdentityKey, IdentityKeyPair, relay_fingerprint},
    primitives::secret::Secret,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    api::problem::ProblemCode,
    clock::Clock,
    model::EnvelopeError,
    store::{Quota, Store, StoreError, SweepRules, Totals, files::KeyFiles, wakes::Wakes},
};
use gate::Gate;

use rates::RateLimits;

/// How long what is over is remembered: receipts of sends (so that a repetition is recognised) and tombstones of licenses (so that a play is told
/// why it is refused). A client that was away for a month starts afresh anyway: its prekeys are gone.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Rows of each kind in one step of the sweep: a few milliseconds for the writer.
const SWEEP_STEP: u32 = 256;

/// Why a request is refused. Every text is for the caller: no internals, no secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// Not as the contract says.
    #[error("{0}")]
    BadRequest(String),
    /// Not a user name.
    #[error("{0}")]
    BadName(#[from] NameError),
    /// A proof or a signed key that does not hold.
    #[error("{0}")]
    BadSignature(String),
    /// Not signed in.
    #[error("the token or the proof is missing, wrong, used or expired")]
    Unauthorized,
    /// No such account.
    #[error("nobody here has the name '{0}'")]
    NoSuchUser(UserName),
    /// No such license, or not its capability.
    #[error("there is no such license, or the capability is not its own")]
    NoSuchLicense,
    /// No such gate key, or not one's own, or not its capability.
    #[error("there is no such gate key, it takes no new licenses, or the capability is not its own")]
    NoSuchGateKey,
    /// Same gate key id, other bytes.
    #[error(
        "this gate key id was used before with other bytes, another capability or by another account, or was deleted"
    )]
    GateKeyConflict,
    /// Not a gate key.
    #[error("these bytes are no gate key: {0}")]
    BadGateKey(String),
    /// The account's gate keys.
    #[error("an account has at most {0} gate keys, and those deleted count until their last message has expired")]
    GateKeysFull(u64),
    /// A pad slot that was used, or none while there are some.
    #[error("the next slot of the pad is {next}; this request uses an earlier one, or none while there are some")]
    SlotUsed {
        /// The first that is not.
        next: u16,
    },
    /// An oblivious license that was asked too often.
    #[error("this license has answered as many requests as it ever does")]
    RequestsSpent,
    /// The name belongs to someone else.
    #[error("'{0}' belongs to another identity key")]
    NameTaken(UserName),
    /// Same message id, other content.
    #[error("this message id was used before with another content")]
    MessageConflict,
    /// Same license id, other parameters.
    #[error("this license id was used before with other parameters")]
    LicenseConflict,
    /// Same play id, other request.
    #[error("this play id was used before with another request")]
    PlayConflict,
    /// Acknowledged something else than this mailbox.
    #[error("the acknowledgement belongs to an earlier life of the mailbox; nothing was deleted")]
    StaleIncarnation,
    /// Another identity took the account's place, or this one never had it.
    #[error("the account of '{0}' has another identity key than the one that is to be replaced")]
    IdentityReplaced(UserName),
    /// Not newer than what is published.
    #[error("a key with this or a higher sequence number is published already")]
    StaleKey,
    /// The recipient's quota.
    #[error("the mailbox of '{0}' is full")]
    MailboxFull(UserName),
    /// Above a limit.
    #[error("{0}")]
    TooLarge(String),
    /// Spent.
    #[error("every allowed play of this message is spent")]
    PlayLimitReached,
    /// Taken back.
    #[error("the sender took this message back")]
    LicenseRevoked,
    /// Over.
    #[error("the time to play this message is over")]
    LicenseExpired,
    /// Granted before, shredded since.
    #[error("this play was granted before; its answer is no longer kept")]
    AnswerGone,
    /// Too fast.
    #[error("this delivery token sent too much at once; nothing was stored")]
    RateLimited,
    /// Too fast, by address or account.
    #[error("{who} asks too often; nothing was done")]
    TooFast {
        /// Who.
        who: &'static str,
        /// How long until it may ask again.
        wait: Duration,
    },
    /// Overloaded.
    #[error("too much is waiting to be done")]
    Busy,
    /// No room.
    #[error("the relay has no room to store this; nothing was stored")]
    StorageFull,
    /// A fault; the log has the reason.
    #[error("something failed inside the relay; nothing was half done")]
    Internal,
}

impl Refusal {
    /// The code a client decides by.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::BadRequest(_) => ProblemCode::BadRequest,
            Self::BadName(_) => ProblemCode::BadName,
            Self::BadSignature(_) => ProblemCode::BadSignature,
            Self::Unauthorized => ProblemCode::Unauthorized,
            Self::NoSuchUser(_) => ProblemCode::NoSuchUser,
            Self::NoSuchLicense => ProblemCode::NoSuchLicense,
            Self::NoSuchGateKey => ProblemCode::NoSuchGateKey,
            Self::GateKeyConflict => ProblemCode::GateKeyConflict,
            Self::BadGateKey(_) => ProblemCode::BadGateKey,
            Self::GateKeysFull(_) => ProblemCode::GateKeysFull,
            Self::SlotUsed { .. } => ProblemCode::SlotUsed,
            Self::RequestsSpent => ProblemCode::PlayLimitReached,
            Self::NameTaken(_) => ProblemCode::NameTaken,
            Self::MessageConflict => ProblemCode::MessageConflict,
            Self::LicenseConflict => ProblemCode::LicenseConflict,
            Self::PlayConflict => ProblemCode::PlayConflict,
            Self::StaleIncarnation => ProblemCode::StaleIncarnation,
            Self::IdentityReplaced(_) => ProblemCode::IdentityReplaced,
            Self::StaleKey => ProblemCode::StaleKey,
            Self::MailboxFull(_) => ProblemCode::MailboxFull,
            Self::TooLarge(_) => ProblemCode::TooLarge,
            Self::PlayLimitReached => ProblemCode::PlayLimitReached,
            Self::LicenseRevoked => ProblemCode::LicenseRevoked,
            Self::LicenseExpired => ProblemCode::LicenseExpired,
            Self::AnswerGone => ProblemCode::AnswerGone,
            Self::RateLimited | Self::TooFast { .. } => ProblemCode::RateLimited,
            Self::Busy => ProblemCode::Busy,
            Self::StorageFull => ProblemCode::StorageFull,
            Self::Internal => ProblemCode::Internal,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(_) => {
                tracing::error!(%error, "the store refuses");
                Self::StorageFull
            }
            StoreError::Busy | StoreError::Closed => Self::Busy,
            StoreError::Fault(_) | StoreError::Damaged(_) => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Empty => Self::BadRequest(error.to_string()),
            EnvelopeError::TooLarge(_) => Self::TooLarge(error.to_string()),
        }
    }
}

/// What services answer.
pub type Result<T> = std::result::Result<T, Refusal>;

/// What an operator may choose about the services.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The part after the @ in addresses here.
    pub name: RelayName,
    /// Base URLs under which clients reach the relay; empty: whatever the request's Host says.
    pub origins: Vec<String>,
    /// How much a mailbox may hold.
    pub quota: Quota,
    /// How long an undelivered envelope is kept.
    pub envelope_ttl: Duration,
    /// How long a session lives.
    pub token_ttl: Duration,
    /// How much homomorphic work there may be.
    pub gate: GateRules,
    /// How much one address and one account may ask for.
    pub rates: RateLimits,
    /// A proxy in front says where requests come from.
    pub behind_proxy: bool,
}

/// What an operator may choose about oblivious play limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateRules {
    /// Threads that compute.
    pub threads: usize,
    /// Bytes of loaded keys; one is kept however large it is.
    pub memory: u64,
    /// Bytes of stored keys, of all accounts.
    pub disk: u64,
    /// Keys of one account that take new licenses.
    pub keys: u64,
}

/// The relay's own identity.
#[derive(Debug, Clone)]
pub struct RelayIdentity {
    /// The part after the @ in addresses here.
    pub name: RelayName,
    /// The public key.
    pub key: IdentityKey,
    /// Its fingerprint, which clients pin.
    pub fingerprint: Fingerprint,
}

/// Everything the handlers call, in one place.
pub struct Services {
    /// Accounts and keys.
    pub directory: directory::Directory,
    /// Challenges and sessions.
    pub sessions: Arc<sessions::Sessions>,
    /// Envelopes.
    pub mailboxes: mailbox::Mailboxes,
    /// Delivery tokens.
    pub tokens: Arc<tokens::Tokens>,
    /// Play limits.
    pub plays: plays::Plays,
    /// The homomorphic side of play limits.
    pub oblivious: Arc<oblivious::Oblivious>,
    /// The keys that it computes with.
    pub gate_keys: Arc<gate_keys::GateKeys>,
    /// How much one address and one account may ask for.
    pub rates: Arc<rates::Rates>,
    /// The log of security events.
    pub audit: Arc<audit::Audit>,
    /// A proxy in front says where requests come from.
    pub behind_proxy: bool,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    identity: RelayIdentity,
    stop: watch::Sender<bool>,
}

/// The relay in numbers.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// The relay's identity.
    pub identity: RelayIdentity,
    /// What it stores in.
    pub engine: &'static str,
    /// Now.
    pub now: Timestamp,
    /// The numbers.
    pub totals: Totals,
    /// How busy the gate is.
    pub gate: oblivious::GateLoad,
}

impl Services {
    /// Puts the services on a store and the files beside it. Makes the relay's own key when the store has none.
    ///
    /// # Errors
    /// [`Refusal`] when the store, the disk or the machine's randomness fails.
    pub async fn new(
        store: Arc<dyn Store>,
        files: KeyFiles,
        wakes: Arc<Wakes>,
        clock: Arc<dyn Clock>,
        gate: Arc<dyn Gate>,
        rules: Rules,
    ) -> Result<Self> {
        let mut fresh = Zeroizing::new([0; 64]);
        fill(&mut *fresh)?;
        let seed = store.relay_seed(fresh).await?;
        let keys = IdentityKeyPair::from_seed(Secret::new(*seed));
        let key = keys.public().clone();
        let identity = RelayIdentity {
            name: rules.name.clone(),
            fingerprint: relay_fingerprint(&key),
            key,
        };
        let (stop, stopped) = watch::channel(false);
        let compute = Arc::new(compute::Compute::default());
        let rates = Arc::new(rates::Rates::new(&rules.rates));
        let audit = Arc::new(audit::Audit::new(Arc::clone(&store), Arc::clone(&clock)));
        let sessions = Arc::new(sessions::Sessions::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            identity.clone(),
            Arc::clone(&compute),
            Arc::clone(&audit),
            &rules,
        )?);
        let tokens = Arc::new(tokens::Tokens::new(Arc::clone(&store), Arc::clone(&clock)));
        let oblivious = Arc::new(oblivious::Oblivious::new(
            Arc::clone(&store),
            files.clone(),
            gate,
            &rules.gate,
        )?);
        let gate_keys = Arc::new(gate_keys::GateKeys::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            files,
            Arc::clone(&oblivious),
            &rules.gate,
        ));
        gate_keys.tidy().await?;
        let receipts = receipts::Receipts::new(keys, Arc::clone(&compute));
        Ok(Self {
            directory: directory::Directory::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                identity.clone(),
                compute,
                Arc::clone(&sessions),
                Arc::clone(&rates),
            ),
            mailboxes: mailbox::Mailboxes::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&tokens),
                Arc::clone(&gate_keys),
                wakes,
                stopped,
                &rules,
            ),
            tokens,
            plays: plays::Plays::new(Arc::clone(&store), Arc::clone(&clock), receipts, Arc::clone(&oblivious)),
            oblivious,
            gate_keys,
            sessions,
            rates,
            audit,
            behind_proxy: rules.behind_proxy,
            store,
            clock,
            identity,
            stop,
        })
    }

    /// The relay in numbers.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn status(&self) -> Result<StatusReport> {
        Ok(StatusReport {
            identity: self.identity.clone(),
            engine: self.store.engine(),
            now: self.clock.now(),
            totals: self.store.totals().await?,
            gate: self.oblivious.load(),
        })
    }

    /// Removes everything that has expired, in bounded steps between which others get their turn.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails; what is left is swept the next time.
    pub async fn sweep(&self) -> Result<()> {
        self.rates.purge();
        self.audit.flush().await?;
        loop {
            let now = self.clock.now();
            let rules = SweepRules {
                now,
                forget_at: now.plus(REMEMBERED),
                step: SWEEP_STEP,
            };
            if !self.store.sweep(rules).await? {
                return self.gate_keys.sweep().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The relay's own identity.
    #[must_use]
    pub const fn identity(&self) -> &RelayIdentity {
        &self.identity
    }

    /// Does the deferred halves of oblivious plays, for ever.
    pub async fn fold_for_ever(&self) {
        self.oblivious.fold_for_ever().await;
    }

    /// What the relay's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends every wait for mail, so that connections can close.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// Randomness of the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness");
        Refusal::Internal
    })
}

/// Exactly N bytes, or a sentence about which field is not.
pub(crate) fn exactly<const N: usize>(field: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Refusal::BadRequest(format!("{field} has {} bytes and must have {N}", bytes.len())))
}
