//! openapi.yaml from the relay's code, the SDK from openapi.yaml, and the tables of measured numbers in documents ([`figures`]).
//!
//! All of it is committed: a reader sees the contract without building anything, and a user of the SDK does not build its generator.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use progenitor_impl::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TagStyle, TypeImpl};
use serde_json::json;
use serde_yaml::Value;

use crate::{figures, out, run};

const CONTRACT: &str = "openapi.yaml";
const CLIENT: &str = "sdk/src/generated.rs";

const HEADER: &str = "\
// Generated from openapi.yaml by `cargo xtask generate`. Do not edit: change server/src/api, run it again, and commit what it writes.
// Formatting is the generator's own, so that a comparison of bytes shows whether this file is up to date.

";

/// Writes the files, or with `check` compares them.
///
/// # Errors
/// When the relay or the generator fails, or a document names a number that was not measured; with `check` also when a file is not up to date.
pub fn run(check: bool) -> Result<()> {
    let root = run::root();
    let read = |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("{name} could not be read"));
    let results: serde_json::Value = serde_json::from_str(&read(figures::RESULTS)?).context(figures::RESULTS)?;
    let mut files = Vec::new();
    for name in figures::DOCUMENTS {
        files.push((name, figures::fill(&read(name)?, &results).context(name)?));
    }
    // By binary and not by package: so the whole workspace decides the features, and what `cargo xtask test` built is not built again.
    let contract = run::output(&["run", "--quiet", "--bin", "latchkey-relay", "--", "openapi"])?;
    files.push((CLIENT, client(&contract)?));
    files.push((CONTRACT, contract));
    let names = files.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if !check {
        for (name, fresh) in &files {
            write(&root.join(name), fresh)?;
        }
        out::line(&format!("wrote {names}"));
        return Ok(());
    }
    let stale: Vec<String> = files
        .iter()
        .filter_map(|(name, fresh)| difference(name, fs::read(root.join(name)).ok().as_deref(), fresh))
        .collect();
    if !stale.is_empty() {
        bail!(
            "{}\nRun `cargo xtask generate` and commit what it writes.",
            stale.join("\n")
        );
    }
    out::line(&format!("{names} are up to date"));
    Ok(())
}

/// The source of the typed client.
fn client(contract: &str) -> Result<String> {
    let mut contract: Value = serde_yaml::from_str(contract).context("the relay printed no YAML")?;
    mark_secrets(&mut contract);
    let with_token = with_token(&contract);
    let contract = serde_yaml::from_value(contract).context("the relay printed no OpenAPI 3.0 document")?;

    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Merged)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote::quote!(crate::Session))
        .with_conversion(
            serde_json::from_value(json!({ "type": "string", "format": "bytes" }))?,
            "crate::Base64",
            [TypeImpl::FromStr, TypeImpl::Display].into_iter(),
        )
        .with_conversion(
            serde_json::from_value(json!({ "type": "string", "format": SECRET }))?,
            "crate::Token",
            std::iter::empty(),
        );
    let tokens = Generator::new(&settings)
        .generate_tokens(&contract)
        .context("the client could not be generated")?;
    let file = syn::parse2(tokens).context("the generator wrote something that is not Rust")?;
    // The generator marks its examples as tests to be skipped. They are illustrations, and no test of ours is ever skipped.
    let source = prettyplease::unparse(&file).replace("```ignore", "```text");
    Ok(format!("{HEADER}{source}{with_token}"))
}

