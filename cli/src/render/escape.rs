//! Makes what others wrote harmless on a terminal, and in a line of output.
//!
//! A peer's text may hold escape sequences that repaint the screen, retitle the window, paste commands or turn the reading direction. Every
//! such character is shown by its number instead.

/// Whether a character is shown by its number: controls (C0, DEL, C1), line and paragraph separators, and what changes the reading direction
/// or is invisible. (The zero-width joiner stays: family emoji and several scripts are written with it.)
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}'                          // line and paragraph separator
            | '\u{061c}' | '\u{200e}' | '\u{200f}'           // direction marks
            | '\u{202a}'..='\u{202e}'                        // embeddings and overrides
            | '\u{2066}'..='\u{2069}'                        // isolates
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // invisible
            | '\u{fff9}'..='\u{fffb}'                        // interlinear annotation
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// For one line: line breaks too are shown by number.
#[must_use]
pub fn line(text: &str) -> String {
    escape(text, |_| false)
}

/// For a paragraph: line breaks and tabs stay.
#[must_use]
pub fn paragraph(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && !keep(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// For a line of JSON that may be read on a terminal: the same characters in JSON's own notation, so that a parser gives them back unchanged.
#[must_use]
pub fn json(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[2J\u{9b}31m\x07\x08\r\x7f\u{202e}evil\u{2066}\u{200b}\u{feff}\u{e0041}\u{2028}z";

    #[test]
    fn nothing_of_it_reaches_the_terminal() {
        for shown in [line(HOSTILE), paragraph(HOSTILE), json(HOSTILE)] {
            assert!(!shown.chars().any(is_unsafe), "{shown:?}");
            assert!(shown.starts_with('a') && shown.ends_with('z') && shown.contains("evil"));
        }
        assert_eq!(line("\x1b[31m"), "\\u{1b}[31m");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["hello", "grüße", "日本語", "שלום", "👩‍👩‍👧", "back\\slash"] {
            assert_eq!(line(text), text);
            assert_eq!(paragraph(text), text);
            assert_eq!(json(text), text);
        }
        assert_eq!(paragraph("a\n\tb\r\nc"), "a\n\tb\nc");
        assert_eq!(line("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn json_gives_the_same_text_back() {
        let line = json(&serde_json::to_string(&HOSTILE).unwrap());
        assert!(!line.chars().any(is_unsafe));
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), HOSTILE);
    }
}
