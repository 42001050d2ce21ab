//! How long another process' work in the same home is waited for.

use std::time::Duration;

/// How long a command that may write waits for another process to let go. A relay that is silent is waited for once, eight seconds, by all that wait behind the same command: this is
/// three such waits, and what they do besides on a busy machine. Somebody in front of a prompt waits no longer.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How long a command that shows what is kept waits: as long as another one computes. Then it reads beside the other.
pub(super) const READER_PATIENCE: Duration = Duration::from_secs(1);
