//! What the documents name is there: a table of promises is worth as much as what it points to. A name that reads like a test's is a `#[test]` that runs,
//! of the file that is named with it; files and folders exist; a file of tests that is named holds one.

mod documents;
mod functions;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;
use documents::Named;
use functions::Function;

/// Where tests are.
const SOURCES: &[&str] = &["server", "cli", "sdk", "crates", "bench", "xtask"];
/// Where documents are, besides the top.
const DOCUMENTS: &str = "docs";
/// Where a path in a document may begin, besides the top and the document's own folder.
const HOMES: &[&str] = &[
    "",
    "server/src",
    "crates/client/src",
    "cli/src",
    "crates/protocol",
    "crates/protocol/src",
    "crates/playgate/src/oblivious",
];
/// Names that read like tests or files of ours and are something else.
const NOT_OURS: &[&str] = &[
    // A function of the reference estimator (docs/oblivious-analysis.md).
    "pbs_variance_132_bits_security_tuniform_fft_mul",
    // An error code of the contract.
    "no_such_gate_key",
    // Files of a relay's data directory.
    "tls/self-signed.pem",
    "tls/self-signed.key",
];

/// Looks whether everything that a document names is there; how much that is.
///
/// # Errors
/// What is named and is not there; files that cannot be read.
pub fn check() -> Result<usize> {
    let tree = Tree::read(&run::root())?;
    let mut files = Vec::new();
    below(&tree.top, &mut files, 0)?;
    below(&tree.top.join(DOCUMENTS), &mut files, usize::MAX)?;
    let (mut count, mut missing) = (0, BTreeSet::new());
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let document = file.strip_prefix(&tree.top).unwrap_or(&file).to_owned();
        if is_superseded(&text) {
            continue;
        }
        for named in documents::named(&text) {
            match tree.look(&document, &named) {
                Verdict::There => count += 1,
                Verdict::NotMeant => {}
                Verdict::Missing(what) => {
                    missing.insert(format!("{}: {what}", document.display()));
                }
            }
        }
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().collect();
        bail!("documents name what is not there:\n  {}", missing.join("\n  "));
    }
    if count == 0 {
        bail!("no document names a test");
    }
    Ok(count)
}

/// The documents of a folder, so many folders deep.
fn below(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && depth > 0 {
            below(&path, files, depth - 1)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}

/// A decision that another one has taken the place of is history: it names what was.
fn is_superseded(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("Status:") && line.contains("superseded"))
}

enum Verdict {
    There,
    /// A mark that looks like a path or a module and is something else.
    NotMeant,
    Missing(String),
}

/// The checkout: its folders, and the functions of its Rust files.
struct Tree {
    top: PathBuf,
    functions: Vec<Function>,
}

impl Tree {
    fn read(top: &Path) -> Result<Self> {
        let mut functions = Vec::new();
        for folder in SOURCES {
            functions::below(top, folder, &mut functions)?;
        }
        Ok(Self {
            top: top.to_owned(),
            functions,
        })
    }

    fn look(&self, document: &Path, named: &Named) -> Verdict {
        match named {
            Named::Path(name) | Named::Test(name, _) if NOT_OURS.contains(&name.as_str()) => Verdict::NotMeant,
            Named::Path(path) => self.look_for_path(document, path),
            // A module is looked into only for what is said to be in it.
            Named::Module(_) => Verdict::NotMeant,
            Named::Test(name, place) => self.look_for(document, name, place.as_deref(), true),
            Named::Function(name, place) => self.look_for(document, name, Some(place), false),
        }
    }

    fn look_for_path(&self, document: &Path, path: &str) -> Verdict {
        let places = self.places(document, path);
        if places.is_empty() {
            // `gate-keys/` is a folder of a relay, not of the checkout; `store/x.rs` can only be a file of ours, wherever its folder is now.
            let known = path
                .trim_end_matches('/')
                .split_once('/')
                .is_some_and(|(first, _)| !self.places(document, first).is_empty());
            return match known || path.ends_with(".rs") {
                true => Verdict::Missing(format!("`{path}`")),
                false => Verdict::NotMeant,
            };
        }
        // Where tests live and Rust is, one is a test: vectors and scripts have a place there as well.
        let of_tests = places.iter().all(|place| place.split('/').any(|part| part == "tests"));
        let mut functions = self
            .functions
            .iter()
            .filter(|function| is_in(function, &places))
            .peekable();
        if of_tests && functions.peek().is_some() && !functions.any(|function| function.test) {
            return Verdict::Missing(format!("a test in `{path}`"));
        }
        Verdict::There
    }

    fn look_for(&self, document: &Path, name: &str, place: Option<&str>, test: bool) -> Verdict {
        // What stands before a name need not be a place of ours.
        let places = place
            .map(|place| self.places(document, place))
            .filter(|places| !places.is_empty());
        let there = |function: &Function| {
            let called = match name.strip_suffix('…') {
                Some(beginning) => function.name.starts_with(beginning),
                None => function.name == name,
            };
            called && (function.test || !test) && places.as_ref().is_none_or(|places| is_in(function, places))
        };
        match (self.functions.iter().any(there), places) {
            (true, _) => Verdict::There,
            // A word beside a word may be anything.
            (false, _) if !test && !place.unwrap_or_default().contains(['/', ':']) => Verdict::NotMeant,
            (false, None) => Verdict::Missing(format!("no test `{name}`")),
            (false, Some(_)) => Verdict::Missing(format!(
                "no {} `{name}` in `{}`",
                if test { "test" } else { "function" },
                place.unwrap_or_default()
            )),
        }
    }

