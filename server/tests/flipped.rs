//! A disk that alters a byte: the relay refuses it, serves what was stored all the same, or `check` says what is wrong. Mail never disappears without a word.
//!
//! One thing cannot be told from a crash: damage in the very last commit of the log of a relay that was killed. It looks like a commit that was never finished, of which
//! nobody was told.
//!
//! `LATCHKEY_FLIP_EVERY=1` tries every byte of the database and of its log; otherwise some thousand are tried, others in each run. `LATCHKEY_FLIP_FROM` and `LATCHKEY_FLIP_TO` name a
//! stretch of either file, from a byte on and before another, so that all of them can be tried in several runs.

// Helpers of tests may panic like the tests themselves (clippy.toml exempts only the latter).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod process;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    sync::Arc,
};

use common::*;
use process::Process;
use protocol::{Timestamp, address::UserName};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;
use server::{
    clock::{Clock as _, SystemClock},
    model::{LicenseId, MailboxId},
    store::{
        LicenseState, Store as _,
        sqlite::{FILE_NAME, Sqlite, admin::Reader},
    },
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

const LOG: &str = "relay.sqlite3-wal";
/// Bytes that are tried in each file, unless all are.
const TRIES: usize = 1500;

/// What a user of the relay can see: the envelopes of each mailbox, and how the license stands.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    mail: BTreeMap<&'static str, Vec<(u64, Vec<u8>)>>,
    license: Option<(u64, bool)>,
}

/// Starts a store on these files; none when it does not start, or says that it cannot be trusted.
async fn served(files: &BTreeMap<String, Vec<u8>>, license: &License, now: Timestamp) -> Option<Seen> {
    let place = put(files);
    let lock = File::create(place.path().join("lock")).unwrap();
    let store = Sqlite::open(place.path(), lock, None, Arc::default()).ok()?;
    let mut mail = BTreeMap::new();
    for name in ["alice", "bob"] {
        let mailbox = MailboxId::of(&UserName::parse(name).unwrap());
        let page = store.page(mailbox, u32::MAX, usize::MAX, now).await.ok()?;
        let rows = page.map_or(Vec::new(), |page| page.envelopes);
        mail.insert(name, rows.into_iter().map(|row| (row.sequence, row.body)).collect());
    }
    let owner: [u8; 32] = Sha256::digest(license.owner).into();
    let id = LicenseId::parse(&license.id).unwrap();
    let view = store.license(id, owner, now).await.ok()?;
    let license = view.map(|view| (view.requests, view.state == LicenseState::Active));
    Some(Seen { mail, license })
}

/// What asks for every row of every table. Some things say nothing and are left out: rows of envelopes that were erased, the pad of a sealed content, and when a step of the schema
/// was applied (which steps those were is compared at each start).
fn queries(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, String)> {
    let place = put(files);
    let c = rusqlite::Connection::open(place.path().join(FILE_NAME)).unwrap();
    let columns = "SELECT t.name, group_concat('[' || c.name || ']') FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
         WHERE t.schema = 'main' AND t.name NOT IN ('sqlite_schema', 'refinery_schema_history') AND c.name <> 'pad' GROUP BY t.name";
    let mut statement = c.prepare(columns).unwrap();
    let query = |row: &rusqlite::Row<'_>| {
        let (table, columns): (String, String) = (row.get(0)?, row.get(1)?);
        let held = if table == "envelope" {
            "WHERE mailbox <> zeroblob(16)"
        } else {
            ""
        };
        let query = format!("SELECT {columns} FROM [{table}] {held}");
        Ok((table, query))
    };
    let queries = statement.query_map([], query).unwrap();
    queries.map(Result::unwrap).collect()
}

/// Every row of every table, as text; none when one cannot be read. Accounts, prekeys, sessions and counters are in no answer of [`served`], and must not change unseen either.
fn rows(files: &BTreeMap<String, Vec<u8>>, queries: &[(String, String)]) -> Option<Vec<String>> {
    let place = put(files);
    let c = rusqlite::Connection::open(place.path().join(FILE_NAME)).ok()?;
    let mut all = Vec::new();
    for (table, query) in queries {
        let mut statement = c.prepare(query).ok()?;
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            let values = (0..columns).map(|n| Ok(format!("{:?},", row.get_ref(n)?)));
            let values: String = values.collect::<rusqlite::Result<_>>()?;
            Ok(format!("{table}: {values}"))
        };
        let rows = statement.query_map([], text).ok()?;
        all.extend(rows.collect::<rusqlite::Result<Vec<_>>>().ok()?);
    }
    Some(all)
}

fn put(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let place = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(place.path().join(name), content).unwrap();
    }
    place
}

/// Whether `check` finds something wrong, or cannot even read.
fn check_sees(files: &BTreeMap<String, Vec<u8>>) -> bool {
    let place = put(files);
    // As the relay's own start would find it: what is in the log is looked at with it.
    Reader::open_to_check(place.path()).map_or(true, |reader| reader.check().map_or(true, |faults| !faults.is_empty()))
}

