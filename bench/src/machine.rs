//! What the numbers belong to.

use std::fs;
use std::process::Command;

/// A few lines for the head of the table.
pub fn describe() -> Vec<String> {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let rustc = Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|out| String::from_utf8(out.stdout).ok());
    let mut lines = vec![
        format!(
            "latchkey {}, {}",
            env!("CARGO_PKG_VERSION"),
            rustc.as_deref().map_or("rustc unknown", str::trim)
        ),
        format!("{cpu}, {cores} threads, {} {}", std::env::consts::OS, kernel.trim()),
        format!("load before: {}", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ];
    if !is_release() {
        lines.push("This is not a release build: run it with --release before believing anything.".to_owned());
    }
    lines
}

/// Whether this program was built to be measured.
pub const fn is_release() -> bool {
    !cfg!(debug_assertions)
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
