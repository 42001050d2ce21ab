//! The whole HTTP surface: the contract, its documentation, the landing page, and one error shape for everything that goes wrong.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt as _, Error, IntoEndpoint as _, IntoResponse as _, Response, Route,
    endpoint::make,
    get, handler,
    http::{HeaderValue, StatusCode, header},
    middleware::CatchPanic,
    web::{Data, Json},
};

use crate::{
    api::{
        self,
        problem::{ApiError, Problem, ProblemCode},
        status::Status,
    },
    config::Patience,
    landing,
    limits::BodyLimits,
    parking::Parking,
    service::{Refusal, Services},
};

/// The relay as an endpoint, ready to be served or called in a test.
#[must_use]
pub fn app(services: Arc<Services>, patience: Patience) -> impl Endpoint<Output = Response> + 'static {
    let contract = api::openapi_service();
    let methods = Methods::of_contract(&contract.spec());
    let yaml: Arc<str> = contract.spec_yaml().into();
    let specification = make(move |_| {
        let yaml = Arc::clone(&yaml);
        async move { yaml.to_string().with_content_type("application/yaml; charset=utf-8") }
    });
    let inner = Route::new()
        .at("/", get(landing_page))
        .at("/status", get(status_page))
        .at("/openapi.yaml", get(specification))
        .nest("/docs", contract.swagger_ui())
        .nest_no_strip("/v1", contract)
        .into_endpoint()
        .data(Arc::clone(&services))
        .catch_all_error(|error| async move { explain(error) })
        .with(BodyLimits {
            patience: patience.body,
            services,
        })
        .with(CatchPanic::new().with_handler(|_panic| {
            tracing::error!("a handler panicked");
            Problem::new(ProblemCode::Internal, Refusal::Internal.to_string()).into_http()
        }))
        .map_to_response()
        .around(move |endpoint, request| {
            let allowed = methods.of(request.uri().path());
            async move {
                let mut answer = endpoint.get_response(request).await;
                if answer.status() == StatusCode::METHOD_NOT_ALLOWED
                    && let Some(allowed) = allowed
                {
                    answer.headers_mut().insert(header::ALLOW, allowed);
                }
                Ok(answer)
            }
        });
    Parking(inner)
}

/// Which methods each path knows, by the contract: a 405 has to say so (RFC 9110).
struct Methods(Vec<(Vec<String>, HeaderValue)>);

impl Methods {
    fn of_contract(specification: &str) -> Self {
        let contract: serde_json::Value = serde_json::from_str(specification).unwrap_or_default();
        let paths = contract["paths"].as_object().into_iter().flatten();
        let entry = |(path, operations): (&String, &serde_json::Value)| {
            let methods: Vec<_> = operations
                .as_object()?
                .keys()
                .map(|method| method.to_uppercase())
                .collect();
            let allow = HeaderValue::from_str(&methods.join(", ")).ok()?;
            Some((path.split('/').map(str::to_owned).collect(), allow))
        };
        Self(paths.filter_map(entry).collect())
    }

    /// The methods of a path; those of the pages are GET.
    fn of(&self, path: &str) -> Option<HeaderValue> {
        let parts: Vec<_> = path.split('/').collect();
        let fits = |known: &[String]| {
            known.len() == parts.len()
                && known
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known.starts_with('{') || known == part)
        };
        // A fixed part beats a parameter, as in the router.
        let best = self.0.iter().filter(|(known, _)| fits(known));
        let best = best.min_by_key(|(known, _)| known.iter().filter(|part| part.starts_with('{')).count());
        best.map(|(_, allow)| allow.clone())
            .or_else(|| (!path.starts_with("/v1/")).then(|| HeaderValue::from_static("GET, HEAD")))
    }
}

#[handler]
async fn landing_page(services: Data<&Arc<Services>>) -> Response {
    landing::page(services.status().await.ok().as_ref())
}

#[handler]
async fn status_page(services: Data<&Arc<Services>>) -> poem::Result<Response> {
    use poem_openapi::types::ToJSON as _;
    let report = services
        .status()
        .await
        .map_err(|refusal| Error::from(ApiError::from(refusal)))?;
    Ok(Json(Status::from(report).to_json()).into_response())
}

/// Errors of the framework (unknown paths, bodies that do not parse, missing tokens) as the one shape; ours have it already.
fn explain(error: Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let (code, detail) = match error.status() {
        StatusCode::NOT_FOUND => (ProblemCode::NotFound, "there is nothing under this path".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => (
            ProblemCode::MethodNotAllowed,
            "this path does not know this method".to_owned(),
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
