//! Words of a line, and the variables in them.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

use crate::error::{BuildError, Result};

/// Longest text that variables may grow to, in bytes.
const MAX_EXPANDED: usize = 1 << 20;
/// Deepest nesting of `${a:-${b:-…}}`.
const MAX_DEPTH: usize = 32;

/// Splits at white space that is neither quoted nor escaped. Quotes and escapes stay.
pub(crate) fn raw_words(line: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match quote {
            None if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ => {}
        }
        word.push(character);
        // Nothing is escaped in single quotes.
        if character == escape
            && quote != Some('\'')
            && let Some(next) = characters.next()
        {
            word.push(next);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Words with their quotes and escapes taken away, and no variables replaced.
pub(crate) fn unquoted_words(line: &str, escape: char) -> Result<Vec<String>> {
    let keep = |_: &str| None;
    let expander = Expander { escape, lookup: &keep, variables: false };
    raw_words(line, escape).iter().map(|word| expander.word(word)).collect()
}

/// What replaces variables in words.
pub(crate) struct Expander<'a> {
    /// Takes the meaning of the next character away.
    pub(crate) escape: char,
    /// The value of a variable.
    pub(crate) lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Whether `$` means anything.
    pub(crate) variables: bool,
}

impl Expander<'_> {
    /// A word without its quotes and escapes and with the values of its variables.
    pub(crate) fn word(&self, word: &str) -> Result<String> {
        let mut characters = word.chars().peekable();
        let mut out = String::new();
        self.until(&mut characters, None, &mut out, 0)?;
        Ok(out)
    }

    /// The same for a document, in which quotes are nothing special.
    pub(crate) fn document(&self, text: &str) -> Result<String> {
        let mut characters = text.chars().peekable();
        let mut out = String::new();
        while let Some(character) = characters.next() {
            match character {
                '$' => self.dollar(&mut characters, &mut out, 0)?,
                character if character == self.escape => match characters.next() {
                    Some(next) if next == '$' || next == self.escape => out.push(next),
                    Some(next) => out.extend([character, next]),
                    None => out.push(character),
                },
                character => out.push(character),
            }
            check(&out)?;
        }
        Ok(out)
    }

    /// Reads to the character `stop`, or to the end; answers whether it was there.
    fn until(
        &self,
        characters: &mut Peekable<Chars<'_>>,
        stop: Option<char>,
        out: &mut String,
        depth: usize,
    ) -> Result<bool> {
        if depth > MAX_DEPTH {
            return Err(BuildError::new("variables are nested too deeply"));
        }
        while let Some(character) = characters.next() {
            if Some(character) == stop {
                return Ok(true);
            }
            match character {
                '\'' => loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => out.push(inner),
                        None => return Err(unterminated("single")),
                    }
                },
                '"' => self.double(characters, out, depth)?,
                '$' if self.variables => self.dollar(characters, out, depth)?,
                character if character == self.escape => out.extend(characters.next()),
                character => out.push(character),
            }
            check(out)?;
        }
        Ok(false)
    }

    fn double(&self, characters: &mut Peekable<Chars<'_>>, out: &mut String, depth: usize) -> Result<()> {
        loop {
            match characters.next() {
                None => return Err(unterminated("double")),
                Some('"') => return Ok(()),
                Some('$') if self.variables => self.dollar(characters, out, depth)?,
                Some(character) if character == self.escape => match characters.next() {
                    None => return Err(unterminated("double")),
                    Some(next) if matches!(next, '"' | '$') || next == self.escape => out.push(next),
                    Some(next) => out.extend([character, next]),
                },
                Some(character) => out.push(character),
            }
            check(out)?;
        }
    }

    /// What follows a `$`.
    fn dollar(&self, characters: &mut Peekable<Chars<'_>>, out: &mut String, depth: usize) -> Result<()> {
        if characters.next_if_eq(&'{').is_none() {
            let name = name(characters);
            match name.is_empty() {
                true => out.push('$'),
                false => out.push_str(&(self.lookup)(&name).unwrap_or_default()),
            }
            return Ok(());
        }
        let name = name(characters);
        if name.is_empty() {
            return Err(BuildError::new("bad substitution: a variable without a name"));
        }
        let value = (self.lookup)(&name);
        let modifier = characters.next().ok_or_else(unclosed)?;
        if modifier == '}' {
            out.push_str(&value.unwrap_or_default());
            return Ok(());
        }
        // With a colon an empty value counts as none.
        let (modifier, value) = match modifier {
            ':' => (characters.next().ok_or_else(unclosed)?, value.filter(|value| !value.is_empty())),
            other => (other, value),
        };
        match modifier {
            '-' | '+' | '?' => {
                let word = self.closed(characters, depth)?;
                match (modifier, value) {
                    ('-', Some(value)) => out.push_str(&value),
                    ('-', None) | ('+', Some(_)) => out.push_str(&word),
                    ('+', None) => {}
                    (_, Some(value)) => out.push_str(&value),
                    (_, None) => {
                        let why = if word.is_empty() { "is not allowed to be unset" } else { &word };
                        return Err(BuildError::new(format!("{name}: {why}")));
                    }
                }
            }
            '#' | '%' => {
                let longest = characters.next_if_eq(&modifier).is_some();
                let pattern = self.closed(characters, depth)?;
                out.push_str(&trimmed(&value.unwrap_or_default(), &pattern, modifier == '#', longest)?);
            }
            '/' => {
                let all = characters.next_if_eq(&'/').is_some();
                let mut pattern = String::new();
                if !self.until(characters, Some('/'), &mut pattern, depth + 1)? {
                    return Err(unclosed());
                }
                let with = self.closed(characters, depth)?;
                let pattern = compiled(&glob(&pattern, false))?;
                replaced(&value.unwrap_or_default(), &pattern, &with, all, out)?;
            }
            other => return Err(BuildError::new(format!("unsupported modifier ({other}) in substitution"))),
        }
        check(out)
    }

    /// A word up to the `}` that closes it.
    fn closed(&self, characters: &mut Peekable<Chars<'_>>, depth: usize) -> Result<String> {
        let mut word = String::new();
        if self.until(characters, Some('}'), &mut word, depth + 1)? { Ok(word) } else { Err(unclosed()) }
    }
}

