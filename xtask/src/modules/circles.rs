//! Which file needs which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::path::Path as FilePath;

use anyhow::{Context, Result};

use super::paths::Path;

/// Files, and what each needs of which other.
#[derive(Default)]
pub struct Needs {
    files: BTreeMap<String, BTreeMap<String, Need>>,
}

/// Something that one file needs of another.
struct Need {
    path: Path,
    line: usize,
}

impl Needs {
    pub fn files(&self) -> usize {
        self.files.len()
    }

    pub fn add_file(&mut self, file: &str) {
        self.files.entry(file.to_owned()).or_default();
    }

    /// The first thing that is needed stands for all.
    pub fn add(&mut self, from: &str, to: &str, path: &Path) {
        if from != to {
            self.files
                .entry(from.to_owned())
                .or_default()
                .entry(to.to_owned())
                .or_insert_with(|| Need {
                    path: path.clone(),
                    line: 0,
                });
        }
    }

    /// Finds the lines in the files.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn find_lines(&mut self, top: &FilePath) -> Result<()> {
        for (file, needs) in &mut self.files {
            let text = fs::read_to_string(top.join(file)).with_context(|| file.clone())?;
            for need in needs.values_mut() {
                need.line = line_of(&text, &need.path);
            }
        }
        Ok(())
    }

    /// For each group of files that need each other: the first of them, and the group's shortest circle, a line a step.
    pub fn circles(&self) -> Vec<(String, String)> {
        let mut told = BTreeSet::new();
        let mut found = Vec::new();
        for file in self.files.keys() {
            if told.contains(file) {
                continue;
            }
            let group: Vec<&String> = self
                .reached(file)
                .into_iter()
                .filter(|other| *other != file && self.reached(other).contains(file))
                .collect();
            if group.is_empty() {
                continue;
            }
            told.insert(file.clone());
            told.extend(group.iter().map(|&other| other.clone()));
            let shortest = std::iter::once(file)
                .chain(group.iter().copied())
                .filter_map(|start| self.circle(start))
                .min_by_key(Vec::len)
                .unwrap_or_default();
            found.push((file.clone(), self.told(group.len() + 1, &shortest)));
        }
        found
    }

    fn told(&self, files: usize, circle: &[&String]) -> String {
        let mut text = format!("{files} files need each other, for example:");
        for (step, from) in circle.iter().enumerate() {
            let to = circle[(step + 1) % circle.len()];
            if let Some(need) = self.files.get(*from).and_then(|needs| needs.get(to)) {
                // Writing to a string does not fail.
                let _ = write!(text, "\n  {from}:{} names {} of {to}", need.line, need.path.join("::"));
            }
        }
        text
    }

    fn reached<'a>(&'a self, from: &str) -> BTreeSet<&'a String> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&String> = self.files.get(from).into_iter().flat_map(BTreeMap::keys).collect();
        while let Some(file) = next.pop() {
            if reached.insert(file) {
                next.extend(self.files.get(file).into_iter().flat_map(BTreeMap::keys));
            }
        }
        reached
    }

    /// The shortest way from a file back to itself.
    fn circle<'a>(&'a self, start: &'a String) -> Option<Vec<&'a String>> {
        let mut came_from: BTreeMap<&String, &String> = BTreeMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(file) = next.pop_front() {
            for to in self.files.get(file)?.keys() {
                if to == start {
                    let mut circle = vec![file];
                    while let Some(&before) = circle.last().and_then(|last| came_from.get(last)) {
                        circle.push(before);
                    }
                    circle.reverse();
                    return Some(circle);
                }
                if !came_from.contains_key(to) {
                    came_from.insert(to, file);
                    next.push_back(to);
                }
            }
        }
        None
    }
}

/// The line that names a path: as it stands, or else by its last name.
fn line_of(text: &str, path: &Path) -> usize {
    let code = || {
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    };
    let whole = path.join("::");
    let last = path.last().map_or("", String::as_str);
    code()
        .find(|(_, line)| line.contains(&whole))
        .or_else(|| {
            code().find(|(_, line)| {
                line.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word == last)
            })
        })
        .map_or(0, |(line, _)| line + 1)
}
