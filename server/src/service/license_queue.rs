//! One at a time for each license, and not too many in line.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::{Refusal, Result};
use crate::model::LicenseId;

struct Line {
    turn: Arc<AsyncMutex<()>>,
    waiting: usize,
}

/// The lines, one for each license that somebody plays at this moment.
#[derive(Default)]
pub(super) struct LicenseQueue(Arc<Mutex<HashMap<LicenseId, Line>>>);

/// One's turn, until it is dropped.
pub(super) struct Turn {
    // Before the place: whoever is next is in line already.
    _turn: Option<OwnedMutexGuard<()>>,
    _place: Place,
}

/// A place in a line; the line is gone with its last place.
struct Place {
    lines: Arc<Mutex<HashMap<LicenseId, Line>>>,
    license: LicenseId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.lines.lock();
        if let Some(line) = lines.get_mut(&self.license) {
            line.waiting -= 1;
            if line.waiting == 0 {
                lines.remove(&self.license);
            }
        }
    }
}

impl LicenseQueue {
    /// Waits for the turn on `license` in a line of at most `longest`, the one whose turn it is included.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when the line is that long.
    pub async fn take(&self, license: LicenseId, longest: usize) -> Result<Turn> {
        let (turn, place) = self.queue(license, longest)?;
        Ok(Turn {
            _turn: Some(turn.lock_owned().await),
            _place: place,
        })
    }

    fn queue(&self, license: LicenseId, longest: usize) -> Result<(Arc<AsyncMutex<()>>, Place)> {
        let mut lines = self.0.lock();
        let line = lines.entry(license).or_insert_with(|| Line {
            turn: Arc::default(),
            waiting: 0,
        });
        if line.waiting >= longest {
            return Err(Refusal::Busy);
        }
        line.waiting += 1;
        let place = Place {
            lines: Arc::clone(&self.0),
            license,
        };
        Ok((Arc::clone(&line.turn), place))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::MailboxId;

    fn license(n: u8) -> LicenseId {
        LicenseId {
            mailbox: MailboxId::from_bytes([0; 16]),
            nonce: [n; 16],
        }
    }

    #[tokio::test]
    async fn one_at_a_time_and_a_bounded_line() {
        let turns = LicenseQueue::default();
        let first = turns.take(license(1), 3).await.unwrap();
        let inside = AtomicUsize::new(0);
        let play = async || {
            let turn = turns.take(license(1), 3).await?;
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            drop(turn);
            Ok::<_, Refusal>(())
        };
        let other = turns.take(license(2), 1).await.unwrap();
        assert!(matches!(turns.take(license(2), 1).await, Err(Refusal::Busy)));
        let release = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        let (a, b, c, ()) = tokio::join!(biased; play(), play(), play(), release);
        assert!(a.is_ok() && b.is_ok());
        assert!(matches!(c, Err(Refusal::Busy)), "two wait behind one");
        drop(other);
        assert!(turns.0.lock().is_empty(), "an empty line is forgotten");
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_the_line() {
        let turns = LicenseQueue::default();
        let first = turns.take(license(1), 2).await.unwrap();
        {
            let waiting = turns.take(license(1), 2);
            let mut waiting = std::pin::pin!(waiting);
            assert!(futures_util::poll!(&mut waiting).is_pending());
        }
        drop(first);
        drop(turns.take(license(1), 1).await.unwrap());
        assert!(turns.0.lock().is_empty());
    }
}
