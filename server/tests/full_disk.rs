//! A disk that is really full, and stays so: mail is read and acknowledged to its end from what the relay kept in reserve, and what that frees takes new mail.
//!
//! The disk is a small file system in memory, in a mount namespace of its own; without user namespaces (some containers forbid them) less is tried.
#![cfg(target_os = "linux")]
// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod process;

use std::{ffi::OsStr, fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use common::*;
use process::{PROGRAM, Process, WATCHED};
use serde_json::json;
use tempfile::TempDir;
use testkit::{machine::lowered, small_disk::SmallDisk, wait::until};
use uuid::Uuid;

/// Room for a relay with its reserve of 32 MiB, and somewhat more.
const DISK: u64 = 96 << 20;
/// Twelve of these are a page of the inbox.
const BODY: usize = 60_000;
const RESERVE: &str = "relay.reserve";
/// The log has at least so much once the reserve is given up.
const LOG: u64 = 6 << 20;
/// The relay has handed the room of the reserve over by then, or has none to hand over.
const HAND_OVER: Duration = Duration::from_secs(5);
/// One disk in a few is filled at a moment that shows nothing.
const TRIES: usize = 10;

/// A relay on it.
fn relay_on(disk: &SmallDisk) -> Process {
    let mut command = disk.command(OsStr::new(PROGRAM));
    command.args(WATCHED);
    Process::spawn(command, &disk.place().join("data"), "127.0.0.1:0")
}

fn api_of(process: &Process) -> Api {
    Api {
        http: client(),
        url: process.url.clone(),
    }
}

async fn readiness(process: &Process) -> (u16, String) {
    let url = process.metrics.as_ref().unwrap().replace("/metrics", "/readyz");
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Sends until one is refused for want of room. What was accepted.
async fn send_until_full(from: &User, to: &str, most: usize) -> Vec<Vec<u8>> {
    let mut accepted = Vec::new();
    for _ in 0..most {
        let body = random::<BODY>().to_vec();
        let answer = from.send(to, Uuid::new_v4(), body.clone()).await;
        if answer.status != 200 {
            let said = answer.refused(507, "storage_full");
            assert!(said["detail"].as_str().unwrap().contains("no room"), "{said}");
            return accepted;
        }
        accepted.push(body);
    }
    panic!("{most} sends had room");
}

/// Reads page by page and acknowledges each, to the end.
async fn read_to_the_end(user: &User, pages: usize) -> Vec<Vec<u8>> {
    let (mut read, mut position, mut count) = (Vec::new(), json!({}), 0);
    loop {
        let page = user.inbox(position).await.ok();
        if bodies(&page).is_empty() {
            assert!(count >= pages, "{count} pages");
            return read;
        }
        count += 1;
        read.extend(bodies(&page));
        position = json!({ "ack": ack(&page) });
    }
}

/// What is kept has its blocks on the disk.
fn is_kept(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.len() == 32 << 20 && meta.blocks() * 512 >= meta.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_read_and_acknowledged_on_a_disk_that_is_full_and_stays_so() {
    let disk = match SmallDisk::mount(DISK) {
        Ok(disk) => disk,
        Err(why) => {
            lowered(
                "full-disk",
                &format!("no disk is filled, because no small one could be mounted: {why}"),
            );
            let dir = TempDir::new().unwrap();
            let _process = Process::start(&dir.path().join("data"), "127.0.0.1:0");
            let reserve = dir.path().join("data").join(RESERVE);
            return until("the reserve is taken", async || is_kept(&reserve)).await;
        }
    };
    let process = relay_on(&disk);
    let api = api_of(&process);
    let reserve = disk.path("data").join(RESERVE);
    assert!(is_kept(&reserve));
    let (alice, mut bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api.clone(), "bob").await,
    );
    // She stays away, and what she gets lies in front of all that is read.
    let carol = User::register(api.clone(), "carol").await;
    alice.send("carol", Uuid::new_v4(), b"stays".to_vec()).await.ok();
    let mut sent = Vec::new();
    for _ in 0..40 {
        sent.push(random::<BODY>().to_vec());
        alice
            .send("bob", Uuid::new_v4(), sent.last().unwrap().clone())
            .await
            .ok();
    }
    assert!(disk.fill("others") > 10 << 20);
    assert!(is_kept(&reserve), "nothing was given up before it was needed");
    sent.extend(send_until_full(&alice, "bob", 1000).await);
    assert!(!is_kept(&reserve));
    // What the reserve left of the disk is not the relay's either.
    disk.fill("more of others");
    let (status, said) = readiness(&process).await;
    assert_eq!((status, said.contains("the disk is full")), (503, true), "{said}");

    // A sign-in, every page, and every acknowledgement.
    bob.sign_in().await;
    let read = read_to_the_end(&bob, 4).await;
    assert!(read == sent, "{} of {}", read.len(), sent.len());
    assert!(bob.envelopes().await.is_empty(), "what was acknowledged is gone");

    // What was freed takes new mail, though the disk is as full as before.
    until("acknowledged mail frees room", async || {
        readiness(&process).await.0 == 200
    })
    .await;
    for _ in 0..5 {
        let body = random::<BODY>().to_vec();
        alice.send("bob", Uuid::new_v4(), body.clone()).await.ok();
        assert!(read_to_the_end(&bob, 1).await == [body]);
    }
    // And in it as much can be sent again and read again as often as one likes.
    for _ in 0..3 {
        let accepted = send_until_full(&alice, "bob", 1000).await;
        assert!(accepted.len() > 10, "{}", accepted.len());
        assert!(read_to_the_end(&bob, 1).await == accepted);
        until("acknowledged mail frees room", async || {
            readiness(&process).await.0 == 200
        })
        .await;
    }
    assert!(!is_kept(&reserve), "there is no room for it");
    // With room on the disk the reserve is taken again, and the database grows.
    fs::remove_file(disk.path("others")).unwrap();
    fs::remove_file(disk.path("more of others")).unwrap();
    until("the reserve is taken again", async || is_kept(&reserve)).await;
    for _ in 0..100 {
        alice.send("bob", Uuid::new_v4(), vec![7; BODY]).await.ok();
    }
    assert_eq!(readiness(&process).await.0, 200);
    assert_eq!(read_to_the_end(&bob, 8).await.len(), 100);
    assert!(read_to_the_end(&carol, 1).await == [b"stays"]);
}

/// The start may be what meets the full disk first; then it is the start that uses the reserve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_reads_mail_to_its_end() {
    let disk = match SmallDisk::mount(DISK) {
        Ok(disk) => disk,
        // As above.
        Err(why) => {
            lowered("full-disk", &format!("no relay is started on a full disk: {why}"));
            let dir = TempDir::new().unwrap();
            let mut process = Process::start(&dir.path().join("data"), "127.0.0.1:0");
            process.kill();
            drop(Process::start(&dir.path().join("data"), "127.0.0.1:0"));
            assert!(is_kept(&dir.path().join("data").join(RESERVE)));
            return;
        }
    };
    let mut process = relay_on(&disk);
    let api = api_of(&process);
    let (mut alice, mut bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api.clone(), "bob").await,
    );
    let mut sent = Vec::new();
    for _ in 0..40 {
        sent.push(random::<BODY>().to_vec());
        alice
            .send("bob", Uuid::new_v4(), sent.last().unwrap().clone())
            .await
            .ok();
    }
    // So many are folded in, by a thread of its own: when that is done, a few more are in the log alone, and have no room in the database.
    until("the log is never folded in", async || {
        process
            .number(&client(), "latchkey_checkpoint_duration_seconds_count")
            .await
            >= 1.0
    })
    .await;
    for _ in 0..4 {
        sent.push(random::<BODY>().to_vec());
        alice
            .send("bob", Uuid::new_v4(), sent.last().unwrap().clone())
            .await
            .ok();
    }
    disk.fill("others");
    process.kill();
    assert!(is_kept(&disk.path("data").join(RESERVE)));

    // An orderly end on the full disk, and a kill.
    let mut read = Vec::new();
    for orderly in [true, false] {
        let mut process = relay_on(&disk);
        disk.fill(if orderly {
            "more of others"
        } else {
            "still more of others"
        });
        assert_eq!(readiness(&process).await.0, 503);
        for user in [&mut alice, &mut bob] {
            user.api = api_of(&process);
            user.sign_in().await;
        }
        let page = bob.inbox(json!({ "limit": 3 })).await.ok();
        read.extend(bodies(&page));
        bob.inbox(json!({ "limit": 1, "ack": ack(&page) })).await.ok();
        send_until_full(&alice, "alice", 1000).await;
        if orderly {
            process.terminate();
            assert!(process.child.wait().unwrap().success());
        } else {
            process.kill();
        }
        // What is left of the disk between two relays is taken by others.
        disk.fill(if orderly {
            "what was left"
        } else {
            "what was left again"
        });
    }
    let process = relay_on(&disk);
    bob.api = api_of(&process);
    bob.sign_in().await;
    read.extend(read_to_the_end(&bob, 2).await);
    assert!(read == sent, "{} of {}", read.len(), sent.len());
}

