//! A home on a real file system that is full or read-only: it says so, what is kept can be read, and it goes on when there is room again.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Answer, Person, Stage, takes_a_message};
use tempfile::TempDir;

/// Room for a vault and for what a few commands write.
const SIZE: &str = "4m";

/// A file system of its own, for as long as this lives.
struct SmallDisk {
    holder: Child,
    place: TempDir,
}

impl SmallDisk {
    /// None where the machine does not allow it, which is said.
    fn mount() -> Option<Self> {
        let place = TempDir::new().unwrap();
        // What stands on its input from here on is done there.
        let script = "mount -t tmpfs -o size=$2,mode=700 none \"$1\" && echo mounted && exec sh";
        let holder = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "--",
                "/bin/sh",
                "-c",
                script,
                "sh",
            ])
            .arg(place.path())
            .arg(SIZE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let why = match holder {
            Ok(mut holder) => {
                if line(&mut holder) == "mounted\n" {
                    return Some(Self { holder, place });
                }
                let mut why = String::new();
                holder.stderr.take().unwrap().read_to_string(&mut why).unwrap();
                holder.wait().unwrap();
                why
            }
            Err(error) => error.to_string(),
        };
        let line = format!("\nlowered: full-home: no client runs on a full disk: {}\n", why.trim());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        None
    }

    /// A command of a person whose home is on it.
    fn command(&self, person: &Person, args: &[&str]) -> Command {
        let there = person.command(args);
        let mut command = Command::new("/usr/bin/nsenter");
        let holder = self.holder.id().to_string();
        command.args(["--target", &holder, "--user", "--mount", "--preserve-credentials", "--"]);
        command.arg(there.get_program()).args(args).stdin(Stdio::null());
        for (name, value) in there.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn run(&self, person: &Person, args: &[&str]) -> Answer {
        self.command(person, args).output().unwrap().into()
    }

    fn ok(&self, person: &Person, args: &[&str]) -> Answer {
        let answer = self.run(person, args);
        assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
        answer
    }

    /// A file on it, as it is seen from here.
    fn path(&self, name: &str) -> PathBuf {
        let root = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        root.join(self.place.path().strip_prefix("/").unwrap()).join(name)
    }

    /// Another program writes to it until nothing fits any more.
    fn fill(&self) {
        let mut file = File::create(self.path("filler")).unwrap();
        for piece in [1 << 16, 1 << 12] {
            let piece = vec![0x5a; piece];
            loop {
                match file.write(&piece) {
                    Ok(written) => assert!(written > 0),
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }

    /// `ro` or `rw`.
    fn remount(&mut self, how: &str) {
        let order = format!(
            "mount -o remount,{how} '{}' && echo done\n",
            self.place.path().display()
        );
        self.holder.stdin.as_mut().unwrap().write_all(order.as_bytes()).unwrap();
        assert_eq!(line(&mut self.holder), "done\n");
    }

    /// A person who is registered, with a home on it, and whom `bob` wrote something that is kept and was not shown.
    fn alice(&self, stage: &Stage, bob: &Person) -> Person {
        let mut alice = stage.person("alice");
        alice.home = self.place.path().join("alice");
        self.ok(&alice, &["register", "alice"]);
        self.ok(&alice, &["send", "bob", "hello"]);
        bob.ok(&["inbox"]);
        bob.ok(&["send", "alice", "kept and new"]);
        // Its output goes nowhere, so that it counts as not shown.
        let mut unseen = self.command(&alice, &["inbox"]);
        assert!(unseen.stdout(Stdio::null()).status().unwrap().success());
        alice
    }

    /// What can be read is read, and all else says why not.
    fn reads_and_says(&self, alice: &Person, bob: &Person, why: &str, to_do: &str) {
        let says = |answer: &Answer| {
            assert!(answer.err.contains(why) && answer.err.contains(to_do), "{answer:?}");
            for other in ["I/O error", "no name is registered", "no account", "restore"] {
                assert!(!answer.err.contains(other), "{answer:?}");
            }
        };
        for args in [&["contacts"][..], &["safety-number", "bob"], &["receipts"], &["decoys"]] {
            let answer = self.ok(alice, args);
            assert!(!answer.out.is_empty() && answer.err.is_empty(), "{args:?}: {answer:?}");
        }
        let empty = self.ok(alice, &["gate-key"]);
        assert!(empty.err.is_empty(), "{empty:?}");
        let history = self.ok(alice, &["history"]);
        assert!(
            history.out.contains("hello") && history.out.contains("kept and new"),
            "{history:?}"
        );
        says(&history);
        let status = self.ok(alice, &["status"]);
        assert!(
            status.out.contains("alice@localhost") && status.out.contains("1 unread"),
            "{status:?}"
        );
        says(&status);
        // What is kept and new is shown; that nothing is fetched is said, and the relay keeps what it has.
        bob.ok(&["send", "alice", "still at the relay"]);
        let inbox = self.run(alice, &["inbox"]);
        assert_eq!(inbox.code, 1, "{inbox:?}");
        assert!(
            inbox.out.contains("kept and new") && !inbox.out.contains("still at the relay"),
            "{inbox:?}"
        );
        says(&inbox);
        for args in [
            &["send", "bob", "not kept"][..],
            &["verify", "bob", "--yes"],
            &["block", "bob"],
            &["rotate-identity", "--yes"],
            &["keys", "rotate"],
            &["gate-key", "rotate"],
            &["receipts", "off"],
            &["decoys", "on"],
        ] {
            let answer = self.run(alice, args);
            assert_eq!(answer.code, 1, "{args:?}: {answer:?}");
            says(&answer);
        }
        let json = self.run(alice, &["--json", "inbox"]);
        for line in json.out.lines().chain(json.err.lines()) {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }

    /// There is room again: nothing was lost.
    fn goes_on(&self, alice: &Person, bob: &Person) {
        let inbox = self.ok(alice, &["inbox"]);
        assert!(
            inbox.out.contains("still at the relay") && inbox.err.is_empty(),
            "{inbox:?}"
        );
        self.ok(alice, &["send", "bob", "back"]);
        assert!(bob.ok(&["inbox"]).out.contains("back"));
        assert!(!self.path("alice").join("vault.probe").exists());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A line of what it says.
fn line(holder: &mut Child) -> String {
    let mut line = String::new();
    let mut output = holder.stdout.take().unwrap();
    // One byte after the other: what comes behind it is for the next who asks.
    while !line.ends_with('\n') {
        let mut byte = [0];
        if output.read(&mut byte).unwrap() == 0 {
            break;
        }
        line.push(char::from(byte[0]));
    }
    holder.stdout = Some(output);
    line
}

#[test]
fn a_home_on_a_full_disk_can_be_read_and_says_what_it_lacks() {
    let Some(disk) = SmallDisk::mount() else { return };
    let stage = Stage::without_limits();
    let bob = stage.register("bob");
    let alice = disk.alice(&stage, &bob);
    disk.fill();
    disk.reads_and_says(&alice, &bob, "its disk is full", "Free some space");
    // A new account has no place either, and half of one is not left behind.
    let mut carol = stage.person("carol");
    carol.home = disk.place.path().join("carol");
    let refused = disk.run(&carol, &["register", "carol"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("its disk is full"), "{refused:?}");
    disk.make_room();
    disk.ok(&carol, &["register", "carol"]);
    disk.goes_on(&alice, &bob);
}

#[test]
fn a_home_on_a_read_only_file_system_can_be_read_and_says_what_it_lacks() {
    let Some(mut disk) = SmallDisk::mount() else { return };
    let stage = Stage::without_limits();
    let bob = stage.register("bob");
    let alice = disk.alice(&stage, &bob);
    disk.remount("ro");
    disk.reads_and_says(&alice, &bob, "its file system is read-only", "Make it writable");
    disk.remount("rw");
    disk.goes_on(&alice, &bob);
}

/// The last run was killed: what it committed is in the log alone.
#[test]
fn what_only_the_log_has_is_read_too() {
    let Some(mut disk) = SmallDisk::mount() else { return };
    let stage = Stage::without_limits();
    let bob = stage.register("bob");
    let mut alice = disk.alice(&stage, &bob);
    let relay = alice.url.clone();
    let silent = stage.silent_line();
    alice.url = silent.url();
    let mut sending = disk.command(&alice, &["send", "bob", "in the log"]).spawn().unwrap();
    takes_a_message(&silent);
    sending.kill().unwrap();
    sending.wait().unwrap();
    alice.url = relay;
    assert!(fs::metadata(disk.path("alice/vault.db-wal")).unwrap().len() > 0);
    let read = |disk: &SmallDisk, why: &str| {
        for _ in 0..2 {
            let history = disk.ok(&alice, &["history"]);
            assert!(history.out.contains("in the log"), "{history:?}");
            assert!(history.err.contains(why), "{history:?}");
        }
    };
    disk.remount("ro");
    read(&disk, "its file system is read-only");
    disk.remount("rw");
    // As in a copy of the home: the index that goes with the log is not there, and there is no room for it.
    fs::remove_file(disk.path("alice/vault.db-shm")).unwrap();
    disk.fill();
    read(&disk, "its disk is full");
    disk.make_room();
    disk.ok(&alice, &["inbox"]);
    assert!(bob.ok(&["inbox"]).out.contains("in the log"));
}
