//! Running cargo in this workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
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
