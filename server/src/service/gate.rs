//! What the relay needs of the homomorphic gate, in bytes: the services and the store know no ciphertexts.
//!
//! A trait, so that what is around the gate (queues, races, crashes) can be tested a thousand times without a minute of arithmetic.

use playgate::PlayShare;
use rand_chacha::ChaCha20Rng;

/// The gate.
pub trait Gate: Send + Sync + 'static {
    /// Takes an evaluation key as a sender made it: its length, its form and its parameters are checked, and bytes that are no key are no more
    /// than refused. Takes seconds.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn LoadedKey>, String>;

    /// Takes an encrypted counter as a sender sealed it.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    fn admit(&self, sealed: &[u8]) -> Result<Admitted, String>;

    /// Whether these bytes have the form of a request to play.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    fn check_request(&self, request: &[u8]) -> Result<(), String>;

    /// What the sender can read of a stored state.
    ///
    /// # Errors
    /// When these are not a state's bytes.
    fn view(&self, state: &[u8]) -> Result<Vec<u8>, GateError>;
}

/// A sealed counter that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The greatest limit that it can hold: 15 or 255.
    pub class: u8,
    /// The state before the first play.
    pub state: Vec<u8>,
}

/// An evaluation key, ready to compute with.
pub trait LoadedKey: Send + Sync {
    /// Its memory, bytes.
    fn bytes(&self) -> u64;

    /// One play: whatever the request holds and whatever the state, the relay learns nothing of it. Takes about a tenth of a second.
    ///
    /// # Errors
    /// [`GateError`]; then nothing has happened.
    fn play(
        &self,
        state: &[u8],
        request: &[u8],
        share: &PlayShare,
        context: &GateContext,
        rng: &mut ChaCha20Rng,
    ) -> Result<Computed, GateError>;

    /// The deferred half of a play.
    ///
    /// # Errors
    /// [`GateError`].
    fn fold(&self, state: &[u8]) -> Result<Vec<u8>, GateError>;
}

/// What an answer is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateContext {
    /// The license's whole id.
    pub license: [u8; 32],
    /// The play's id.
    pub play_id: [u8; 16],
}

/// A play's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The turned counter, to be stored before the release is shown to anybody.
    pub state: Vec<u8>,
    /// Whether nothing of this play is due any more.
    pub folded: bool,
    /// The answer.
    pub release: Vec<u8>,
}

/// Why the gate did not compute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Slots of the pad may be used once and go forward, and as long as there are some a request uses one.
    #[error("the next slot of the pad is {next}")]
    Slot {
        /// The first that is not used.
        next: u16,
    },
    /// Key, state and request are not of one kind.
    #[error("{0}")]
    Mismatch(String),
}
