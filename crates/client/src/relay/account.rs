//! Signing in, registering, and changing one's identity.

use protocol::Timestamp;
use protocol::account::Successor;
use protocol::address::UserName;
use protocol::identity::IdentityKey;
use sdk::{Token, types};

use super::patience::handing_over;
use super::wire::{Challenge, SignedClaim, Upload, base64, batch, fingerprint, fixed, signed};
use super::{ATTEMPTS, Relay, RelayError};
use crate::invite::Invite;
use crate::vault::Session;

/// Characters of a bearer token: several times those that a relay makes.
const MAX_TOKEN: usize = 512;

/// A token as a relay makes them: without what a header, a terminal or a shell takes for something else.
fn token(answered: &str) -> Result<String, RelayError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=' | b'.');
    if answered.is_empty() || answered.len() > MAX_TOKEN || !answered.bytes().all(plain) {
        return Err(RelayError::Malformed("token"));
    }
    Ok(answered.to_owned())
}

impl Relay {
    pub(crate) async fn challenge(&self, user: &UserName) -> Result<Challenge, RelayError> {
        let body = types::ChallengeRequest { user: user.to_string() };
        let answer = self
            .call(ATTEMPTS, || self.client.challenge().body(body.clone()).send())
            .await?;
        Ok(Challenge {
            server_nonce: fixed(&answer.server_nonce, "server_nonce")?,
            expires_at: Timestamp(answer.expires_at),
            relay_fingerprint: fingerprint(&answer.relay_key_fingerprint)?,
            relay_name: answer.relay_name,
        })
    }

    /// One attempt: the nonce is spent by it. Says how far the vault has come, and answers how far the relay knows it.
    pub(crate) async fn sign_in(&self, claim: &SignedClaim, told: u64) -> Result<(Session, u64), RelayError> {
        let body = types::SignInRequest {
            user: claim.user.to_string(),
            origin: self.url.to_string(),
            server_nonce: base64(&claim.server_nonce),
            client_nonce: base64(&claim.client_nonce),
            expires_at: claim.expires_at.as_millis(),
            signature: base64(&claim.signature),
            commit_counter: Some(told),
        };
        let answer = self.call(1, || self.client.sign_in().body(body.clone()).send()).await?;
        let session = Session {
            token: token(answer.token.expose())?,
            expires_at: answer.expires_at,
            url: self.url.to_string(),
        };
        Ok((session, answer.commit_counter))
    }

    /// One attempt, as [`Relay::sign_in`].
    pub(crate) async fn register(
        &self,
        claim: &SignedClaim,
        identity: &IdentityKey,
        keys: &Upload<'_>,
        invite: Option<&Invite>,
    ) -> Result<Session, RelayError> {
        let signed_prekey = keys
            .signed_prekey
            .ok_or(RelayError::Malformed("registration without a prekey"))?;
        let body = types::RegisterRequest {
            user: claim.user.to_string(),
            identity_key: base64(&identity.to_bytes()),
            signed_prekey: signed(signed_prekey),
            one_time_batch: keys.one_time_batch.map(batch),
            origin: self.url.to_string(),
            server_nonce: base64(&claim.server_nonce),
            client_nonce: base64(&claim.client_nonce),
            expires_at: claim.expires_at.as_millis(),
            signature: base64(&claim.signature),
            invite: invite.map(|invite| Token::from(invite.code().to_owned())),
        };
        let answer = self
            .call_for(1, handing_over(keys.bytes()), || {
                self.client.register().body(body.clone()).send()
            })
            .await?;
        Ok(Session {
            token: token(answer.token.expose())?,
            expires_at: answer.token_expires_at,
            url: self.url.to_string(),
        })
    }

    /// One attempt, as [`Relay::sign_in`]: the claim is the successor's.
    pub(crate) async fn succeed(&self, claim: &SignedClaim, successor: &Successor) -> Result<Session, RelayError> {
        let keys = successor.publication();
        let signed_prekey = keys
            .and_then(|keys| keys.signed_prekey.as_ref())
            .ok_or(RelayError::Malformed("succession without a prekey"))?;
        let statement = successor.statement();
        let body = types::SuccessionRequest {
            user: claim.user.to_string(),
            statement: types::SuccessionStatement {
                identity_key: base64(&statement.identity_key),
                payload: base64(&statement.payload),
                signature: base64(&statement.signature),
            },
            identity_key: base64(&successor.identity_key().to_bytes()),
            signed_prekey: signed(signed_prekey),
            one_time_batch: keys.and_then(|keys| keys.one_time_batch.as_ref()).map(batch),
            origin: self.url.to_string(),
            server_nonce: base64(&claim.server_nonce),
            client_nonce: base64(&claim.client_nonce),
            expires_at: claim.expires_at.as_millis(),
            signature: base64(&claim.signature),
        };
        let patience = handing_over(keys.map_or(0, |keys| Upload::of(keys).bytes()));
        let answer = self
            .call_for(1, patience, || self.client.succeed().body(body.clone()).send())
            .await?;
        Ok(Session {
            token: token(answer.token.expose())?,
            expires_at: answer.token_expires_at,
            url: self.url.to_string(),
        })
    }
}
