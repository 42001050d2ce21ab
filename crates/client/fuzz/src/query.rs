//! The query of a send, as the relay's quick way reads it. What it does not read goes to the framework, so all that must hold is that it never reads
//! another recipient or id than the framework would.

use protocol::address::UserName;
use uuid::Uuid;

#[path = "../../../../server/src/http/fast_send/query.rs"]
mod relay;

/// The input is a query; or, when it begins with a zero, what follows is put where a name or an id belongs in a right one.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let id = Uuid::from_bytes([0x5a; 16]);
    match text.strip_prefix('\0') {
        Some(part) => {
            check(&format!("to={part}&id={id}"));
            check(&format!("id={part}&to=bob"));
            check(&format!("to=bob&id={id}{part}"));
        }
        None => check(text),
    }
}

fn check(query: &str) {
    let Some((to, id)) = relay::addressed(query) else {
        return;
    };
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("the framework reads it as well");
    assert_eq!(pairs.len(), 2, "{query:?}");
    let value = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(value("to").map(UserName::parse), Some(Ok(to)), "{query:?}");
    assert_eq!(value("id").map(Uuid::try_parse), Some(Ok(id)), "{query:?}");
}
