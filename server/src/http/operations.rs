//! Which operation of the contract a request is for: by which it is counted, and what a 405 has to say (RFC 9110).

use poem::http::{HeaderValue, Method};

/// Requests for the landing page, its status as JSON, the contract and its documentation.
const PAGES: &str = "page";
/// Requests for what does not exist. One label for all: whatever a stranger makes up must not become a series.
const OTHER: &str = "other";

/// The operations of the contract.
pub(crate) struct Operations {
    paths: Vec<Path>,
    names: Vec<String>,
}

struct Path {
    /// What lies between the slashes; none where anything may.
    parts: Vec<Option<String>>,
    allow: HeaderValue,
    operations: Vec<(Method, usize)>,
}

/// What a request is for.
pub(crate) struct Found<'a> {
    /// Its number, by which it is counted.
    pub operation: usize,
    /// The methods that its path knows, if it knows any.
    pub allow: Option<&'a HeaderValue>,
}

impl Operations {
    /// From the contract as JSON.
    pub fn of_contract(specification: &str) -> Self {
        let contract: serde_json::Value = serde_json::from_str(specification).unwrap_or_default();
        let mut names = vec![OTHER.to_owned(), PAGES.to_owned()];
        let mut paths = Vec::new();
        for (path, methods) in contract["paths"].as_object().into_iter().flatten() {
            let mut operations = Vec::new();
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if let (Ok(method), Some(name)) = (
                    method.to_uppercase().parse::<Method>(),
                    operation["operationId"].as_str(),
                ) {
                    operations.push((method, names.len()));
                    names.push(name.to_owned());
                }
            }
            let allow: Vec<_> = operations.iter().map(|(method, _)| method.as_str()).collect();
            let part = |part: &str| (!part.starts_with('{')).then(|| part.to_owned());
            if let Ok(allow) = HeaderValue::from_str(&allow.join(", ")) {
                paths.push(Path {
                    parts: path.split('/').map(part).collect(),
                    allow,
                    operations,
                });
            }
        }
        // A fixed part beats a parameter, as in the router.
        paths.sort_by_key(|path| path.parts.iter().filter(|part| part.is_none()).count());
        Self { paths, names }
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().cloned()
    }

    /// What a request is for.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        static PAGE_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
        if !path.starts_with("/v1/") {
            let page = path == "/"
                || ["/status", "/docs", "/openapi.yaml"]
                    .iter()
                    .any(|page| path.starts_with(page));
            return Found {
                operation: usize::from(page),
                allow: Some(&PAGE_METHODS),
            };
        }
        let Some(known) = self.paths.iter().find(|known| known.fits(path)) else {
            return Found {
                operation: 0,
                allow: None,
            };
        };
        let operation = known.operations.iter().find(|(of, _)| of == method);
        Found {
            operation: operation.map_or(0, |(_, number)| *number),
            allow: Some(&known.allow),
        }
    }
}

impl Path {
    fn fits(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let all = self.parts.iter().all(|known| {
            parts
                .next()
                .is_some_and(|part| known.as_deref().is_none_or(|known| known == part))
        });
        all && parts.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_an_operation_and_strangers_make_up_none() {
        let operations = Operations::of_contract(&crate::api::openapi_service().spec());
        let names: Vec<_> = operations.names().collect();
        let find = |method: Method, path: &str| {
            let found = operations.find(&method, path);
            let allow = found.allow.map(|allow| allow.to_str().unwrap().to_owned());
            (names[found.operation].clone(), allow)
        };
        let is = |name: &str, allow: &str| (name.to_owned(), Some(allow.to_owned()));
        assert_eq!(find(Method::POST, "/v1/messages"), is("send", "POST"));
        assert_eq!(find(Method::GET, "/v1/messages"), is("other", "POST"));
        assert_eq!(find(Method::GET, "/v1/keys/alice"), is("fetch_key", "GET"));
        assert_eq!(
            find(Method::GET, "/v1/keys/alice/identity"),
            is("fetch_identity", "GET")
        );
        assert_eq!(find(Method::DELETE, "/v1/session").0, "sign_out");
        assert_eq!(find(Method::POST, "/v1/session/challenge"), is("challenge", "POST"));
        assert_eq!(find(Method::GET, "/docs/x"), is("page", "GET, HEAD"));
        assert_eq!(find(Method::GET, "/.env"), is("other", "GET, HEAD"));
        assert_eq!(
            find(Method::GET, "/v1/made/up/by/a/stranger"),
            ("other".to_owned(), None)
        );
    }
}
