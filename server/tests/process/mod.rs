//! The relay as a process of its own.
#![allow(dead_code)] // each test binary uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // like in the tests themselves

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_latchkey-relay");

/// Arguments by which its numbers are shown.
pub const WATCHED: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

/// A relay process; killed when dropped.
pub struct Process {
    pub child: Child,
    pub url: String,
    /// Where its numbers are, if they are shown.
    pub metrics: Option<String>,
}

impl Process {
    pub fn start(data: &Path, listen: &str) -> Self {
        Self::spawn(Command::new(PROGRAM), data, listen)
    }

    /// The same, with its exact numbers shown.
    pub fn start_watched(data: &Path, listen: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(WATCHED);
        Self::spawn(command, data, listen)
    }

    /// One of its numbers.
    pub async fn number(&self, http: &reqwest::Client, name: &str) -> f64 {
        let url = self.metrics.as_ref().expect("it is watched");
        let text = http.get(url).send().await.unwrap().text().await.unwrap();
        let sample = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        sample.expect("it is there").parse().unwrap()
    }

    /// Starts through a command that is or ends up as the relay.
    pub fn spawn(mut command: Command, data: &Path, listen: &str) -> Self {
        let mut child = command
            .args(["--listen", listen, "--quiet", "--rate-limits", "false"])
            // By the environment, so that a test may say something else.
            .args(["--data-dir"])
            .arg(data)
            .env_clear()
            .env("LATCHKEY_STRANGERS", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The line behind those that are looked for.
        let said = said_until(&mut child, "try the API");
        let metrics = after("health", &said).and_then(|both| both.split(", ").find(|url| url.ends_with("/metrics")));
        Self {
            url: url_in(&said),
            metrics: metrics.map(str::to_owned),
            child,
        }
    }

    /// The address to listen on again.
    pub fn listen(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// SIGKILL: no handler, no flush.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as `systemctl stop` sends it.
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a relay says when it starts, with the line that holds `last` at the end; all that it says if none does.
pub fn said_until(relay: &mut Child, last: &str) -> Vec<String> {
    let (mut said, mut there) = (Vec::new(), false);
    let mut lines = BufReader::new(relay.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    while !there && let Some(line) = lines.next() {
        there = line.contains(last);
        said.push(line);
    }
    said
}

/// What stands behind a word.
fn after<'a>(word: &str, said: &'a [String]) -> Option<&'a str> {
    said.iter().find_map(|line| Some(line.split_once(word)?.1.trim()))
}

/// Where it listens, by what it said.
pub fn url_in(said: &[String]) -> String {
    let url = after("listening on", said);
    url.expect("the relay starts and says where it listens").to_owned()
}

/// Kills a relay; what it wrote to standard error.
pub fn killed(mut relay: Child) -> String {
    relay.kill().unwrap();
    let mut log = String::new();
    relay.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    relay.wait().unwrap();
    log
}

/// Whether file permissions do not concern us.
#[cfg(unix)]
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The program as a user whom file permissions concern: as root it runs as nobody, from a place that nobody can read.
#[cfg(unix)]
pub fn unprivileged(dir: &Path) -> Command {
    if !is_root() {
        return Command::new(PROGRAM);
    }
    let copy = dir.join("relay");
    if !copy.exists() {
        fs::copy(PROGRAM, &copy).unwrap();
        fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(copy);
    command
}

/// Gives a file to the user that [`unprivileged`] is.
#[cfg(unix)]
pub fn give_to_nobody(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    }
}

/// A start that is refused: exit code and what was said.
pub fn refused(mut command: Command, data: &Path) -> (Option<i32>, String) {
    let mut child = command
        .args(["--listen", "127.0.0.1:0", "--quiet", "--data-dir"])
        .arg(data)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its output ends with it. One that starts after all is not waited for.
    if after("listening on", &said_until(&mut child, "listening on")).is_some() {
        panic!("the relay started: {}", killed(child));
    }
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}
