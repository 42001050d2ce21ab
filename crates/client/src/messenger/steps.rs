//! The places where a test may pull the plug.

use crate::error::Error;

/// A point between two effects that have to survive each other's absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Everything is written, nothing committed.
    BeforeCommit,
    /// A first key pair is committed, the relay has not heard of it.
    BeforeRegister,
    /// The relay has registered the name, the vault does not know.
    AfterRegister,
    /// Message, session and outbox are committed; nothing is sent.
    BeforeSend,
    /// The relay has the envelope, the vault does not know.
    AfterSend,
    /// A page of envelopes is in memory, nothing of it committed.
    BeforeReceiveCommit,
    /// It is committed, and the relay does not know.
    BeforeAck,
    /// New keys are committed and not published.
    BeforePublish,
    /// They are published, and the vault does not know.
    AfterPublish,
    /// A new identity is committed, the relay has not heard of it.
    BeforeSucceed,
    /// The relay has put it in the place of the present one, the vault does not know.
    AfterSucceed,
    /// A delivery token is registered at the relay and not sent to its contact.
    AfterTokenPut,
    /// A play's id is committed and not asked for.
    BeforePlay,
    /// The relay granted it; its answer is in memory.
    AfterPlay,
    /// The play is counted here, and not confirmed to the relay.
    BeforeConfirm,
    /// A gate key's secret is committed, and nobody has heard of it.
    GateKeyMade,
    /// Its evaluation key is in memory, and not uploaded.
    BeforeGateKeyUpload,
    /// The relay has it, and the vault does not know.
    AfterGateKeyUpload,
}

impl Step {
    /// Those of a story without oblivious limits, for a test that stops at each.
    pub const ALL: [Self; 15] = [
        Self::BeforeCommit,
        Self::BeforeRegister,
        Self::AfterRegister,
        Self::BeforeSend,
        Self::AfterSend,
        Self::BeforeReceiveCommit,
        Self::BeforeAck,
        Self::BeforePublish,
        Self::AfterPublish,
        Self::BeforeSucceed,
        Self::AfterSucceed,
        Self::AfterTokenPut,
        Self::BeforePlay,
        Self::AfterPlay,
        Self::BeforeConfirm,
    ];
    /// Those of a gate key's making.
    pub const GATE_KEY: [Self; 3] = [Self::GateKeyMade, Self::BeforeGateKeyUpload, Self::AfterGateKeyUpload];
}

/// Is told of every step, and may fail the work there. Outside tests: [`NoSteps`].
///
/// A test that pulls the plug at a step unwinds from there (`std::panic::resume_unwind`) and drops the messenger: what was in memory is lost, what was
/// committed stays, as after a crash. An error is what it says, and the messenger goes on: a disk that fails once.
pub trait Steps: Send + Sync {
    /// `step` is reached.
    ///
    /// # Errors
    /// Whatever is to go wrong there.
    fn reached(&self, step: Step) -> Result<(), Error>;
}

/// Never stops anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn reached(&self, _: Step) -> Result<(), Error> {
        Ok(())
    }
}
