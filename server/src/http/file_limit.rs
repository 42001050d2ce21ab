//! Open files: as many as the system lets us have, and how many of them connections may be.

/// Files that are no connections: the database with its log, files of gate keys, the second listener with its connections, sockets that are being closed.
const RESERVED: usize = 256;

/// Raises the soft limit of open files to the hard one. Many systems start programs with a soft limit of 1024, for the sake of those that still use
/// `select`; each client that waits for mail is an open file.
pub fn raise_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current == maximum {
            return;
        }
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, ?current, ?maximum, "the limit of open files cannot be raised");
        }
    }
}

/// Of `wanted` connections those for which there are open files.
pub(crate) fn for_connections(wanted: usize) -> usize {
    let Some(limit) = limit() else { return wanted };
    let possible = limit.saturating_sub(RESERVED).max(limit / 2);
    if possible < wanted {
        tracing::warn!(
            limit,
            connections = possible,
            wanted,
            "the limit of open files allows fewer connections than --connections; raise it (ulimit -Hn, LimitNOFILE=)"
        );
    }
    possible.min(wanted)
}

#[cfg(target_os = "linux")]
fn limit() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(target_os = "linux"))]
fn limit() -> Option<usize> {
    None
}
