//! A search that misses something shows nothing: each form in which bytes are stored or travel is found, wherever it begins and in any folder.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use testkit::disk::{bytes, copy, files, files_holding, files_with, holds};

/// With both letters in which the two forms of base64 differ.
const SECRET: &[u8] = b"\xfb\xff\xbfa secret of some length\xfb\xef\xbe";

#[test]
fn a_secret_is_found_in_every_form_and_at_every_place() {
    for before in 0..7 {
        let whole = [&b"0123456"[..before], SECRET, b"after it"].concat();
        let mut stored = vec![
            whole.clone(),
            hex::encode(&whole).into_bytes(),
            hex::encode_upper(&whole).into_bytes(),
        ];
        stored.extend(
            [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|form| form.encode(&whole).into_bytes()),
        );
        for text in stored {
            assert!(
                holds(&text, SECRET).is_some(),
                "{before}: {}",
                String::from_utf8_lossy(&text)
            );
            assert_eq!(holds(&text, b"another secret"), None);
        }
    }
}

#[test]
fn files_in_folders_are_searched_and_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (data, taken) = (dir.path().join("data"), dir.path().join("taken"));
    std::fs::create_dir_all(data.join("a/b")).unwrap();
    std::fs::write(data.join("a/b/deep"), [&[0; 1000][..], SECRET].concat()).unwrap();
    std::fs::write(data.join("plain"), "nothing of it").unwrap();
    std::fs::write(data.join("text"), hex::encode(SECRET)).unwrap();
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("before"), SECRET).unwrap();
    copy(&data, &taken);
    for place in [&data, &taken] {
        assert_eq!(files_with(place, SECRET), ["a/b/deep"]);
        assert_eq!(files_holding(place, SECRET), ["a/b/deep", "text"]);
        assert_eq!(files_with(place, b"not there"), [""; 0]);
        assert_eq!(files(place).len(), 3);
    }
    assert_eq!(bytes(&data), bytes(&taken));
}
