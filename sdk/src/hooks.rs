//! What happens to every request and answer of a client.

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::AUTHORIZATION;

use crate::bounds;
use crate::foreign;
use crate::generated::{Client, Error, WITH_TOKEN};
use crate::session::{NotAHeader, Session};

/// The header by which plays and licenses are proved.
const CAPABILITY: &str = "latchkey-capability";

/// The header by which a contact sends without an account.
const DELIVERY_TOKEN: &str = "latchkey-delivery-token";

impl ClientHooks<Session> for Client {
    async fn pre<E>(&self, request: &mut reqwest::Request, info: &OperationInfo) -> Result<(), Error<E>> {
        if WITH_TOKEN.contains(&info.operation_id) && !request.headers().contains_key(DELIVERY_TOKEN) {
            let header = self.session().authorization().map_err(|NotAHeader| {
                Error::InvalidRequest("the token holds characters that no token has; sign in again".to_owned())
            })?;
            if let Some(header) = header {
                request.headers_mut().insert(AUTHORIZATION, header);
            }
        }
        // A caller's own limit is the caller's business.
        request.timeout_mut().get_or_insert(bounds::longest(info.operation_id));
        // A sensitive header is left out of traces and of HTTP/2's compression table.
        for secret in [CAPABILITY, DELIVERY_TOKEN] {
            if let Some(value) = request.headers_mut().get_mut(secret) {
                value.set_sensitive(true);
            }
        }
        Ok(())
    }

    async fn exec(&self, request: reqwest::Request, info: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let answer = self.client.execute(request).await?;
        foreign::marked(bounds::bounded(answer, info.operation_id)).await
    }
}

impl Client {
    /// The token holder of this client and its clones.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.inner
    }

    /// The relay as it is dialled, `scheme://host[:port]`: what a sign-in signs as its origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.baseurl
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::{connect, session::Token};

    fn client() -> Client {
        connect("http://127.0.0.1:9").unwrap()
    }

    async fn prepared(client: &Client, operation_id: &'static str) -> reqwest::Request {
        let mut request = reqwest::Request::new(reqwest::Method::GET, "http://127.0.0.1:9/".parse().unwrap());
        request
            .headers_mut()
            .insert(CAPABILITY, HeaderValue::from_static("AAAA"));
        client
            .pre::<()>(&mut request, &OperationInfo { operation_id })
            .await
            .unwrap();
        request
    }

    #[tokio::test]
    async fn the_token_goes_where_the_contract_wants_it_and_nowhere_else() {
        let client = client();
        let clone = client.clone();
        assert!(
            prepared(&client, "inbox").await.headers().get(AUTHORIZATION).is_none(),
            "signed out"
        );
        client.session().sign_in(Token::from("abc".to_owned()));
        for operation in [
            "send",
            "send_limited",
            "inbox",
            "clear_inbox",
            "fetch_key",
            "publish_key",
            "key_status",
            "put_delivery_token",
            "delete_delivery_token",
            "block_account",
            "unblock_account",
            "sign_out",
        ] {
            let request = prepared(&clone, operation).await;
            let header = request.headers().get(AUTHORIZATION).expect(operation);
            assert_eq!(header, "Bearer abc", "{operation}");
            assert!(header.is_sensitive(), "{operation}");
        }
        for operation in [
            "play",
            "confirm_play",
            "license",
            "revoke",
            "challenge",
            "sign_in",
            "register",
            "status",
        ] {
            assert!(
                prepared(&client, operation)
                    .await
                    .headers()
                    .get(AUTHORIZATION)
                    .is_none(),
                "{operation}"
            );
        }
        client.session().forget();
        assert!(!clone.session().is_signed_in());
    }

    #[tokio::test]
    async fn every_request_ends_some_time_and_a_callers_limit_stays() {
        let client = client();
        for operation in ["status", "inbox", "put_gate_key"] {
            let request = prepared(&client, operation).await;
            let longest = *request.timeout().expect(operation);
            assert!(
                longest >= std::time::Duration::from_secs(60) && longest <= std::time::Duration::from_secs(1000),
                "{operation}: {longest:?}"
            );
        }
        let mut request = reqwest::Request::new(reqwest::Method::GET, "http://127.0.0.1:9/".parse().unwrap());
        let own = std::time::Duration::from_secs(7);
        *request.timeout_mut() = Some(own);
        client
            .pre::<()>(&mut request, &OperationInfo { operation_id: "status" })
            .await
            .unwrap();
        assert_eq!(request.timeout(), Some(&own));
    }

    #[tokio::test]
    async fn a_delivery_token_goes_alone() {
        let client = client();
        client.session().sign_in(Token::from("abc".to_owned()));
        let mut request = reqwest::Request::new(reqwest::Method::POST, "http://127.0.0.1:9/".parse().unwrap());
        request
            .headers_mut()
            .insert(DELIVERY_TOKEN, HeaderValue::from_static("AAAA"));
        client
            .pre::<()>(&mut request, &OperationInfo { operation_id: "send" })
            .await
            .unwrap();
        assert!(request.headers().get(AUTHORIZATION).is_none());
        assert!(request.headers()[DELIVERY_TOKEN].is_sensitive());
    }

    #[tokio::test]
    async fn a_capability_is_sensitive() {
        let request = prepared(&client(), "play").await;
        assert!(request.headers()[CAPABILITY].is_sensitive());
    }

    #[test]
    fn no_debug_shows_the_token() {
        let client = client();
        let token: Token = serde_json::from_str("\"hush\"").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        client.session().sign_in(token);
        for shown in [
            format!("{:?}", client.session()),
            format!("{client:?}"),
            format!("{:?}", client.inbox()),
        ] {
            assert!(!shown.contains("hush"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_token_that_is_no_header_is_refused() {
        let client = client();
        client.session().sign_in(Token::from("a\nb".to_owned()));
        let mut request = reqwest::Request::new(reqwest::Method::GET, "http://127.0.0.1:9/".parse().unwrap());
        let refused = client
            .pre::<()>(&mut request, &OperationInfo { operation_id: "inbox" })
            .await;
        assert!(matches!(refused, Err(Error::InvalidRequest(_))));
    }
}
