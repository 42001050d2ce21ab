//! The proxies of the environment: used or refused, not ignored.

use reqwest::Url;

use super::RelayError;

/// Where the HTTP library looks for them.
const VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Refuses a proxy that the HTTP library would pass over and connect directly: its user does not want to be seen at the relay, or cannot get there without it.
pub(super) fn check(read: impl Fn(&str) -> Option<String>) -> Result<(), RelayError> {
    for variable in VARIABLES {
        let Some(text) = read(variable).filter(|text| !text.is_empty()) else {
            continue;
        };
        let whole = if text.contains("://") {
            text
        } else {
            format!("http://{text}")
        };
        let usable = Url::parse(&whole).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !usable {
            return Err(RelayError::BadProxy { variable });
        }
    }
    Ok(())
}

/// A variable of the environment. What is no text is no proxy either.
pub(super) fn environment(variable: &str) -> Option<String> {
    std::env::var_os(variable).map(|text| text.into_string().unwrap_or_else(|_| "://".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_would_be_passed_over_is_refused_by_its_variable() {
        for (text, usable) in [
            ("", true),
            ("http://127.0.0.1:8080", true),
            ("https://user:secret@proxy.example", true),
            ("127.0.0.1:8080", true),
            ("proxy.example", true),
            ("ftp://127.0.0.1:21", false),
            ("socks5://127.0.0.1:9050", false),
            ("tor://127.0.0.1:9050", false),
            (":::bad", false),
            ("http://127.0.0.1 :80", false),
            ("://", false),
            (" ", false),
        ] {
            for variable in VARIABLES {
                let done = check(|name| (name == variable).then(|| text.to_owned()));
                assert_eq!(done.is_ok(), usable, "{variable}={text}");
                if let Err(error) = done {
                    assert!(error.to_string().contains(variable), "{error}");
                    assert!(!error.to_string().contains("127"), "{error}");
                }
            }
        }
    }
}