/// Whether `backup` refuses to copy.
fn backup_refuses(files: &BTreeMap<String, Vec<u8>>) -> bool {
    let place = put(files);
    let target = place.path().join("backup");
    let refused = Reader::open(place.path()).map_or(true, |reader| reader.backup(&target).is_err());
    assert_ne!(refused, target.exists(), "a whole backup or none");
    refused
}

fn contents(data: &Path) -> BTreeMap<String, Vec<u8>> {
    [FILE_NAME, LOG]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fs::read(data.join(name)).ok()?)))
        .collect()
}

/// A small database with mail and a license that was played, whose relay was killed; and whether its log was folded in first.
async fn database(folded: bool) -> (BTreeMap<String, Vec<u8>>, License) {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut process = Process::start(&data, "127.0.0.1:0");
    let api = Api {
        http: client(),
        url: process.url.clone(),
    };
    let (alice, bob) = (
        User::register(api.clone(), "alice").await,
        User::register(api.clone(), "bob").await,
    );
    let mut license = License::new("bob", 3);
    license.expires_at = alice.now.plus(DAY).as_millis();
    let message = license.message("bob", Uuid::new_v4(), b"limited");
    alice
        .call(Method::POST, "/v1/messages/limited", Some(message))
        .await
        .ok();
    for size in [90, 700, 4096, 9000] {
        alice
            .send("bob", Uuid::new_v4(), random::<9000>()[..size].to_vec())
            .await
            .ok();
        bob.send("alice", Uuid::new_v4(), random::<9000>()[..size / 2].to_vec())
            .await
            .ok();
    }
    license.play(&api, Uuid::new_v4()).await.ok();
    // Something was read: what waits is not all there is.
    let page = bob.inbox(json!({ "limit": 2 })).await.ok();
    bob.inbox(json!({ "ack": ack(&page), "limit": 1 })).await.ok();
    if folded {
        process.terminate();
        process.child.wait().unwrap();
    } else {
        process.kill();
    }
    (contents(&data), license)
}

/// Where the last commit of a log begins (<https://www.sqlite.org/fileformat2.html#walformat>): behind the last but one frame that ends a commit.
fn last_commit(log: &[u8]) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let frames = log[HEADER..].chunks_exact(FRAME);
    let salt = &log[16..24];
    let ends = frames
        .enumerate()
        .filter(|(_, frame)| frame[4..8] != [0; 4] && &frame[8..16] == salt);
    let ends: Vec<usize> = ends.map(|(n, _)| HEADER + (n + 1) * FRAME).collect();
    ends[ends.len() - 2]
}

