//! Disks and clocks that misbehave: the relay says what is wrong, loses nothing that it accepted, and refuses to make it worse.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may panic like the tests themselves

mod common;
mod process;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::*;
use process::{PROGRAM, Process, WATCHED, give_to_nobody, refused, unprivileged};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use testkit::wait::until;
use uuid::Uuid;

const DATABASE: &str = "relay.sqlite3";
const LOG: &str = "relay.sqlite3-wal";

fn api_of(process: &Process) -> Api {
    Api {
        http: client(),
        url: process.url.clone(),
    }
}

/// Everything in a data directory that holds data. (The lock and the shared memory hold none.)
fn contents(data: &Path) -> BTreeMap<String, Vec<u8>> {
    [DATABASE, LOG]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fs::read(data.join(name)).ok()?)))
        .collect()
}

/// A relay that was killed after it had accepted these envelopes for bob, who signs in anew with what is returned.
async fn killed_with_mail(data: &Path, sizes: &[usize]) -> (User, Vec<Vec<u8>>) {
    let mut process = Process::start(data, "127.0.0.1:0");
    let api = api_of(&process);
    let (alice, bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api, "bob").await,
    );
    let mut sent = Vec::new();
    for (i, size) in (0u8..).zip(sizes) {
        sent.push(vec![i; *size]);
        alice.send("bob", Uuid::new_v4(), vec![i; *size]).await.ok();
    }
    process.kill();
    (bob, sent)
}

#[tokio::test]
async fn what_must_not_be_written_is_said_to_be_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    killed_with_mail(&data, &[100]).await;
    // The database alone is read-only.
    give_to_nobody(&data, 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        give_to_nobody(&entry.unwrap().path(), 0o600);
    }
    give_to_nobody(&data.join(DATABASE), 0o400);
    let before = contents(&data);
    let (code, said) = refused(unprivileged(dir.path()), &data);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(DATABASE) && said.contains("cannot be written") && said.contains("chmod"),
        "{said}"
    );
    assert_eq!(contents(&data), before);
    // A directory in which nothing can be made.
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    give_to_nobody(&closed, 0o500);
    let (code, said) = refused(unprivileged(dir.path()), &closed);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("closed") && said.contains("--data-dir") && said.contains("writable"),
        "{said}"
    );
}

fn damage(file: &PathBuf, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at..at + 64].fill(0xa5);
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_log_is_refused_untouched_and_served_when_it_is_whole_again() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    // Too little was deleted for a checkpoint: the accounts are in the log alone.
    let (mut bob, sent) = killed_with_mail(&data, &[3000; 12]).await;
    let log = data.join(LOG);
    let whole = fs::read(&log).unwrap();
    assert!(whole.len() > 30_000, "the log holds too little: {}", whole.len());
    for at in [4, whole.len() / 3, whole.len() / 2] {
        damage(&log, at);
        let before = contents(&data);
        let (code, said) = refused(Command::new(PROGRAM), &data);
        assert_eq!(code, Some(1), "{said}");
        for part in [LOG, "is damaged", "Nothing was changed", "restore a backup"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
        assert!(contents(&data) == before, "the damage at {at} was made worse");
        fs::write(&log, &whole).unwrap();
    }
    // A commit that was being written when the power went is not damage.
    fs::write(&log, [&whole[..], &[0x5a; 700]].concat()).unwrap();
    let process = Process::start(&data, "127.0.0.1:0");
    bob.api = api_of(&process);
    bob.sign_in().await;
    assert_eq!(bob.envelopes().await, sent);
}

