//! Redis: a script does a send, and everything is in its append-only file before the answer (`appendfsync always`; what comes in together is synced
//! together). The file is never rewritten during a burst, which spares Redis that work. Of five shapes of the script (bodies in a hash, a stream, a list, keys of their own, the mailbox's hash) none was
//! reliably faster than the one that is used.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::server::{Server, said, until};
use super::work::{Body, QUOTA, Quota};
use crate::place;
use crate::relay_suite::setting::{BODY_LEN, MAILBOXES};

const SEND: &str = include_str!("send.lua");
const COUNT: &str = include_str!("count.lua");

/// Stands for a random number below `-r`, of twelve digits, another at each place.
const RANDOM: &str = "__rand_int__";

/// A Redis that syncs its log at every answer.
pub struct Redis {
    socket: PathBuf,
    body: PathBuf,
    digest: String,
    /// The script's name.
    script: String,
    _server: Server,
    _data: TempDir,
}

impl Redis {
    /// None when it is not installed.
    pub fn start(body: &Body) -> Result<Option<Self>> {
        let data = place::directory()?;
        let socket = data.path().join("redis.sock");
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            "0",
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        command.arg("--unixsocket").arg(&socket).arg("--dir").arg(data.path());
        let Ok(server) = Server::start(&mut command) else {
            return Ok(None);
        };
        until("redis-server", || socket.exists())?;
        let file = data.path().join("body");
        fs::write(&file, body.as_bytes())?;
        let mut redis = Self {
            socket,
            body: file,
            digest: body.digest.clone(),
            script: String::new(),
            _server: server,
            _data: data,
        };
        redis.script = redis.ask(&["SCRIPT", "LOAD", SEND])?;
        redis.refuses(body)?;
        redis.empty()?;
        Ok(Some(redis))
    }

    fn ask(&self, command: &[&str]) -> Result<String> {
        said(Command::new("redis-cli").arg("-s").arg(&self.socket).args(command))
    }

    /// Version, and how durable its log is.
    pub fn settings(&self) -> Result<String> {
        let info = self.ask(&["INFO", "server"])?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        let mut said = vec![version.context("Redis has no version")?.trim().to_owned()];
        for setting in ["appendonly", "appendfsync", "auto-aof-rewrite-percentage", "save"] {
            // Name and value, a line each.
            let value = self.ask(&["CONFIG", "GET", setting])?;
            said.push(format!(
                "{setting} {}",
                value.lines().nth(1).filter(|value| !value.is_empty()).unwrap_or("off")
            ));
        }
        Ok(said.join(", "))
    }

    /// Empties the store, and the log with it: otherwise that would take the disk of the whole run.
    fn empty(&self) -> Result<()> {
        self.ask(&["FLUSHALL"])?;
        self.ask(&["BGREWRITEAOF"])?;
        until("an empty log of Redis", || {
            self.ask(&["INFO", "persistence"]).is_ok_and(|info| {
                info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
            })
        })
    }

    /// Repetitions, conflicts and full mailboxes: the work is done, not only counted.
    fn refuses(&self, body: &Body) -> Result<()> {
        let send = |id: &str, digest: &str, quota: Quota| {
            let (envelopes, bytes) = (quota.envelopes.to_string(), quota.bytes.to_string());
            let mailbox = mailbox(0);
            let head = [
                "EVALSHA",
                &self.script,
                "1",
                &mailbox,
                "alice",
                id,
                digest,
                &envelopes,
                &bytes,
                body,
            ];
            self.ask(&head)
        };
        let two = Quota { envelopes: 2, ..QUOTA };
        let tight = Quota {
            bytes: 3 * BODY_LEN as u64 - 1,
            ..QUOTA
        };
        for (id, digest, quota, answer) in [
            ("a", &*body.digest, two, "1"),
            ("a", &*body.digest, two, "repeated"),
            ("a", "another", two, "conflict"),
            ("b", &*body.digest, two, "2"),
            ("c", &*body.digest, two, "full"),
            ("c", &*body.digest, tight, "full"),
            ("b", &*body.digest, two, "repeated"),
            ("c", &*body.digest, QUOTA, "3"),
        ] {
            let said = send(id, digest, quota)?;
            ensure!(said == answer, "Redis answered {said} to {id}, not {answer}");
        }
        self.holds(3)?;
        let lives: i64 = self.ask(&["TTL", &format!("{}:alice:a", mailbox(0))])?.parse()?;
        ensure!(lives > 29 * 24 * 3600, "Redis forgets a receipt after {lives} s");
        Ok(())
    }

    /// That many envelopes, each with its body and its receipt, and nothing else.
    fn holds(&self, count: usize) -> Result<()> {
        let (mailboxes, length) = (MAILBOXES.to_string(), BODY_LEN.to_string());
        let names: Vec<String> = (0..MAILBOXES).map(mailbox).collect();
        let mut command = vec!["EVAL", COUNT, &mailboxes];
        command.extend(names.iter().map(String::as_str));
        command.push(&length);
        let held = self.ask(&command)?;
        let all = format!("{count} {count} {count}");
        ensure!(
            held == all,
            "Redis was sent {all} and holds {held} (counted, bodies, receipts)"
        );
        Ok(())
    }

    /// Sends a second, as the relay does them. Begins and ends with an empty store, and fails if not everything was stored.
    pub fn stored(&self, connections: usize, requests: usize) -> Result<f64> {
        let (mailbox, id) = (format!("box:{RANDOM}"), RANDOM.repeat(3));
        let (envelopes, bytes) = (QUOTA.envelopes.to_string(), QUOTA.bytes.to_string());
        let send = [
            "EVALSHA",
            &self.script,
            "1",
            &mailbox,
            RANDOM,
            &id,
            &self.digest,
            &envelopes,
            &bytes,
        ];
        let rate = self.load(connections, requests, &send)?;
        self.holds(requests)?;
        self.empty()?;
        Ok(rate)
    }

    /// Bodies a second that are only appended to a list.
    pub fn appended(&self, connections: usize, requests: usize) -> Result<f64> {
        let rate = self.load(connections, requests, &["RPUSH", &format!("list:{RANDOM}")])?;
        self.empty()?;
        Ok(rate)
    }

    /// Commands a second; the body is the last argument.
    fn load(&self, connections: usize, requests: usize, command: &[&str]) -> Result<f64> {
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.arg("-s").arg(&self.socket);
        benchmark.args(["-c", &connections.to_string(), "-n", &requests.to_string()]);
        benchmark
            .args(["-r", &MAILBOXES.to_string(), "--csv", "-x"])
            .args(command);
        benchmark.stdin(fs::File::open(&self.body)?).stderr(Stdio::null());
        let text = said(&mut benchmark)?;
        // "test","rps",… and below that the values.
        let line = text
            .lines()
            .rfind(|line| line.starts_with('"'))
            .context("redis-benchmark said nothing")?;
        let rate = line
            .rsplit("\",\"")
            .nth(6)
            .context("redis-benchmark's table has another shape")?;
        Ok(rate.trim_matches('"').parse()?)
    }
}

/// The key of a mailbox, as redis-benchmark makes it of a random number.
fn mailbox(number: usize) -> String {
    format!("box:{number:012}")
}
