//! What failed, to a person.

use client::{Code, Error, RelayError};

use crate::exit::Failure;

/// What failed, to a person; in the menu without the options of a command line.
pub(super) fn said(failure: &Failure, menu: bool) -> String {
    match failure {
        Failure::Client(Error::Relay(RelayError::BadUrl { .. })) if menu => without_options(&failure.to_string()),
        // The relay's own words are for a program that holds a token.
        Failure::Queued(Error::Relay(error)) | Failure::Client(Error::Relay(error))
            if error.code() == Some(Code::Unauthorized) =>
        {
            "the relay does not know this account any more, or not with these keys; ask its operator whether it was removed".to_owned()
        }
        Failure::Queued(error) => error.while_it_waits(),
        // What was written stays in the field.
        Failure::NotKept(error) if menu => format!("{}. The message was not sent", error.to_string().trim_end_matches('.')),
        other => other.to_string(),
    }
}

/// The same without the clause in which an option is named: where nothing was typed behind a command there is none to be given.
#[must_use]
pub fn without_options(text: &str) -> String {
    const ENDS: [&str; 4] = ["; ", ", or ", ", ", ". "];
    let mut text = text.to_owned();
    while let Some(at) = text.find(" --") {
        let begins = ENDS.iter().filter_map(|end| text[..at].rfind(end)).max().unwrap_or(0);
        let ends = ENDS
            .iter()
            .filter_map(|end| text[at..].find(end))
            .min()
            .map_or(text.len(), |end| at + end);
        text.replace_range(begins..ends, "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_that_names_an_option_is_left_out() {
        for (text, left) in [
            (
                "plain http is for this machine alone; use https",
                "plain http is for this machine alone; use https",
            ),
            (
                "it is plain; use https, or --allow in a safe network",
                "it is plain; use https",
            ),
            ("it is more; give it with --invite", "it is more"),
            ("first, give --one; then --two. Last", "first. Last"),
            ("give --one", ""),
        ] {
            assert_eq!(without_options(text), left, "{text}");
        }
    }
}
