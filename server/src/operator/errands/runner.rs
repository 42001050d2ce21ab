//! The side of the relay that runs: it looks for errands, does them, and removes their files.

use std::path::PathBuf;

use super::{DIRECTORY, asked, unlink};
use crate::{log_throttle::LogThrottle, service::Services};

/// Does at a relay that runs what is asked for.
pub(crate) struct Runner {
    data_dir: PathBuf,
    // An errand that stays is looked at every second.
    unreadable: LogThrottle,
    undone: LogThrottle,
    stays: LogThrottle,
}

impl Runner {
    /// For errands in this data directory.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            unreadable: LogThrottle::default(),
            undone: LogThrottle::default(),
            stays: LogThrottle::default(),
        }
    }

    /// Does what there is.
    pub async fn serve(&self, services: &Services) {
        let errands = asked(&self.data_dir).unwrap_or_else(|error| {
            self.unreadable.warn(|_| {
                tracing::error!(%error, "{DIRECTORY}/ cannot be read, so no errand of the operator's is done; it has to belong to the user that the relay runs as");
            });
            Vec::new()
        });
        for (path, errand) in errands {
            match services.do_errand(&errand).await {
                Ok(done) => {
                    if done {
                        tracing::info!("{}", errand.past());
                    }
                    match unlink(&path) {
                        Ok(()) if !done => {
                            tracing::info!("an errand of the operator's changed nothing: it was done before, or what it names is gone");
                        }
                        Ok(()) => {}
                        Err(error) => self.stays.warn(|_| {
                            tracing::error!(%error, "an errand of the operator's was done, and its file stays in {DIRECTORY}/; nothing comes of it any more");
                        }),
                    }
                }
                Err(refusal) => self.undone.warn(|_| {
                    tracing::error!(%refusal, "an errand of the operator's could not be done; trying again");
                }),
            }
        }
    }
}
