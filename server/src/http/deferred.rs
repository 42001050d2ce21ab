//! Answers that come later, without the request.
//!
//! Ten thousand clients wait for mail at once. While a handler waits, everything above it waits too: the request with its headers, every layer of
//! the framework, the buffers between them. So an operation may answer [`Eventually::Later`]; the handler returns, all of that is dropped, and only what the
//! operation itself needs is kept until there is something to say.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};

use crate::{
    api::problem::{Problem, ProblemCode},
    service::Refusal,
};

/// The rest of an answer.
type Later = Pin<Box<dyn Future<Output = Response> + Send>>;

/// An answer, or the promise of one.
pub(crate) enum Eventually<T> {
    /// The answer.
    Now(T),
    /// What it is waited for with.
    Later(Later),
}

/// How a promise travels through the layers: in a response that nobody sees. Extensions want it cloneable and shared; it is taken once.
#[derive(Clone)]
struct Promise(Arc<Mutex<Option<Later>>>);

impl<T: IntoResponse> IntoResponse for Eventually<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Now(answer) => answer.into_response(),
            Self::Later(later) => {
                let mut carrier = Response::default();
                carrier
                    .extensions_mut()
                    .insert(Promise(Arc::new(Mutex::new(Some(later)))));
                carrier
            }
        }
    }
}

/// To the contract it is the answer.
impl<T: ApiResponse> ApiResponse for Eventually<T> {
    fn meta() -> MetaResponses {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// Waits for promised answers once the layers below are gone. The outermost layer.
pub(crate) struct Parking<E>(pub E);

impl<E: Endpoint> Endpoint for Parking<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        // Boxed, so that its room is given back when it is done, and not kept in this future.
        let mut answer = Box::pin(self.0.get_response(request)).await;
        let Some(Promise(promise)) = answer.extensions_mut().remove() else {
            return Ok(answer);
        };
        let headers = std::mem::take(answer.headers_mut());
        drop(answer);
        let later = promise.lock().take();
        // The layer that catches panics is gone by now. Without a promise another layer has taken it, which is a fault of ours as well.
        let answer = match later {
            Some(later) => AssertUnwindSafe(later).catch_unwind().await.ok(),
            None => None,
        };
        let mut answer = answer.unwrap_or_else(|| {
            tracing::error!("a handler panicked while it waited");
            Problem::new(ProblemCode::Internal, Refusal::Internal.to_string()).into_http()
        });
        // What the layers below had to say of the answer, such as which request it is to.
        for (name, value) in &headers {
            answer.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use poem::{EndpointExt as _, endpoint::make};
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_promised_answer_is_waited_for_without_the_request_and_keeps_what_the_layers_said() {
        let (bell, guard) = (Arc::new(Notify::new()), Arc::new(()));
        let ring = Arc::clone(&bell);
        let below = make(move |_request| {
            let bell = Arc::clone(&bell);
            async move {
                let later = Box::pin(async move {
                    bell.notified().await;
                    Response::builder().header("x-own", "kept").body("mail")
                });
                Eventually::<Response>::Later(later).into_response()
            }
        });
        let layered = below.after(|answer| async {
            answer.map(|answer| {
                let mut answer = answer.into_response();
                answer.headers_mut().insert("x-own", "replaced".parse().unwrap());
                answer.headers_mut().insert("x-request", "7".parse().unwrap());
                answer
            })
        });
        let parking = Parking(layered);
        let mut request = Request::default();
        request.extensions_mut().insert(Arc::clone(&guard));
        let mut answer = Box::pin(parking.call(request));
        assert!(futures_util::poll!(&mut answer).is_pending());
        assert_eq!(Arc::strong_count(&guard), 1, "the request is gone");
        ring.notify_one();
        let answer = answer.await.unwrap();
        assert_eq!(answer.headers()["x-own"], "kept");
        assert_eq!(answer.headers()["x-request"], "7");
        assert_eq!(answer.into_body().into_string().await.unwrap(), "mail");
    }

    #[tokio::test]
    async fn a_panic_while_it_waits_is_an_answer_too() {
        let parking = Parking(make(|_request| async {
            let later = Box::pin(async { panic!("a fault") });
            let mut answer = Eventually::<Response>::Later(later).into_response();
            answer.headers_mut().insert("x-request", "7".parse().unwrap());
            answer
        }));
        let answer = parking.call(Request::default()).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-request"]),
            (500, &"7".parse().unwrap())
        );
        assert!(answer.into_body().into_string().await.unwrap().contains("internal"));
    }

    #[tokio::test]
    async fn an_answer_that_is_there_passes() {
        let parking = Parking(make(|_request| async { Eventually::Now("here").into_response() }));
        let answer = parking.call(Request::default()).await.unwrap();
        assert_eq!(answer.into_body().into_string().await.unwrap(), "here");
    }
}
