//! The relay as a service: signals, its directory, and the unit that runs it.
#![cfg(target_os = "linux")]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use server::Config;
use tempfile::TempDir;
use testkit::wait::blocking as eventually;

const PROGRAM: &str = env!("CARGO_BIN_EXE_latchkey-relay");

/// A relay whose output goes to files; killed when dropped.
struct Running {
    child: Child,
    dir: TempDir,
}

impl Running {
    fn start(dir: TempDir, more: &[&str]) -> Self {
        let file = |name| fs::File::create(dir.path().join(name)).unwrap();
        let child = Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .args(more)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("log"))
            .spawn()
            .unwrap();
        let running = Self { child, dir };
        eventually("it starts", || running.said("out").contains("first user"));
        running
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    fn tell(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// Its exit code, after it was told to end.
    fn end(&mut self) -> Option<i32> {
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn certificate(dir: &Path) {
    let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
    // The key first: between the two the pair does not fit, and is not taken.
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
}

#[test]
fn a_service_that_is_hung_up_reads_its_certificate_again_and_runs_on() {
    let dir = TempDir::new().unwrap();
    certificate(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let mut relay = Running::start(dir, &["--tls-cert", &cert, "--tls-key", &key]);
    certificate(relay.dir.path());
    relay.tell("-HUP");
    // In either order: the relay looks at its files every five seconds too, and that may be the moment.
    eventually("it says so, and shows the new one", || {
        let log = relay.said("log");
        log.contains("certificates were read again") && log.contains("another certificate is shown")
    });
    assert!(relay.child.try_wait().unwrap().is_none(), "it runs");
    relay.tell("-TERM");
    assert_eq!(relay.end(), Some(0));
    assert!(relay.said("out").ends_with("Stopped.\n"));
}

/// What `script` opens is a terminal; when it is killed the terminal is gone, and the system hangs up the program that runs there.
#[test]
fn a_relay_whose_terminal_is_closed_stops_in_order() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let line = format!(
        "exec {PROGRAM} --listen 127.0.0.1:0 --data-dir {} >{} 2>{}",
        file("data"),
        file("out"),
        file("log"),
    );
    let mut terminal = Command::new("script")
        .args(["-q", "-c", &line, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("`script`, of util-linux, which every Debian has");
    let out = || fs::read_to_string(file("out")).unwrap_or_default();
    eventually("it starts", || out().contains("first user"));
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    eventually("it stops in order", || out().ends_with("Stopped.\n"));
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn with_mode(dir: &TempDir, mode: u32) {
    let data = dir.path().join("data");
    fs::create_dir_all(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_others_can_read_is_closed_to_them_and_that_is_said_once() {
    for open in [0o755, 0o750, 0o777, 0o701] {
        let dir = TempDir::new().unwrap();
        with_mode(&dir, open);
        // A file system of its own has this in it.
        fs::create_dir(dir.path().join("data/lost+found")).unwrap();
        let mut relay = Running::start(dir, &[]);
        let data = relay.dir.path().join("data");
        assert_eq!(mode(&data), 0o700);
        relay.tell("-TERM");
        assert_eq!(relay.end(), Some(0));
        let said = |relay: &Running| relay.said("log").matches("others could look into").count();
        assert_eq!(said(&relay), 1, "{}", relay.said("log"));
        // The same directory again, opened by somebody since, and then as it is.
        let dir = std::mem::replace(&mut relay.dir, TempDir::new().unwrap());
        with_mode(&dir, open);
        let mut relay = Running::start(dir, &[]);
        assert_eq!((mode(&data), said(&relay)), (0o700, 1));
        relay.tell("-TERM");
        assert_eq!(relay.end(), Some(0));
        let dir = std::mem::replace(&mut relay.dir, TempDir::new().unwrap());
        let relay = Running::start(dir, &[]);
        assert_eq!(said(&relay), 0, "{}", relay.said("log"));
    }
}

/// As a restored backup is: a database in a directory that was made by hand.
#[test]
fn a_directory_with_a_database_is_a_relays() {
    let dir = TempDir::new().unwrap();
    let mut relay = Running::start(dir, &[]);
    relay.tell("-TERM");
    assert_eq!(relay.end(), Some(0));
    let dir = std::mem::replace(&mut relay.dir, TempDir::new().unwrap());
    fs::remove_file(dir.path().join("data/relay.lock")).unwrap();
    with_mode(&dir, 0o755);
    let relay = Running::start(dir, &[]);
    assert_eq!(mode(&relay.dir.path().join("data")), 0o700);
}

#[test]
fn a_directory_of_others_is_refused_and_left_as_it_is() {
    for (open, other_file) in [(0o755, true), (0o1777, false)] {
        let dir = TempDir::new().unwrap();
        with_mode(&dir, open);
        let data = dir.path().join("data");
        if other_file {
            fs::write(data.join("thesis.txt"), "of somebody else").unwrap();
        }
        let refused = Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        for part in ["other users can read", &format!("{open:o}"), "--data-dir", "chmod 700"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        assert_eq!(mode(&data), open);
        assert_eq!(fs::read_dir(&data).unwrap().count(), usize::from(other_file));
    }
}

/// The values of a setting in the unit, in their order.
fn of_unit(name: &str) -> Vec<&'static str> {
    let unit = include_str!("../../deploy/latchkey-relay.service");
    let values: Vec<_> = unit
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .collect();
    assert!(!values.is_empty(), "{name} is not in the unit");
    values
}

/// What the relay asks of the system is allowed by its unit: threads that yield, memory for the defaults, files for all connections.
#[test]
fn the_unit_allows_what_the_defaults_need() {
    // Later lines add to earlier ones, or take away from them: what yields is added after @resources, which has it, was taken away.
    let filters = of_unit("SystemCallFilter");
    assert_eq!(filters, ["@system-service", "~@privileged @resources", "setpriority"]);
    let config = Config::new("/x").unwrap();
    let memory = of_unit("MemoryMax")[0].strip_suffix('G').unwrap();
    let memory = memory.parse::<u64>().unwrap() << 30;
    // As the comment beside it says: 48 KiB for a hostile connection, and gate keys in use beside those that are kept.
    let needed = (100 << 20) + config.connections.get() as u64 * (48 << 10) + config.gate.memory + (300 << 20);
    assert!(memory >= needed, "{memory} for {needed}");
    let files: usize = of_unit("LimitNOFILE")[0].parse().unwrap();
    assert!(files > config.connections.get() + 1000);
    assert_eq!(of_unit("ExecReload"), ["kill -HUP $MAINPID"]);
}

/// Where it listens is what an operator sees first.
#[test]
fn a_first_start_says_where_it_listens_and_nothing_else() {
    let mut relay = Running::start(TempDir::new().unwrap(), &[]);
    assert_eq!(relay.said("log"), "");
    assert!(relay.said("out").starts_with("Latchkey relay"), "{}", relay.said("out"));
    relay.tell("-TERM");
    assert_eq!(relay.end(), Some(0));
}