/// The list of operations that want a token, which the generator leaves out.
fn with_token(contract: &Value) -> String {
    let operations = contract
        .get("paths")
        .and_then(Value::as_mapping)
        .into_iter()
        .flat_map(|paths| paths.values());
    let mut ids: Vec<&str> = operations
        .filter_map(Value::as_mapping)
        .flat_map(|methods| methods.values())
        .filter(|operation| {
            operation
                .get("security")
                .and_then(Value::as_sequence)
                .is_some_and(|s| !s.is_empty())
        })
        .filter_map(|operation| operation.get("operationId")?.as_str())
        .collect();
    ids.sort_unstable();
    let ids: String = ids.iter().map(|id| format!("    \"{id}\",\n")).collect();
    format!(
        "/// The operations that want a bearer token, by operation id.\npub(crate) const WITH_TOKEN: &[&str] = &[\n{ids}];\n"
    )
}

/// OpenAPI's format for a string that is not to be shown.
const SECRET: &str = "password";

/// Fields that hold a secret: a bearer token, the code of an invitation.
const SECRETS: [&str; 2] = ["token", "invite"];

/// Secrets are plain strings to the wire; the client gives them a type that never prints itself.
fn mark_secrets(contract: &mut Value) {
    let Some(schemas) = contract
        .get_mut("components")
        .and_then(|c| c.get_mut("schemas"))
        .and_then(Value::as_mapping_mut)
    else {
        return;
    };
    for (_, schema) in schemas.iter_mut() {
        for name in SECRETS {
            let secret = schema
                .get_mut("properties")
                .and_then(|p| p.get_mut(name))
                .and_then(Value::as_mapping_mut);
            if let Some(secret) = secret {
                secret.insert("format".into(), SECRET.into());
            }
        }
    }
}

/// What to say about a committed file that is not what would be written.
fn difference(name: &str, committed: Option<&[u8]>, fresh: &str) -> Option<String> {
    let Some(committed) = committed else {
        return Some(format!("{name} is missing"));
    };
    if committed == fresh.as_bytes() {
        return None;
    }
    let committed = String::from_utf8_lossy(committed);
    let mut both = committed.lines().zip(fresh.lines()).enumerate();
    Some(match both.find(|(_, (old, new))| old != new) {
        Some((at, (old, new))) => {
            format!(
                "{name} is not up to date, first in line {}:\n  committed: {old}\n  now:       {new}",
                at + 1
            )
        }
        None => format!(
            "{name} is not up to date: {} lines committed, {} now",
            lines(&committed),
            lines(fresh)
        ),
    })
}

fn lines(text: &str) -> usize {
    text.lines().count()
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} could not be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_up_to_date() {
        assert_eq!(difference("f", Some(b"a\nb\n"), "a\nb\n"), None);
        assert_eq!(difference("f", None, "a").unwrap(), "f is missing");
        let said = difference("f", Some(b"a\nb\n"), "a\nc\n").unwrap();
        assert!(
            said.contains("line 2") && said.contains("committed: b") && said.contains("now:       c"),
            "{said}"
        );
        assert!(
            difference("f", Some(b"a\n"), "a\nb\n")
                .unwrap()
                .contains("1 lines committed, 2 now")
        );
        assert!(difference("f", Some(b"a"), "a\n").is_some(), "a missing newline");
    }

    #[test]
    fn operations_that_want_a_token_are_listed() {
        let contract = serde_yaml::from_str(
            "paths: {/a: {get: {operationId: z, security: [{Auth: []}]}, put: {operationId: y, security: []}}, /b: {get: {operationId: x, security: [{Auth: []}]}}}",
        )
        .unwrap();
        assert!(with_token(&contract).ends_with("= &[\n    \"x\",\n    \"z\",\n];\n"));
    }

    #[test]
    fn secrets_are_marked_and_nothing_else() {
        let mut contract: Value = serde_yaml::from_str(
            "components: {schemas: {S: {properties: {token: {type: string}, invite: {type: string}, name: {type: string}}}, E: {enum: [a]}}}",
        )
        .unwrap();
        mark_secrets(&mut contract);
        let properties = &contract["components"]["schemas"]["S"]["properties"];
        for name in SECRETS {
            assert_eq!(properties[name]["format"], Value::from("password"));
        }
        assert!(properties["name"].get("format").is_none());
    }
}