/// Adds a value in which one match, or all of them, are replaced.
fn replaced(value: &str, pattern: &Regex, with: &str, all: bool, out: &mut String) -> Result<()> {
    let mut rest = 0;
    for found in pattern.find_iter(value).take(if all { usize::MAX } else { 1 }) {
        out.push_str(&value[rest..found.start()]);
        out.push_str(with);
        rest = found.end();
        // Before the next: the whole may be many times as long as all of its parts.
        check(out)?;
    }
    out.push_str(&value[rest..]);
    check(out)
}

fn check(text: &str) -> Result<()> {
    if text.len() > MAX_EXPANDED {
        return Err(BuildError::new("variables make more than 1 MiB of a word"));
    }
    Ok(())
}

fn unterminated(kind: &str) -> BuildError {
    BuildError::new(format!("unexpected end of statement while looking for matching {kind}-quote"))
}

fn unclosed() -> BuildError {
    BuildError::new("syntax error: missing '}'")
}

/// The name of a variable; a digit or a special parameter is a name of one character.
fn name(characters: &mut Peekable<Chars<'_>>) -> String {
    let mut name = String::new();
    match characters.peek() {
        Some(first) if first.is_ascii_digit() => {
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                name.push(digit);
            }
        }
        Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(characters.next()),
        _ => {
            while let Some(next) = characters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                name.push(next);
            }
        }
    }
    name
}

/// A shell's pattern as a regular expression without anchors.
fn glob(pattern: &str, shortest: bool) -> String {
    let mut out = String::from("(?s)");
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => out.push_str(if shortest { ".*?" } else { ".*" }),
            '?' => out.push('.'),
            '\\' => out.push_str(
                &characters.next().map(|next| regex::escape(&next.to_string())).unwrap_or_default(),
            ),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out
}

fn compiled(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| BuildError::new(format!("invalid pattern: {error}")))
}

/// The value without the shortest or longest part at its start or end that the pattern matches.
fn trimmed(value: &str, pattern: &str, start: bool, longest: bool) -> Result<String> {
    let body = glob(pattern, !longest);
    if start {
        return Ok(compiled(&format!("^(?:{body})"))?.replace(value, "").into_owned());
    }
    // The first match that reaches the end is the longest one; after as much as possible, it is the shortest.
    if longest {
        let found = compiled(&format!("(?:{body})$"))?.find(value).map(|found| found.start());
        return Ok(found.map_or(value, |start| &value[..start]).to_owned());
    }
    let before = compiled(&format!("^((?s:.*))(?:{body})$"))?;
    let before = before.captures(value).and_then(|captures| captures.get(1));
    Ok(before.map_or(value, |before| before.as_str()).to_owned())
}
