//! A relay that runs as a user of its own, as its unit and its image have it, and an operator who is root. And a relay that may not do with its directory what it should.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may panic like the tests themselves

mod common;
mod process;

use std::{
    fs::{self, File},
    num::NonZeroU32,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
    time::Duration,
};

use common::*;
use process::{PROGRAM, Process, give_to_nobody, is_root, unprivileged};
use reqwest::Method;
use serde_json::json;
use server::{
    clock::{Clock as _, SystemClock},
    invite::InviteCode,
    operator::errands::{self, Errand},
};
use tempfile::TempDir;

/// A relay as another user than root, that takes new accounts by invitation; what it logs goes into a file.
fn relay(dir: &TempDir, data: &Path) -> Process {
    let mut command = unprivileged(dir.path());
    command.args(["--registration", "invite"]);
    command.stderr(
        File::options()
            .append(true)
            .create(true)
            .open(dir.path().join("log"))
            .unwrap(),
    );
    Process::spawn(command, data, "127.0.0.1:0")
}

fn stop(mut relay: Process) {
    relay.terminate();
    assert!(relay.child.wait().unwrap().success());
}

async fn register(relay: &Process, name: &str, code: &str) -> Answer {
    let api = Api {
        http: client(),
        url: relay.url.clone(),
    };
    let mut user = User::new(api, name);
    user.now = SystemClock.now();
    let mut body = user.registration(None).await;
    body["invite"] = json!(code);
    user.call(Method::POST, "/v1/accounts", Some(body)).await
}

/// A command by the user that the test runs as, with a mask that keeps what it makes from all others.
async fn by_operator(data: &Path, args: &[&str]) -> String {
    let mut shell = Command::new("/bin/bash");
    shell.env_clear();
    shell.args(["-c", "umask 077; exec \"$0\" \"$@\"", PROGRAM, "--data-dir"]);
    shell.arg(data).args(args);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

fn code_in(said: &str) -> String {
    let link = said.lines().next().unwrap();
    link.split_once("#invite=").unwrap().1.to_owned()
}

/// Everything below a directory, with its owner.
fn owners(dir: &Path) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.display().to_string(), path.symlink_metadata().unwrap().uid()));
        if path.is_dir() {
            all.extend(owners(&path));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_root_does_by_command_a_relay_of_another_user_goes_on_from() {
    if !is_root() {
        testkit::machine::lowered("two-users", "not root, so the relay and its operator were one user");
    }
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    give_to_nobody(&data, 0o700);
    let owner = fs::metadata(&data).unwrap().uid();
    let all_are_the_relays = |after: &str| {
        for (path, of) in owners(&data) {
            assert_eq!(of, owner, "{path} after {after}");
        }
    };

    // While it runs. The link is of that relay, though the command knows nothing of it but the directory.
    let running = relay(&dir, &data);
    let said = by_operator(&data, &["invite"]).await;
    assert!(said.starts_with(&format!("{}/#invite=", running.url)), "{said}");
    register(&running, "alice", &code_in(&said)).await.ok();
    for args in [
        &["accounts", "list"][..],
        &["invite", "list"],
        &["audit", "verify"],
        &["config", "show"],
        &["check"],
        &["accounts", "remove", "alice", "--yes"],
        &["accounts", "release", "alice", "--yes"],
        &["backup", dir.path().join("copy").to_str().unwrap()],
    ] {
        by_operator(&data, args).await;
        all_are_the_relays(&args.join(" "));
    }
    let last = code_in(&by_operator(&data, &["invite", "--uses", "9"]).await);
    stop(running);

    // While it does not, in a directory that was put back from a copy: with the database alone.
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "relay.sqlite3" => {}
            _ if path.is_dir() => fs::remove_dir_all(&path).unwrap(),
            _ => fs::remove_file(&path).unwrap(),
        }
    }
    for args in [
        &["check"][..],
        &["accounts", "list"],
        &["config", "show"],
        &["invite"],
        &["invite", "list"],
        &["backup", dir.path().join("another").to_str().unwrap()],
    ] {
        by_operator(&data, args).await;
        all_are_the_relays(&args.join(" "));
    }
    let first = code_in(&by_operator(&data, &["--listen", "127.0.0.1:7", "invite"]).await);

    // And it starts, and takes up what root asks for.
    let running = relay(&dir, &data);
    register(&running, "bob", &first).await.ok();
    register(&running, "alice", &last).await.ok();
    let said = by_operator(&data, &["accounts", "remove", "bob", "--yes"]).await;
    assert!(said.contains("by the relay that runs"), "{said}");
    all_are_the_relays("everything");
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert_eq!(log, "", "nothing went wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_the_data_is_told_who_may() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    stop(Process::start(&data, "127.0.0.1:0"));
    // As root they are root's, and the command is another's.
    let mode = if is_root() { 0o700 } else { 0 };
    fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
    let said = async |args: &[&str]| {
        let mut command = unprivileged(dir.path());
        command.env_clear().arg("--data-dir").arg(&data).args(args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), said)
    };
    for args in [&["invite"][..], &["accounts", "list"], &["check"]] {
        let (success, said) = said(args).await;
        assert!(
            !success && said.contains("run the command as root, or as the user"),
            "{said}"
        );
    }
    let (success, said) = said(&["config", "show"]).await;
    assert!(success && said.starts_with("# Whether a relay runs on "), "{said}");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
}

