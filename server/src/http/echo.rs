//! An echo behind a relay's own door, for benchmarks: what a send costs when nobody is authenticated and nothing is stored (docs/decisions/0026-the-measure.md).
//!
//! Everything else is as for an ordinary send: listener, connections, the HTTP library, the request's id, what is counted, the rates of its address, the clock of its body, and an answer as long.
//! So what a send costs beyond an echo is what the relay does for it.

use std::{io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use poem::{Endpoint, IntoResponse as _, Request, Response, error::ReadBodyError};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};

use crate::{
    api::{mail::Stored, problem::ApiError},
    config::Config,
    http::{
        app::{explain, panicked},
        fast_send::{OPERATION, addressed},
        listener,
        request_id::Begun,
        request_limits::origin,
    },
    model::{Envelope, MAX_ENVELOPE_BYTES},
    relay::{GRACE, door, listen},
    service::{Refusal, Services},
};

/// A listener like the relay's, where `config` says.
///
/// # Errors
/// When there is none to be had.
pub async fn bind(config: &Config) -> io::Result<TcpListener> {
    let bound = listen(config.listen, "--listen").await;
    bound.map(|(listener, _)| listener).map_err(io::Error::other)
}

/// Answers whatever comes as if it were a send. `services` are a running relay's, of which only the rates and the metrics are touched.
pub async fn serve(listener: TcpListener, services: Arc<Services>, config: &Config) {
    let operations = services.metrics().requests();
    let operation = operations.iter().position(|of| of.operation == OPERATION);
    let echo = Echo {
        operation: operation.unwrap_or(operations.len()),
        services: Arc::clone(&services),
        patience: config.patience.body,
    };
    listener::serve(
        listener,
        door(echo, None, &services, None, config),
        std::future::pending(),
        GRACE,
    )
    .await;
}

struct Echo {
    services: Arc<Services>,
    operation: usize,
    patience: Duration,
}

impl Endpoint for Echo {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let begun = Begun::now(self.operation);
        let taken = AssertUnwindSafe(self.taken(request, begun.at() + self.patience)).catch_unwind();
        let answer = async {
            match taken.await {
                Ok(Ok(stored)) => stored.into_http(),
                Ok(Err(refused)) => refused,
                Err(_panic) => panicked(),
            }
        };
        let mut answer = begun.scope(answer).await;
        begun.answered(&mut answer, self.services.metrics());
        Ok(answer)
    }
}

impl Echo {
    /// The steps of `ThinSend`, without those that know who sends and where it is kept.
    async fn taken(&self, mut request: Request, deadline: Instant) -> Result<Stored, Response> {
        let refuse = |refusal: Refusal| ApiError::from(refusal).into_response();
        let unaddressed = || refuse(Refusal::BadRequest("this is no send".to_owned()));
        let (_, id) = request.uri().query().and_then(addressed).ok_or_else(unaddressed)?;
        let address = origin(request.headers(), request.remote_addr(), &self.services.proxies);
        self.services.rates.request(address, None).map_err(refuse)?;
        let body = request.take_body().into_bytes_limit(MAX_ENVELOPE_BYTES);
        let body = match timeout_at(deadline, body).await {
            Ok(body) => body.map_err(|error| explain(error.into()))?,
            Err(over) => return Err(explain(ReadBodyError::Io(io::Error::other(over)).into())),
        };
        Envelope::new(body.to_vec()).map_err(|error| refuse(error.into()))?;
        let now = self.services.now().as_millis();
        Ok(Stored {
            id,
            stored_at: now,
            expires_at: now,
        })
    }
}
