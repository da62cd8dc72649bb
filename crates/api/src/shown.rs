//! Text that did not come from our own source, made fit to be shown to a person: names of images, archives,
//! registries and guests, and what the user typed.
//!
//! [`Error`](crate::Error) passes its text through [`line`] when it is made, so that no crate has to think of it;
//! what goes to a terminal besides errors passes through [`block`] in the command line's printer.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Most bytes of a line that is shown; of a longer one the beginning and the end are.
pub const LONGEST_LINE: usize = 4 << 10;

/// Most bytes of a text of several lines.
pub(crate) const LONGEST_BLOCK: usize = 64 << 10;

/// The text as one line: nothing in it moves the cursor, begins another line, changes the order of what is read or
/// is invisible. Credentials in URLs are left out, and the middle of a text longer than [`LONGEST_LINE`].
///
/// Applying it twice changes nothing.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    shortened(escaped(without_credentials(text), |_| false), LONGEST_LINE)
}

/// As [`line`] for a text of several lines of our own making: line feeds and tabs stay.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    shortened(escaped(without_credentials(text), |letter| matches!(letter, '\n' | '\t')), LONGEST_BLOCK)
}

/// The text of a table's cell: as [`line`], but whole and with whatever it says of credentials.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    escaped(Cow::Borrowed(text), |_| false)
}

/// What goes to a terminal as data: all of it, with line feeds and tabs.
#[must_use]
pub fn data(text: &str) -> Cow<'_, str> {
    escaped(Cow::Borrowed(text), |letter| matches!(letter, '\n' | '\t'))
}

/// Whether a character does something else than being seen: control characters, those that turn the direction of
/// writing, and those without a width.
fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escaped(text: Cow<'_, str>, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let changes = |letter: char| acts(letter) && !stays(letter);
    if !text.contains(changes) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if !changes(letter) {
            out.push(letter);
            continue;
        }
        match (letter, u32::from(letter)) {
            ('\n', _) => out.push_str("\\n"),
            ('\r', _) => out.push_str("\\r"),
            ('\t', _) => out.push_str("\\t"),
            // Writing to a string cannot fail.
            (_, code @ ..0x20) => drop(write!(out, "\\x{code:02x}")),
            (_, code) => drop(write!(out, "\\u{code:04x}")),
        }
    }
    Cow::Owned(out)
}

/// The text without its middle where it has more than `most` bytes.
#[must_use]
pub fn shortened(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text;
    }
    // The beginning says what failed, the end says why.
    let head = text.floor_char_boundary(most / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - most / 8);
    Cow::Owned(format!("{} [{} bytes left out] {}", &text[..head], tail - head, &text[tail..]))
}

/// The text without what stands before the `@` of URLs and of references such as `user:password@host/name`. Of ssh
/// URLs only the password goes: who logs in is no secret, and needed to understand the message.
#[must_use]
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let ends_word = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`');
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_word) {
        out.push_str(&word_without_credentials(word));
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

fn word_without_credentials(word: &str) -> Cow<'_, str> {
    let (before, rest) = match word.find("://") {
        Some(at) => word.split_at(at + 3),
        None => ("", word),
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let Some(at) = authority.rfind('@') else { return Cow::Borrowed(word) };
    let (information, host) = (&authority[..at], &rest[at + 1..]);
    let user = information.split(':').next().unwrap_or_default();
    if before.is_empty() {
        // A bare reference: NAME:TAG@DIGEST is none with credentials.
        let is_digest = host.starts_with("sha") && host.contains(':');
        return if is_digest || user.len() == information.len() {
            Cow::Borrowed(word)
        } else {
            Cow::Owned(host.to_owned())
        };
    }
    if before.ends_with("ssh://") {
        return Cow::Owned(format!("{before}{user}@{host}"));
    }
    Cow::Owned(format!("{before}{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        for (text, expect) in [
            ("plain, ünïcode, 漢字, \\n", "plain, ünïcode, 漢字, \\n"),
            ("no\u{1b}[2Jne", "no\\x1b[2Jne"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("a\nError: forged\r\tb", "a\\nError: forged\\r\\tb"),
            ("\u{9b}31m\u{7f}", "\\u009b31m\\u007f"),
            ("\u{202e}gpj.exe\u{202c}", "\\u202egpj.exe\\u202c"),
            ("in\u{200b}vis\u{feff}ible\u{e0041}", "in\\u200bvis\\ufeffible\\ue0041"),
            ("two\u{2028}lines", "two\\u2028lines"),
        ] {
            assert_eq!(line(text), expect);
            assert_eq!(line(expect), expect, "twice");
        }
        assert_eq!(block("a\n\tb\u{1b}c"), "a\n\tb\\x1bc");
    }

    #[test]
    fn long_texts_are_cut_in_the_middle() {
        let text = format!("begin {} end", "ü".repeat(35_000));
        let short = line(&text);
        assert!(short.len() <= LONGEST_LINE, "{}", short.len());
        assert!(short.starts_with("begin ü") && short.ends_with("ü end"), "{short}");
        assert!(short.contains(" bytes left out] "), "{short}");
        assert_eq!(line(&short), short);
        assert!(line(&"\u{1b}".repeat(70_000)).len() <= LONGEST_LINE);
    }

    #[test]
    fn credentials_are_left_out() {
        for (text, expect) in [
            ("get https://me:secret@host:5000/v2/: refused", "get https://host:5000/v2/: refused"),
            ("\"https://token@host\"", "\"https://host\""),
            ("https://me:s@e/c@host/x", "https://e/c@host/x"),
            ("tcp://a:b=c@h", "tcp://h"),
            ("ssh://core:pw@localhost:22/run", "ssh://core@localhost:22/run"),
            ("ssh://core@localhost:22/run", "ssh://core@localhost:22/run"),
            ("location \"me:secret@host/ns\" is blocked", "location \"host/ns\" is blocked"),
            ("me:p@ss@host/ns", "host/ns"),
            ("alpine:3@sha256:00ff", "alpine:3@sha256:00ff"),
            ("localhost:5000/a:3@sha256:00ff", "localhost:5000/a:3@sha256:00ff"),
            ("user@example.org", "user@example.org"),
        ] {
            assert_eq!(without_credentials(text), expect, "{text}");
        }
    }
}
