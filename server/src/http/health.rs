//! The second listener: whether the relay lives, whether it is ready, and its numbers. For the operator, on an address of the operator's choice;
//! no user ever needs it, and nothing that it says is about anyone.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, IntoResponse as _, Response, Route, get, handler,
    http::{StatusCode, header},
    middleware::CatchPanic,
    web::Data,
};

use crate::{
    http::metrics_export::{Snapshot, encode},
    service::Services,
    tls::Acceptor,
};

/// What OpenMetrics calls itself.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Watched {
    services: Arc<Services>,
    tls: Option<Acceptor>,
}

/// The listener's endpoint.
pub(crate) fn health(services: Arc<Services>, tls: Option<Acceptor>) -> impl Endpoint<Output = Response> + 'static {
    Route::new()
        .at("/livez", get(live))
        .at("/readyz", get(ready))
        .at("/metrics", get(metrics))
        .data(Watched { services, tls })
        .with(CatchPanic::new())
        .map_to_response()
}

/// The process runs and answers. Whoever restarts it for less does harm.
#[handler]
fn live() -> &'static str {
    "alive\n"
}

/// Mail can be accepted and delivered.
#[handler]
async fn ready(watched: Data<&Watched>) -> Response {
    match watched.services.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => format!("not ready: {reason}\n")
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .into_response(),
    }
}

#[handler]
async fn metrics(watched: Data<&Watched>) -> Response {
    let expiry = watched.tls.as_ref().and_then(|tls| tls.certificates().expiry());
    let snapshot = Snapshot::take(&watched.services, expiry).await;
    match encode(snapshot) {
        Ok(text) => text.with_header(header::CONTENT_TYPE, OPEN_METRICS).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
