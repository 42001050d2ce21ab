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
    /// From here on what it sends to this mailbox by its account is refused, with the answer that it would get if it had sent too much. A delivery token that it
    /// holds is another matter: `delete_delivery_token`. Blocking it again is the same success.
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

    /// Take the block of an account back
    ///
    /// One that is not blocked is nothing to do, and the same answer.
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
