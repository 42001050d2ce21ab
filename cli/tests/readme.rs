//! README's script, as it stands, and the commands of docs/play-limits.md behind it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use terminal::Terminal;

/// Far longer than a gate key takes on two busy cores.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What README shows, between its fences.
fn script() -> &'static str {
    shell_of(include_str!("../../README.md"))
}

/// The first commands of a page.
fn shell_of(page: &'static str) -> &'static str {
    let begin = page.find("```sh\n").unwrap() + "```sh\n".len();
    let end = begin + page[begin..].find("```").unwrap();
    &page[begin..end]
}

/// A checkout in which everything is built already.
fn checkout() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let built = dir.path().join("target/debug");
    std::fs::create_dir_all(&built).unwrap();
    let latchkey = Path::new(env!("CARGO_BIN_EXE_latchkey"));
    let relay = latchkey.with_file_name("latchkey-relay");
    assert!(
        relay.exists(),
        "the relay is not built; run cargo build --workspace --bins"
    );
    symlink(latchkey, built.join("latchkey")).unwrap();
    symlink(relay, built.join("latchkey-relay")).unwrap();
    let cargo = dir.path().join("cargo");
    std::fs::write(&cargo, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// A shell in it.
fn shell(dir: &TempDir, program: &str, args: &[&str]) -> Command {
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(program);
    for name in ["LATCHKEY_HOME", "LATCHKEY_RELAY", "LATCHKEY_PASSPHRASE", "LATCHKEY_PIN"] {
        command.env_remove(name);
    }
    command
        .args(args)
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .env("PATH", path);
    command
}

/// That each line did what its comment says.
fn told_the_story(shown: &str) {
    let all = console::strip_ansi_codes(shown);
    for said in [
        "Registered alice@localhost",
        "Registered bob@localhost",
        "sent to bob@localhost",
        "│ hello",
        "verified",
        "limited: opens twice",
        "from alice@localhost, play 1 of 2",
        "from alice@localhost, play 2 of 2",
        "the door code is 4711",
        "and the other 0815",
        "seen 1 of 2",
    ] {
        assert!(all.contains(said), "{said:?} is missing: {all}");
    }
    assert!(!all.contains("(y/N)") && !all.contains("not found"), "{all}");
    assert_eq!(all.matches("all plays of this message are used").count(), 1, "{all}");
    assert_eq!(all.matches("error:").count(), 1, "the third play alone fails: {all}");
}

#[test]
fn the_script_runs_as_it_stands_without_a_terminal() {
    let dir = checkout();
    let file = dir.path().join("script");
    std::fs::write(&file, format!("{{ {}\n}} 2>&1\n", script())).unwrap();
    let output = shell(&dir, "sh", &[file.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    told_the_story(&String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_script_can_be_pasted_into_a_terminal() {
    let dir = checkout();
    let mut command = shell(&dir, "bash", &["--norc", "--noprofile", "-i"]);
    command.env("PS1", "ready> ").env("HISTFILE", "/dev/null");
    let mut terminal = Terminal::start(command);
    terminal.sees("ready> ");
    // Line by line, as a terminal without marks pastes it: a question would swallow what stands behind it.
    terminal.types(&script().replace('\n', "\r"));
    terminal.sees_within("the relay answered 1 request", TEN_MINUTES);
    terminal.sees("ready> ");
    // Whoever goes on in this terminal gets no vault under a published passphrase.
    terminal.enters("echo \"left: ${LATCHKEY_PASSPHRASE-none} ${LATCHKEY_RELAY-none}\"");
    terminal.sees("left: none none");
    terminal.enters("exit");
    told_the_story(&terminal.ends().1);
}

/// To zsh, as it is on macOS, a comment that is typed is words of the command before it.
#[test]
fn what_readme_shows_for_pasting_has_no_comments() {
    let all = blocks(include_str!("../../README.md"));
    assert!(all.contains(&script()), "{all:?}");
    for commands in all {
        let words = commands.split_whitespace();
        assert_eq!(words.filter(|word| word.starts_with('#')).count(), 0, "{commands}");
    }
}

/// Whether a line is what a page shows, `…` standing for anything.
fn is_as_shown(line: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    shown.ends_with('…') || rest.is_empty()
}

#[test]
fn the_commands_of_play_limits_print_what_the_page_shows() {
    let commands = shell_of(include_str!("../../docs/play-limits.md"));
    // Up to where README begins with limits; a mark before what each command prints.
    let (begun, _) = script().split_once("door=").unwrap();
    let marked: String = commands
        .lines()
        .map(|line| format!("echo '== {}'\n{line}\n", line.replace('\'', " ")))
        .collect();
    let dir = checkout();
    let file = dir.path().join("script");
    std::fs::write(&file, format!("{{ {begun}\n{marked}\nkill $!\n}} 2>&1\n")).unwrap();
    let output = shell(&dir, "sh", &[file.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let all = String::from_utf8(output.stdout).unwrap();
    let mut compared = 0;
    for line in commands.lines() {
        let Some((_, shown)) = line.split_once("# ") else {
            continue;
        };
        let mark = format!("== {}\n", line.replace('\'', " "));
        let (_, behind) = all.split_once(&mark).unwrap();
        let printed = behind.split("== ").next().unwrap();
        assert!(
            printed.lines().any(|line| is_as_shown(line.trim(), shown)),
            "{line}\nprinted:\n{printed}"
        );
        compared += 1;
    }
    assert!(compared > 8, "{commands}");
}

#[test]
fn a_line_is_compared_as_a_page_shows_it() {
    for (line, shown, same) in [
        ("play 1 of 2", "play 1 of 2", true),
        ("play 1 of 2, more", "play 1 of 2", false),
        ("message 3fa9 to bob: 1", "message … to bob: 1", true),
        ("message 3fa9 to eve: 1", "message … to bob: 1", false),
        ("made today", "made …", true),
    ] {
        assert_eq!(is_as_shown(line, shown), same, "{line} {shown}");
    }
}

/// What stands between fences, in order.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap().1)
        .collect()
}

/// A program that stays would take the lines behind it for what is typed at it, and a word to be replaced is none of a shell's.
#[test]
fn every_block_of_readme_can_be_pasted_whole() {
    let all = blocks(include_str!("../../README.md"));
    assert!(all.len() > 3, "{all:?}");
    let stays = ["cargo run -p server", "cargo run -p cli"];
    for program in stays {
        assert!(
            all.iter().any(|block| block.trim() == program),
            "{program}: a terminal of its own"
        );
    }
    for block in &all {
        let lines: Vec<&str> = block.lines().collect();
        for line in &lines[..lines.len() - 1] {
            assert!(
                !stays.contains(line),
                "what stands behind {line:?} is typed at it:\n{block}"
            );
        }
        let of_people = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
        assert_eq!(
            block.split_whitespace().find(of_people),
            None,
            "a word to be replaced:\n{block}"
        );
    }
}
