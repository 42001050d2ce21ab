//! The session, for other programs: a browser's page of the contract, curl, a tool that is built on the SDK alone.

use protocol::Timestamp;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::messenger::Messenger;
use crate::relay::RelayUrl;

/// What lets a program act as this account at the relay, for a while.
pub struct Access {
    /// The bearer token: `Authorization: Bearer …`. It reads and deletes mail; it decrypts nothing.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The relay that it is for.
    pub relay: RelayUrl,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("expires_at", &self.expires_at)
            .field("relay", &self.relay.as_str())
            .finish_non_exhaustive()
    }
}

impl Messenger {
    /// The token of this home's own session, which goes on: an account has one session, so that another one would end this. It ends at its time, or when this home signs in
    /// anew.
    ///
    /// # Errors
    /// The network; vault trouble; [`Error::ShutOut`].
    pub async fn access(&mut self) -> Result<Access, Error> {
        // The relay may have forgotten the session, put back from a backup for example: a request tells.
        self.authorised(|relay| async move { relay.key_status().await.map(drop) })
            .await?;
        let session = self.relay.session().ok_or(Error::NotRegistered)?;
        Ok(Access {
            token: Zeroizing::new(session.token.clone()),
            expires_at: Timestamp(session.expires_at),
            relay: self.relay.url().clone(),
        })
    }
}
