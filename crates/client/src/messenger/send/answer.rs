//! Answering what came, once: for programs that answer by themselves.

use protocol::content::{Body, Content, ContentId};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::messenger::{Messenger, Sent};
use crate::vault::{Direction, MessageBody, MessageId, StoredMessage, key};

/// What the hash of [`answer_id`] begins with, and no other one does.
const LABEL: &[u8] = b"latchkey/1/client/answer";

impl Messenger {
    /// Answers a received message and notes that it was shown. There is one answer to a message: when one is kept already, this sends nothing and is
    /// `None`, and that the message was shown is noted all the same.
    ///
    /// So it is called for everything that is [unread](Messenger::unread), after a crash too. A program that died before the answer was kept sends it
    /// now; one that died afterwards does not send it twice; and a home that was put back from a copy sends it again under the same id, which the
    /// recipient's client shows once. Texts that differ from one call to the next make no difference: the first that was kept is the answer.
    ///
    /// # Errors
    /// As [`Messenger::send_text`], and [`Error::NotReceived`] for a message of our own. After an error the message is still unread, and may be answered
    /// later; an answer that the relay refused for good is kept as failed, and is not sent again.
    pub async fn answer(&mut self, message: &StoredMessage, text: &str) -> Result<Option<Sent>, Error> {
        if message.direction != Direction::Incoming {
            return Err(Error::NotReceived);
        }
        if text.is_empty() {
            return Err(Error::Empty);
        }
        // Takes the vault back, if it was released: another process may have answered meanwhile.
        self.party()?;
        let id = answer_id(message);
        let sent = if self.vault.get::<StoredMessage>(&key::outgoing(id))?.is_some() {
            None
        } else {
            let content = Content {
                id: ContentId(id.0),
                sent_at: self.now(),
                body: Body::Text(text.to_owned()),
            };
            let shown = MessageBody::Text(text.to_owned());
            Some(self.send_content(&message.peer, content, shown, None).await?)
        };
        self.mark_seen(std::slice::from_ref(message))?;
        Ok(sent)
    }
}

/// The id of the answer. It depends on the peer too: the sender of a message chooses its id, and somebody who knew another's could have the same one
/// answered first, and that other's never.
fn answer_id(message: &StoredMessage) -> MessageId {
    let digest = Sha256::new()
        .chain_update(LABEL)
        .chain_update(message.peer.as_str())
        .chain_update(message.id.0)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    MessageId(id)
}
