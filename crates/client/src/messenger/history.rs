//! What was said.

use protocol::address::Address;

use super::Messenger;
use crate::error::Error;
use crate::vault::{Direction, Entry, MessageBody, MessageId, MessageState, StoredMessage, key};

impl Messenger {
    /// The last `limit` messages in both directions, oldest first; with one person, or with all.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn history(&self, with: Option<&Address>, limit: usize) -> Result<Vec<StoredMessage>, Error> {
        let Some(peer) = with else {
            return Ok(self
                .vault
                .latest::<StoredMessage>(limit)?
                .into_iter()
                .map(|entry| entry.record)
                .collect());
        };
        let mut messages: Vec<StoredMessage> = self
            .vault
            .list::<StoredMessage>()?
            .into_iter()
            .map(|entry| entry.record)
            .filter(|message| message.peer == *peer)
            .collect();
        messages.drain(..messages.len().saturating_sub(limit));
        Ok(messages)
    }

    /// What was received and not shown yet, oldest first. It stays unread until [`Messenger::mark_seen`]: a front end that dies in
    /// between shows it the next time, and a program that answers by itself finds here what it has not answered ([`Messenger::answer`]).
    ///
    /// # Errors
    /// Vault trouble.
    pub fn unread(&self) -> Result<Vec<StoredMessage>, Error> {
        let messages = self
            .vault
            .list::<StoredMessage>()?
            .into_iter()
            .map(|entry| entry.record);
        Ok(messages.filter(|message| message.state == MessageState::New).collect())
    }

    /// Notes that these were shown, for read receipts too, if the user wants them.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn mark_seen(&mut self, messages: &[StoredMessage]) -> Result<(), Error> {
        let shown: Vec<(MessageId, &Address)> = messages.iter().map(|message| (message.id, &message.peer)).collect();
        let rows: Vec<Entry<StoredMessage>> = self
            .vault
            .list::<StoredMessage>()?
            .into_iter()
            .filter(|entry| {
                entry.record.state == MessageState::New && shown.contains(&(entry.record.id, &entry.record.peer))
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.transact(|scope| {
            for entry in rows {
                scope
                    .tx
                    .update::<StoredMessage>(&entry.key, |message| message.state = MessageState::Seen)?;
                scope.note_read(&entry.record)?;
            }
            Ok(())
        })
    }

    /// The one message whose id begins with `prefix` (hexadecimal; hyphens do not matter).
    ///
    /// # Errors
    /// [`Error::NoSuchMessage`], [`Error::AmbiguousMessage`].
    pub fn message(&self, prefix: &str) -> Result<StoredMessage, Error> {
        Ok(self.find(prefix)?.record)
    }

    pub(super) fn find(&self, prefix: &str) -> Result<Entry<StoredMessage>, Error> {
        self.find_among(prefix, |_| true)
    }

    /// The limited message of this direction, as if there were no others; the one message of any kind where none is, so that it can be said what is wrong
    /// with it.
    pub(super) fn find_limited(&self, prefix: &str, direction: Direction) -> Result<Entry<StoredMessage>, Error> {
        let limited = |message: &StoredMessage| {
            message.direction == direction && matches!(message.body, MessageBody::Limited(..))
        };
        match self.find_among(prefix, limited) {
            Err(Error::NoSuchMessage(_)) => self.find(prefix),
            found => found,
        }
    }

    fn find_among(&self, prefix: &str, wanted: impl Fn(&StoredMessage) -> bool) -> Result<Entry<StoredMessage>, Error> {
        let mut hits = self
            .vault
            .list::<StoredMessage>()?
            .into_iter()
            .filter(|entry| entry.record.id.starts_with(prefix) && wanted(&entry.record));
        match (hits.next(), hits.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Error::AmbiguousMessage(shortened(prefix))),
            (None, _) => Err(Error::NoSuchMessage(shortened(prefix))),
        }
    }

    /// Our own message `id`, with the key it is filed under.
    pub(super) fn own_message(&self, prefix: &str) -> Result<(Vec<u8>, StoredMessage), Error> {
        let entry = self.find_limited(prefix, Direction::Outgoing)?;
        if entry.record.direction != Direction::Outgoing {
            return Err(Error::NotOurs);
        }
        Ok((key::outgoing(entry.record.id), entry.record))
    }
}

/// An id has 36 characters: what is longer is not worth repeating.
fn shortened(prefix: &str) -> String {
    prefix.chars().take(40).collect()
}
