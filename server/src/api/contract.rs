//! The contract as it is published. What the framework writes is put right where other people's tools, and readers, stumble over it:
//!
//! - An operation that needs no authentication says so (`security: []`), where the framework says nothing: to a reader that is an oversight.
//! - A field of another schema's type is a plain `$ref`. The framework wraps it into `allOf` with a description beside it, which generators take for a type to be put together:
//!   one of them drops every such schema, `Problem` among them. The referred schema describes itself.
//! - Descriptions of success, which the framework leaves empty, say at least that.
//! - A delivery token is a way to authenticate, not the lack of one: where it is taken, the contract names it beside the bearer token.
//! - Fields and parameters have examples ([`super::examples`]).

use poem_openapi::types::ToJSON as _;
use protocol::Timestamp;
use serde_yaml::{Mapping, Value};

use super::{examples, problem, tokens};

/// The name of delivery tokens among the ways to authenticate.
const DELIVERY_TOKEN: &str = "DeliveryToken";

/// The contract, put right; the same from run to run. `now` is the time of its examples.
pub(super) fn published(specification: &str, now: Timestamp) -> serde_json::Result<Value> {
    // Straight into a value that keeps the order of the fields.
    let mut contract = serde_json::from_str::<Value>(specification)?;
    plain_references(&mut contract);
    exemplify(&mut contract, now);
    name_delivery_tokens(&mut contract);
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
    Ok(contract)
}

fn mapping<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Mapping> {
    path.iter()
        .try_fold(value, |value, name| value.get_mut(*name))?
        .as_mapping_mut()
}

/// Puts examples on fields and parameters.
fn exemplify(contract: &mut Value, now: Timestamp) {
    for (name, schema) in mapping(contract, &["components", "schemas"]).into_iter().flatten() {
        if let (Some(name), Some(properties)) = (name.as_str(), mapping(schema, &["properties"])) {
            examples::put_on_fields(name, properties, now);
        }
    }
    for (path, methods) in mapping(contract, &["paths"]).into_iter().flatten() {
        let Some(path) = path.as_str() else { continue };
        let operations = methods.as_mapping_mut().into_iter().flatten();
        let parameters = operations.filter_map(|(_, operation)| operation.get_mut("parameters")?.as_sequence_mut());
        for parameter in parameters.flatten().filter_map(Value::as_mapping_mut) {
            let name = parameter.get("name").and_then(Value::as_str);
            // A token that nobody registered is refused: what may be left out is.
            let wanted = parameter.get("required").and_then(Value::as_bool) == Some(true);
            if let Some(example) = name
                .and_then(|name| examples::of_parameter(path, name))
                .filter(|_| wanted)
            {
                parameter.insert("example".into(), example);
            }
        }
    }
}

/// Names delivery tokens as a way to authenticate, in the place of none at all.
fn name_delivery_tokens(contract: &mut Value) {
    let header = tokens::HEADER;
    let scheme = [
        ("type", "apiKey"),
        ("in", "header"),
        ("name", header.as_str()),
        (
            "description",
            "Only for the three sends, in place of a session's token: leave it empty to send as your account. It is 32 random bytes as standard base64. The recipient \
             registers their SHA-256 with `put_delivery_token` and gives the token to one contact inside a message. The relay looks at no account of the sender then.",
        ),
    ];
    if let Some(schemes) = mapping(contract, &["components", "securitySchemes"]) {
        let scheme = scheme.map(|(name, value)| (name.into(), value.into()));
        schemes.insert(DELIVERY_TOKEN.into(), Mapping::from_iter(scheme).into());
    }
    let none = Value::Mapping(Mapping::new());
    let token = Mapping::from_iter([(DELIVERY_TOKEN.into(), Value::Sequence(Vec::new()))]);
    for operation in operations(contract) {
        let ways = operation.get_mut("security").and_then(Value::as_sequence_mut);
        for way in ways.into_iter().flatten().filter(|way| **way == none) {
            *way = token.clone().into();
        }
    }
}

