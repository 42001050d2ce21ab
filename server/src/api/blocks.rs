//! Blocking accounts.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Path, payload::Json};

use super::{Section, auth::Auth, problem::ApiError};
use crate::{service::Services, store::AuditEvent};

/// An account to be blocked.
#[derive(Object, Debug)]
pub struct BlockRequest {
    /// Its user name; it need not exist
    pub user: String,
}

/// How many accounts a mailbox blocks.
#[derive(Object, Debug)]
pub struct BlockedAccounts {
    /// Accounts blocked, at most 1024
    pub blocked: u32,
}

/// Operations on blocked accounts.
pub struct Blocks;

#[OpenApi(tag = "Section::Messages")]
impl Blocks {
    /// Block an account
    ///
    /// From now on what the account sends to this mailbox is refused, with the same answer as if it had sent too much. If the contact holds a delivery token,
    /// delete that too (`delete_delivery_token`). Blocking an account again succeeds again.
    #[oai(path = "/v1/blocked-accounts", method = "put", operation_id = "block_account")]
    async fn block_account(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        body: Json<BlockRequest>,
    ) -> Result<Json<BlockedAccounts>, ApiError> {
        let owner = auth.live(*services).await?;
        let blocked = services.blocks.put(owner, &body.user).await?;
        services.audit.note(AuditEvent::AccountBlocked, owner.mailbox).await?;
        Ok(Json(BlockedAccounts { blocked }))
    }

    /// Unblock an account
    ///
    /// If the account is not blocked, the answer is the same.
    #[oai(
        path = "/v1/blocked-accounts/:user",
        method = "delete",
        operation_id = "unblock_account"
    )]
    async fn unblock_account(
        &self,
        services: Data<&Arc<Services>>,
        auth: Auth,
        /// Its user name
        user: Path<String>,
    ) -> Result<Json<BlockedAccounts>, ApiError> {
        let owner = auth.live(*services).await?;
        let blocked = services.blocks.delete(owner, &user).await?;
        services.audit.note(AuditEvent::AccountUnblocked, owner.mailbox).await?;
        Ok(Json(BlockedAccounts { blocked }))
    }
}
