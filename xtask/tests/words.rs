//! The words of errors: every `#[error("…")]` of the workspace keeps to one form.
//!
//! An error is a clause that other text stands around (`error: …`, `…: {reason}`), so it begins in lower case and has no final period. It names who does
//! what, in sentences that are read once. What it should advise, each crate's own table of texts says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Fields, Item, LitStr};

/// Where errors are defined.
const PLACES: &[&str] = &[
    "crates/protocol/src",
    "crates/playgate/src",
    "crates/client/src",
    "cli/src",
    "sdk/src",
    "server/src",
];

/// Words that name no one, or that say in a roundabout way what a plain word says.
const AVOIDED: &[(&str, &str)] = &[
    ("nobody", "say who is meant: an account, a contact, a client"),
    ("somebody", "say who is meant: another person, program or account"),
    ("whoever", "say who is meant"),
    ("that which", "name the thing"),
    ("anew", "say 'again' or 'restart'"),
];

/// Longest text, characters: four lines of a terminal of eighty columns with something to spare. What needs more belongs into the documents.
const MAX_CHARS: usize = 420;
/// Longest sentence, words. Longer ones are read twice.
const MAX_WORDS: usize = 40;

fn sources(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// The format strings of `thiserror`.
fn texts(items: &[Item]) -> Vec<String> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Enum(of) => {
                for variant in &of.variants {
                    // A variant that shows its own field has its text elsewhere.
                    let alone = matches!(&variant.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
                    found.extend(text(&variant.attrs).filter(|text| !(alone && text == "{0}")));
                }
            }
            Item::Struct(of) => found.extend(text(&of.attrs)),
            Item::Mod(of) => found.extend(of.content.iter().flat_map(|(_, items)| texts(items))),
            _ => {}
        }
    }
    found
}

fn text(attributes: &[Attribute]) -> impl Iterator<Item = String> + '_ {
    attributes
        .iter()
        .filter(|of| of.path().is_ident("error"))
        .filter_map(|of| {
            of.parse_args_with(|input: syn::parse::ParseStream<'_>| {
                let text: LitStr = input.parse()?;
                let _: proc_macro2::TokenStream = input.parse()?;
                Ok(text.value())
            })
            .ok()
        })
}

fn faults_of(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut start = text.chars();
    // TLS and other abbreviations stay as they are.
    let (first, second) = (start.next(), start.next());
    match first {
        None => faults.push("it says nothing".to_owned()),
        Some(first) if first.is_uppercase() && !second.is_some_and(char::is_uppercase) => {
            faults.push("an error begins in lower case".to_owned());
        }
        Some(_) => {}
    }
    if text.trim_end().ends_with('.') {
        faults.push("an error has no final period".to_owned());
    }
    let lower = text.to_lowercase();
    for (word, instead) in AVOIDED {
        let found = lower.match_indices(word).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + word.len()..].chars().next();
            !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
        });
        if found {
            faults.push(format!("avoid {word:?}: {instead}"));
        }
    }
    let length = text.chars().count();
    if length > MAX_CHARS {
        faults.push(format!("{length} characters, and at most {MAX_CHARS} are read"));
    }
    for sentence in text.split(['.', ';', ':']).map(str::trim) {
        let words = sentence.split_whitespace().count();
        if words > MAX_WORDS {
            faults.push(format!(
                "a sentence of {words} words, and at most {MAX_WORDS} are understood at once"
            ));
        }
    }
    faults
}

#[test]
fn every_error_of_the_workspace_keeps_to_the_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut read, mut faults) = (0, Vec::new());
    for file in PLACES.iter().flat_map(|place| sources(&root.join(place))) {
        let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
        for text in texts(&parsed.items) {
            read += 1;
            let shown = file.strip_prefix(root).unwrap().display();
            faults.extend(
                faults_of(&text)
                    .into_iter()
                    .map(|fault| format!("{shown}: {text:?}: {fault}")),
            );
        }
    }
    assert!(
        read > 150,
        "only {read} texts were found: are they looked for where they are?"
    );
    assert!(faults.is_empty(), "to rewrite:\n  {}", faults.join("\n  "));
}

/// The text literals of a file, wherever they stand.
fn literals(tokens: proc_macro2::TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Group(group) => literals(group.stream(), found),
            proc_macro2::TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
            }
            _ => {}
        }
    }
}

/// Whether a text leaves the number of a noun to its reader: `1 row(s)`.
fn leaves_the_number_open(text: &str) -> bool {
    let ends = ["(s)", "(es)", "(ies)"];
    ends.iter().any(|end| {
        text.match_indices(end)
            .any(|(at, _)| text[..at].ends_with(char::is_alphabetic))
    })
}

#[test]
fn one_is_one_and_two_are_two() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut read, mut open) = (0, Vec::new());
    for file in PLACES.iter().flat_map(|place| sources(&root.join(place))) {
        let mut texts = Vec::new();
        // Comments of documentation are texts too, which programs show as help.
        literals(fs::read_to_string(&file).unwrap().parse().unwrap(), &mut texts);
        read += texts.len();
        let shown = file.strip_prefix(root).unwrap().display();
        let bad = texts.iter().filter(|text| leaves_the_number_open(text));
        open.extend(bad.map(|text| format!("{shown}: {text:?}")));
    }
    assert!(read > 5000, "only {read} texts were found");
    assert!(open.is_empty(), "to be counted:\n  {}", open.join("\n  "));
    assert!(leaves_the_number_open("1 row(s) written") && leaves_the_number_open("box(es)"));
    assert!(!leaves_the_number_open("2 rows (small), (s)"));
}

#[test]
fn what_does_not_keep_to_the_form_is_found() {
    let long = "a ".repeat(MAX_WORDS + 1);
    for bad in [
        "",
        "Wrong passphrase",
        "wrong passphrase; try again.",
        "nobody has this name",
        "conversations are begun anew",
        "whoever holds it, has it",
        &long,
        &"long; ".repeat(100),
    ] {
        assert!(!faults_of(bad).is_empty(), "{bad:?}");
    }
    for good in [
        "wrong passphrase; nothing was changed, try again",
        "{peer} has a new identity",
        "TLS cannot be set up: {0}",
        "the anewest nobodyish word",
    ] {
        assert!(faults_of(good).is_empty(), "{good:?}: {:?}", faults_of(good));
    }
}

#[test]
fn texts_are_found_on_variants_structs_and_in_modules() {
    let source = syn::parse_file(
        r#"
        enum Error { #[error("one {}", of(.0))] A(u8), #[error("{0}")] B(String), #[error(transparent)] C(Other), #[error("two {x}")] D { x: u8 } }
        mod inner { #[error("three")] struct Single; }
        "#,
    )
    .unwrap();
    assert_eq!(texts(&source.items), ["one {}", "two {x}", "three"]);
}
