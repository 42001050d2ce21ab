//! Servers as processes of their own, as they run in earnest.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// A server that runs until it is dropped.
pub struct Process {
    child: Child,
    /// `host:port`.
    pub host: String,
    /// The same of its metrics, if it has any.
    pub metrics: String,
}

impl Process {
    /// Starts `command` and waits for the line in which it says where it listens (`http://host:port`); with `metrics`, also for the one in which it says where they are.
    pub fn start(mut command: Command, metrics: bool) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        let stdout = child.stdout.take();
        // From here on the child ends with this value, whatever happens.
        let mut process = Self {
            child,
            host: String::new(),
            metrics: String::new(),
        };
        let mut lines = BufReader::new(stdout.context("no standard output")?).lines();
        for line in lines.by_ref() {
            let line = line?;
            match host_in(&line) {
                Some(host) if line.contains("/metrics") => process.metrics = host,
                Some(host) if process.host.is_empty() => process.host = host,
                _ => {}
            }
            if !process.host.is_empty() && (!metrics || !process.metrics.is_empty()) {
                break;
            }
        }
        if process.host.is_empty() || (metrics && process.metrics.is_empty()) {
            bail!("{name} ended without saying where it listens");
        }
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(process)
    }

    /// Processor time used so far, in seconds. Known on Linux only.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        parse_cpu(&stat)
    }

    /// Memory in use (resident), in KiB. Known on Linux only.
    pub fn resident_kib(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn host_in(line: &str) -> Option<String> {
    let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"))?;
    Some(url.split('/').next().unwrap_or(url).to_owned())
}

/// Linux reports processor time in hundredths of a second, on every architecture (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// User and system time out of /proc/PID/stat: fields 14 and 15, counted from after the name, which may hold anything.
fn parse_cpu(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

/// The relay that was named, else one that is built like this program and beside it.
pub fn named_or_built(relay: Option<&Path>) -> Result<PathBuf> {
    relay.map_or_else(relay_binary, |named| Ok(named.to_path_buf()))
}

fn relay_binary() -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // By binary and not by package: then the whole workspace decides the features, as it did for `cargo run --bin bench`, and nothing is built twice.
    cargo
        .args(["build", "--quiet", "--bin", "latchkey-relay"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if !cargo
        .status()
        .context("cargo could not be started; name a relay with --relay")?
        .success()
    {
        bail!("the relay does not build");
    }
    let bench = std::env::current_exe().context("where am I?")?;
    Ok(bench
        .parent()
        .unwrap_or(Path::new("."))
        .join(format!("latchkey-relay{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_a_server_says() {
        assert_eq!(
            host_in("  listening on  http://127.0.0.1:5000").unwrap(),
            "127.0.0.1:5000"
        );
        assert_eq!(host_in("see http://[::1]:80/docs now").unwrap(), "[::1]:80");
        assert_eq!(
            host_in("  health        http://127.0.0.1:5001/readyz, http://127.0.0.1:5001/metrics").unwrap(),
            "127.0.0.1:5001"
        );
        assert_eq!(host_in("Latchkey relay 0.1.0"), None);
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(parse_cpu(stat), Some(3.0));
        assert_eq!(parse_cpu("nonsense"), None);
    }
}
