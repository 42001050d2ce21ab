//! The vault, attacked from outside: wrong passphrases, doctored files, swapped records, other processes, dying processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::path::Path;

use latchkey_client::Address;
use latchkey_client::vault::{
    Account, Direction, KdfCost, Kind, MessageBody, MessageId, MessageState, Moment, Passphrase, Record, StoredMessage,
    Vault, VaultError,
};
use rusqlite::Connection;
use testkit::disk::{bytes as bytes_on_disk, contains};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn create(dir: &Path) -> Vault {
    Vault::create(dir, &passphrase("correct horse"), KdfCost::insecure_for_tests()).unwrap()
}

fn message(n: u8, text: &str) -> StoredMessage {
    StoredMessage {
        id: MessageId([n; 16]),
        peer: Address::parse("carolina@relay.example").unwrap(),
        direction: Direction::Incoming,
        sent_at: 1,
        received_at: 2,
        state: MessageState::New,
        body: MessageBody::Text(text.to_owned()),
    }
}

fn put(vault: &mut Vault, messages: &[StoredMessage]) {
    vault
        .transaction(|tx| {
            for message in messages {
                tx.put(&message.id.0, message)?;
            }
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

fn raw(dir: &Path) -> Connection {
    Connection::open(dir.join("vault.db")).unwrap()
}

#[test]
fn what_was_committed_is_there_after_reopening_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    let all: Vec<_> = (0..20).map(|n| message(n, &format!("number {n}"))).collect();
    put(&mut vault, &all);
    let commits = vault.commits();
    drop(vault);

    let vault = Vault::open(home.path(), &passphrase("correct horse")).unwrap();
    let read: Vec<StoredMessage> = vault.list().unwrap().into_iter().map(|entry| entry.record).collect();
    assert_eq!(read, all);
    assert_eq!(vault.commits(), commits);
    let latest: Vec<StoredMessage> = vault.latest(3).unwrap().into_iter().map(|entry| entry.record).collect();
    assert_eq!(latest, all[17..]);
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    let before = vault.commits();
    let outcome: Result<(), VaultError> = vault.transaction(|tx| {
        tx.put(b"a", &message(1, "never"))?;
        Err(VaultError::Randomness)
    });
    assert!(matches!(outcome, Err(VaultError::Randomness)));
    assert_eq!(vault.get::<StoredMessage>(b"a").unwrap(), None);
    assert_eq!(vault.commits(), before);
}

#[test]
fn insert_writes_once() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    let (first, second) = vault
        .transaction(|tx| {
            Ok::<_, VaultError>((
                tx.insert(b"a", &message(1, "first"))?,
                tx.insert(b"a", &message(1, "second"))?,
            ))
        })
        .unwrap();
    assert!(first && !second);
    assert_eq!(vault.get::<StoredMessage>(b"a").unwrap(), Some(message(1, "first")));
}

#[test]
fn a_wrong_passphrase_is_told_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    let before = std::fs::read(home.path().join("vault.db")).unwrap();
    for wrong in ["Correct horse", "correct horse ", "x"] {
        let outcome = Vault::open(home.path(), &passphrase(wrong));
        assert!(
            matches!(outcome, Err(VaultError::WrongPassphrase)),
            "{wrong}: {outcome:?}"
        );
    }
    assert_eq!(std::fs::read(home.path().join("vault.db")).unwrap(), before);
    Vault::open(home.path(), &passphrase("correct horse")).unwrap();
}

#[test]
fn the_passphrase_changes_without_touching_the_records() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    put(&mut vault, &[message(1, "kept")]);
    let sealed = |home: &Path| -> Vec<u8> {
        raw(home)
            .query_row("SELECT sealed FROM record WHERE kind = 2", [], |row| row.get(0))
            .unwrap()
    };
    let wrapped = |home: &Path| -> Vec<u8> {
        raw(home)
            .query_row("SELECT wrapped_key FROM header", [], |row| row.get(0))
            .unwrap()
    };
    let (record, old_wrapping) = (sealed(home.path()), wrapped(home.path()));
    assert!(vault.check_passphrase(&passphrase("correct horse")).unwrap());
    vault
        .change_passphrase(&passphrase("battery staple"), KdfCost::insecure_for_tests())
        .unwrap();
    assert!(!vault.check_passphrase(&passphrase("correct horse")).unwrap());
    drop(vault);

    assert!(matches!(
        Vault::open(home.path(), &passphrase("correct horse")),
        Err(VaultError::WrongPassphrase)
    ));
    let vault = Vault::open(home.path(), &passphrase("battery staple")).unwrap();
    assert_eq!(vault.get::<StoredMessage>(&[1; 16]).unwrap(), Some(message(1, "kept")));
    assert_eq!(sealed(home.path()), record);
    // Whoever knew the old passphrase finds nothing to use it on.
    assert!(!contains(&bytes_on_disk(home.path()), &old_wrapping));
}

