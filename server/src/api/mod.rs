//! The HTTP contract: one file a topic, thin. Handlers translate; the services decide.
//!
//! The API structs carry nothing (services come with each request), so the contract is printed without a database.

pub mod auth;
pub mod blocks;
mod contract;
mod examples;
pub mod gate_keys;
pub mod keys;
pub mod mail;
mod page;
pub mod plays;
mod prekeys;
pub mod problem;
mod shared;
pub mod status;
pub mod succession;
pub mod tokens;

use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use protocol::Timestamp;

pub use shared::{Bytes, Section};

/// What the whole contract says about itself.
const DESCRIPTION: &str = "\
A relay for Latchkey, a post-quantum end-to-end encrypted chat. It stores sealed envelopes until they are acknowledged, and releases \
the shares of play-limited messages. It cannot read either.

**Conventions.** Time is milliseconds since the Unix epoch. Binary is standard base64 with padding in JSON, and lower-case hex or a UUID in paths. Every error is \
one `Problem`; a client decides by its `code`. Every operation that changes something can be repeated with the same ids: a lost answer loses nothing and costs nothing.

**Trying it out.** `latchkey token` prints a bearer token for \"Authorize\", or for `curl -H \"Authorization: Bearer …\"`, and says when it expires. The token is that of the \
client's own session: using it signs nothing out, but `DELETE /v1/session` signs the client out too. If the relay has an account `alice` and you are signed in as it, the relay accepts the \
examples as they are, with two exceptions. `register`, `sign_in`, `publish_key` and `succeed` need signatures that a program makes, and operations on gate keys and oblivious messages need \
keys of your own; their examples show only the form. Where a body is bytes, choose any small file. An example's envelope is a line of text that no client can open: a client that fetches it \
reports a message that it cannot read.";

/// The more permissive of the two licenses, to be read.
const LICENSE: &str = "https://spdx.org/licenses/MIT.html";

/// The API structs of every topic, to be served or to be printed.
#[must_use]
pub fn openapi_service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(
        (
            auth::Sessions,
            keys::Keys,
            succession::Identities,
            mail::Mail,
            tokens::Tokens,
            blocks::Blocks,
            plays::Plays,
            gate_keys::GateKeys,
            status::Relay,
        ),
        "Latchkey relay",
        env!("CARGO_PKG_VERSION"),
    )
    .description(DESCRIPTION)
    .license(LicenseObject::new(env!("CARGO_PKG_LICENSE")).url(LICENSE))
    .server("/")
}

/// The time of the contract's examples, which is the same in every build: the beginning of 2027.
const EXAMPLES_AT: Timestamp = Timestamp(1_798_761_600_000);

/// The HTTP contract as YAML, byte-identical from run to run.
#[must_use]
pub fn openapi_yaml() -> String {
    let written = openapi_service().spec();
    contract::published(&written, EXAMPLES_AT)
        .ok()
        .and_then(|contract| serde_yaml::to_string(&contract).ok())
        .unwrap_or(written)
}

/// Puts the cursor where the session's token belongs. Each field of the dialog takes it as it appears, so that the last one would have it.
const FIRST_FIELD: &str = r#"<script>
    new MutationObserver((changes) => {
        const added = changes.flatMap((change) => [...change.addedNodes]);
        if (added.some((node) => node.classList && node.classList.contains("dialog-ux"))) {
            const first = document.querySelector(".dialog-ux .auth-container input");
            if (first) first.focus();
        }
    }).observe(document.getElementById("ui"), { childList: true, subtree: true });
</script>
"#;

/// The page to try the contract in. `now` is the time of its examples: a license that expired before it was sent would be refused.
pub(crate) fn swagger_page(now: Timestamp) -> String {
    let service = openapi_service();
    let (mut page, written) = (service.swagger_ui_html(), service.spec());
    let end = page.rfind("</body>").unwrap_or(page.len());
    page.insert_str(end, FIRST_FIELD);
    let published = contract::published(&written, now)
        .ok()
        .and_then(|contract| serde_json::to_string(&contract::for_the_page(contract)).ok());
    match published {
        // In a script: nothing that a description says may end it.
        Some(published) => page.replace(&written, &published.replace("</", "<\\/")),
        None => page,
    }
}

/// What an answer says, for tests: its type and its body.
#[cfg(test)]
async fn said(answer: poem::Response) -> (String, String) {
    let kind = answer.content_type().expect("a type").to_owned();
    (kind, answer.into_body().into_string().await.expect("text"))
}
