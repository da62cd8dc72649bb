//! The little of a shell's language that scripts of commands are written in.

use cove_api::{Error, Result};

/// A word as the shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '%')
    };
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Words as one command.
pub(crate) fn joined(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The commands of a script in their words, with their lines. Quotes, backslashes, comments and lines that go on are
/// read; `||` between words is a word. Everything else that a shell would do is refused.
///
/// # Errors
/// A quote is not closed, or there is a variable, a pipe or the like; with its line.
pub(crate) fn commands(text: &str) -> Result<Vec<(usize, Vec<String>)>> {
    let mut reader =
        Reader { characters: text.chars().peekable(), line: 1, first: 1, all: Vec::new(), words: Vec::new() };
    reader.read()?;
    Ok(reader.all)
}

struct Reader<'a> {
    characters: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    /// The line of the first word.
    first: usize,
    all: Vec<(usize, Vec<String>)>,
    words: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<()> {
        let mut word: Option<String> = None;
        while let Some(character) = self.next() {
            match character {
                ' ' | '\t' | '\r' => self.end_word(&mut word),
                '\n' => self.end_command(&mut word),
                '#' if word.is_none() => {
                    while self.characters.peek().is_some_and(|next| *next != '\n') {
                        self.next();
                    }
                }
                '\'' => {
                    let inner = word.get_or_insert_default();
                    loop {
                        match self.next() {
                            None => return self.refuse("a quote is not closed"),
                            Some('\'') => break,
                            Some(other) => inner.push(other),
                        }
                    }
                }
                '"' => {
                    word.get_or_insert_default();
                    self.double_quoted(&mut word)?;
                }
                '\\' => match self.next() {
                    None | Some('\n') => {}
                    Some(other) => word.get_or_insert_default().push(other),
                },
                '|' if word.is_none() && self.characters.next_if_eq(&'|').is_some() => {
                    self.words.push("||".to_owned());
                }
                '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '*' | '?' | '{' | '}' | '~'
                    if word.is_none() || !matches!(character, '{' | '}' | '~' | '?' | '*') =>
                {
                    return self
                        .refuse(&format!("{character:?} is for a shell to do: write it out, or in quotes"));
                }
                other => word.get_or_insert_default().push(other),
            }
        }
        self.end_command(&mut word);
        Ok(())
    }

    fn double_quoted(&mut self, word: &mut Option<String>) -> Result<()> {
        loop {
            match self.next() {
                None => return self.refuse("a quote is not closed"),
                Some('"') => return Ok(()),
                Some('\\') => match self.next() {
                    None | Some('\n') => {}
                    Some(same @ ('"' | '\\' | '$' | '`')) => word.get_or_insert_default().push(same),
                    Some(other) => word.get_or_insert_default().extend(['\\', other]),
                },
                Some(sign @ ('$' | '`')) => {
                    return self.refuse(&format!("{sign:?} is for a shell to do: write it out"));
                }
                Some(other) => word.get_or_insert_default().push(other),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.characters.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn end_word(&mut self, word: &mut Option<String>) {
        self.words.extend(word.take());
    }

    fn end_command(&mut self, word: &mut Option<String>) {
        self.end_word(word);
        if !self.words.is_empty() {
            self.all.push((self.first, std::mem::take(&mut self.words)));
        }
        self.first = self.line;
    }

    fn refuse<T>(&self, why: &str) -> Result<T> {
        Err(Error::invalid(format!("line {}: {why}", self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_read_again() {
        let words =
            ["a", "", "b c", "it's", "$x", "a\nb", "\"q\"", "*", "#no", "a;b", "\\", "é", "-e", "A=1"];
        let words = words.map(str::to_owned).to_vec();
        assert_eq!(commands(&joined(&words)).unwrap(), [(1, words)]);
    }

    #[test]
    fn scripts() {
        let read = |text: &str| {
            let commands = commands(text).unwrap();
            commands
                .into_iter()
                .map(|(line, words)| format!("{line}: {}", words.join("|")))
                .collect::<Vec<_>>()
        };
        assert_eq!(read("#!/bin/sh\n\na b \\\n  c # d\ne 'f g' \"h\\\"i\"\n"), ["3: a|b|c", "5: e|f g|h\"i"]);
        assert_eq!(read("test -e /a || mkdir /a"), ["1: test|-e|/a||||mkdir|/a"]);
        for (text, expected) in [
            ("a\nb $x", "line 2: '$' is for a shell"),
            ("a \"$x\"", "'$' is for a shell"),
            ("a | b", "'|' is for a shell"),
            ("a; b", "';' is for a shell"),
            ("a 'b", "not closed"),
            ("a > b", "'>' is for a shell"),
            ("a *", "'*' is for a shell"),
        ] {
            let error = commands(text).unwrap_err().message;
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