async fn no_byte_is_missed(file: &str, folded: bool) {
    let (files, license) = database(folded).await;
    let now = SystemClock.now();
    let whole = served(&files, &license, now).await.expect("it starts");
    assert_eq!((whole.mail["alice"].len(), whole.mail["bob"].len()), (4, 3));
    assert_eq!(whole.license, Some((1, true)));
    assert!(!check_sees(&files), "it is sound");
    let queries = queries(&files);
    let stored = rows(&files, &queries).expect("every row can be read");
    for table in ["account", "mailbox", "envelope", "license", "token", "audit"] {
        let beginning = format!("{table}: ");
        assert!(
            stored.iter().any(|row| row.starts_with(&beginning)),
            "no row in {table}"
        );
    }
    let length = files[file].len();
    let seed =
        std::env::var("LATCHKEY_FLIP_SEED").map_or_else(|_| u64::from_le_bytes(random()), |seed| seed.parse().unwrap());
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let chosen = |name, otherwise| std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    let every = chosen("LATCHKEY_FLIP_EVERY", length / TRIES);
    let (from, to) = (
        chosen("LATCHKEY_FLIP_FROM", 0),
        chosen("LATCHKEY_FLIP_TO", length).min(length),
    );
    let unfinished = if file == LOG {
        let at = last_commit(&files[LOG]);
        let mut without = files.clone();
        without.get_mut(LOG).unwrap().truncate(at);
        let stored = rows(&without, &queries).expect("every row can be read");
        Some((at, served(&without, &license, now).await.expect("it starts"), stored))
    } else {
        None
    };
    let (mut refused, mut right, mut seen) = (0, 0, 0);
    let mut at = from + rng.next_u32() as usize % every;
    while at < to {
        let mut altered = files.clone();
        let change = 1 << (rng.next_u32() % 8);
        altered.get_mut(file).unwrap()[at] ^= change;
        let what = || format!("seed {seed}: byte {at} of {file} with bit {change:#04x} changed");
        let outcome = served(&altered, &license, now).await;
        if file == LOG {
            // What a start says and what the commands say is the same.
            let refuses = outcome.is_none();
            assert_eq!(
                check_sees(&altered),
                refuses,
                "{}: a start refuses: {refuses}, `check` does not agree",
                what()
            );
            assert_eq!(
                backup_refuses(&altered),
                refuses,
                "{}: a start refuses: {refuses}, `backup` does not agree",
                what()
            );
        }
        match outcome {
            None => {
                assert!(
                    check_sees(&altered),
                    "{}: a start refuses, and `check` says that all is sound",
                    what()
                );
                refused += 1;
            }
            Some(now) if now == whole && rows(&altered, &queries).as_ref() == Some(&stored) => right += 1,
            Some(now)
                if unfinished.as_ref().is_some_and(|(from, without, left)| {
                    at >= *from && now == *without && rows(&altered, &queries).as_ref() == Some(left)
                }) =>
            {
                right += 1;
            }
            Some(now) => {
                let there = rows(&altered, &queries).unwrap_or_default();
                let changed: Vec<_> = there.iter().filter(|row| !stored.contains(row)).collect();
                assert!(
                    check_sees(&altered),
                    "{}: {now:?}, {changed:?}, and `check` says that all is sound",
                    what()
                );
                seen += 1;
            }
        }
        at += every;
    }
    let told = format!(
        "{file} of {length} bytes, every {every} of {from}..{to}: {refused} refused, {right} served right, {seen} seen by check"
    );
    println!("{told}");
    // A stretch may lie in one page, or behind the end.
    assert!(
        refused + right + seen > 0 && (to - from < length || (refused > 0 && right > 0)),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_altered_byte_of_the_database_goes_unseen() {
    no_byte_is_missed(FILE_NAME, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_altered_byte_of_the_log_goes_unseen() {
    no_byte_is_missed(LOG, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_is_refused_by_every_command_and_is_what_check_finds() {
    let (mut files, _) = database(false).await;
    let run = |place: &TempDir, arguments: &[&str]| {
        let mut command = std::process::Command::new(process::PROGRAM);
        command.env_clear().arg("--data-dir").arg(place.path()).args(arguments);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let whole = put(&files);
    let copy = whole.path().join("copy");
    let copy = copy.to_str().unwrap();
    let commands: [&[&str]; 9] = [
        &["check"],
        &["backup", copy],
        &["accounts", "list"],
        &["accounts", "list", "--json"],
        &["audit", "verify"],
        &["invite", "list"],
        &["invite"],
        &["accounts", "release", "carol", "--yes"],
        &["accounts", "remove", "alice", "--yes"],
    ];
    for command in &commands[..6] {
        let (code, said) = run(&whole, command);
        assert_eq!(code, Some(0), "{command:?}: {said}");
    }
    // One bit of the second frame.
    files.get_mut(LOG).unwrap()[32 + 24 + 4096 + 100] ^= 4;
    let damaged = put(&files);
    let copy = damaged.path().join("copy");
    let commands = commands.map(|command| {
        let word = |word: &&str| {
            if word.contains('/') {
                copy.to_str().unwrap().to_owned()
            } else {
                (*word).to_owned()
            }
        };
        command.iter().map(word).collect::<Vec<String>>()
    });
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (code, said) = run(&damaged, &words);
        assert_eq!(code, Some(1), "{command:?}: {said}");
        for part in ["is damaged from frame 2 on", "restore a backup", "accept the loss"] {
            assert!(said.contains(part), "{command:?} does not say {part:?}: {said}");
        }
        assert!(!said.contains("alice\t"), "{command:?}: {said}");
    }
    assert!(!copy.exists(), "no backup without the mail");
    assert_eq!(contents(damaged.path()), files, "nothing was changed");
}

/// What lies outside of rows and pages, of which a few bytes say whether a relay starts at all: found by trying every byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_start_refuses_check_sees() {
    let (files, license) = database(true).await;
    let now = SystemClock.now();
    assert!(served(&files, &license, now).await.is_some() && !check_sees(&files));
    let refused = async |altered: &BTreeMap<String, Vec<u8>>, what: &str| {
        assert!(served(altered, &license, now).await.is_none(), "{what}: it starts");
        assert!(
            check_sees(altered),
            "{what}: a start refuses, and `check` says that all is sound"
        );
    };
    // The formats of the file's head.
    for at in [18, 19] {
        for bit in 0..8 {
            let mut altered = files.clone();
            altered.get_mut(FILE_NAME).unwrap()[at] ^= 1 << bit;
            refused(&altered, &format!("byte {at}, bit {bit}")).await;
        }
    }
    // The history of the schema.
    for change in [
        "applied_on = '2026-13-01T00:00:00Z'",
        "applied_on = ''",
        "name = 'Relay'",
        "checksum = '1'",
        "checksum = 'x'",
        "version = 2",
    ] {
        let place = put(&files);
        let c = rusqlite::Connection::open(place.path().join(FILE_NAME)).unwrap();
        let changed = c.execute(&format!("UPDATE refinery_schema_history SET {change}"), []);
        assert_eq!(changed.unwrap(), 1, "{change}");
        // The last connection folds its log in.
        drop(c);
        refused(&contents(place.path()), change).await;
    }
}
