//! The proxies of the environment: used or refused, not ignored; and named where a relay cannot be reached by way of one.

use std::fmt;

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
/// Set by a web server for the programs that it runs. The HTTP library then believes no variable of a proxy: a visitor may have set it by a header.
const CGI: &str = "REQUEST_METHOD";

/// Refuses a proxy that the HTTP library would pass over and connect directly: its user does not want to be seen at the relay, or cannot get there without it.
pub(super) fn check(read: impl Fn(&str) -> Option<String>) -> Result<(), RelayError> {
    let cgi = read(CGI).is_some();
    for variable in VARIABLES {
        let Some(text) = read(variable).filter(|text| !text.is_empty()) else {
            continue;
        };
        let url = url_of(&text);
        let reason = match &url {
            Some(url) if url.scheme().starts_with("socks") => "SOCKS is not supported",
            Some(url) if !matches!(url.scheme(), "http" | "https") => "only HTTP proxies are supported",
            Some(url) if !url.has_host() => "it names no host",
            Some(_) if cgi => "where REQUEST_METHOD is set, as for a program of a web server, proxies are not used",
            Some(_) => continue,
            None => "it is no URL",
        };
        return Err(RelayError::BadProxy {
            variable,
            proxy: url.as_ref().and_then(shown),
            reason,
        });
    }
    Ok(())
}

/// As the HTTP library reads it: without a scheme it is HTTP.
fn url_of(text: &str) -> Option<Url> {
    if text.contains("://") {
        Url::parse(text).ok()
    } else {
        Url::parse(&format!("http://{text}")).ok()
    }
}

/// Scheme, host and port. What else may stand there is a password, or nothing that says which proxy it is.
fn shown(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{host}{port}", url.scheme()))
}

/// The proxy by way of which a relay is asked. Its text stands behind what failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    variable: &'static str,
    shown: String,
    /// `NO_PROXY` names hosts that are asked without it. Which ones is the HTTP library's business.
    has_exceptions: bool,
}

impl Proxy {
    /// The one that the HTTP library takes for this URL, unless it is excepted; it was checked before.
    pub(super) fn of(url: &str, read: impl Fn(&str) -> Option<String>) -> Option<Self> {
        // The first that is set, empty or not, stands for both ways of writing it; the one for all where that gives none.
        let first = |names: [&'static str; 2]| {
            let (name, text) = names.into_iter().find_map(|name| Some((name, read(name)?)))?;
            Some((name, url_of(&text).filter(|_| !text.is_empty())?))
        };
        let own = if url.starts_with("https:") {
            ["HTTPS_PROXY", "https_proxy"]
        } else {
            ["HTTP_PROXY", "http_proxy"]
        };
        let (variable, proxy) = first(own).or_else(|| first(["ALL_PROXY", "all_proxy"]))?;
        let except = read("NO_PROXY").or_else(|| read("no_proxy")).unwrap_or_default();
        Some(Self {
            variable,
            shown: shown(&proxy)?,
            has_exceptions: !except.trim().is_empty(),
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, shown, .. } = self;
        let unless = if self.has_exceptions {
            ", unless NO_PROXY excepts this relay"
        } else {
            ""
        };
        write!(
            f,
            "asked by way of the proxy {shown}, which {variable} names{unless}: check that too"
        )
    }
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
        for (text, named) in [
            ("", None),
            ("http://127.0.0.1:8080", None),
            ("https://user:secret@proxy.example", None),
            ("127.0.0.1:8080", None),
            ("proxy.example", None),
            ("ftp://127.0.0.1:21", Some(" ftp://127.0.0.1 in")),
            ("socks5://127.0.0.1:9050", Some(" socks5://127.0.0.1:9050 in")),
            (
                "socks5h://me:secret@127.0.0.1:9050/secret",
                Some(" socks5h://127.0.0.1:9050 in"),
            ),
            ("tor://127.0.0.1:9050?secret#secret", Some(" tor://127.0.0.1:9050 in")),
            (":::secret", Some("the proxy in")),
            ("http://127.0.0.1 :80secret", Some("the proxy in")),
            ("://secret", Some("the proxy in")),
            (" ", Some("the proxy in")),
        ] {
            for variable in VARIABLES {
                let done = check(|name| (name == variable).then(|| text.to_owned()));
                assert_eq!(done.is_ok(), named.is_none(), "{variable}={text}");
                if let (Err(error), Some(named)) = (done, named) {
                    let error = error.to_string();
                    assert!(error.contains(variable) && error.contains(named), "{error}");
                    assert!(!error.contains("secret"), "{error}");
                    assert_eq!(
                        error.contains("SOCKS is not supported"),
                        text.contains("socks"),
                        "{error}"
                    );
                }
            }
        }
    }

    #[test]
    fn where_the_http_library_believes_no_variable_none_is_passed_over() {
        let set = |name: &str| match name {
            "REQUEST_METHOD" => Some("GET".to_owned()),
            "https_proxy" => Some("http://proxy.example".to_owned()),
            _ => None,
        };
        let error = check(set).unwrap_err().to_string();
        assert!(
            error.contains("REQUEST_METHOD") && error.contains("https_proxy"),
            "{error}"
        );
        assert!(check(|name| set(name).filter(|_| name == "REQUEST_METHOD")).is_ok());
    }

    #[test]
    fn the_proxy_that_is_used_is_named_without_its_password() {
        let of = |url: &str, set: &[(&str, &str)]| {
            let proxy = Proxy::of(url, |name| {
                set.iter()
                    .find(|(set, _)| *set == name)
                    .map(|(_, text)| (*text).to_owned())
            });
            proxy.map(|proxy| format!("{} {}", proxy.variable, proxy.shown))
        };
        let (https, http) = ("https://relay.example", "http://relay.example:5000");
        let both: &[(&str, &str)] = &[
            ("https_proxy", "http://me:secret@proxy.example:3128/"),
            ("HTTP_PROXY", "10.0.0.1:8080"),
            ("ALL_PROXY", "https://all.example"),
        ];
        assert_eq!(of(https, both).unwrap(), "https_proxy http://proxy.example:3128");
        assert_eq!(of(http, both).unwrap(), "HTTP_PROXY http://10.0.0.1:8080");
        assert_eq!(of(https, &both[2..]).unwrap(), "ALL_PROXY https://all.example");
        assert_eq!(of(http, &both[..1]), None);
        assert_eq!(
            of(https, &[("HTTPS_PROXY", ""), both[0]]),
            None,
            "an empty one hides the other"
        );
        let text = |except: &str| {
            let set = [both[0], ("no_proxy", except)];
            let read = |name: &str| {
                set.iter()
                    .find(|(set, _)| *set == name)
                    .map(|(_, text)| (*text).to_owned())
            };
            Proxy::of(https, read).unwrap().to_string()
        };
        assert!(text("").ends_with("http://proxy.example:3128, which https_proxy names: check that too"));
        assert!(text("other.example").contains("names, unless NO_PROXY excepts this relay: check that too"));
    }
}
