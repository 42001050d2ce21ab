//! Someone at a terminal.

use std::fs;
use std::io::{BufReader, PipeReader, Read, pipe};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::place::{Place, without_surroundings};
use crate::out;

/// A command that takes longer than this hangs. Unlocking a vault is slow on purpose, and machines differ.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a running command is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// A person with a home of their own.
pub struct Person {
    pub name: &'static str,
    client: PathBuf,
    home: PathBuf,
    relay: String,
    passphrase: PathBuf,
}

/// What a command said.
struct Said {
    code: Option<i32>,
    /// Both streams, in the order in which a terminal would show them.
    text: String,
}

impl Person {
    pub fn new(name: &'static str, place: &Place) -> Result<Self> {
        let passphrase = place.home(&format!("{name}.passphrase"));
        fs::write(&passphrase, format!("correct horse battery staple of {name}\n"))?;
        let home = place.home(name);
        Ok(Self {
            name,
            client: place.client().to_path_buf(),
            home,
            relay: place.url().to_owned(),
            passphrase,
        })
    }

    /// Types a command, sees what it says, and expects it to succeed. Returns what was seen.
    pub fn types(&self, args: &[&str]) -> Result<String> {
        self.ends_with(args, 0)
    }

    /// The same with a command that ends with this exit code.
    pub fn ends_with(&self, args: &[&str], code: i32) -> Result<String> {
        let said = self.shown(args)?;
        ensure!(
            said.code == Some(code),
            "`latchkey {}` ended with {:?} and not with {code}",
            line(args),
            said.code
        );
        Ok(said.text)
    }

    /// The latest message with `peer`, in either direction.
    pub fn last_message(&self, peer: &str) -> Result<Value> {
        self.json(&["history", peer])?.pop().context("no message")
    }

    /// The number to compare with `peer`.
    pub fn safety_number(&self, peer: &str) -> Result<String> {
        let said = self.json(&["safety-number", peer])?.pop().context("no safety number")?;
        Ok(text(&said, "safety_number")?.to_owned())
    }

    /// How sure the identity of `peer` is.
    pub fn standing(&self, peer: &str) -> Result<String> {
        let contacts = self.json(&["contacts"])?;
        let of = |contact: &&Value| {
            contact["address"]
                .as_str()
                .is_some_and(|a| a.split('@').next() == Some(peer))
        };
        Ok(text(contacts.iter().find(of).context("no such contact")?, "standing")?.to_owned())
    }

    fn shown(&self, args: &[&str]) -> Result<Said> {
        out::line(&format!("\n{:>6} $ latchkey {}", self.name, line(args)));
        let (reader, writer) = pipe().context("no pipe")?;
        let mut command = self.command(args);
        command.stdout(writer.try_clone().context("no pipe")?).stderr(writer);
        let said = run(command, reader).with_context(|| format!("`latchkey {}`", line(args)))?;
        said.text
            .lines()
            .for_each(|line| out::line(&format!("         {line}")));
        Ok(said)
    }

    /// What the same command says as JSON, one object a line, unseen.
    fn json(&self, args: &[&str]) -> Result<Vec<Value>> {
        let (reader, writer) = pipe().context("no pipe")?;
        let mut command = self.command(&[&["--json"], args].concat());
        // Complaints and remarks are not JSON; they go where ours go.
        command.stdout(writer);
        let said = run(command, reader).with_context(|| format!("`latchkey --json {}`", line(args)))?;
        ensure!(
            said.code == Some(0),
            "`latchkey --json {}` failed with {:?}",
            line(args),
            said.code
        );
        said.text
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
            .collect()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command.arg("--home").arg(&self.home).args(["--relay", &self.relay]);
        command
            .arg("--passphrase-file")
            .arg(&self.passphrase)
            .args(args)
            .stdin(Stdio::null());
        without_surroundings(&mut command);
        command
    }
}

/// Runs a command whose output goes to the other end of `output`.
fn run(mut command: Command, output: PipeReader) -> Result<Said> {
    let mut child = command
        .spawn()
        .with_context(|| format!("{} does not start", command.get_program().display()))?;
    // The command holds writing ends of its own; while they live the reader waits for more.
    drop(command);
    // Read while it runs: a full pipe would stop it.
    let text = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        let _ = BufReader::new(output).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let code = wait(&mut child)?;
    Ok(Said {
        code,
        text: text.join().unwrap_or_default(),
    })
}

/// A field that has to be a string.
pub fn text<'a>(object: &'a Value, field: &str) -> Result<&'a str> {
    object
        .get(field)
        .and_then(Value::as_str)
        .with_context(|| format!("no {field} in {object}"))
}

fn wait(child: &mut Child) -> Result<Option<i32>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        std::thread::sleep(GLANCE);
    }
    child.kill()?;
    child.wait()?;
    bail!("still running after {} s", PATIENCE.as_secs())
}

/// The command as it would be typed.
fn line(args: &[&str]) -> String {
    let quoted = args.iter().map(|arg| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_@.".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            (*arg).to_owned()
        } else {
            format!("\"{arg}\"")
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        assert_eq!(
            line(&["send", "bob", "Hello Bob!", "--plays", "2"]),
            "send bob \"Hello Bob!\" --plays 2"
        );
        assert_eq!(line(&[""]), "\"\"");
    }

    #[test]
    fn a_missing_field_is_named() {
        let object = serde_json::json!({"a": "b", "n": 1});
        assert_eq!(text(&object, "a").unwrap(), "b");
        assert!(text(&object, "n").unwrap_err().to_string().contains("no n in"));
    }
}
