//! The whole HTTP surface: the contract, its documentation, the landing page, and one error shape for everything that goes wrong.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, Error, IntoEndpoint as _, IntoResponse as _, Request, Response, Route,
    endpoint::make_sync,
    get, handler,
    http::StatusCode,
    middleware::CatchPanic,
    web::{Data, Json, Redirect},
};

use crate::{
    api::{
        self,
        problem::{Problem, ProblemCode},
        status::Status,
    },
    config::Config,
    http::{
        cors::Cors, deferred::Parking, index_page, operations::Operations, request_id::Watched,
        request_limits::BodyLimits, shared_documents::Document,
    },
    origin::Origin,
    service::{Refusal, Services},
};

/// What the landing page is told of the settings.
#[derive(Clone)]
struct Place {
    /// Whether there is a page to try the contract in.
    docs: bool,
    /// Under which URLs clients reach the relay, if that is known.
    origins: Arc<[Origin]>,
}

/// The relay as an endpoint, ready to be served or called in a test.
#[must_use]
pub fn app(services: Arc<Services>, config: &Config) -> impl Endpoint<Output = Response> + 'static {
    let metrics = services.shared_metrics();
    let pages = Route::new()
        .at("/", get(landing_page))
        .nest_no_strip("/v1", api::openapi_service());
    let mut pages = page(pages, "/status", status_page);
    pages = page(pages, "/openapi.yaml", Document::contract());
    if config.docs {
        pages = page(pages, "/docs", Document::docs(services.now()));
    }
    let inner = pages
        .into_endpoint()
        .data(Arc::clone(&services))
        .data(Place {
            docs: config.docs,
            origins: config.origins.clone().into(),
        })
        .catch_all_error(|error| async move { explain(error) })
        .with(BodyLimits {
            patience: config.patience.body,
            services,
        })
        .with(CatchPanic::new().with_handler(|_panic| panicked()))
        .map_to_response();
    let operations = Arc::new(operations());
    Watched {
        inner: Cors::new(&config.cors_origins, &operations, Parking(inner)),
        operations,
        metrics,
    }
}

/// Serves a page under its path. People type a slash behind it too, and are led to the path without.
fn page<E: poem::IntoEndpoint>(pages: Route, path: &'static str, of: E) -> Route
where
    E::Endpoint: 'static,
{
    pages
        .at(path, get(of))
        .at(format!("{path}/"), get(make_sync(move |_| Redirect::permanent(path))))
}

#[handler]
async fn landing_page(services: Data<&Arc<Services>>, place: Data<&Place>, request: &Request) -> Response {
    let url = index_page::dialled(&place.origins, request.header("host"));
    index_page::page(&services.status(), place.docs, &url)
}

#[handler]
async fn status_page(services: Data<&Arc<Services>>) -> Response {
    use poem_openapi::types::ToJSON as _;
    Json(Status::from(services.status()).to_json()).into_response()
}

/// The operations that are counted.
pub(crate) fn operations() -> Operations {
    Operations::of_contract(&api::openapi_service().spec())
}

/// What is answered when a handler panicked.
pub(crate) fn panicked() -> Response {
    tracing::error!("a handler panicked");
    Problem::new(ProblemCode::Internal, Refusal::Internal.to_string()).into_http()
}

/// Errors of the framework (unknown paths, bodies that do not parse, missing tokens) as the one shape; ours have it already.
pub(crate) fn explain(error: Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let (code, detail) = match error.status() {
        StatusCode::NOT_FOUND => (ProblemCode::NotFound, "there is nothing under this path".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => (
            ProblemCode::MethodNotAllowed,
            "this path does not have this method".to_owned(),
        ),
        StatusCode::UNAUTHORIZED => (ProblemCode::Unauthorized, Refusal::Unauthorized.to_string()),
        StatusCode::PAYLOAD_TOO_LARGE => (ProblemCode::TooLarge, error.to_string()),
        status if status.is_client_error() => (ProblemCode::BadRequest, error.to_string()),
        status => {
            tracing::error!(%status, %error, "the framework failed");
            (ProblemCode::Internal, Refusal::Internal.to_string())
        }
    };
    Problem::new(code, detail).into_http()
}
