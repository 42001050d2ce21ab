//! A vault that is read while another process works in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use latchkey_client::vault::{KdfCost, Moment, Passphrase, Unwritable, Vault, VaultError};
use testkit::disk::bytes as bytes_on_disk;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn create(dir: &Path) -> Vault {
    Vault::create(dir, &passphrase("correct horse"), KdfCost::insecure_for_tests()).unwrap()
}

fn beside(dir: &Path) -> Vault {
    Vault::open_to_read(dir, &passphrase("correct horse")).unwrap()
}

fn put(vault: &mut Vault, key: &[u8], at: u64) -> Result<(), VaultError> {
    vault.transaction(|tx| tx.put(key, &Moment { at }))
}

fn read(vault: &Vault, key: &[u8]) -> Option<u64> {
    vault.get::<Moment>(key).unwrap().map(|moment| moment.at)
}

#[test]
fn what_is_read_beside_another_process_is_the_last_commit_and_nothing_can_be_written() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = create(home.path());
    put(&mut writer, b"committed", 1).unwrap();
    let begun = Instant::now();
    let mut reader = writer
        .transaction(|tx| {
            tx.put(b"half", &Moment { at: 2 })?;
            tx.put(b"committed", &Moment { at: 2 })?;
            Ok::<_, VaultError>(beside(home.path()))
        })
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!((read(&reader, b"committed"), read(&reader, b"half")), (Some(1), None));
    // One moment: what is committed later is not seen, …
    put(&mut writer, b"later", 3).unwrap();
    assert_eq!(read(&reader, b"later"), None);
    // … and nothing is written, neither now nor when the other one is gone.
    let refused = |reader: &mut Vault| {
        let before = bytes_on_disk(home.path());
        for outcome in [reader.writable(), put(reader, b"mine", 4), reader.reserve_room()] {
            assert!(
                matches!(
                    outcome,
                    Err(VaultError::Unwritable {
                        why: Unwritable::Busy,
                        ..
                    })
                ),
                "{outcome:?}"
            );
        }
        reader.unlock().unwrap();
        reader.relock().unwrap();
        reader.compact().unwrap();
        assert!(matches!(
            reader.change_passphrase(&passphrase("other"), KdfCost::insecure_for_tests()),
            Err(VaultError::Unwritable { .. })
        ));
        assert!(bytes_on_disk(home.path()) == before);
    };
    refused(&mut reader);
    drop(writer);
    refused(&mut reader);
    drop(reader);
    let mut next = beside(home.path());
    assert_eq!((read(&next, b"committed"), read(&next, b"mine")), (Some(2), None));
    // Where none is in the way it is a vault like any other.
    next.writable().unwrap();
    put(&mut next, b"mine", 4).unwrap();
}

#[test]
fn who_reads_beside_another_process_needs_the_passphrase_and_keeps_nobody_out() {
    let home = tempfile::tempdir().unwrap();
    let writer = create(home.path());
    let refused = Vault::open_to_read(home.path(), &passphrase("another"));
    assert!(matches!(refused, Err(VaultError::WrongPassphrase)), "{refused:?}");
    let _reader = beside(home.path());
    drop(writer);
    let mut next = Vault::open(home.path(), &passphrase("correct horse")).unwrap();
    put(&mut next, b"free", 1).unwrap();
}

/// What was deleted goes from the log too, while others read.
#[test]
fn a_reader_does_not_keep_what_is_deleted_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = create(home.path());
    put(&mut writer, b"secret", 1).unwrap();
    writer.compact().unwrap();
    let _reader = beside(home.path());
    let log = home.path().join("vault.db-wal");
    writer.transaction(|tx| tx.delete::<Moment>(b"secret")).unwrap();
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    writer.compact().unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
}
