//! Delivery tokens: made by a recipient for each contact, shown by the contact instead of an account.

use std::sync::Arc;

use super::{Refusal, Result, exactly};
use crate::service::token_limiter::TokenLimiter;
use crate::{
    clock::Clock,
    model::{Bytes32, MailboxId, Principal},
    store::{Store, TokenPut},
};

/// Tokens of one mailbox: one for each contact that a client keeps.
pub const MAX_DELIVERY_TOKENS: u32 = 4096;

/// The delivery tokens.
pub struct Tokens {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pace: TokenLimiter,
}

impl Tokens {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            pace: TokenLimiter::default(),
        }
    }

    /// From here on whoever shows the token with this hash may send to `owner`; answers how many tokens there are.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] when there are too many, or the hash is none; [`Refusal::Unauthorized`] when the account was removed meanwhile.
    pub async fn put(&self, owner: Principal, hash: &[u8]) -> Result<u32> {
        let hash = exactly("token_hash", hash)?;
        match self
            .store
            .put_delivery_token(owner.mailbox, hash, MAX_DELIVERY_TOKENS)
            .await?
        {
            TokenPut::Done(tokens) => Ok(tokens),
            TokenPut::TooMany => Err(Refusal::BadRequest(format!(
                "a mailbox has at most {MAX_DELIVERY_TOKENS} delivery tokens; delete some that are not needed first"
            ))),
            TokenPut::NoSuchMailbox => Err(Refusal::Unauthorized),
        }
    }

    /// The token with this hash is worthless from here on, if it was not before; answers how many are left.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] when the hash is none; [`Refusal::Unauthorized`] when the account was removed meanwhile.
    pub async fn delete(&self, owner: Principal, hash: &str) -> Result<u32> {
        let lower = hash.len() == 64 && !hash.bytes().any(|b| b.is_ascii_uppercase());
        let hash = lower.then(|| hex::decode(hash).ok()).flatten();
        let hash = hash.ok_or_else(|| Refusal::BadRequest("the hash must be 64 lower-case hex digits".into()))?;
        let left = self
            .store
            .delete_delivery_token(owner.mailbox, exactly("hash", &hash)?)
            .await?;
        left.ok_or(Refusal::Unauthorized)
    }

    /// Whether the token with this hash is known, without asking the database, to be one of `mailbox`. False says nothing.
    #[must_use]
    pub fn recognise(&self, mailbox: MailboxId, hash: &Bytes32) -> bool {
        self.store.knows_delivery_token(mailbox, *hash)
    }

    /// Whether the token with this hash may send to `mailbox` now.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] for an unknown token, a deleted one and an unknown mailbox, alike; [`Refusal::RateLimited`].
    pub(super) async fn admit(&self, mailbox: MailboxId, hash: &Bytes32) -> Result<()> {
        if !self.recognise(mailbox, hash) && !self.store.holds_delivery_token(mailbox, *hash).await? {
            return Err(Refusal::Unauthorized);
        }
        // Only now: a bucket is kept for tokens that exist, not for what anybody makes up.
        self.pace.take(hash, self.clock.now())
    }
}
