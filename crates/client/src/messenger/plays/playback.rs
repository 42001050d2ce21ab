//! One granted play: what is shown, and how it is opened.

use playgate::{ContentShare, PlayShare};
use protocol::address::Address;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::relay::own_half;
use crate::vault::{Direction, LimitMode, LimitedTerms, MessageBody, MessageId, SealedBody, StoredMessage};

/// One granted play. Show it, then hand it to [`Messenger::finish_play`](crate::Messenger::finish_play).
pub struct Playback {
    /// The message.
    pub id: MessageId,
    /// Its sender's address.
    pub from: Address,
    /// When it was sent.
    pub sent_at: u64,
    /// What it says. In memory only; erased when dropped.
    pub text: Zeroizing<String>,
    /// Which play this is, from 1.
    pub play: u8,
    /// How many there are.
    pub plays: u8,
    /// Who counted: in oblivious mode only we.
    pub mode: LimitMode,
    pub(in crate::messenger) row: Zeroizing<Vec<u8>>,
    pub(in crate::messenger) play_id: [u8; 16],
}

impl std::fmt::Debug for Playback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playback")
            .field("id", &self.id)
            .field("play", &self.play)
            .field("plays", &self.plays)
            .finish_non_exhaustive()
    }
}

/// The parts of a message that can be played.
pub(in crate::messenger) fn playable(message: &StoredMessage) -> Result<(LimitedTerms, SealedBody), Error> {
    match &message.body {
        MessageBody::Limited(_, _) if message.direction == Direction::Outgoing => Err(Error::NotPlayable),
        MessageBody::Limited(terms, Some(sealed)) => Ok((terms.clone(), sealed.clone())),
        MessageBody::Limited(_, None) => Err(Error::NotPlayable),
        MessageBody::Text(_) | MessageBody::Unknown => Err(Error::NotLimited),
    }
}

pub(in crate::messenger) fn open(sealed: &SealedBody, share: &[u8; 32]) -> Result<Zeroizing<String>, Error> {
    let plain = playgate::open(
        &own_half(&sealed.license),
        &sealed.policy,
        &ContentShare::from_bytes(sealed.content_share),
        &sealed.commit,
        &PlayShare::from_bytes(*share),
        &sealed.ciphertext,
    )?;
    // A sender of another kind of client may have limited something else than a text: show what can be shown.
    Ok(Zeroizing::new(String::from_utf8_lossy(&plain).into_owned()))
}
