//! Where the demo takes place: a directory, a relay, and the programs.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::run;

/// The directory and the running relay. Both are gone with this value, whatever happens.
pub struct Place {
    // Before the directory: the relay stops first.
    relay: RefCell<Option<Relay>>,
    url: String,
    client: PathBuf,
    directory: TempDir,
}

impl Place {
    /// Builds the programs and starts the relay on a free port. With `keep` the directory stays.
    pub fn build(keep: bool) -> Result<Self> {
        // Without naming packages, the whole workspace decides the features: what the tests built is not built again.
        run::output(&["build", "--package", "server", "--package", "cli"])?;
        let here = std::env::current_exe().context("where am I?")?;
        let program = |name: &str| here.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let mut directory = tempfile::Builder::new()
            .prefix("latchkey-demo-")
            .tempdir()
            .context("no temporary directory")?;
        directory.disable_cleanup(keep);
        let (relay, url) = Relay::start(&program("latchkey-relay"), &directory.path().join("relay"))?;
        Ok(Self {
            relay: RefCell::new(Some(relay)),
            url,
            client: program("latchkey"),
            directory,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn client(&self) -> &Path {
        &self.client
    }

    /// A directory of someone's own, which does not exist yet.
    pub fn home(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Stops the relay.
    pub fn stop(&self) {
        drop(self.relay.borrow_mut().take());
    }

    /// The first file, of anyone's, that holds `sentence`.
    pub fn file_with(&self, sentence: &str) -> Result<Option<PathBuf>> {
        let mut directories = vec![self.directory.path().to_path_buf()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    directories.push(entry.path());
                } else if fs::read(entry.path())?
                    .windows(sentence.len())
                    .any(|window| window == sentence.as_bytes())
                {
                    return Ok(Some(entry.path()));
                }
            }
        }
        Ok(None)
    }

    /// Stops the relay and clears up. Where the directory is, when it was to be kept.
    pub fn leave(self) -> Option<PathBuf> {
        self.stop();
        let path = self.directory.path().to_path_buf();
        drop(self.directory);
        path.exists().then_some(path)
    }
}

struct Relay(Child);

impl Relay {
    fn start(program: &Path, data: &Path) -> Result<(Self, String)> {
        let mut command = Command::new(program);
        command
            .args(["--quiet", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null());
        without_surroundings(&mut command);
        let mut relay = Self(
            command
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("{} does not start", program.display()))?,
        );
        let mut lines = BufReader::new(relay.0.stdout.take().context("no standard output")?).lines();
        for line in lines.by_ref() {
            let line = line?;
            if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
                let url = url.to_owned();
                // A full pipe would stop the relay.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((relay, url));
            }
        }
        bail!("the relay ended without saying where it listens");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes away the settings of whoever runs the demo.
pub fn without_surroundings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LATCHKEY_") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1");
}
