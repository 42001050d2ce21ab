//! No two files of a crate need each other: a reader begins at the bottom and meets nothing that is explained further up.
//!
//! A file needs another one when it names something that is defined there, however it reached it: an import, a path, a path within a macro. Handing a name on (`pub use`) and
//! declaring a module (`mod`) is no need. What this cannot see: methods, since a call does not say where its method is defined.

mod circles;
mod paths;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use crate::run;
use circles::Needs;
use tree::Tree;

/// What is looked at. Of `crates`, each folder.
const PACKAGES: &[&str] = &["server", "cli", "sdk", "bench", "xtask"];
const CRATES: &str = "crates";
/// Where a package's programs and its library begin.
const ROOTS: &[&str] = &["src/lib.rs", "src/main.rs", "src/bin/latchkey-relay/main.rs"];

/// Looks at all packages; how many files there are.
///
/// # Errors
/// A circle, with the line of each of its steps; files that cannot be read or are no Rust.
pub fn check() -> Result<usize> {
    let top = run::root();
    let mut packages: Vec<String> = PACKAGES.iter().map(|&package| package.to_owned()).collect();
    for entry in std::fs::read_dir(top.join(CRATES))? {
        packages.push(format!("{CRATES}/{}", entry?.file_name().to_string_lossy()));
    }
    packages.sort();
    let (mut files, mut found) = (0, Vec::new());
    for root in packages
        .iter()
        .flat_map(|package| ROOTS.iter().map(move |root| format!("{package}/{root}")))
        .filter(|root| top.join(root).is_file())
    {
        let needs = needs(&top, &root)?;
        files += needs.files();
        found.extend(needs.circles());
    }
    if !found.is_empty() {
        let told: Vec<String> = found.into_iter().map(|(_, told)| told).collect();
        bail!("{} circles of files:\n{}", told.len(), told.join("\n"));
    }
    Ok(files)
}

/// Which files below a root need which.
fn needs(top: &Path, root: &str) -> Result<Needs> {
    let tree = Tree::read(top, root)?;
    let mut needs = Needs::default();
    for (from, module) in tree.modules.iter().enumerate() {
        needs.add_file(&module.file);
        for path in &module.named {
            if let Some(to) = tree.definer(from, path) {
                needs.add(&module.file, &tree.modules[to].file, path);
            }
        }
    }
    needs.find_lines(top)?;
    Ok(needs)
}

#[cfg(test)]
mod tests;