/// A link that the relay's user left where root is to make a file: root writes nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_the_relays_directory_makes_no_command_write_elsewhere() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    give_to_nobody(&data, 0o700);
    stop(relay(&dir, &data));
    let precious = dir.path().join("precious");
    let (target, absent) = (precious.join("file"), precious.join("absent"));
    fs::create_dir(&precious).unwrap();
    fs::write(&target, "untouched").unwrap();
    let before = (
        fs::metadata(&target).unwrap().uid(),
        fs::metadata(&target).unwrap().mode(),
    );
    let errand = Errand::Revoke([7; 32]);
    // The relay does not run: what is left stays.
    let file = errands::ask(&data, &errand).unwrap();
    for to in [&target, &absent] {
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(to, &file).unwrap();
        errands::ask(&data, &errand).unwrap();
        fs::remove_file(data.join("relay.lock")).unwrap();
        std::os::unix::fs::symlink(to, data.join("relay.lock")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.env_clear().arg("--data-dir").arg(&data).arg("invite");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        // Whether it works or says that it cannot.
        assert!(output.status.code().is_some());
        assert!(!absent.exists());
        assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
        let meta = fs::metadata(&target).unwrap();
        assert_eq!((meta.uid(), meta.mode()), before);
        // Nor the database itself.
        let database = data.join("relay.sqlite3");
        let kept = dir.path().join("kept");
        fs::rename(&database, &kept).unwrap();
        fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(to, &database).unwrap();
        for args in [&["invite"][..], &["check"]] {
            let mut command = Command::new(PROGRAM);
            command.env_clear().arg("--data-dir").arg(&data).args(args);
            let output = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                !output.status.success() && said.contains("is a link, which is not followed"),
                "{said}"
            );
        }
        assert!(!absent.exists());
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert_eq!(fs::read_dir(&precious).unwrap().count(), 1);
        fs::write(&target, "untouched").unwrap();
        fs::rename(&kept, &database).unwrap();
        if file.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(to, &file).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_errand_that_cannot_be_removed_is_done_once_also_when_the_relay_is_killed() {
    let dir = TempDir::new().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    fs::create_dir(&data).unwrap();
    give_to_nobody(&data, 0o700);
    stop(relay(&dir, &data));
    let (spent, revoked) = (InviteCode::generate().unwrap(), InviteCode::generate().unwrap());
    let expires = SystemClock.now().plus(Duration::from_secs(3600));
    let invite = |code: &InviteCode| Errand::Invite {
        hash: code.hash(),
        uses: NonZeroU32::MIN,
        expires,
    };
    for errand in [invite(&spent), invite(&revoked), Errand::Revoke(revoked.hash())] {
        errands::ask(&data, &errand).unwrap();
    }
    let directory = data.join("errands");
    give_to_nobody(&directory, 0o500);
    let left = || fs::read_dir(&directory).unwrap().count();
    for life in 0..3 {
        fs::write(&log, "").unwrap();
        give_to_nobody(&log, 0o600);
        let mut running = relay(&dir, &data);
        eventually("it says that errands stay", || {
            let log = fs::read_to_string(&log).unwrap();
            log.contains("was done, and its file stays")
        })
        .await;
        if life == 0 {
            register(&running, "alice", &spent.reveal()).await.ok();
        }
        for code in [&spent, &revoked] {
            register(&running, "bob", &code.reveal())
                .await
                .refused(403, "invite_refused");
        }
        let log = fs::read_to_string(&log).unwrap();
        assert_eq!(log.matches("stays").count(), 1, "once a minute: {log}");
        running.kill();
        assert_eq!(left(), 3, "none could be removed");
    }
    give_to_nobody(&directory, 0o700);
    let running = relay(&dir, &data);
    eventually("they are removed", || left() == 0).await;
    register(&running, "bob", &spent.reveal())
        .await
        .refused(403, "invite_refused");
}