/// A disk that another program has filled beside a relay with mail for Bob: he, the mail, and what has to live as long. None when the relay was folding its log in at that
/// moment and the other program got the room of the reserve, as `docs/operations.md` says that it may.
async fn filled_beside(disk: &SmallDisk) -> Option<(Process, User, Vec<Vec<u8>>)> {
    let process = relay_on(disk);
    let api = api_of(&process);
    let (alice, bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api, "bob").await,
    );
    let sent: Vec<_> = (0..40).map(|_| random::<BODY>().to_vec()).collect();
    for body in &sent {
        alice.send("bob", Uuid::new_v4(), body.clone()).await.ok();
    }
    disk.fill("others");
    let has_room = async || {
        let log = fs::metadata(disk.path("data").join("relay.sqlite3-wal")).map_or(0, |log| log.len());
        is_kept(&disk.path("data").join(RESERVE)) || log >= LOG
    };
    tokio::time::timeout(
        HAND_OVER,
        until("the reserve is kept, or the log has its room", has_room),
    )
    .await
    .ok()?;
    Some((process, bob, sent))
}

/// Reads page by page, acknowledges each, and says whether the reserve was needed for that.
async fn read_beside(disk: &SmallDisk, (_process, bob, sent): (Process, User, Vec<Vec<u8>>)) -> bool {
    let (mut read, mut position) = (Vec::new(), json!({ "limit": 3 }));
    loop {
        let page = bob.inbox(position).await.ok();
        if bodies(&page).is_empty() {
            break;
        }
        read.extend(bodies(&page));
        position = json!({ "limit": 3, "ack": ack(&page) });
    }
    assert!(read == sent, "{} of {}", read.len(), sent.len());
    let (reserve, log) = (
        disk.path("data").join(RESERVE),
        disk.path("data").join("relay.sqlite3-wal"),
    );
    until(
        "what was acknowledged is erased, by the reserve or without it",
        async || !is_kept(&reserve) || fs::metadata(&log).is_ok_and(|log| log.len() == 0),
    )
    .await;
    !is_kept(&reserve)
}

/// An acknowledgement may be what meets the full disk first. It does not need the reserve when the log was folded in just before: it began anew then, and has room of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_uses_the_reserve() {
    for _ in 0..TRIES {
        let disk = match SmallDisk::mount(DISK) {
            Ok(disk) => disk,
            // As above.
            Err(why) => return lowered("full-disk", &format!("nothing is acknowledged on a full disk: {why}")),
        };
        // Whether it was needed or not, everything is read and acknowledged.
        if let Some(filled) = filled_beside(&disk).await
            && read_beside(&disk, filled).await
        {
            return;
        }
    }
    panic!("of {TRIES} full disks none needed the reserve");
}
