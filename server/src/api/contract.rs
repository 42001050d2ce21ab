//! The contract as it is published. What the framework writes is put right in three places where other people's tools stumble over it:
//!
//! - An operation that needs no authentication says so (`security: []`), where the framework says nothing: to a reader that is an oversight.
//! - A field of another schema's type is a plain `$ref`. The framework wraps it into `allOf` with a description beside it, which generators take for a type to be put together:
//!   one of them drops every such schema, `Problem` among them. The referred schema describes itself.
//! - Descriptions of success, which the framework leaves empty, say at least that.

use serde_yaml::{Mapping, Value};

/// The contract, put right; the same bytes from run to run.
pub(super) fn published(specification: &str) -> String {
    // Straight into a value that keeps the order of the fields.
    let Ok(mut contract) = serde_json::from_str::<Value>(specification) else {
        return specification.to_owned();
    };
    plain_references(&mut contract);
    for operation in operations(&mut contract) {
        let no_security = || Value::Sequence(Vec::new());
        operation.entry("security".into()).or_insert_with(no_security);
        let answers = operation.get_mut("responses").and_then(Value::as_mapping_mut);
        for (_, answer) in answers.into_iter().flatten() {
            if let Some(description) = answer.get_mut("description").filter(|text| text.as_str() == Some("")) {
                *description = "Done".into();
            }
        }
    }
    serde_yaml::to_string(&contract).unwrap_or_else(|_| specification.to_owned())
}

fn operations(contract: &mut Value) -> impl Iterator<Item = &mut Mapping> {
    let paths = contract.get_mut("paths").and_then(Value::as_mapping_mut);
    let methods = paths
        .into_iter()
        .flatten()
        .filter_map(|(_, path)| path.as_mapping_mut());
    methods
        .flatten()
        .filter_map(|(_, operation)| operation.as_mapping_mut())
}

/// Puts `$ref` in the place of an `allOf` around it.
fn plain_references(value: &mut Value) {
    if let Some(reference) = wrapped(value) {
        *value = Value::Mapping(Mapping::from_iter([("$ref".into(), reference)]));
        return;
    }
    match value {
        Value::Mapping(fields) => fields.iter_mut().for_each(|(_, field)| plain_references(field)),
        Value::Sequence(items) => items.iter_mut().for_each(plain_references),
        _ => {}
    }
}

/// The one reference in an `allOf` beside which there are descriptions alone.
fn wrapped(value: &Value) -> Option<Value> {
    let parts = value.get("allOf")?.as_sequence()?;
    let describes = |part: &&Value| {
        let fields = part.as_mapping().into_iter().flatten();
        fields
            .map(|(name, _)| name)
            .all(|name| name.as_str() == Some("description"))
    };
    let mut telling = parts.iter().filter(|part| !describes(part));
    let reference = telling.next()?.get("$ref")?.clone();
    telling.next().is_none().then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_stumble_over_is_put_right_and_nothing_else() {
        let written = r##"{
            "paths": {"/a": {
                "get": {"responses": {"200": {"description": ""}, "400": {"description": "Bad"}}},
                "put": {"security": [{"Auth": []}]}
            }},
            "components": {"schemas": {"A": {"properties": {
                "wrapped": {"description": "x", "allOf": [{"$ref": "#/B"}, {"description": "x"}]},
                "two": {"allOf": [{"$ref": "#/B"}, {"$ref": "#/C"}]},
                "more": {"allOf": [{"$ref": "#/B"}, {"default": 1}]},
                "plain": {"$ref": "#/B"}
            }}}}
        }"##;
        let contract: Value = serde_yaml::from_str(&published(written)).unwrap();
        let get = &contract["paths"]["/a"]["get"];
        assert_eq!(get["security"], Value::Sequence(Vec::new()));
        assert_eq!(get["responses"]["200"]["description"], Value::from("Done"));
        assert_eq!(get["responses"]["400"]["description"], Value::from("Bad"));
        assert_eq!(
            contract["paths"]["/a"]["put"]["security"].as_sequence().unwrap().len(),
            1
        );
        let fields = &contract["components"]["schemas"]["A"]["properties"];
        assert_eq!(fields["wrapped"], fields["plain"]);
        for left in ["two", "more"] {
            assert_eq!(fields[left]["allOf"].as_sequence().unwrap().len(), 2, "{left}");
        }
    }

    #[test]
    fn every_operation_of_ours_says_whether_it_wants_a_token() {
        let yaml = crate::openapi_yaml();
        let mut contract: Value = serde_yaml::from_str(&yaml).unwrap();
        assert!(!yaml.contains("allOf"), "a type is one schema");
        assert!(contract["info"]["license"]["name"].as_str().is_some());
        let mut open = Vec::new();
        for operation in operations(&mut contract) {
            if operation["security"].as_sequence().unwrap().is_empty() {
                open.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
        open.sort_unstable();
        assert_eq!(
            open,
            [
                "challenge",
                "confirm_play",
                "license",
                "play",
                "play_oblivious",
                "register",
                "relay_key",
                "revoke",
                "sign_in",
                "status",
                "succeed"
            ]
        );
    }
}
