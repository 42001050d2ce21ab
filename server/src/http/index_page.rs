//! The page at `/`: what this is, how it is doing, where to read on. No scripts, nothing from elsewhere.

use poem::{IntoResponse, Response, http::HeaderValue, web::Html};

use crate::{
    http::shared_documents::guard,
    origin::Origin,
    service::{Registrations, StatusReport},
};

/// Nothing but this page's own style may be loaded.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
p.lead { opacity: .75; margin-top: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 2rem 0; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code { font-size: .875rem; } nav a { margin-right: 1.5rem; }
";

/// The page.
pub(crate) fn page(status: &StatusReport, docs: bool, url: &str) -> Response {
    let docs = if docs { "<a href=\"/docs\">Try the API</a>" } else { "" };
    let mut rows = vec![
        ("Name", escape(status.identity.name.as_str())),
        (
            "Key fingerprint",
            format!("<code>{}</code>", status.identity.fingerprint),
        ),
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Storage", status.engine.to_owned()),
        ("Registration", registration(status.registrations, url)),
    ];
    if let Some(numbers) = status.numbers {
        rows.extend([
            ("Accounts", roughly(numbers.accounts)),
            ("Messages pending", roughly(numbers.messages_pending)),
            ("Play licenses active", roughly(numbers.licenses_active)),
        ]);
    }
    let rows: String = rows
        .iter()
        .map(|(term, value)| format!("<dt>{term}</dt><dd>{value}</dd>\n"))
        .collect();
    let facts = format!("<dl>\n{rows}</dl>");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Latchkey relay</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Latchkey relay</h1>\n\
         <p class=\"lead\">It keeps sealed messages until they are delivered. It cannot read them.</p>\n{facts}\n\
         <nav>{docs}<a href=\"/openapi.yaml\">openapi.yaml</a><a href=\"/status\">Status as JSON</a></nav>\n\
         </body>\n</html>\n"
    );
    let mut page = Html(page).with_header("Cache-Control", "no-store").into_response();
    guard(page.headers_mut(), HeaderValue::from_static(POLICY));
    page
}

/// What a client is told to dial: the relay's own URL, else that of this machine if it is asked there, else a place to put it.
pub(crate) fn dialled(origins: &[Origin], host: Option<&str>) -> String {
    // A client takes plain HTTP to another machine only when it is told to.
    let taken = |origin: &&Origin| origin.is_tls() || origin.is_loopback();
    if let Some(origin) = origins.iter().find(taken) {
        return origin.to_string();
    }
    if let Some(plain) = origins.first() {
        return format!("{plain} --allow-plain-http");
    }
    // What a request says of its host is repeated for this machine alone.
    let asked = host.and_then(|host| Origin::parse(&format!("http://{host}")));
    asked
        .filter(Origin::is_loopback)
        .map_or_else(|| "URL".to_owned(), |origin| origin.to_string())
}

/// What to do for an account. The link of an invitation leads here: its code stays in the browser, and is no business of this page.
fn registration(of: Registrations, url: &str) -> String {
    let url = escape(url);
    match of {
        Registrations::Open => format!("open: <code>latchkey --relay {url} register NAME</code>"),
        Registrations::Invite => {
            "by invitation: <code>latchkey register NAME --invite 'LINK'</code>, with the link that you were given"
                .to_owned()
        }
        Registrations::Closed => "closed: this relay takes no new accounts".to_owned(),
    }
}

fn roughly(number: u64) -> String {
    match number {
        0 => "few".to_owned(),
        number => format!("about {number}"),
    }
}

/// A relay name has no such characters; a page that relies on that today is a hole tomorrow.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
