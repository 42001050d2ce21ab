//! Files as somebody finds them who takes the disk: which are there, and whether bytes are in them. And copies of folders.
//!
//! A search that finds nothing shows nothing by itself: a test also looks for something that has to be there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem;

/// A text of fewer bytes has forms that are found by chance.
const SHORTEST: usize = 8;

/// All files below a folder, in the order of their paths.
#[must_use]
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let (mut all, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut all }.push(path);
        }
    }
    all.sort();
    all
}

/// A program that runs may have deleted the file since it was listed; then nothing is in it.
fn content(path: &Path) -> Vec<u8> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.unwrap(),
    }
}

/// Whether `needle` is somewhere in `haystack`.
#[must_use]
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    assert!(!needle.is_empty(), "nothing is everywhere");
    memmem::find(haystack, needle).is_some()
}

/// The files below a folder that contain `needle`, by their paths from there.
#[must_use]
pub fn files_with(dir: &Path, needle: &[u8]) -> Vec<String> {
    files_where(dir, |content| contains(content, needle))
}

/// The files below a folder that hold `secret` in any of its [`forms`].
#[must_use]
pub fn files_holding(dir: &Path, secret: &[u8]) -> Vec<String> {
    files_where(dir, |content| holds(content, secret).is_some())
}

fn files_where(dir: &Path, so: impl Fn(&[u8]) -> bool) -> Vec<String> {
    let found = files(dir).into_iter().filter(|path| so(&content(path)));
    found
        .map(|path| path.strip_prefix(dir).unwrap().to_string_lossy().into_owned())
        .collect()
}

/// Every byte in the files below a folder.
#[must_use]
pub fn bytes(dir: &Path) -> Vec<u8> {
    files(dir).iter().flat_map(|path| content(path)).collect()
}

/// The forms in which bytes could be inside of something that is stored or travels: as they are, in hexadecimal, and in both base64 wherever in a group of
/// three they begin.
#[must_use]
pub fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    assert!(secret.len() >= SHORTEST, "{} bytes are found by chance", secret.len());
    let mut forms = vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
    ];
    for shift in 0..3 {
        let from = &secret[shift..];
        let whole = &from[..from.len() / 3 * 3];
        forms.extend([STANDARD, URL_SAFE].map(|alphabet| alphabet.encode(whole).into_bytes()));
    }
    forms
}

/// The first of the [`forms`] in which `secret` is in `haystack`.
#[must_use]
pub fn holds(haystack: &[u8], secret: &[u8]) -> Option<String> {
    let found = forms(secret).into_iter().find(|form| contains(haystack, form));
    found.map(|form| String::from_utf8_lossy(&form).into_owned())
}

/// A folder and what is in it, in place of what was there.
pub fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let copy = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&path, copy).unwrap();
    }
}
