//! How documents are written, as far as a program can tell: a paragraph is one line, or one line a sentence; and it has no words that hide who is meant.
//!
//! Both are about reading changes. Where lines are filled to a width, the change of a word moves all that follows, and a reviewer reads a paragraph to find it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

/// Words that name no one, or say in a roundabout way what a plain word says; with what to write instead.
const AVOIDED: &[(&str, &str)] = &[
    ("anew", "again, or restart"),
    ("nobody", "no client, no account, or who is meant"),
    ("somebody", "another account, an attacker, or who is meant"),
    ("that which", "what, or the thing's name"),
    ("whoever", "a client that, or who is meant"),
];

/// Folders without documents of ours: what is built, and what tools fetch.
const NOT_OURS: &[&str] = &["target", "node_modules", "corpus"];
/// The one hidden folder with documents.
const FORGE: &str = ".github";
/// Faults that are told at once; the rest is counted.
const TOLD: usize = 40;

/// Looks at every document; how many there are.
///
/// # Errors
/// The faults; files that cannot be read.
pub fn check() -> Result<String> {
    let top = run::root();
    let mut files = Vec::new();
    below(&top, &mut files)?;
    files.sort_unstable();
    let mut all = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let name = file.strip_prefix(&top).unwrap_or(file).display();
        all.extend(
            faults(&text)
                .into_iter()
                .map(|(line, fault)| format!("{name}:{line}: {fault}")),
        );
    }
    if files.is_empty() {
        bail!("there is no document");
    }
    if !all.is_empty() {
        let more = all.len().saturating_sub(TOLD);
        all.truncate(TOLD);
        if more > 0 {
            all.push(format!("and {more} more"));
        }
        bail!("documents are to be rewritten:\n  {}", all.join("\n  "));
    }
    Ok(format!("{} documents read well", files.len()))
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !path.is_symlink() {
            let hidden = name.starts_with('.') && name != FORGE;
            if !hidden && !NOT_OURS.contains(&&*name) {
                below(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}

/// What is wrong with a document in Markdown, each with the number of its line. Code is no prose: neither between fences nor between marks.
fn faults(text: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let (mut fenced, mut comment) = (false, false);
    // The line before, if this one may go on with its paragraph: its number, and whether it ends a sentence.
    let mut before: Option<(usize, bool)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !comment && line.starts_with("```") {
            fenced = !fenced;
            before = None;
            continue;
        }
        comment |= !fenced && line.starts_with("<!--");
        if comment || fenced {
            comment &= !line.ends_with("-->");
            before = None;
            continue;
        }
        faults.extend(avoided(line).map(|(word, instead)| (number, format!("avoid '{word}'; write {instead}"))));
        if line.is_empty() || line.starts_with(['|', '#']) {
            before = None;
            continue;
        }
        match before {
            Some((_, true)) | None => {}
            Some(_) if begins_item(line) => {}
            Some((first, false)) => faults.push((
                first,
                "a line ends in the middle of a sentence; write a paragraph as one line, or one line a sentence"
                    .to_owned(),
            )),
        }
        before = Some((number, ends_sentence(line)));
    }
    faults
}

fn begins_item(line: &str) -> bool {
    let numbered = line.trim_start_matches(|digit: char| digit.is_ascii_digit());
    line.starts_with("- ") || line.starts_with("* ") || line.len() > numbered.len() && numbered.starts_with(". ")
}

fn ends_sentence(line: &str) -> bool {
    let end = line.trim_end_matches(['*', '_', ')', '"', '`', '\'']);
    end.ends_with(['.', '!', '?', ':'])
}

/// The words to avoid outside of code marks, in any case.
fn avoided(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = prose
        .split(|letter: char| !letter.is_alphabetic() && letter != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let text = format!(" {} ", words.join(" "));
    AVOIDED
        .iter()
        .copied()
        .filter(move |(word, _)| text.contains(&format!(" {word} ")) || text.contains(&format!(" {word}'s ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        faults(text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_line_that_ends_in_a_sentence_is_found_where_it_ends() {
        assert_eq!(lines("# T\n\nOne line,\nand one that goes on\nto here.\n"), [3, 4]);
        assert_eq!(lines("- an item that is\n  wrapped\n- another\n"), [1]);
        assert_eq!(lines("1. an item that is\n   wrapped\n"), [1]);
        assert_eq!(lines("A sentence. And one that\nis wrapped.\n"), [1], "a mixture");
        assert_eq!(lines("> quoted and\n> wrapped\n"), [1]);
        assert_eq!(lines("<!-- a\ncomment -->\nwrapped\nhere.\n"), [3]);
    }

    #[test]
    fn paragraphs_of_one_line_and_lines_of_one_sentence_are_good() {
        for good in [
            "# A title\nA paragraph right below.\n\nAnother. It has two sentences.\n",
            "One sentence.\nAnother (of the same paragraph).\n*And a third!*\n",
            "- an item\n- another\n  - a deeper one\n10. a numbered one\n",
            "Before a list:\n- an item\n",
            "| a | table\n| b | c |\nafter it.\n",
            "```\nwrapped\ncode\n```\nand `nobody` between marks.\n",
            "<!-- wrapped\nby someone -->\n",
        ] {
            assert_eq!(faults(good), [], "{good}");
        }
    }

    #[test]
    fn words_to_avoid_are_found_wherever_prose_is() {
        for bad in [
            "Whoever asks.",
            "It is nobody's.",
            "| a cell | that which is kept |",
            "# Begun anew",
            "- (somebody)",
        ] {
            assert_eq!(faults(bad).len(), 1, "{bad}");
        }
        for good in ["The anewest word.", "`whoever`", "That is one, which is kept."] {
            assert_eq!(faults(good), [], "{good}");
        }
    }
}
