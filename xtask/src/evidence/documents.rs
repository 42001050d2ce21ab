//! What a document names: tests, functions and files, as they stand between code marks.

/// One thing that a document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file or folder.
    Path(String),
    /// A module, `a::b`, or a word that stands directly before a name: `gate_pool` `the_threads_yield`.
    Module(String),
    /// A test, in the place named last before it in the same cell, or anywhere. It may be cut short with an ellipsis.
    Test(String, Option<Place>),
    /// A function, in the place that stands directly before it.
    Function(String, Place),
}

/// Where a test is said to be: a path or a module.
pub type Place = String;

/// Marks with as many underscores are sentences, and sentences are the names of tests.
const SENTENCE: usize = 3;
/// The same behind the name of a place, where less is mistaken for one.
const SENTENCE_IN_PLACE: usize = 2;

/// What a document in Markdown names, in its order. Examples between fences name nothing.
pub fn named(text: &str) -> Vec<Named> {
    let (mut all, mut fenced) = (Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let cells = if line.starts_with('|') {
                line.split(" | ").collect()
            } else {
                vec![line]
            };
            cells.into_iter().for_each(|cell| in_cell(cell, &mut all));
        }
    }
    all
}

fn in_cell(cell: &str, all: &mut Vec<Named>) {
    let parts: Vec<&str> = cell.split('`').collect();
    let marks = || parts.iter().copied().enumerate().skip(1).step_by(2);
    let mut place: Option<Place> = None;
    for (at, mark) in marks() {
        let adjoins = |at: usize| {
            parts
                .get(at)
                .is_some_and(|between| matches!(between.trim(), "" | "(") && !between.is_empty())
        };
        let next = parts.get(at + 2).filter(|_| at + 2 < parts.len() && adjoins(at + 1));
        if is_path(mark) {
            all.push(Named::Path(mark.to_owned()));
            place = Some(mark.to_owned());
        } else if is_module(mark) || is_word(mark) && next.is_some_and(|next| is_word(next)) {
            all.push(Named::Module(mark.to_owned()));
            place = Some(mark.to_owned());
        } else if is_sentence(mark, SENTENCE)
            || place.is_some() && is_sentence(mark, SENTENCE_IN_PLACE) && adjoins(at - 1)
        {
            all.push(Named::Test(mark.to_owned(), place.clone()));
        } else if let Some(place) = place.as_ref().filter(|_| is_word(mark) && adjoins(at - 1)) {
            all.push(Named::Function(mark.to_owned(), place.clone()));
        }
    }
}

fn is_word(mark: &str) -> bool {
    mark.starts_with(|first: char| first.is_ascii_lowercase())
        && mark
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn is_sentence(mark: &str, underscores: usize) -> bool {
    is_word(mark.trim_end_matches('…')) && mark.matches('_').count() >= underscores
}

fn is_module(mark: &str) -> bool {
    mark.contains("::") && mark.split("::").all(is_word)
}

fn is_path(mark: &str) -> bool {
    let named = mark
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/'));
    named && !mark.starts_with('/') && (mark.contains('/') || mark.len() > 3 && mark.ends_with(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, place: Option<&str>) -> Named {
        Named::Test(name.to_owned(), place.map(str::to_owned))
    }

    fn path(path: &str) -> Named {
        Named::Path(path.to_owned())
    }

    #[test]
    fn tests_belong_to_the_place_before_them_in_their_cell() {
        let text =
            "| x `a_name_of_one_cell` | `crates/a/b.rs` `a_test_with_a_name`, `another_one_of_it`; `send_limited` |";
        assert_eq!(
            named(text),
            [
                test("a_name_of_one_cell", None),
                path("crates/a/b.rs"),
                test("a_test_with_a_name", Some("crates/a/b.rs")),
                test("another_one_of_it", Some("crates/a/b.rs")),
            ]
        );
    }

    #[test]
    fn modules_words_and_short_names_are_told_apart() {
        let module = |name: &str| Named::Module(name.to_owned());
        assert_eq!(
            named(
                "`party::driver` (`settle`), `gate_pool` `pauses_are_exponential`, `/v1/inbox`, `A::b`, `a_full_queue_…`"
            ),
            [
                module("party::driver"),
                Named::Function("settle".to_owned(), "party::driver".to_owned()),
                module("gate_pool"),
                test("pauses_are_exponential", Some("gate_pool")),
                test("a_full_queue_…", Some("gate_pool")),
            ]
        );
        // Two words beside each other, but not adjoining; a suffix alone.
        assert_eq!(named("`send` and `play`, `.rs`, `120/m`"), [path("120/m")]);
    }

    #[test]
    fn what_stands_between_fences_names_nothing() {
        assert_eq!(named("```\n`a_test_with_a_name`\n```\n`b/c`"), [path("b/c")]);
    }
}
