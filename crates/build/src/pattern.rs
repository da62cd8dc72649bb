//! Patterns of paths: `*`, `?`, `[a-z]`, `\` and `**`, as Docker's matcher and Go's `filepath.Match` have them.

use regex::bytes::Regex;

use crate::error::{BuildError, Result};

/// Whether a text has a character that makes it a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '\\'])
}

/// A pattern as a regular expression of whole paths.
pub(crate) fn compile(pattern: &str) -> Result<Regex> {
    let bad = || BuildError::new(format!("syntax error in pattern {pattern:?}"));
    let mut out = String::from("^");
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => {
                // Any number of folders; at the end, all that is below.
                let slash = characters.next_if_eq(&'/').is_some();
                out.push_str(if characters.peek().is_none() || !slash {
                    "(?s-u:.)*"
                } else {
                    "(?:(?s-u:.)*/)?"
                });
            }
            '*' => out.push_str("(?-u:[^/])*"),
            '?' => out.push_str("(?:[^/]|(?-u:[^/]))"),
            '\\' => out.push_str(&regex::escape(&characters.next().ok_or_else(bad)?.to_string())),
            '[' => class(&mut characters, &mut out).ok_or_else(bad)?,
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push('$');
    Regex::new(&out).map_err(|_| bad())
}

/// What follows a `[`, up to its `]`.
fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if characters.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut empty = true;
    loop {
        match characters.next()? {
            ']' if !empty => break,
            '-' => out.push('-'),
            '\\' => out.push_str(&regex::escape(&characters.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
        empty = false;
    }
    out.push(']');
    Some(())
}
