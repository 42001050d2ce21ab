//! Makes what others wrote harmless on a terminal, and in a line of output.
//!
//! A peer's text may hold escape sequences that repaint the screen, retitle the window, paste commands or turn the reading direction. Every
//! such character is shown by its number instead.

use icu_properties::CodePointSetData;
use icu_properties::props::{DefaultIgnorableCodePoint, Emoji, UnifiedIdeograph};

/// The joiners: whether what stands on both sides of them is one letter or picture.
const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
/// Asks for a picture instead of a sign.
const PICTURE: char = '\u{fe0f}';

/// Whether a character is shown by its number: controls (C0, DEL, C1), line and paragraph separators, annotations, and what Unicode says is not seen
/// (`Default_Ignorable_Code_Point`: what changes the reading direction, fillers, tags and their like), unless it shapes what it stands behind.
fn is_unsafe(c: char, before: Option<char>) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || (is_ignorable(c) && !shapes(c, before))
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether an invisible character is one of those that people write with, in a place where it does something: families and professions among the emoji, Persian,
/// the scripts of India, names in Japanese, Mongolian. Anywhere else, and one behind another, it would only hide something. Tags are never let
/// through, since they can hold a whole text: the flags of England, Scotland and Wales are shown as a black flag and numbers.
fn shapes(c: char, before: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        JOINER | NON_JOINER => !before.is_ascii() && (before == PICTURE || !is_ignorable(before)),
        '\u{fe0e}' | PICTURE => CodePointSetData::new::<Emoji>().contains(before),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => {
            CodePointSetData::new::<UnifiedIdeograph>().contains(before)
        }
        '\u{180b}'..='\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

/// For one line: line breaks too are shown by number.
#[must_use]
pub fn line(text: &str) -> String {
    escape(text, |_| false, |c, out| out.extend(c.escape_unicode()))
}

/// For a paragraph: line breaks and tabs stay.
#[must_use]
pub fn paragraph(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    escape(
        &text,
        |c| matches!(c, '\n' | '\t'),
        |c, out| out.extend(c.escape_unicode()),
    )
}

/// For a line of JSON that may be read on a terminal: the same characters in JSON's own notation, so that a parser gives them back unchanged.
#[must_use]
pub fn json(line: &str) -> String {
    escape(
        line,
        |_| false,
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        },
    )
}

fn escape(text: &str, keep: impl Fn(char) -> bool, number: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        if is_unsafe(c, before) && !keep(c) {
            number(c, &mut out);
            before = None;
        } else {
            out.push(c);
            before = Some(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[2J\u{9b}31m\x07\x08\r\x7f\u{202e}evil\u{2066}\u{200b}\u{feff}\u{e0041}\u{2028}z";

    fn harmless(text: &str) -> bool {
        !text.chars().any(|c| is_unsafe(c, None))
    }

    #[test]
    fn nothing_of_it_reaches_the_terminal() {
        for shown in [line(HOSTILE), paragraph(HOSTILE), json(HOSTILE)] {
            assert!(harmless(&shown), "{shown:?}");
            assert!(shown.starts_with('a') && shown.ends_with('z') && shown.contains("evil"));
        }
        assert_eq!(line("\x1b[31m"), "\\u{1b}[31m");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "hello",
            "grüße",
            "日本語",
            "שלום",
            "👩\u{200d}👩\u{200d}👧",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "👩🏽\u{200d}🚀",
            "❤\u{fe0f}",
            "☎\u{fe0e}",
            "1\u{fe0f}\u{20e3}",
            "🇩🇪",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "辻\u{e0100}",
            "ᠠ\u{180b}",
            "back\\slash",
        ] {
            assert_eq!(line(text), text);
            assert_eq!(paragraph(text), text);
            assert_eq!(json(text), text);
        }
        assert_eq!(paragraph("a\n\tb\r\nc"), "a\n\tb\nc");
        assert_eq!(line("a\nb"), "a\\u{a}b");
    }

    /// Anything that Unicode says is not seen, alone or behind a letter.
    #[test]
    fn what_is_not_seen_is_shown_by_its_number() {
        for c in ('\0'..=char::MAX).filter(|c| is_ignorable(*c)) {
            for text in [
                format!("{c}"),
                format!("bob{c}"),
                format!("{c}{c}"),
                format!("é{c}{c}"),
                format!("字{c}{c}"),
            ] {
                let shown = line(&text);
                let number = c.escape_unicode().to_string();
                assert!(shown.contains(&number), "{number}: {shown:?}");
            }
        }
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{202e}',
            '\u{206a}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(line(&format!("bob{c}")), format!("bob{}", c.escape_unicode()));
        }
    }

    #[test]
    fn json_gives_the_same_text_back() {
        let line = json(&serde_json::to_string(&HOSTILE).unwrap());
        assert!(harmless(&line), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), HOSTILE);
    }
}