#[tokio::test]
async fn a_damaged_database_is_refused_untouched() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    killed_with_mail(&data, &[3000; 12]).await;
    // A start and an orderly end fold the log in.
    let mut process = Process::start(&data, "127.0.0.1:0");
    process.terminate();
    assert!(process.child.wait().unwrap().success());
    let left = fs::metadata(data.join(LOG)).map_or(0, |meta| meta.len());
    assert_eq!(left, 0, "an orderly end leaves a log");
    let database = data.join(DATABASE);
    let whole = fs::read(&database).unwrap();
    let truncated = |bytes: &[u8]| bytes[..bytes.len() / 2 / 1024 * 1024].to_vec();
    let header = |bytes: &[u8]| [&[0; 16][..], &bytes[16..]].concat();
    // Inner and leaf pages of every tree: whichever page it is, its type is nonsense now.
    let pages = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[1024..]
            .chunks_mut(1024)
            .step_by(5)
            .for_each(|page| page[..16].fill(0xa5));
        bytes
    };
    for broken in [truncated(&whole), header(&whole), pages(&whole)] {
        fs::write(&database, &broken).unwrap();
        let (code, said) = refused(Command::new(PROGRAM), &data);
        assert_eq!(code, Some(1), "{said}");
        for part in [DATABASE, "is damaged", "Nothing was changed", "restore a backup"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
        assert!(fs::read(&database).unwrap() == broken, "it was made worse");
    }
    fs::write(&database, &whole).unwrap();
    drop(Process::start(&data, "127.0.0.1:0"));
}

/// A file size limit is what a full disk is to the relay: writes fail, and what is there can be read. It needs no privileges.
#[tokio::test]
async fn a_full_disk_loses_nothing_and_passes() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut shell = Command::new("/bin/bash");
    // 2 MiB in blocks of 1 KiB, for each file. The signal that comes with the error would end a process that does not see to it.
    shell.args(["-c", "ulimit -f 2048; exec \"$0\" \"$@\"", PROGRAM]);
    shell.args(WATCHED).args(["--disk-reserve", "off"]);
    let mut process = Process::spawn(shell, &data, "127.0.0.1:0");
    let api = api_of(&process);
    let (alice, mut bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api.clone(), "bob").await,
    );
    let mut accepted = Vec::new();
    let refused = loop {
        let (id, body) = (Uuid::new_v4(), random::<50_000>().to_vec());
        let answer = alice.send("bob", id, body.clone()).await;
        if answer.status != 200 {
            answer.refused(507, "storage_full");
            break (id, body);
        }
        accepted.push(body);
        assert!(accepted.len() < 100, "the limit never came");
    };
    assert!(accepted.len() > 10, "too little fits: {}", accepted.len());
    // It still answers, and what it accepted can be read.
    assert_eq!(
        process.number(&api.http, "latchkey_stored_envelopes").await,
        accepted.len() as f64
    );
    let page = bodies(&bob.inbox(json!({ "limit": 5 })).await.ok());
    assert_eq!(page[..], accepted[..5]);
    // Killed with a full disk, started with room: all of it is there, and the refused send can be repeated.
    process.kill();
    let process = Process::start(&data, "127.0.0.1:0");
    bob.api = api_of(&process);
    bob.sign_in().await;
    let mut alice = alice;
    alice.api = api_of(&process);
    alice.sign_in().await;
    alice.send("bob", refused.0, refused.1.clone()).await.ok();
    accepted.push(refused.1);
    let delivered = bob.everything().await;
    assert!(
        delivered == accepted,
        "{} of {} were delivered",
        delivered.len(),
        accepted.len()
    );
}

/// That the reserve cannot be kept has other reasons than a full disk; they are named, and it is kept when they are gone.
#[tokio::test]
async fn a_reserve_that_cannot_be_kept_says_why() {
    let dir = TempDir::new().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let reserve = data.join("relay.reserve");
    drop(Process::start(&data, "127.0.0.1:0"));
    fs::remove_file(&reserve).unwrap();
    fs::create_dir(&reserve).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(WATCHED).stderr(fs::File::create(&log).unwrap());
    let process = Process::spawn(command, &data, "127.0.0.1:0");
    let ready = process.metrics.as_ref().unwrap().replace("/metrics", "/readyz");
    let status = async || client().get(&ready).send().await.unwrap().status();
    assert_eq!(status().await, 503);
    let said = fs::read_to_string(&log).unwrap();
    let named = said.contains("cannot be kept in relay.reserve") && said.contains("directory");
    assert!(named && !said.contains("no room"), "{said}");
    fs::remove_dir(&reserve).unwrap();
    until("it is kept again", async || status().await == 200).await;
    assert!(reserve.is_file());
}