    /// The files and folders that a path or module can mean, from the top.
    fn places(&self, document: &Path, place: &str) -> Vec<String> {
        let path = place.replace("::", "/");
        let path = path.trim_end_matches('/');
        let beside = document.parent().map(|folder| folder.to_string_lossy().into_owned());
        let homes = HOMES.iter().copied().chain(beside.as_deref());
        let mut places: Vec<String> = homes
            .map(|home| {
                if home.is_empty() {
                    path.to_owned()
                } else {
                    format!("{home}/{path}")
                }
            })
            .flat_map(|path| [path.clone(), format!("{path}.rs")])
            .filter(|path| self.top.join(path).exists())
            .collect();
        // A module, or a file's name alone, is looked for everywhere.
        if places.is_empty() && (place.contains("::") || !place.contains('/')) {
            let file = path.strip_suffix(".rs").unwrap_or(path);
            let (ends, within) = ([format!("/{file}.rs"), format!("/{file}/mod.rs")], format!("/{file}/"));
            places.extend(
                self.functions
                    .iter()
                    .filter(|f| {
                        ends.iter().any(|end| f.file.ends_with(end))
                            || !path.ends_with(".rs") && f.file.contains(&within)
                    })
                    .map(|f| f.file.clone())
                    .collect::<BTreeSet<_>>(),
            );
        }
        places
    }
}

/// Whether a function is in one of the files or below one of the folders; `a.rs` has its submodules in `a/`.
fn is_in(function: &Function, places: &[String]) -> bool {
    places.iter().any(|place| {
        let folder = place
            .strip_suffix("/mod.rs")
            .or(place.strip_suffix(".rs"))
            .unwrap_or(place);
        function.file == *place
            || function
                .file
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, file: &str, test: bool) -> Function {
        Function {
            name: name.to_owned(),
            file: file.to_owned(),
            test,
        }
    }

    /// A checkout with a document and three files.
    fn tree(top: &Path) -> Tree {
        for file in [
            "server/tests/one.rs",
            "server/tests/two/main.rs",
            "crates/protocol/src/party/driver.rs",
            "docs/page.md",
        ] {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), "").unwrap();
        }
        Tree {
            top: top.to_owned(),
            functions: vec![
                function("a_test_of_one_file", "server/tests/one.rs", true),
                function("a_helper_of_one_file", "server/tests/one.rs", false),
                function("a_test_of_the_driver", "crates/protocol/src/party/driver.rs", true),
                function("a_helper_without_a_test", "server/tests/two/main.rs", false),
                function("settle", "crates/protocol/src/party/driver.rs", false),
            ],
        }
    }

    fn missing(text: &str) -> Vec<String> {
        let top = tempfile::tempdir().unwrap();
        let tree = tree(top.path());
        documents::named(text)
            .iter()
            .filter_map(|named| match tree.look(Path::new("docs/page.md"), named) {
                Verdict::Missing(what) => Some(what),
                Verdict::There | Verdict::NotMeant => None,
            })
            .collect()
    }

    #[test]
    fn what_is_named_and_there_is_not_missed() {
        for text in [
            "`a_test_of_one_file`",
            "`server/tests/one.rs` `a_test_of_one_file`",
            "`server/tests/one` (`a_test_of_one_…`)",
            "`party::driver` `settle`, `party/driver.rs` `a_test_of_the_driver`",
            "`gate-keys/` and `page.md`, `120/m`",
        ] {
            assert_eq!(missing(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_no_test_or_elsewhere_is_missed() {
        for (text, what) in [
            ("`a_helper_of_one_file`", "no test `a_helper_of_one_file`"),
            ("`no_such_test_anywhere`", "no test `no_such_test_anywhere`"),
            (
                "| x | `server/tests/one.rs` `a_test_of_the_driver` |",
                "no test `a_test_of_the_driver` in `server/tests/one.rs`",
            ),
            (
                "`party::driver` (`a_test_of_one_…`)",
                "no test `a_test_of_one_…` in `party::driver`",
            ),
            ("`party::driver` `shake`", "no function `shake` in `party::driver`"),
            ("`server/tests/three.rs`", "`server/tests/three.rs`"),
            ("`party/nowhere`", "`party/nowhere`"),
            ("`nowhere/x.rs`", "`nowhere/x.rs`"),
            ("`server/tests/two`", "a test in `server/tests/two`"),
        ] {
            assert_eq!(missing(text), [what], "{text}");
        }
    }

    #[test]
    fn a_superseded_decision_is_history() {
        assert!(is_superseded("# 1\n\nStatus: superseded by 2.\n"));
        assert!(!is_superseded("# 1\n\nStatus: accepted.\n\nNothing superseded it.\n"));
    }
}
