//! What can be known cheaply, before a person is asked for what takes effort: a passphrase twice, or a message.

use protocol::address::Address;

use crate::error::Error;
use crate::messenger::Messenger;
use crate::relay::{Relay, RelayStatus, RelayUrl};
use crate::vault::Passphrase;

impl Messenger {
    /// Whether a relay answers at this URL, with a certificate that is accepted. Nothing is kept.
    ///
    /// # Errors
    /// [`Error::Relay`]: it cannot be reached, or its certificate is not trusted.
    pub async fn relay_at(url: RelayUrl) -> Result<RelayStatus, Error> {
        Ok(Relay::new(url)?.status().await?)
    }

    /// Whether a message to `to` would be taken now: an account of that name exists, nothing waits for a decision, and it is not blocked. For a known contact
    /// no request is made. No prekey is taken.
    ///
    /// # Errors
    /// Those that sending would meet: [`Error::Oneself`], [`Error::Blocked`], the identity's, the relay's refusals.
    pub async fn can_write_to(&mut self, to: &Address) -> Result<(), Error> {
        self.refuse_unwritable(to)?;
        if !self.knows(to)? {
            self.authorised(|relay| async move { relay.fetch_identity(to).await })
                .await?;
        }
        Ok(())
    }

    /// Whether this is the passphrase of this vault.
    ///
    /// # Errors
    /// Vault trouble.
    pub fn check_passphrase(&self, passphrase: &Passphrase) -> Result<bool, Error> {
        Ok(self.vault.check_passphrase(passphrase)?)
    }
}
