//! Mail that the user has deleted at the relay, unread. It was sent, and the next message of each sender shows that some of its own are missing: that is no loss.

use std::time::Duration;

use protocol::Timestamp;
use protocol::address::Address;

use crate::error::Error;
use crate::event::Event;
use crate::messenger::round::Round;
use crate::messenger::{Messenger, Scope};
use crate::relay::RelayError;
use crate::vault::{AckPosition, Cleared, VaultError, key};

/// For so long what is missing is put down to what was deleted. Strangers' mail was among that, and what only acknowledges: it never shows, and its number would excuse a relay
/// that drops as much, a year later.
const EXPLAINS_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

impl Messenger {
    /// Deletes everything that waits at the relay, unread.
    ///
    /// # Errors
    /// The relay's refusals.
    pub async fn clear_inbox(&mut self) -> Result<u64, Error> {
        self.party()?;
        let before: Cleared = self.vault.get(key::CLEARED)?.unwrap_or_default();
        let asked = Cleared {
            unanswered: true,
            at: self.now().as_millis(),
            ..before
        };
        // Before the relay is asked: it may do it, and its answer may get lost.
        self.vault.transaction(|tx| tx.put(key::CLEARED, &asked))?;
        let answer = self.authorised(|relay| async move { relay.clear_inbox().await }).await;
        let deleted = match answer {
            Ok(deleted) => deleted,
            Err(error) => {
                if matches!(error, Error::Relay(RelayError::Refused { .. })) {
                    self.vault.transaction(|tx| tx.put(key::CLEARED, &before))?;
                }
                return Err(error);
            }
        };
        self.vault
            .transaction(|tx| {
                tx.delete::<AckPosition>(key::ACK)?;
                tx.put(
                    key::CLEARED,
                    &Cleared {
                        left: before.left.saturating_add(deleted),
                        unanswered: before.unanswered,
                        ..asked
                    },
                )
            })
            .map_err(Error::Unnoted)?;
        Ok(deleted)
    }
}

impl Scope<'_, '_> {
    /// Tells that so many envelopes of a peer are missing: those that were deleted here apart from those that were lost.
    pub(in crate::messenger) fn tell_missing(
        &mut self,
        peer: &Address,
        missing: u64,
        round: &mut Round,
    ) -> Result<(), VaultError> {
        let cleared: Option<Cleared> = self.tx.get(key::CLEARED)?;
        let explained = match cleared {
            Some(cleared) if Timestamp(cleared.at).plus(EXPLAINS_FOR) > self.now => {
                // How many is not known where the answer got lost.
                let explained = if cleared.unanswered {
                    missing
                } else {
                    missing.min(cleared.left)
                };
                self.tx.put(
                    key::CLEARED,
                    &Cleared {
                        left: cleared.left.saturating_sub(explained),
                        unanswered: false,
                        ..cleared
                    },
                )?;
                explained
            }
            _ => 0,
        };
        if explained > 0 {
            round.events.push(Event::ClearedHere {
                peer: peer.clone(),
                count: explained,
            });
        }
        if missing > explained {
            round.events.push(Event::Missing {
                peer: peer.clone(),
                count: missing - explained,
            });
        }
        Ok(())
    }
}
