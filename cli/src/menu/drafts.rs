//! What was written and not sent: it is there again when one writes to the same person. In memory alone, so it ends with the client, which asks before.

use std::collections::BTreeMap;

use client::Address;
use zeroize::Zeroizing;

use super::limited::LimitQuestions;

/// A message that was begun.
#[derive(Default)]
pub(super) struct Written {
    pub(super) text: Zeroizing<String>,
    /// What was answered about its limit, where it is to have one.
    pub(super) limit: Option<LimitQuestions>,
}

/// By person, and with a limit or without: what was meant to open twice is not offered where it would be sent for good.
#[derive(Default)]
pub(super) struct Drafts(BTreeMap<(Address, bool), Written>);

impl Drafts {
    /// What was begun, or nothing yet.
    pub(super) fn take(&mut self, peer: &Address, limited: bool) -> Written {
        self.0.remove(&(peer.clone(), limited)).unwrap_or_default()
    }

    /// Keeps what has a word in it, and says whether.
    pub(super) fn keep(&mut self, peer: &Address, limited: bool, written: Written) -> bool {
        let words = !written.text.trim().is_empty();
        if words {
            self.0.insert((peer.clone(), limited), written);
        }
        words
    }

    pub(super) fn has(&self, peer: &Address, limited: bool) -> bool {
        self.0.contains_key(&(peer.clone(), limited))
    }

    pub(super) fn count(&self, limited: bool) -> usize {
        self.0.keys().filter(|(_, of)| *of == limited).count()
    }

    /// To whom something was begun.
    pub(super) fn people(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().map(|(peer, _)| peer.user().to_string()).collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        Written {
            text: Zeroizing::new(text.to_owned()),
            limit: None,
        }
    }

    #[test]
    fn a_draft_is_kept_by_person_and_kind_and_nothing_is_no_draft() {
        let (bob, carol) = (
            Address::parse("bob@localhost").unwrap(),
            Address::parse("carol@localhost").unwrap(),
        );
        let mut drafts = Drafts::default();
        assert!(!drafts.keep(&bob, false, written(" \n")));
        assert!(drafts.people().is_empty());
        assert!(drafts.keep(&bob, true, written("twice")));
        assert!(drafts.keep(&bob, false, written("hello")));
        assert!(drafts.keep(&carol, false, written("hi")));
        assert_eq!(drafts.people(), ["bob", "carol"]);
        assert_eq!((drafts.count(false), drafts.count(true)), (2, 1));
        assert_eq!(drafts.take(&carol, true).text.as_str(), "");
        assert_eq!(drafts.take(&bob, true).text.as_str(), "twice");
        assert!(!drafts.has(&bob, true) && drafts.has(&bob, false));
        assert_eq!(drafts.take(&bob, true).text.as_str(), "", "once");
    }
}
