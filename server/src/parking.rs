//! Answers that come later, without the request.
//!
//! Ten thousand clients wait for mail at once. While a handler waits, everything above it waits too: the request with its headers, every layer of
//! the framework, the buffers between them. So an operation may answer [`Eventually::Later`]; the handler returns, all of that is dropped, and only what the
//! operation itself needs is kept until there is something to say.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
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

/// How a promise travels through the layers: in a response that nobody sees. Extensions want it clonable and shared; it is taken once.
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

/// Waits for promised answers once the layers below are gone.
pub(crate) struct Parking<E>(pub E);

impl<E: Endpoint> Endpoint for Parking<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        // Boxed, so that its room is given back when it is done, and not kept in this future.
        let mut answer = Box::pin(self.0.get_response(request)).await;
        let Some(Promise(promise)) = answer.extensions_mut().remove() else {
            return Ok(answer);
        };
        drop(answer);
        let later = promise.lock().unwrap_or_else(PoisonError::into_inner).take();
        match later {
            Some(later) => Ok(later.await),
            // Taken by another layer that cloned the response: there is none.
            None => Ok(Response::default()),
        }
    }
}
