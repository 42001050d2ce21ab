//! What stands below the list of commands in `latchkey --help`.

use crate::render::wrap;

/// Wider than this a line of text is hard to follow.
const WIDEST: usize = 80;

/// A paragraph a line; what belongs to a list begins with two spaces.
const LINES: &str = r#"Without a command, on a terminal: the interactive client.

Passphrase: from --passphrase-file, else from LATCHKEY_PASSPHRASE, else from a prompt, on a terminal only. Without a terminal the program asks nothing: it names what is missing and exits with code 2. There, and with --json, `verify`, `clear-inbox` and `rotate-identity`, which ask before they act, need --yes.

Exit codes:
  0  done
  1  a failure without a code of its own, such as a standard output that takes nothing
  2  wrong or missing arguments or input
  3  no name is registered in this home, or its registration is not finished
  4  the relay cannot be reached, or what answers there is not a relay that this client trusts and understands (a message reported as queued goes out with the next command that reaches the relay)
  5  refused: by the relay, or by this client because the contact is blocked or silent, its keys do not verify, or a limited message was revoked or expired
  6  an identity changed: a contact's (see `verify NAME --accept` and `reject-identity NAME`), or the relay's key, name or pinned certificate
  7  the play limit of a message is reached
  8  wrong passphrase
  9  another latchkey process kept this home busy for 30 seconds; nothing was done (commands that only show what is kept do not wait for it)
  130  interrupted

With --json every line on standard output is one object; `latchkey help COMMAND` lists its keys, and --version has name and version. Help, manual pages and completions are texts for a person or a shell, and the same with --json. Times are milliseconds since 1970, UTC. Every line on standard error is one object too:
  {"error": TEXT, "exit": CODE, "advice": [TEXT, ...]}  why it failed; the last line; advice only where there is some
  {"warning": TEXT}  what a person should see
  {"note": TEXT, "goes_to_new_identity": [ID, ...]}  which messages go to a new identity, before `verify NAME --accept` takes it
  {"note": TEXT}  anything else
Questions are still asked as text, and only where standard input and standard error are a terminal.

Proxies: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in lower case too, are honoured, but never for a relay on this machine. A proxy is http://HOST:PORT or https://HOST:PORT. Another one (socks5://, for instance: SOCKS is not supported) is refused with exit code 2, not passed over.

Environment: LATCHKEY_HOME, LATCHKEY_RELAY, LATCHKEY_PIN, LATCHKEY_PASSPHRASE, NO_COLOR"#;

/// In rows of a screen of this many columns. What goes on stands under its own beginning.
pub(super) fn text(columns: usize) -> String {
    let rows = LINES.lines().map(|line| {
        let behind = line.strip_prefix("  ");
        let hang = behind.map_or(0, |item| match item.split_once("  ") {
            Some((code, _)) if code.len() <= 3 => code.len() + 4,
            _ => 4,
        });
        wrap::fold(line, Some(columns.min(WIDEST)), hang)
    });
    rows.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_on_a_narrow_screen_and_loses_no_word() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for columns in [40, 80, 200] {
            let text = text(columns);
            assert!(
                text.lines().all(|line| line.chars().count() < columns.min(WIDEST)),
                "{text}"
            );
            assert_eq!(words(&text), words(LINES), "{columns}");
        }
        assert!(
            text(40).contains("\n  9  another latchkey process kept this\n     home busy"),
            "{}",
            text(40)
        );
    }
}
