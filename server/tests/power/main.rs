//! The power goes: what was answered with 200 is on the disk. A killed process proves nothing about that, because the kernel keeps what it wrote. So the real relay is
//! traced while it works: every write, every sync, every answer. From that, a disk is made as the power would have left it at any moment, with any part of what was
//! not synced, and a relay is started on it.
//!
//! `LATCHKEY_POWER_CUTS` sets how many moments are tried.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests may panic like the tests themselves

#[path = "../common/mod.rs"]
mod common;
mod disk;
mod errands;
#[path = "../process/mod.rs"]
mod process;
mod sync;
mod trace;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use common::*;
use disk::Luck;
use process::{PROGRAM, Process};
use protocol::{Timestamp, address::UserName};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use server::{
    clock::{Clock as _, SystemClock},
    model::{LicenseId, MailboxId},
    store::{
        Store as _,
        sqlite::{FILE_NAME, Sqlite, admin::Reader},
    },
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use trace::Event;
use uuid::Uuid;

/// Moments that are tried unless more are asked for.
const CUTS: u32 = 400;
const SENDERS: usize = 4;
const SENDS: usize = 8;
const PLAYS: u8 = 6;

/// The request id of an answer with 200, and what it was the answer to.
#[derive(Default)]
struct Answered {
    /// Envelopes for bob, who reads nothing.
    sent: Vec<(String, Vec<u8>)>,
    /// Up to which sequence number carol acknowledged.
    acknowledged: Vec<(String, u64)>,
    /// So many plays were granted.
    played: Vec<(String, u64)>,
}

/// A call that must succeed; its request id.
async fn asked(request: reqwest::RequestBuilder) -> (String, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    (id, response.json().await.unwrap())
}

/// Where strace is.
fn strace() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|place| place.join("strace"))
        .find(|program| program.is_file())
}

/// Everything that a traced relay did, what it answered, and the license that was played.
struct Story {
    events: Vec<Event>,
    answered: Answered,
    license: License,
}

async fn story(strace: &Path) -> Story {
    let dir = TempDir::new().unwrap();
    let (data, output) = (dir.path().join("data"), dir.path().join("trace"));
    let mut command = Command::new(strace);
    let calls = "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink";
    command.args([
        "-I",
        "2", // otherwise it would not hear that it is to end
        "-f",
        "-qq",
        "-y",
        "-xx",
        "-s",
        "400000",
        "-e",
        calls,
        "-e",
        "signal=none",
        "-o",
    ]);
    command.arg(&output).arg(PROGRAM);
    let mut process = Process::spawn(command, &data, "127.0.0.1:0");
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let answered = Arc::new(Mutex::new(Answered::default()));
    User::register(api.clone(), "bob").await;
    let carol = User::register(api.clone(), "carol").await;
    let mut license = License::new("bob", PLAYS);
    license.expires_at = carol.now.plus(DAY).as_millis();
    let message = license.message("bob", Uuid::new_v4(), b"limited");
    carol
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();

    let mut senders = Vec::new();
    for n in 0..SENDERS {
        let sender = User::register(api.clone(), &format!("sender{n}")).await;
        let answered = Arc::clone(&answered);
        senders.push(tokio::spawn(async move {
            for i in 0..SENDS {
                // Small ones, and ones whose pages are chained.
                let mut body = vec![0; [90, 600, 4096, 9000][i % 4]];
                rng().fill_bytes(&mut body);
                let (id, _) = asked(sender.send_request("bob", Uuid::new_v4(), body.clone())).await;
                answered.lock().unwrap().sent.push((id, body.clone()));
                asked(sender.send_request("carol", Uuid::new_v4(), body)).await;
            }
        }));
    }
    let (players, reader) = (Arc::clone(&answered), Arc::clone(&answered));
    let path = format!("/v1/licenses/{}/plays", license.id);
    let (plays, capability) = (api.clone(), b64(license.play));
    let player = tokio::spawn(async move {
        for _ in 0..PLAYS {
            let body = json!({ "play_id": Uuid::new_v4(), "capability": capability });
            let (id, answer) = asked(plays.request(Method::POST, &path, None).json(&body)).await;
            players
                .lock()
                .unwrap()
                .played
                .push((id, answer["play"].as_u64().unwrap()));
        }
    });
    let reading = tokio::spawn(async move {
        let (mut position, mut read) = (None::<Value>, 0);
        while read < SENDERS * SENDS {
            let body = json!({ "ack": position, "limit": 5 });
            let request = carol.api.request(Method::POST, "/v1/inbox", Some(&carol.token));
            let (id, page) = asked(request.json(&body)).await;
            if let Some(position) = &position {
                let sequence = position["sequence"].as_u64().unwrap();
                reader.lock().unwrap().acknowledged.push((id, sequence));
            }
            read += bodies(&page).len();
            position = if bodies(&page).is_empty() {
                None
            } else {
                Some(ack(&page))
            };
        }
    });
    for task in senders.into_iter().chain([player, reading]) {
        task.await.unwrap();
    }
    process.terminate();
    process.child.wait().unwrap();
    let text = fs::read_to_string(&output).unwrap();
    let events = trace::parse(&text, data.to_str().unwrap());
    let answered = Arc::into_inner(answered).unwrap().into_inner().unwrap();
    Story {
        events,
        answered,
        license,
    }
}

