//! PostgreSQL: a prepared call of a function does a send, in a transaction of its own that is on the disk before the answer (the defaults `fsync` and `synchronous_commit`; commits
//! that come together are synced together). A single statement of common table expressions was no faster. Buffers and log are large enough that nothing is folded in during a run, which spares
//! PostgreSQL that work; `commit_delay`, `wal_level = minimal`, `wal_sync_method = open_datasync`, compression of the log and a run without autovacuum were tried, and made no difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::server::{Server, quiet, said, until};
use super::work::{Body, DIGEST_LEN, QUOTA, Quota};
use crate::place;
use crate::relay_suite::setting::{BODY_LEN, MAILBOXES};

const SCHEMA: &str = include_str!("schema.sql");
const SEND: &str = include_str!("send.sql");

const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "max_connections=300",
    "shared_buffers=512MB",
    "wal_buffers=64MB",
    "min_wal_size=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
];

/// A durable PostgreSQL.
pub struct Postgres {
    programs: PathBuf,
    data: TempDir,
    body: Body,
    _server: Server,
}

impl Postgres {
    /// None when it is not installed.
    pub fn start(body: Body) -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let data = place::directory()?;
        if is_root() {
            // It refuses to run as root; the user that its package makes is there for this.
            let owned = quiet(Command::new("chown").arg("postgres").arg(data.path())).status()?;
            ensure!(owned.success(), "the directory could not be given to the user postgres");
        }
        let cluster = data.path().join("data");
        let mut initdb = run_as(&programs.join("initdb"));
        said(initdb.args(["-A", "trust", "-U", "bench", "-D"]).arg(&cluster))?;
        let mut server = run_as(&programs.join("postgres"));
        server.arg("-D").arg(&cluster).arg("-k").arg(data.path());
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        let server = Server::start(&mut server)?;
        let postgres = Self {
            programs,
            data,
            body,
            _server: server,
        };
        until("postgres", || {
            quiet(postgres.client("pg_isready").arg("-q"))
                .status()
                .is_ok_and(|status| status.success())
        })?;
        postgres.ask(SCHEMA)?;
        postgres.ask(&format!("INSERT INTO mailbox SELECT generate_series(1, {MAILBOXES})"))?;
        fs::write(postgres.script(), SEND)?;
        postgres.refuses()?;
        Ok(Some(postgres))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-h").arg(self.data.path()).args(["-U", "bench"]);
        command
    }

    fn ask(&self, statement: &str) -> Result<String> {
        let mut psql = self.client("psql");
        said(psql.args([
            "-d",
            "postgres",
            "-q",
            "-A",
            "-t",
            "-F",
            " ",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]))
    }

    fn script(&self) -> PathBuf {
        self.data.path().join("send.sql")
    }

    /// Version, how durable a commit is, and what was set for it.
    pub fn settings(&self) -> Result<String> {
        let mut said = vec![self.ask("SHOW server_version")?];
        for setting in ["fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"] {
            said.push(format!("{setting} {}", self.ask(&format!("SHOW {setting}"))?));
        }
        let values = SETTINGS.iter().filter(|setting| !setting.ends_with('='));
        said.extend(values.map(|setting| setting.replace('=', " ")));
        Ok(said.join(", "))
    }

    /// Repetitions, conflicts and full mailboxes: the work is done, not only counted.
    fn refuses(&self) -> Result<()> {
        let two = Quota { envelopes: 2, ..QUOTA };
        let tight = Quota {
            bytes: 3 * BODY_LEN as u64 - 1,
            ..QUOTA
        };
        let (digest, another) = (&*self.body.digest, "00");
        for (id, digest, quota, answer) in [
            (1, digest, two, "1"),
            (1, digest, two, "0"),
            (1, another, two, "-1"),
            (2, digest, two, "2"),
            (3, digest, two, "-2"),
            (3, digest, tight, "-2"),
            (2, digest, two, "0"),
            (3, digest, QUOTA, "3"),
        ] {
            let (envelopes, bytes, body) = (quota.envelopes, quota.bytes, &*self.body);
            let said = self.ask(&format!(
                "SELECT send(1, 1, 0, {id}, '\\x{digest}', {envelopes}, {bytes}, '{body}')"
            ))?;
            ensure!(said == answer, "PostgreSQL answered {said} to {id}, not {answer}");
        }
        ensure!(self.holds()? == 3, "PostgreSQL stored a refusal");
        Ok(())
    }

    /// How many envelopes there are, each with its body, its receipt and its place in the quota; fails if these are not as many.
    fn holds(&self) -> Result<u64> {
        let held = self.ask(&format!(
            "SELECT (SELECT sum(live_count) FROM mailbox), (SELECT trim_scale(sum(live_bytes) / {BODY_LEN}) FROM mailbox),
                    (SELECT count(*) FROM envelope WHERE length(body) = {BODY_LEN}), (SELECT count(*) FROM receipt WHERE length(digest) = {DIGEST_LEN})"
        ))?;
        let mut counts = held.split(' ');
        let first = counts.next().context("psql said nothing")?;
        ensure!(
            counts.all(|count| count == first),
            "PostgreSQL holds {held} (counted, by bytes, bodies, receipts)"
        );
        Ok(first.parse()?)
    }

    /// Sends a second, as the relay does them. Fails if not everything was stored.
    pub fn stored(&self, connections: usize, seconds: u64) -> Result<f64> {
        let before = self.holds()?;
        let mut pgbench = self.client("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-j", "1"]);
        pgbench.args(["-c", &connections.to_string(), "-T", &seconds.to_string()]);
        for (name, value) in [
            ("mailboxes", MAILBOXES.to_string()),
            ("most_envelopes", QUOTA.envelopes.to_string()),
            ("most_bytes", QUOTA.bytes.to_string()),
            ("digest", format!("\\x{}", self.body.digest)),
            ("body", self.body.to_string()),
        ] {
            pgbench.arg("-D").arg(format!("{name}={value}"));
        }
        let text = said(pgbench.arg("-f").arg(self.script()).arg("postgres"))?;
        let number = |prefix: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(prefix));
            let line = line.with_context(|| format!("pgbench did not say {prefix}"))?;
            anyhow::Ok(line.split([' ', '/']).next().unwrap_or(line).to_owned())
        };
        let sent: u64 = number("number of transactions actually processed: ")?.parse()?;
        let stored = self.holds()? - before;
        ensure!(stored == sent, "PostgreSQL was sent {sent} and stored {stored}");
        Ok(number("tps = ")?.parse()?)
    }
}

/// Where Debian's packages keep PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    found.retain(|bin| bin.join("pgbench").exists() && bin.join("postgres").exists());
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

fn run_as(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"])
        .arg(program);
    command
}
