//! The relay, the client, the chores and the tests share one build of what they depend on.
//!
//! Cargo compiles a dependency once for each set of features, and what depends on it again. `crates/one-build` asks for all that anything here needs; this
//! looks whether it does, for this machine's target.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::run;

/// What people build, by the packages that they select of the workspace: the relay, the client, `cargo xtask` itself, and both programs at once, as README's script and
/// `cargo xtask demo` do.
const SELECTIONS: [&[&str]; 4] = [&["server"], &["cli"], &["xtask"], &["server", "cli"]];

/// Packages of others that `cargo xtask` needs and the relay does not, when CONTRIBUTING.md's time for them was measured. README's and CONTRIBUTING.md's times hold for this many.
const XTASK_ALONE: usize = 12;

/// The sets of features with which packages of others are compiled; as a rule one each, and another where a build script needs it too.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Whether the dependencies of each selection are those of the tests; how many they are.
///
/// # Errors
/// Names the packages that would be compiled once more.
pub fn check() -> Result<usize> {
    let tests = features(&["--workspace", "--edges", "normal,build,dev"])?;
    let mut shared = BTreeSet::new();
    let mut twice = Vec::new();
    for selection in SELECTIONS {
        let packages = selection.iter().flat_map(|name| ["--package", name]);
        let asked = packages.chain(["--edges", "normal,build"]).collect::<Vec<_>>();
        for (package, sets) in features(&asked)? {
            let known = tests.get(&package);
            let others = sets
                .iter()
                .filter(|set| known.is_none_or(|known| !known.contains(*set)));
            twice.extend(others.map(|set| format!("{} wants {package} with [{set}]", selection.join(" with "))));
            shared.insert(package);
        }
    }
    if !twice.is_empty() {
        bail!(
            "the tests compile other features, so these are compiled again:\n  {}\nRun `cargo hakari generate` (cargo-hakari) and commit what it writes into crates/one-build.",
            twice.join("\n  ")
        );
    }
    alone()?;
    Ok(shared.len())
}

/// Whether `cargo xtask` compiles behind the relay's build what it did when that was measured.
fn alone() -> Result<()> {
    let of = |package| features(&["--package", package, "--edges", "normal,build"]);
    let (relay, mut xtask) = (of("server")?, of("xtask")?);
    xtask.retain(|package, _| !relay.contains_key(package));
    if xtask.len() != XTASK_ALONE {
        let names: Vec<&str> = xtask.keys().map(String::as_str).collect();
        bail!(
            "behind the relay's build, `cargo xtask` compiles {} packages and not {XTASK_ALONE}, so the times in README.md and CONTRIBUTING.md do not hold any more: {}.\n\
             Measure them again as CONTRIBUTING.md says, then set the number in xtask/src/one_build.rs.",
            xtask.len(),
            names.join(", ")
        );
    }
    Ok(())
}

fn features(selection: &[&str]) -> Result<Features> {
    let fixed = [
        "tree", "--quiet", "--locked", "--prefix", "none", "--format", "{p}\t{f}",
    ];
    Ok(read(&run::output(&[&fixed[..], selection].concat())?))
}

/// Reads lines of `name version\tfeatures`. Packages of the workspace have a path behind the version; they are ours, and quick.
fn read(tree: &str) -> Features {
    let mut features = Features::new();
    for (package, set) in tree.lines().filter_map(|line| line.split_once('\t')) {
        if !package.contains('/') && !package.contains('\\') {
            // Shown before: the rest of its dependencies are left out, its features are not.
            let set = set.trim_end_matches("(*)").trim();
            features.entry(package.to_owned()).or_default().insert(set.to_owned());
        }
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_its_sets_of_features_and_ours_are_left_out() {
        let tree = "server v0.1.0 (/home/u/latchkey/server)\t\nserde v1.0.1\tderive,std\nserde v1.0.1\tderive,std (*)\nsyn v2.0.1\t\nsyn v2.0.1 (proc-macro)\tfull\n";
        let read = read(tree);
        assert_eq!(read.len(), 3, "{read:?}");
        assert_eq!(read["serde v1.0.1"], BTreeSet::from(["derive,std".to_owned()]));
        assert_eq!(read["syn v2.0.1"], BTreeSet::from([String::new()]));
    }
}