/// The same contract for the page. It asks for a delivery token where it asks for the session's: as a parameter, which generated clients need, it would be
/// asked for a second time. And it shows of each error one that has the status, where the contract itself has one example for all.
pub(super) fn for_the_page(mut contract: Value) -> Value {
    let header = tokens::HEADER;
    let is_token = |parameter: &Value| {
        let name = parameter.get("name").and_then(Value::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case(header.as_str()))
    };
    for operation in operations(&mut contract) {
        if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_sequence_mut) {
            parameters.retain(|parameter| !is_token(parameter));
        }
        let answers = operation.get_mut("responses").and_then(Value::as_mapping_mut);
        for (status, answer) in answers.into_iter().flatten() {
            let status = status.as_str().and_then(|status| status.parse().ok());
            let example = status
                .and_then(problem::example_of)
                .and_then(|problem| problem.to_json());
            let example = example.and_then(|problem| serde_yaml::to_value(problem).ok());
            let kinds = mapping(answer, &["content"]).into_iter().flatten();
            for (_, kind) in kinds {
                if let (Some(kind), Some(example)) = (kind.as_mapping_mut(), &example) {
                    kind.insert("example".into(), example.clone());
                }
            }
        }
    }
    contract
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
        let contract = published(written, Timestamp(0)).unwrap();
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
        let without = Value::Mapping(Mapping::new());
        for operation in operations(&mut contract) {
            let ways = operation["security"].as_sequence().unwrap();
            assert!(!ways.contains(&without), "a delivery token is a way to authenticate");
        }
        assert_eq!(yaml.matches("- DeliveryToken: []").count(), 3, "the three sends");
        assert_eq!(
            contract["components"]["securitySchemes"][DELIVERY_TOKEN]["name"],
            Value::from("latchkey-delivery-token")
        );
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

    #[test]
    fn the_page_asks_for_a_delivery_token_once_and_clients_have_it_as_a_parameter() {
        let contract = published(&crate::api::openapi_service().spec(), Timestamp(0)).unwrap();
        let parameters = |contract: &Value| {
            let text = serde_yaml::to_string(contract).unwrap();
            text.matches("name: Latchkey-Delivery-Token").count()
        };
        let of_page = for_the_page(contract.clone());
        assert_eq!((parameters(&contract), parameters(&of_page)), (3, 0));
        let ways = |contract: &Value| {
            serde_yaml::to_string(contract)
                .unwrap()
                .matches("- DeliveryToken: []")
                .count()
        };
        assert_eq!((ways(&contract), ways(&of_page)), (3, 3));
        // Nothing else is left out.
        let others = |contract: &Value| serde_yaml::to_string(contract).unwrap().matches("in: query").count();
        assert!(others(&of_page) > 0);
        assert_eq!(others(&contract), others(&of_page));
    }

    #[test]
    fn the_page_shows_of_each_error_one_with_its_status() {
        let contract = published(&crate::api::openapi_service().spec(), Timestamp(0)).unwrap();
        let mut shown = 0;
        for operation in operations(&mut for_the_page(contract)) {
            for (status, answer) in operation["responses"].as_mapping().unwrap() {
                let status: u64 = status.as_str().unwrap().parse().unwrap();
                let kind = &answer["content"]["application/json; charset=utf-8"];
                if kind["schema"]["$ref"] != "#/components/schemas/Problem" {
                    assert!(kind.get("example").is_none(), "{status}");
                    continue;
                }
                let example = &kind["example"];
                assert_eq!(example["status"], Value::from(status));
                let code = example["code"].as_str().unwrap();
                assert!(
                    answer["description"].as_str().unwrap().contains(code),
                    "{status}: {code}"
                );
                shown += 1;
            }
        }
        assert!(shown > 300, "{shown}");
    }

    #[test]
    fn each_way_to_authenticate_says_how_to_get_a_token() {
        let contract = published(&crate::api::openapi_service().spec(), Timestamp(0)).unwrap();
        let schemes = &contract["components"]["securitySchemes"];
        for (name, how) in [("Auth", "`latchkey token`"), (DELIVERY_TOKEN, "`put_delivery_token`")] {
            let said = schemes[name]["description"].as_str().unwrap();
            assert!(said.contains(how), "{name}: {said}");
        }
        assert_eq!(schemes.as_mapping().unwrap().len(), 2);
    }

    /// The browser's test tries them all at a relay; these two depend on other examples.
    #[test]
    fn no_example_of_a_request_is_refused_because_of_another() {
        let contract = published(&crate::api::openapi_service().spec(), Timestamp(0)).unwrap();
        let schemas = &contract["components"]["schemas"];
        let parameter = |path: &str, method: &str, name: &str| {
            let parameters = contract["paths"][path][method]["parameters"].as_sequence().unwrap();
            let found = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
            found["example"].as_str().unwrap().to_owned()
        };
        // Who tries them out is whom all is sent to.
        let me = parameter("/v1/messages", "post", "to");
        let blocked = schemas["BlockRequest"]["properties"]["user"]["example"]
            .as_str()
            .unwrap();
        assert_ne!(blocked, me);
        protocol::address::UserName::parse(blocked).unwrap();
        assert_eq!(parameter("/v1/blocked-accounts/{user}", "delete", "user"), blocked);
        // One id for two messages is a conflict.
        let limited = schemas["LimitedRequest"]["properties"]["id"]["example"]
            .as_str()
            .unwrap();
        assert_ne!(parameter("/v1/messages", "post", "id"), limited);
    }

    #[test]
    fn every_field_of_text_or_number_has_an_example() {
        let contract = published(&crate::api::openapi_service().spec(), Timestamp(0)).unwrap();
        let says_itself = |field: &Value| field.get("$ref").is_some() || field["type"] == "boolean";
        // What depends on the case, and is there for people.
        let free = ["title", "detail", "action", "retry_after_seconds", "next_slot"];
        let mut without = Vec::new();
        for (name, schema) in contract["components"]["schemas"].as_mapping().unwrap() {
            if schema.get("example").is_some() {
                // An example of the whole has every field.
                continue;
            }
            let fields = schema
                .get("properties")
                .and_then(Value::as_mapping)
                .into_iter()
                .flatten();
            for (field, shape) in fields {
                let field = field.as_str().unwrap();
                let known = free.contains(&field);
                let of_schemas = shape.get("items").is_some_and(|items| items.get("$ref").is_some());
                if shape.get("example").is_none() && !says_itself(shape) && !known && !of_schemas {
                    without.push(format!("{}.{field}", name.as_str().unwrap()));
                }
            }
        }
        assert_eq!(without, [""; 0]);
    }
}
