//! HTTP: who may connect and for how long, what is answered without the contract, and how an answer leaves. What is asked for is the contract's (`api`).

pub(crate) mod admission;
pub(crate) mod answer_memory;
pub mod app;
pub(crate) mod cors;
pub(crate) mod deferred;
#[cfg(feature = "echo")]
pub mod echo;
pub(crate) mod fast_send;
pub mod file_limit;
pub(crate) mod health;
pub(crate) mod idle_timeout;
pub(crate) mod incoming_body;
pub(crate) mod index_page;
pub(crate) mod listener;
pub(crate) mod metrics_export;
pub(crate) mod operations;
pub(crate) mod parse_errors;
pub mod request_id;
pub(crate) mod request_limits;
pub(crate) mod shared_documents;
pub mod threads;
pub(crate) mod write_timeout;
