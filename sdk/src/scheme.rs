//! What answers does not speak as the URL says: the URL has the wrong scheme, or leads to another program.

use std::error::Error as StdError;
use std::io;

use rustls::InvalidMessage;

/// Whether the other end of a TLS connection sent what is no record of TLS.
pub(crate) fn is_not_tls(error: &reqwest::Error) -> bool {
    let no_record =
        |error: &rustls::Error| matches!(error, rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType));
    causes(error).any(|cause| cause.downcast_ref().is_some_and(no_record))
}

/// Whether the other end speaks HTTP, with a head that is larger than any of a relay.
pub(crate) fn has_endless_head(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref().is_some_and(hyper::Error::is_parse_too_large))
}

/// Whether the other end of a plain connection sent what is no answer of HTTP.
pub(crate) fn is_not_http(error: &reqwest::Error) -> bool {
    let plain = error.url().is_some_and(|url| url.scheme() == "http");
    plain && causes(error).any(|cause| cause.downcast_ref().is_some_and(hyper::Error::is_parse))
}

/// An error and what led to it.
pub(crate) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    // An io::Error keeps what it wraps from `source`.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