#[test]
fn a_record_with_any_byte_altered_does_not_open() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    put(&mut vault, &[message(1, "x")]);
    let sealed: Vec<u8> = raw(home.path())
        .query_row("SELECT sealed FROM record WHERE kind = 2", [], |row| row.get(0))
        .unwrap();
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 0x40;
        raw(home.path())
            .execute("UPDATE record SET sealed = ?1 WHERE kind = 2", [&altered])
            .unwrap();
        let outcome = vault.get::<StoredMessage>(&[1; 16]);
        assert!(
            matches!(outcome, Err(VaultError::Tampered("message"))),
            "byte {at}: {outcome:?}"
        );
    }
    for shortened in [&sealed[..0], &sealed[..11], &sealed[..27], &sealed[..sealed.len() - 1]] {
        raw(home.path())
            .execute("UPDATE record SET sealed = ?1 WHERE kind = 2", [shortened])
            .unwrap();
        assert!(matches!(
            vault.list::<StoredMessage>(),
            Err(VaultError::Tampered("message"))
        ));
    }
}

#[test]
fn records_cannot_be_swapped_moved_or_reordered() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    put(&mut vault, &[message(1, "pay alice"), message(2, "pay mallory")]);
    vault
        .transaction(|tx| {
            tx.put(b"one", &Moment { at: 1 })?;
            tx.put(b"two", &Moment { at: 2 })
        })
        .unwrap();
    let attempt = |change: &str| {
        let db = raw(home.path());
        db.execute_batch(&format!(
            "BEGIN; CREATE TABLE saved AS SELECT * FROM record; {change}; COMMIT"
        ))
        .unwrap();
    };
    let restore = || {
        raw(home.path()).execute_batch(
            "BEGIN; DELETE FROM record; INSERT INTO record SELECT * FROM saved; DROP TABLE saved; COMMIT",
        )
    };
    let refused = |vault: &Vault, kind: Kind| match kind {
        Kind::Message => matches!(vault.list::<StoredMessage>(), Err(VaultError::Tampered(_))),
        _ => [vault.get::<Moment>(b"one"), vault.get::<Moment>(b"two")]
            .iter()
            .any(|outcome| matches!(outcome, Err(VaultError::Tampered(_)))),
    };

    // Two sealed values exchanged within a kind.
    attempt(
        "UPDATE record SET sealed = (SELECT sealed FROM saved WHERE kind = 2 AND position = 3 - record.position) WHERE kind = 2",
    );
    assert!(refused(&vault, Kind::Message));
    restore().unwrap();
    assert!(!refused(&vault, Kind::Message));

    // The rows' names exchanged.
    attempt("UPDATE record SET position = position + 10 WHERE kind = 2 AND position = 1");
    assert!(refused(&vault, Kind::Message));
    restore().unwrap();

    // A setting's value under another setting.
    attempt(
        "UPDATE record SET sealed = (SELECT sealed FROM saved WHERE kind = 5 AND position = 3 - record.position) WHERE kind = 5",
    );
    assert!(refused(&vault, Kind::Setting));
    restore().unwrap();
    assert!(!refused(&vault, Kind::Setting));

    // A message filed as something else does not open there either.
    attempt("DELETE FROM record WHERE kind = 5; UPDATE record SET kind = 5 WHERE kind = 2");
    assert!(matches!(vault.list::<Account>(), Err(VaultError::Tampered("setting"))));
}

#[test]
fn the_file_tells_no_name_and_no_text_and_forgets_what_was_deleted() {
    let home = tempfile::tempdir().unwrap();
    let mut vault = create(home.path());
    put(&mut vault, &[message(1, "meet me at the old mill")]);
    vault.compact().unwrap();
    let sealed: Vec<u8> = raw(home.path())
        .query_row("SELECT sealed FROM record WHERE kind = 2", [], |row| row.get(0))
        .unwrap();
    let disk = bytes_on_disk(home.path());
    assert!(contains(&disk, &sealed), "the search must be able to find something");
    for secret in [b"old mill".as_slice(), b"carolina", &[1; 16], b"correct horse"] {
        assert!(!contains(&disk, secret), "{}", String::from_utf8_lossy(secret));
    }
    vault.transaction(|tx| tx.delete::<StoredMessage>(&[1; 16])).unwrap();
    vault.compact().unwrap();
    assert!(!contains(&bytes_on_disk(home.path()), &sealed));
}

#[test]
fn one_process_at_a_time_and_a_free_vault_after_the_holder_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let vault = create(home.path());
    let path = home.path().to_path_buf();
    let second = std::thread::spawn(move || Vault::open(&path, &passphrase("correct horse")).map(drop));
    // The second waits; as soon as the first lets go it gets its turn.
    drop(vault);
    second.join().unwrap().unwrap();
}

