//! How the number of this vault and the relay's stand to each other.

/// So often within a day everything is begun anew because of the number. Each time costs every contact a handshake, and us new prekeys; and what was remembered of earlier handshakes goes
/// sooner. People put copies back more seldom.
pub(crate) const MAX_RESTARTS: usize = 8;

/// How our number and the relay's stand to each other, as far as this run knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::messenger) enum Agreement {
    /// Not compared yet, or the answer was lost.
    #[default]
    Unknown,
    /// The relay has ours and no greater one.
    Agreed,
    /// Ours has grown since, and the relay is to be told.
    Ahead,
}
