//! A home on a real file system that is full or read-only: it says so, what is kept can be read, and it goes on when there is room again.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::fs;
use std::process::{Command, Stdio};

use support::{Answer, Person, Stage, takes_a_message};
use testkit::machine::lowered;
use testkit::small_disk::SmallDisk;

/// Room for a vault and for what a few commands write.
const SIZE: u64 = 4 << 20;
const FILLER: &str = "filler";

/// A small file system, with homes on it.
struct Disk(SmallDisk);

impl Disk {
    /// None where the machine does not allow it, which is said.
    fn mount() -> Option<Self> {
        match SmallDisk::mount(SIZE) {
            Ok(disk) => Some(Self(disk)),
            Err(why) => {
                lowered("full-home", &format!("no client runs on a full disk: {why}"));
                None
            }
        }
    }

    /// A command of a person whose home is on it.
    fn command(&self, person: &Person, args: &[&str]) -> Command {
        let there = person.command(args);
        let mut command = self.0.command(there.get_program());
        command.args(args).stdin(Stdio::null());
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

    /// Another program leaves no room on it.
    fn fill(&self) {
        assert!(self.0.fill(FILLER) > 0);
    }

    fn make_room(&self) {
        fs::remove_file(self.0.path(FILLER)).unwrap();
    }

    /// A person who is registered, with a home on it, and whom `bob` wrote something that is kept and was not shown.
    fn alice(&self, stage: &Stage, bob: &Person) -> Person {
        let mut alice = stage.person("alice");
        alice.home = self.0.place().join("alice");
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
        assert!(!self.0.path("alice").join("vault.probe").exists());
    }
}

#[test]
fn a_home_on_a_full_disk_can_be_read_and_says_what_it_lacks() {
    let Some(disk) = Disk::mount() else { return };
    let stage = Stage::without_limits();
    let bob = stage.register("bob");
    let alice = disk.alice(&stage, &bob);
    disk.fill();
    disk.reads_and_says(&alice, &bob, "its disk is full", "Free some space");
    // A new account has no place either, and half of one is not left behind.
    let mut carol = stage.person("carol");
    carol.home = disk.0.place().join("carol");
    let refused = disk.run(&carol, &["register", "carol"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("its disk is full"), "{refused:?}");
    disk.make_room();
    disk.ok(&carol, &["register", "carol"]);
    disk.goes_on(&alice, &bob);
}

#[test]
fn a_home_on_a_read_only_file_system_can_be_read_and_says_what_it_lacks() {
    let Some(mut disk) = Disk::mount() else { return };
    let stage = Stage::without_limits();
    let bob = stage.register("bob");
    let alice = disk.alice(&stage, &bob);
    disk.0.remount("ro");
    disk.reads_and_says(&alice, &bob, "its file system is read-only", "Make it writable");
    disk.0.remount("rw");
    disk.goes_on(&alice, &bob);
}

/// The last run was killed: what it committed is in the log alone.
#[test]
fn what_only_the_log_has_is_read_too() {
    let Some(mut disk) = Disk::mount() else { return };
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
    assert!(fs::metadata(disk.0.path("alice/vault.db-wal")).unwrap().len() > 0);
    let read = |disk: &Disk, why: &str| {
        for _ in 0..2 {
            let history = disk.ok(&alice, &["history"]);
            assert!(history.out.contains("in the log"), "{history:?}");
            assert!(history.err.contains(why), "{history:?}");
        }
    };
    disk.0.remount("ro");
    read(&disk, "its file system is read-only");
    disk.0.remount("rw");
    // As in a copy of the home: the index that goes with the log is not there, and there is no room for it.
    fs::remove_file(disk.0.path("alice/vault.db-shm")).unwrap();
    disk.fill();
    read(&disk, "its disk is full");
    disk.make_room();
    disk.ok(&alice, &["inbox"]);
    assert!(bob.ok(&["inbox"]).out.contains("in the log"));
}