#[test]
fn a_half_made_vault_is_no_vault_and_can_be_made_again() {
    let home = tempfile::tempdir().unwrap();
    // What a run leaves that died while it made one, at whatever moment.
    for (name, bytes) in [("vault.new", &b""[..]), ("vault.new-wal", b"half"), ("vault.lock", b"")] {
        std::fs::write(home.path().join(name), bytes).unwrap();
        assert!(!Vault::exists(home.path()));
        assert!(matches!(
            Vault::open(home.path(), &passphrase("correct horse")),
            Err(VaultError::NotFound(_))
        ));
    }
    let mut vault = create(home.path());
    assert!(!home.path().join("vault.new").exists() && !home.path().join("vault.new-wal").exists());
    put(&mut vault, &[message(1, "works")]);
    drop(vault);
    let again = Vault::create(home.path(), &passphrase("other"), KdfCost::insecure_for_tests());
    assert!(matches!(again, Err(VaultError::Exists(_))));
}

#[test]
fn a_vault_that_lost_what_it_begins_with_is_damaged_and_not_made_again() {
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    raw(home.path())
        .execute_batch("DELETE FROM header; DELETE FROM record")
        .unwrap();
    let emptied = |home: &Path| {
        assert!(Vault::exists(home));
        let opened = Vault::open(home, &passphrase("correct horse"));
        assert!(matches!(opened, Err(VaultError::Truncated(_))), "{opened:?}");
        let again = Vault::create(home, &passphrase("other"), KdfCost::insecure_for_tests());
        assert!(matches!(again, Err(VaultError::Exists(_))), "{again:?}");
    };
    emptied(home.path());
    for file in ["vault.db-wal", "vault.db-shm"] {
        let _ = std::fs::remove_file(home.path().join(file));
    }
    std::fs::write(home.path().join("vault.db"), b"").unwrap();
    emptied(home.path());
}

#[test]
fn an_unlocked_vault_is_anothers_and_the_next_write_takes_it_back() {
    let home = tempfile::tempdir().unwrap();
    let mut ours = create(home.path());
    put(&mut ours, &[message(1, "ours")]);
    ours.unlock().unwrap();
    let mut theirs = Vault::open(home.path(), &passphrase("correct horse")).unwrap();
    put(&mut theirs, &[message(2, "theirs")]);
    drop(theirs);
    assert!(!ours.take_outdated(), "not known yet");
    put(&mut ours, &[message(3, "ours again")]);
    assert!(ours.take_outdated() && !ours.take_outdated());
    let kept = ours.list::<StoredMessage>().unwrap();
    assert_eq!(kept.len(), 3);
    ours.unlock().unwrap();
    ours.relock().unwrap();
    assert!(!ours.take_outdated(), "nobody wrote");
}

#[test]
fn a_file_from_the_future_or_with_absurd_costs_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    raw(home.path())
        .execute("UPDATE header SET memory_kib = 2000000000", [])
        .unwrap();
    let outcome = Vault::open(home.path(), &passphrase("correct horse"));
    assert!(
        matches!(outcome, Err(VaultError::Corrupt("key derivation cost"))),
        "{outcome:?}"
    );
    raw(home.path())
        .execute("UPDATE header SET memory_kib = 8, format = 2", [])
        .unwrap();
    assert!(matches!(
        Vault::open(home.path(), &passphrase("correct horse")),
        Err(VaultError::TooNew(2))
    ));
    // The cost is bound to the wrapped key: another one is a wrong key, not a cheaper guess.
    raw(home.path())
        .execute("UPDATE header SET passes = 2, format = 1", [])
        .unwrap();
    assert!(matches!(
        Vault::open(home.path(), &passphrase("correct horse")),
        Err(VaultError::WrongPassphrase)
    ));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let home = outer.path().join("new").join("home");
    let mut vault = create(&home);
    put(&mut vault, &[message(1, "x")]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    let files: Vec<_> = std::fs::read_dir(&home)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() >= 3, "database, log and lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn ids_are_found_by_their_beginning() {
    let id = MessageId([0xab; 16]);
    assert_eq!(id.to_string(), "abababab-abab-abab-abab-abababababab");
    for text in ["ab", "ABAB", "abababab-abab", &id.to_string()] {
        assert!(id.starts_with(text), "{text}");
    }
    for text in ["", "-", "b", "abababab-abac", "zz"] {
        assert!(!id.starts_with(text), "{text}");
    }
}

#[test]
fn an_address_in_a_record_is_text_and_parsed_when_it_is_read() {
    let kept = message(1, "hello");
    let bytes = kept.encode().unwrap().to_vec();
    // A text of 22 bytes, as it always was.
    let text = b"\x76carolina@relay.example";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    assert_eq!(StoredMessage::decode(&bytes).unwrap(), kept);
    for (place, other) in [(9, b'#'), (1, b'C'), (1, b'-'), (10, b'@'), (3, 0xff)] {
        let mut bytes = bytes.clone();
        bytes[at + place] = other;
        let refused = StoredMessage::decode(&bytes);
        assert!(
            matches!(refused, Err(VaultError::Corrupt("message"))),
            "{place}: {refused:?}"
        );
    }
}
