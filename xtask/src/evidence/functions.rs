//! The functions of Rust files, and which of them are tests. By tokens, so that neither a comment nor a string passes for a function, and so that
//! tests inside of `proptest!` are seen.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A function, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Path from the top, with slashes.
    pub file: String,
    /// Whether `cargo test` runs it: it has an attribute `test` of whatever runner, and is not ignored.
    pub test: bool,
}

/// The functions of all Rust files below a folder.
///
/// # Errors
/// Files that cannot be read, or that are no Rust.
pub fn below(top: &Path, folder: &str, functions: &mut Vec<Function>) -> Result<()> {
    for entry in fs::read_dir(top.join(folder)).with_context(|| folder.to_owned())? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            // What a build leaves behind is not ours.
            if entry.file_name() != "target" {
                below(top, &path, functions)?;
            }
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
            of(&path, &text, functions).with_context(|| path.clone())?;
        }
    }
    Ok(())
}

/// The functions of one file's text.
fn of(file: &str, text: &str, functions: &mut Vec<Function>) -> Result<()> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{error}"))?;
    scan(file, tokens, functions);
    Ok(())
}

/// What stands in front of a function.
#[derive(Default)]
struct Before {
    test: bool,
    ignored: bool,
}

fn scan(file: &str, tokens: TokenStream, functions: &mut Vec<Function>) {
    let mut before = Before::default();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.peek()
                    && attribute.delimiter() == Delimiter::Bracket
                {
                    match path_of(attribute.stream()).as_deref() {
                        Some("test") => before.test = true,
                        Some("ignore") => before.ignored = true,
                        _ => {}
                    }
                    tokens.next();
                }
            }
            TokenTree::Ident(word) if word == "fn" => {
                if let Some(TokenTree::Ident(name)) = tokens.peek() {
                    functions.push(Function {
                        name: name.to_string(),
                        file: file.to_owned(),
                        test: before.test && !before.ignored,
                    });
                }
                before = Before::default();
            }
            // `pub`, `async`, and what narrows a `pub`.
            TokenTree::Ident(_) => {}
            TokenTree::Group(group) => {
                if group.delimiter() != Delimiter::Parenthesis {
                    before = Before::default();
                }
                scan(file, group.stream(), functions);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => before = Before::default(),
        }
    }
}

/// The last part of an attribute's path: `test` of `tokio::test(flavor = "multi_thread")`.
fn path_of(attribute: TokenStream) -> Option<String> {
    let mut last = None;
    for token in attribute {
        match token {
            TokenTree::Ident(word) => last = Some(word.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ':' => {}
            _ => break,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, bool)> {
        let mut functions = Vec::new();
        of("a.rs", text, &mut functions).unwrap();
        functions
            .into_iter()
            .map(|function| (function.name, function.test))
            .collect()
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let text = r#"
            #![allow(dead_code)]
            #[test]
            fn one() { fn inside() {} }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[allow(clippy::panic)]
            pub(crate) async fn two() {}
            #[cfg(test)]
            fn helper<T>(job: fn(T) -> T) {}
            #[test]
            #[ignore = "slow"]
            fn asleep() {}
            #[test]
            const X: u8 = 1;
            fn after() {}
        "#;
        let expected = [
            ("one", true),
            ("inside", false),
            ("two", true),
            ("helper", false),
            ("asleep", false),
            ("after", false),
        ];
        assert_eq!(found(text), expected.map(|(name, test)| (name.to_owned(), test)));
    }

    #[test]
    fn macros_are_looked_into_and_comments_and_strings_are_not() {
        let text = r##"
            mod tests {
                proptest! {
                    /// fn in_a_comment() {}
                    #[test]
                    fn of_a_macro(x in 0..5u8) { let _ = "#[test] fn in_a_string() {}"; }
                }
            }
            // #[test] fn in_another_comment() {}
        "##;
        assert_eq!(found(text), [("of_a_macro".to_owned(), true)]);
    }
}