/// Where in the trace each answer left, by its request id.
fn answers(events: &[Event]) -> HashMap<String, usize> {
    let name = b"x-request-id: ";
    let mut found = HashMap::new();
    for (n, event) in events.iter().enumerate() {
        let Event::Sent(bytes) = event else { continue };
        if let Some(at) = bytes
            .windows(name.len())
            .position(|part| part.eq_ignore_ascii_case(name))
        {
            let id = &bytes[at + name.len()..at + name.len() + 16];
            found.insert(String::from_utf8(id.to_vec()).unwrap(), n);
        }
    }
    found
}

/// What is wrong with a relay on these files, if something is. `cut` is the moment up to which answers had left.
async fn wrong(
    story: &Story,
    left: &HashMap<String, usize>,
    cut: usize,
    files: BTreeMap<String, Vec<u8>>,
) -> Option<String> {
    let place = TempDir::new().unwrap();
    for (name, content) in files {
        // Gate keys have none here; the lock is made anew.
        if name.starts_with(FILE_NAME) {
            fs::write(place.path().join(name), content).unwrap();
        }
    }
    let before = |id: &String| *left.get(id).expect("every answer is in the trace") < cut;
    let promised: Vec<&Vec<u8>> = story
        .answered
        .sent
        .iter()
        .filter(|(id, _)| before(id))
        .map(|(_, body)| body)
        .collect();
    let lock = File::create(place.path().join("lock")).unwrap();
    let store = match Sqlite::open(place.path(), lock, None, Arc::default()) {
        Ok(store) => store,
        Err(error) => return Some(format!("it does not start: {error}")),
    };
    let mailbox = |name| MailboxId::of(&UserName::parse(name).unwrap());
    let now: Timestamp = SystemClock.now();
    let page = async |name| store.page(mailbox(name), u32::MAX, usize::MAX, now).await.unwrap();
    let waiting: Vec<Vec<u8>> = page("bob").await.map_or(Vec::new(), |page| {
        page.envelopes.into_iter().map(|row| row.body).collect()
    });
    for body in &promised {
        let times = waiting.iter().filter(|there| there == body).count();
        if times != 1 {
            return Some(format!(
                "an envelope that was answered with 200 is there {times} times ({} of {} are there)",
                waiting.len(),
                promised.len()
            ));
        }
    }
    let known = |body: &Vec<u8>| body == b"limited" || story.answered.sent.iter().any(|(_, sent)| sent == body);
    if !waiting.iter().all(known) {
        return Some("half an envelope is there".into());
    }
    let acknowledged = story
        .answered
        .acknowledged
        .iter()
        .filter(|(id, _)| before(id))
        .map(|(_, sequence)| *sequence)
        .max();
    if let Some(acknowledged) = acknowledged
        && page("carol")
            .await
            .is_none_or(|page| page.envelopes.iter().any(|row| row.sequence <= acknowledged))
    {
        return Some("what was acknowledged is there again".into());
    }
    let played = story
        .answered
        .played
        .iter()
        .filter(|(id, _)| before(id))
        .map(|(_, number)| *number)
        .max();
    if let Some(played) = played {
        let id = LicenseId::parse(&story.license.id).unwrap();
        let owner: [u8; 32] = Sha256::digest(story.license.owner).into();
        let counted = store.license(id, owner, now).await.unwrap().map(|view| view.requests);
        if counted.is_none_or(|counted| counted < played) {
            return Some(format!("{played} plays were answered and {counted:?} are counted"));
        }
    }
    drop(store);
    let faults = Reader::open(place.path()).unwrap().check().unwrap();
    (!faults.is_empty()).then(|| faults.join("; "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_on_the_disk_whenever_the_power_goes() {
    let Some(strace) = strace() else {
        // `.ci/run` installs it.
        testkit::machine::lowered("power", "strace is not installed, so nothing of power losses was tried");
        return;
    };
    let story = story(&strace).await;
    let left = answers(&story.events);
    assert_eq!(story.answered.sent.len(), SENDERS * SENDS);
    assert_eq!(story.answered.played.len(), usize::from(PLAYS));
    assert!(!story.answered.acknowledged.is_empty());
    let synced = disk::synced(&story.events);
    assert!(
        synced.contains(FILE_NAME) && synced.contains("relay.sqlite3-wal"),
        "{synced:?}"
    );

    let seed = std::env::var("LATCHKEY_POWER_SEED")
        .map_or_else(|_| u64::from_le_bytes(random()), |seed| seed.parse().unwrap());
    let cuts = std::env::var("LATCHKEY_POWER_CUTS").map_or(CUTS, |cuts| cuts.parse().unwrap());
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let first = left.values().min().copied().unwrap();
    for n in 0..cuts {
        let cut = first + rng.next_u32() as usize % (story.events.len() - first + 1);
        let luck = [Luck::None, Luck::All, Luck::Some, Luck::Some][n as usize % 4];
        let files = disk::after(&story.events, cut, luck, true, &mut rng);
        if let Some(wrong) = wrong(&story, &left, cut, files).await {
            panic!(
                "seed {seed}, cut {n} before event {cut} of {}, {luck:?}: {wrong}",
                story.events.len()
            );
        }
    }
    // The control: on a disk that ignores syncs, which is what a relay without them would meet, something is lost.
    let mut lost = 0;
    for _ in 0..20 {
        let cut = story.events.len() - 1 - rng.next_u32() as usize % (story.events.len() / 2);
        let files = disk::after(&story.events, cut, Luck::Some, false, &mut rng);
        lost += u32::from(wrong(&story, &left, cut, files).await.is_some());
    }
    assert!(lost > 0, "syncs make no difference: this test shows nothing");
}
