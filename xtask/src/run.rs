//! Running cargo in this workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace that cargo was called in. Asked of cargo when this runs, not when it was built: checkouts that share a target
/// directory share this binary, and one would work on the other.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_path_buf()
}

/// A cargo command in the root of the workspace: the same cargo that runs this.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// What a cargo command prints to its standard output. Its complaints go to ours.
///
/// # Errors
/// When cargo cannot be run, fails, or prints something that is not text.
pub fn output(args: &[&str]) -> Result<String> {
    let said = cargo(args)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    if !said.status.success() {
        bail!("`cargo {}` failed ({})", args.join(" "), said.status);
    }
    String::from_utf8(said.stdout).context("cargo printed something that is not text")
}
