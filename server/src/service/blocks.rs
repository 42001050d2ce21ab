//! Accounts from which a mailbox takes nothing.

use std::sync::Arc;

use protocol::address::UserName;

use super::{Refusal, Result};
use crate::{
    model::{MailboxId, Principal},
    store::{BlockPut, Store},
};

/// Accounts that one mailbox blocks: a row of 40 bytes each.
pub const MAX_BLOCKED_ACCOUNTS: u32 = 1024;

/// The blocked accounts.
pub struct Blocks {
    store: Arc<dyn Store>,
}

impl Blocks {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// From here on nothing of the account `name` gets into the mailbox of `owner`; answers how many are blocked. Whether there is such an account has no say.
    ///
    /// # Errors
    /// [`Refusal::BadName`]; [`Refusal::BadRequest`] when there are too many, or the account is the owner's own; [`Refusal::Unauthorized`] when that was removed meanwhile.
    pub async fn put(&self, owner: Principal, name: &str) -> Result<u32> {
        let account = MailboxId::of(&UserName::parse(name)?);
        if account == owner.mailbox {
            return Err(Refusal::BadRequest("an account cannot block itself".into()));
        }
        match self
            .store
            .block_account(owner.mailbox, account, MAX_BLOCKED_ACCOUNTS)
            .await?
        {
            BlockPut::Done(blocked) => Ok(blocked),
            BlockPut::TooMany => Err(Refusal::BadRequest(format!(
                "a mailbox blocks at most {MAX_BLOCKED_ACCOUNTS} accounts; unblock some of them first"
            ))),
            BlockPut::NoSuchMailbox => Err(Refusal::Unauthorized),
        }
    }

    /// The account `name` may send to `owner` again, if it was blocked; answers how many still are.
    ///
    /// # Errors
    /// [`Refusal::BadName`]; [`Refusal::Unauthorized`] when the owner's account was removed meanwhile.
    pub async fn delete(&self, owner: Principal, name: &str) -> Result<u32> {
        let account = MailboxId::of(&UserName::parse(name)?);
        let left = self.store.unblock_account(owner.mailbox, account).await?;
        left.ok_or(Refusal::Unauthorized)
    }
}
