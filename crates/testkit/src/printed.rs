//! What a program prints, as data. A file `*.trycmd` holds commands and all of their output, in the format of trycmd: in a fence, `$ ` and the command, `? ` and its exit code unless that is 0,
//! standard output, standard error. `SNAPSHOTS=overwrite cargo test --test cmd` writes the files; the change is then read like any other.
//!
//! trycmd itself is not used: through toml_edit it turns on a feature of serde_core, and everything above serde, tfhe included, would be compiled again. The comparison is that of snapbox, on which
//! trycmd is built.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snapbox::{Data, assert_data_eq};

/// How a line with a command begins.
const PROMPT: &str = "$ ";

/// A program, and the files that say what it prints.
pub struct Program {
    /// As a person types it.
    pub name: &'static str,
    /// Where it was built.
    pub path: &'static str,
    /// The folder of the files.
    pub files: &'static str,
    /// The variable that says where it keeps what it keeps.
    pub place: &'static str,
}

impl Program {
    /// Runs every command of every file. None of them may leave anything behind.
    pub fn prints_what_the_files_say(&self) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        for file in self.files() {
            let text = fs::read_to_string(&file).unwrap();
            assert!(self.commands(&text).next().is_some(), "{}", file.display());
            assert_data_eq!(self.transcript(&text, &place), Data::read_from(&file, None).raw());
        }
        assert!(!place.exists(), "a command of the files left something behind");
    }

    /// Whether the files have the page of each command that help lists, and of each below it.
    pub fn has_every_page_of_help_in_a_file(&self, at_least: usize) {
        let place = Path::new("/nowhere");
        let (mut pages, mut open) = (BTreeSet::new(), vec![String::new()]);
        while let Some(names) = open.pop() {
            let page = format!("{names} --help").trim_start().to_owned();
            let (code, text) = self.run(&page, place);
            assert_eq!(code, 0, "{page}: {text}");
            let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1);
            for line in listed.take_while(|line| !line.is_empty()) {
                // What is indented further goes on with the line before.
                match line.strip_prefix("  ").and_then(|line| line.split(' ').next()) {
                    Some("" | "help") | None => {}
                    Some(name) => open.push(format!("{names} {name}").trim_start().to_owned()),
                }
            }
            pages.insert(page);
        }
        assert!(pages.len() >= at_least, "{pages:?}");
        let texts: Vec<String> = self
            .files()
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        let written: BTreeSet<&str> = texts.iter().flat_map(|text| self.commands(text)).collect();
        let missing: Vec<_> = pages.iter().filter(|page| !written.contains(page.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.files)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "trycmd"))
            .collect();
        files.sort();
        files
    }

    /// The commands of a text, without the program's name.
    fn commands<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        text.lines().filter_map(|line| {
            let line = line.strip_prefix(PROMPT)?;
            let (program, arguments) = line.split_once(' ').unwrap_or((line, ""));
            assert_eq!(program, self.name, "{line}");
            Some(arguments)
        })
    }

    /// Runs one command without a terminal and without settings. Arguments are told apart by spaces.
    fn run(&self, arguments: &str, place: &Path) -> (i32, String) {
        let output = Command::new(self.path)
            .args(arguments.split_whitespace())
            .env_clear()
            .env(self.place, place)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let text = text.replace(place.to_str().unwrap(), "PLACE");
        (output.status.code().unwrap(), text)
    }

    /// The text of a file as it is when each command is run now. What stands outside of fences is a person's, and stays.
    fn transcript(&self, text: &str, place: &Path) -> String {
        let (mut written, mut fenced) = (String::new(), false);
        for line in text.lines() {
            if line.starts_with("```") {
                fenced = !fenced;
            } else if fenced && !line.starts_with(PROMPT) {
                continue;
            }
            writeln!(written, "{line}").unwrap();
            if let Some(arguments) = self.commands(line).next().filter(|_| fenced) {
                let (code, output) = self.run(arguments, place);
                if code != 0 {
                    writeln!(written, "? {code}").unwrap();
                }
                written.push_str(&output);
            }
        }
        written
    }
}
