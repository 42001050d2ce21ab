//! The query of an ordinary send. The fuzz targets have a copy of this file's code by its path: it names nothing else of the relay.

use protocol::address::UserName;
use uuid::Uuid;

/// A UUID in its usual spelling, with hyphens.
const UUID_LENGTH: usize = 36;

/// `to` and `id`, each once, in their plainest spelling, and nothing besides. What is escaped is no name and no UUID here, whatever it stands for.
pub(crate) fn addressed(query: &str) -> Option<(UserName, Uuid)> {
    let (first, second) = query.split_once('&')?;
    let (to, id) = match (first.strip_prefix("to="), second.strip_prefix("id=")) {
        (Some(to), Some(id)) => (to, id),
        _ => (second.strip_prefix("to=")?, first.strip_prefix("id=")?),
    };
    let id = (id.len() == UUID_LENGTH).then_some(id)?;
    Some((UserName::parse(to).ok()?, Uuid::try_parse(id).ok()?))
}
