//! What of a value may be repeated to whoever set it. Errors end up in logs, terminals and tickets, and a value in the wrong place may be a secret that belongs somewhere
//! else: a key in the variable for a key's file, a passphrase, a password in a URL.
//!
//! A guess, made so that ordinary mistakes (`64MB`, `localhost:5000`) are repeated and what is long, random or wordy is not.

/// Longer than any ordinary value but a list.
const LONG: usize = 100;
/// Letters and digits mixed, this many without a dot, a slash or a colon between: a key or a token.
const RANDOM: usize = 20;
/// Words in a row: a passphrase.
const WORDS: usize = 3;

/// `value` in quotes, without the part of a URL before an @; or only how long it is.
#[must_use]
pub fn shown(value: &str) -> String {
    if is_secret(value) {
        return format!(
            "({} characters that could be a secret, not shown)",
            value.chars().count()
        );
    }
    let parts: Vec<_> = value.split(',').map(without_userinfo).collect();
    format!("{:?}", parts.join(","))
}

/// Whether it could be one.
#[must_use]
pub fn is_secret(value: &str) -> bool {
    let mixed = |run: &str| {
        run.len() >= RANDOM && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let part = |c: char| c.is_ascii_alphanumeric() || "+_=-".contains(c);
    let words = value
        .split_whitespace()
        .filter(|word| word.chars().all(char::is_alphabetic));
    value.chars().count() > LONG
        || value.chars().any(char::is_control)
        || value.contains("-----BEGIN")
        || words.count() >= WORDS
        || value.split(|c| !part(c)).any(mixed)
}

/// `scheme://user:secret@host` without what stands before the host.
#[must_use]
pub fn without_userinfo(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let scheme = before
        .split_once("://")
        .map_or_else(String::new, |(scheme, _)| format!("{scheme}://"));
    format!("{scheme}***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_mistakes_are_repeated() {
        for value in [
            "",
            "64MB",
            "localhost:5000",
            "127.0.0.1:70000",
            "5 / year",
            "99999999999GiB",
            "https://relay.example/path",
            "/etc/letsencrypt/live/relay2.example/fullchain.pem",
            "/var/lib/latchkey relay/data",
        ] {
            assert_eq!(shown(value), format!("{value:?}"));
        }
    }

    #[test]
    fn what_could_be_a_secret_is_not() {
        let hex = "8f3a".repeat(16);
        let long = "x".repeat(101);
        for secret in [
            "correct horse battery staple",
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----",
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg",
            "sk_live_51H8abcdEFGH",
            "two\nlines",
            &hex,
            &long,
            &format!("--key={hex}"),
        ] {
            let said = shown(secret);
            assert!(said.contains("not shown"), "{said}");
            for piece in secret.split_whitespace().filter(|piece| piece.len() > 3) {
                assert!(!said.contains(piece), "{said}");
            }
        }
        assert_eq!(shown("https://me:hush@x,https://y"), "\"https://***@x,https://y\"");
        assert_eq!(shown("postgres://me:hu@sh@db/x"), "\"postgres://***@db/x\"");
        assert_eq!(shown("me:hush@x"), "\"***@x\"");
    }
}
