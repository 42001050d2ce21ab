//! A number with its noun. The same stands in `server/src/plural.rs`: relay and client share no crate that is about words, and seven lines are no reason for one.

/// `1 row`, `2 rows`: for nouns that form their plural so.
#[must_use]
pub(super) fn counted(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_else_are_many() {
        let said = [0, 1, 2, 11].map(|number| counted(number, "gate key"));
        assert_eq!(said, ["0 gate keys", "1 gate key", "2 gate keys", "11 gate keys"]);
    }
}