/// What a killed relay left in the write-ahead log cannot be folded in: it stays there, and is read from there.
#[tokio::test]
async fn a_start_on_a_full_disk_serves_what_a_killed_relay_left() {
    let dir = TempDir::new().unwrap();
    let mut killed = None;
    for n in 0..20 {
        let data = dir.path().join(n.to_string());
        let (bob, sent) = killed_with_mail(&data, &[100, 80_000, 200]).await;
        // Now and then the log was folded in just before the end: then nothing is left that has no room.
        if fs::metadata(data.join(LOG)).unwrap().len() > 64 << 10 {
            killed = Some((data, bob, sent));
            break;
        }
    }
    let (data, mut bob, sent) = killed.unwrap();
    let log = dir.path().join("log");
    let mut shell = Command::new("/bin/bash");
    // Less than the database has: no page can be added.
    shell.args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", PROGRAM]);
    shell
        .args(WATCHED)
        .args(["--disk-reserve", "off"])
        .stderr(fs::File::create(&log).unwrap());
    let mut process = Process::spawn(shell, &data, "127.0.0.1:0");
    bob.api = api_of(&process);
    // It is said from the start on, before anybody tried to send.
    let ready = process.metrics.as_ref().unwrap().replace("/metrics", "/readyz");
    let ready = bob.api.http.get(ready).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("the disk is full"));
    assert_eq!(bodies(&bob.inbox(json!({})).await.ok()), sent);
    // Without a reserve who reads page by page gets the first one, again and again: that it was read cannot be noted, so what follows waits for room.
    for _ in 0..2 {
        let page = bob.inbox(json!({ "limit": 1 })).await.ok();
        assert_eq!(bodies(&page), sent[..1]);
        let next = json!({ "limit": 1, "ack": ack(&page) });
        bob.inbox(next).await.refused(507, "storage_full");
    }
    for _ in 0..10 {
        bob.send("bob", Uuid::new_v4(), vec![1; 100_000])
            .await
            .refused(507, "storage_full");
    }
    // What is refused is said a few times, and not each time, onto a disk that is full.
    let said = fs::read_to_string(&log).unwrap();
    assert!(
        said.contains("the disk is full") && said.contains("the store refuses"),
        "{said}"
    );
    assert!(said.lines().count() < 10, "{said}");
    process.kill();
    // With room again everything is.
    let process = Process::start(&data, "127.0.0.1:0");
    bob.api = api_of(&process);
    assert!(bob.everything().await == sent);
}

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing_and_delivers_nothing_twice() {
    let relay = TestRelay::start_with(|config| config.token_ttl = DAY * 300).await;
    let (mut alice, mut bob) = (relay.user("alice").await, relay.user("bob").await);
    let mut license = License::new("bob", 3);
    license.expires_at = START.plus(DAY * 20).as_millis();
    let message = license.message("bob", Uuid::new_v4(), b"limited");
    alice
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    let (mut sent, mut read) = (vec![b"limited".to_vec()], Vec::new());
    let (mut plays, mut position) = (0, json!({}));
    let year_ago = protocol::Timestamp(START.as_millis() - u64::try_from((DAY * 365).as_millis()).unwrap());
    for (round, now) in (0u8..).zip([
        START.plus(DAY),
        START,
        year_ago,
        START.plus(DAY * 2),
        START.plus(DAY * 400),
        START,
    ]) {
        relay.clock.set(now);
        // A session that has expired by the new clock is the same for a client as any other that ended.
        for user in [&mut alice, &mut bob] {
            user.sign_in().await;
        }
        alice.send("bob", Uuid::new_v4(), vec![round; 50]).await.ok();
        sent.push(vec![round; 50]);
        let page = bob.inbox(position.clone()).await.ok();
        read.extend(bodies(&page));
        if !bodies(&page).is_empty() {
            position = json!({ "ack": ack(&page) });
        }
        let answer = license.play(&relay.api(), Uuid::new_v4()).await;
        if answer.status == 200 {
            plays += 1;
            assert_eq!(answer.body["play"], plays);
        }
    }
    assert_eq!(plays, 3, "the clock gives no plays and takes none");
    license
        .play(&relay.api(), Uuid::new_v4())
        .await
        .refused(410, "play_limit_reached");
    assert_eq!(read, sent, "every envelope once, in order");
}
