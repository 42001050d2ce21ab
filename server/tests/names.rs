//! The relay's name: one for the life of its accounts, and one that others can use.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{
    net::TcpStream,
    process::{Command, Stdio},
};

use common::*;
use process::{PROGRAM, Process, killed, refused, said_until};

fn called(name: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--name", name]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_keeps_the_name_of_its_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    // Until there is an account it may be called anything.
    drop(Process::spawn(called("first.example"), &data, "127.0.0.1:0"));
    let relay = Process::start(&data, "127.0.0.1:0");
    let api = Api {
        http: client(),
        url: relay.url.clone(),
    };
    User::register(api, "alice").await;
    drop(relay);
    let (code, said) = refused(called("relay.example"), &data);
    assert_eq!(code, Some(1), "{said}");
    for part in ["'relay.example'", "'localhost'", "--name localhost", "--data-dir"] {
        assert!(said.contains(part), "{part:?} is missing in {said:?}");
    }
    // Nothing was changed by that.
    drop(Process::start(&data, "127.0.0.1:0"));

    // A backup of it has the same accounts, and so the same name.
    let (copy, file) = (dir.path().join("copy"), dir.path().join("backup"));
    let backup = Command::new(PROGRAM)
        .env_clear()
        .args([
            "--data-dir".as_ref(),
            data.as_os_str(),
            "backup".as_ref(),
            file.as_os_str(),
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(backup.success());
    std::fs::create_dir(&copy).unwrap();
    std::fs::rename(&file, copy.join("relay.sqlite3")).unwrap();
    let (_, said) = refused(called("relay.example"), &copy);
    assert!(said.contains("--name localhost"), "{said}");
}

/// Behind a proxy on this machine, so that nothing listens where others are.
#[test]
fn a_relay_for_others_that_is_called_localhost_is_warned() {
    for (name, warned) in [("localhost", true), ("localhost:5000", true), ("relay.example", false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = called(name)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--behind-proxy",
                "--origins",
                "https://relay.example",
                "--data-dir",
            ])
            .arg(dir.path().join("data"))
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let first = said_until(&mut child, "first user").pop().unwrap();
        assert!(
            first.contains("latchkey --relay https://relay.example register NAME"),
            "{first}"
        );
        let said = killed(child);
        assert_eq!(said.contains("NAME@localhost"), warned, "{name}: {said}");
    }
}

/// Listening everywhere takes TLS here and an origin; what is printed can be dialled.
#[test]
fn what_is_printed_can_be_dialled() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["--listen", "0.0.0.0:0", "--tls-self-signed", "--quiet"])
        .args(["--origins", "https://relay.example", "--data-dir"])
        .arg(dir.path().join("data"))
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = said_until(&mut child, "from a checkout").join("\n");
    let listening = said.split_once("listening on  port ").unwrap().1;
    let (port, every) = listening.split_once(' ').unwrap();
    let reached = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_ok();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(every.starts_with("of every IPv4 address\n"), "{said}");
    assert!(!said.contains("0.0.0.0"), "{said}");
    assert!(
        said.contains("latchkey --relay https://relay.example --pin sha256:"),
        "{said}"
    );
    assert!(reached, "{said}");
}

/// Its schema has had a step that this relay does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_relay_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Process::start(&data, "127.0.0.1:0"));
    let c = rusqlite::Connection::open(data.join("relay.sqlite3")).unwrap();
    let step = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9999, 'later', '2030-01-01T00:00:00Z', '1')";
    assert_eq!(c.execute(step, []).unwrap(), 1);
    drop(c);
    let (code, said) = refused(called("localhost"), &data);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("newer relay"), "{said}");
}
