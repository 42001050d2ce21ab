//! The contract in the repository is the contract that the relay speaks.
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_yaml::Value;

#[test]
fn openapi_yaml_is_what_the_relay_emits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    let committed = std::fs::read_to_string(&path).unwrap();
    let emitted = server::openapi_yaml();
    if let Some((line, (old, new))) = (1..)
        .zip(committed.lines().zip(emitted.lines()))
        .find(|(_, (a, b))| a != b)
    {
        panic!("openapi.yaml has drifted at line {line}: {old:?} is now {new:?}. Run `cargo xtask generate`.");
    }
    assert_eq!(
        committed.len(),
        emitted.len(),
        "openapi.yaml has drifted at its end. Run `cargo xtask generate`."
    );
}

#[test]
fn the_contract_has_every_operation_and_one_shape_of_error() {
    let yaml = server::openapi_yaml();
    let mut operations: Vec<_> = yaml
        .lines()
        .filter_map(|line| line.trim().strip_prefix("operationId: "))
        .collect();
    operations.sort_unstable();
    assert_eq!(
        operations,
        [
            "block_account",
            "challenge",
            "clear_inbox",
            "confirm_play",
            "delete_delivery_token",
            "delete_gate_key",
            "fetch_identity",
            "fetch_key",
            "gate_key_status",
            "inbox",
            "key_status",
            "license",
            "play",
            "play_oblivious",
            "publish_key",
            "put_delivery_token",
            "put_gate_key",
            "register",
            "relay_key",
            "revoke",
            "send",
            "send_limited",
            "send_oblivious",
            "sign_in",
            "sign_out",
            "status",
            "succeed",
            "unblock_account"
        ]
    );
    assert_eq!(server::openapi_yaml(), yaml, "the contract differs from run to run");
}

/// A field whose example is another field's: what is shown is that one's, or the first of an enumeration.
fn shows_by_itself(schema: &Value) -> bool {
    ["$ref", "allOf", "anyOf", "oneOf", "enum"]
        .iter()
        .any(|key| schema.get(key).is_some())
}

/// Names the fields of which a page of the contract would show `"string"` or 0.
fn without_example(place: &str, schema: &Value, found: &mut Vec<String>) {
    if shows_by_itself(schema) {
        return;
    }
    if let Some(example) = schema.get("example") {
        let nothing = [Value::from("string"), Value::from(0)];
        // One of a whole body has its own reasons for a 0: not to wait, for example.
        let parts = example.as_mapping().into_iter().flatten();
        let empty = parts.filter(|(_, part)| **part == nothing[0]).count();
        if nothing.contains(example) || empty > 0 {
            found.push(format!("{place} is shown as {example:?}"));
        }
        return;
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            for (name, field) in schema["properties"].as_mapping().into_iter().flatten() {
                without_example(&format!("{place}.{}", name.as_str().unwrap()), field, found);
            }
        }
        "array" => without_example(&format!("{place}[]"), &schema["items"], found),
        "boolean" => {}
        kind => found.push(format!("{place} is shown as any {kind}")),
    }
}

/// A token takes two signatures: who reads the contract in a browser is told what makes one.
#[test]
fn the_contract_names_the_way_to_a_token() {
    let contract: Value = serde_yaml::from_str(&server::openapi_yaml()).unwrap();
    let told = contract["info"]["description"].as_str().unwrap();
    assert!(told.contains("`latchkey token`"), "{told}");
}

#[test]
fn every_field_shows_a_value_that_a_relay_would_take_or_answer() {
    let contract: Value = serde_yaml::from_str(&server::openapi_yaml()).unwrap();
    let schemas = contract["components"]["schemas"].as_mapping().unwrap();
    let mut found = Vec::new();
    for (name, schema) in schemas {
        without_example(name.as_str().unwrap(), schema, &mut found);
    }
    assert!(schemas.len() > 40, "the walk has somewhere to go: {}", schemas.len());
    assert_eq!(found, Vec::<String>::new());
    // The one shape of errors as a relay answers it: its parts belong together.
    let problem = &contract["components"]["schemas"]["Problem"]["example"];
    assert_eq!(
        problem["type"],
        format!("urn:latchkey:problem:{}", problem["code"].as_str().unwrap()).as_str()
    );
    assert_eq!(problem["status"], 404);
}

/// Numbers of the contract that are the protocol's come from there.
#[test]
fn a_receipt_has_the_length_that_the_contract_says() {
    let yaml = server::openapi_yaml();
    let said: Vec<_> = yaml
        .lines()
        .filter_map(|line| line.split_once("signed receipt, ")?.1.split_once(" bytes"))
        .map(|(length, _)| length.to_owned())
        .collect();
    assert_eq!(
        said,
        [
            protocol::play_receipt::RECEIPT_LENGTH.to_string(),
            protocol::play_receipt::RECEIPT_LENGTH.to_string()
        ]
    );
}
