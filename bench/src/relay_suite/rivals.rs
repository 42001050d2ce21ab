//! Redis and PostgreSQL at the same work: 4 KiB durably into one of many mailboxes, over as many connections. Driven by their own load generators
//! (`redis-benchmark`, `pgbench`). Either does a little less than the relay: Redis keeps no receipt and no sequence, and PostgreSQL is not sent the body
//! but copies it from a table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// A server of someone else's that ends when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn until(what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !ready() {
        if start.elapsed() > START {
            bail!("{what} did not start");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A Redis that syncs its log at every answer.
pub struct Redis {
    socket: PathBuf,
    _server: Server,
    _data: TempDir,
}

impl Redis {
    /// None when it is not installed.
    pub fn start() -> Result<Option<Self>> {
        let data = tempfile::tempdir()?;
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
        command.arg("--unixsocket").arg(&socket).arg("--dir").arg(data.path());
        let Ok(child) = quiet(&mut command).spawn() else {
            return Ok(None);
        };
        let server = Server(child);
        until("redis-server", || socket.exists())?;
        Ok(Some(Self {
            socket,
            _server: server,
            _data: data,
        }))
    }

    /// Bodies stored a second.
    pub fn stored(&self, connections: usize, mailboxes: usize, body: &Path, requests: usize) -> Result<f64> {
        let output = Command::new("redis-benchmark")
            .arg("-s")
            .arg(&self.socket)
            .args([
                "-c",
                &connections.to_string(),
                "-n",
                &requests.to_string(),
                "-r",
                &mailboxes.to_string(),
            ])
            .args(["--csv", "-x", "RPUSH", "box:__rand_int__"])
            .stdin(fs::File::open(body)?)
            .stderr(Stdio::null())
            .output()
            .context("redis-benchmark could not be started")?;
        let text = String::from_utf8_lossy(&output.stdout);
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

const SCHEMA: &str = "\
CREATE TABLE mailbox (id int PRIMARY KEY, last_seq bigint NOT NULL DEFAULT 0, live bigint NOT NULL DEFAULT 0);
CREATE TABLE envelope (mailbox int NOT NULL, seq bigint NOT NULL, expires bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY (mailbox, seq));
CREATE TABLE receipt (mailbox int NOT NULL, key uuid NOT NULL, forget_at bigint NOT NULL, PRIMARY KEY (mailbox, key));
CREATE TABLE sample (body bytea NOT NULL);
ALTER TABLE envelope ALTER body SET STORAGE EXTERNAL;
INSERT INTO sample SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, 128) n;
";
const SEND: &str = "\
\\set m random(1, :mailboxes)
WITH place AS (UPDATE mailbox SET last_seq = last_seq + 1, live = live + 1 WHERE id = :m RETURNING last_seq),
     noted AS (INSERT INTO receipt VALUES (:m, gen_random_uuid(), 1))
INSERT INTO envelope SELECT :m, last_seq, 1, body FROM place, sample;
";

/// A PostgreSQL with its defaults, which are durable.
pub struct Postgres {
    programs: PathBuf,
    data: TempDir,
    _server: Server,
}

impl Postgres {
    /// None when it is not installed.
    pub fn start(mailboxes: usize) -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let data = tempfile::tempdir()?;
        if is_root() {
            // It refuses to run as root; the user that its package makes is there for this.
            let owned = quiet(Command::new("chown").arg("postgres").arg(data.path())).status()?;
            ensure!(owned.success(), "the directory could not be given to the user postgres");
        }
        let cluster = data.path().join("data");
        let made = quiet(
            run_as(&programs.join("initdb"))
                .args(["-A", "trust", "-U", "bench", "-D"])
                .arg(&cluster),
        )
        .status()?;
        ensure!(made.success(), "initdb failed");
        let mut server = run_as(&programs.join("postgres"));
        server.arg("-D").arg(&cluster).arg("-k").arg(data.path());
        server.args(["-c", "listen_addresses=", "-c", "max_connections=300"]);
        let server = Server(quiet(&mut server).spawn()?);
        let postgres = Self {
            programs,
            data,
            _server: server,
        };
        until("postgres", || {
            quiet(postgres.client("pg_isready").arg("-q"))
                .status()
                .is_ok_and(|status| status.success())
        })?;
        let schema = format!("{SCHEMA}INSERT INTO mailbox SELECT generate_series(1, {mailboxes});");
        let laid = quiet(
            postgres
                .client("psql")
                .args(["-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", &schema]),
        )
        .status()?;
        ensure!(laid.success(), "the tables could not be made");
        fs::write(postgres.data.path().join("send.sql"), SEND)?;
        Ok(Some(postgres))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-h").arg(self.data.path()).args(["-U", "bench"]);
        command
    }

    /// Bodies stored a second.
    pub fn stored(&self, connections: usize, mailboxes: usize, seconds: u64) -> Result<f64> {
        let output = self
            .client("pgbench")
            .args([
                "-n",
                "-M",
                "prepared",
                "-j",
                "1",
                "-c",
                &connections.to_string(),
                "-T",
                &seconds.to_string(),
            ])
            .arg("-D")
            .arg(format!("mailboxes={mailboxes}"))
            .arg("-f")
            .arg(self.data.path().join("send.sql"))
            .arg("postgres")
            .output()
            .context("pgbench could not be started")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .with_context(|| {
                format!(
                    "pgbench said no rate: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                )
            })?;
        Ok(rate.split(' ').next().unwrap_or(rate).parse()?)
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
