//! The options between an instruction's name and its arguments.

use crate::error::{BuildError, Result};
use crate::language::words::unquoted_words;

/// The options of one instruction, each of which must be taken.
#[derive(Debug)]
pub(crate) struct Flags {
    instruction: &'static str,
    /// Name and value; an option without `=` has none.
    all: Vec<(String, Option<String>)>,
}

impl Flags {
    /// Takes the options off the head of a line; answers them and the rest.
    pub(crate) fn split<'a>(
        instruction: &'static str,
        line: &'a str,
        escape: char,
    ) -> Result<(Self, &'a str)> {
        let mut all = Vec::new();
        let mut rest = line.trim_start();
        while rest.starts_with("--") {
            let end = end_of_word(rest, escape);
            let (word, after) = rest.split_at(end);
            rest = after.trim_start();
            if word == "--" {
                break;
            }
            let word = unquoted_words(word, escape)?.pop().unwrap_or_default();
            let word = word.trim_start_matches("--");
            all.push(match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.to_owned(), None),
            });
        }
        Ok((Self { instruction, all }, rest))
    }

    /// The values of an option that may be there several times.
    pub(crate) fn many(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        let mut kept = Vec::new();
        for (own, value) in std::mem::take(&mut self.all) {
            match value {
                _ if own != name => kept.push((own, value)),
                Some(value) => values.push(value),
                None => return Err(BuildError::new(format!("missing a value on flag: {name}"))),
            }
        }
        self.all = kept;
        Ok(values)
    }

    /// The value of an option that may be there once.
    pub(crate) fn one(&mut self, name: &str) -> Result<Option<String>> {
        let mut values = self.many(name)?;
        if values.len() > 1 {
            return Err(BuildError::new(format!("duplicate flag specified: {name}")));
        }
        Ok(values.pop())
    }

    /// An option that is on or off.
    pub(crate) fn switch(&mut self, name: &str) -> Result<Option<bool>> {
        let Some(index) = self.all.iter().position(|(own, _)| own == name) else { return Ok(None) };
        let (_, value) = self.all.remove(index);
        match value.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => {
                Err(BuildError::new(format!("expecting boolean value for flag {name}, not: {other}")))
            }
        }
    }

    /// What nobody has taken is an error.
    pub(crate) fn finish(self) -> Result<()> {
        match self.all.first() {
            None => Ok(()),
            Some((name, _)) => Err(BuildError::new(format!("unknown flag: {name} ({})", self.instruction))),
        }
    }
}

/// Where the first word ends, in bytes.
fn end_of_word(text: &str, escape: char) -> usize {
    let mut quote: Option<char> = None;
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() => return index,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ => {}
        }
        if character == escape && quote != Some('\'') {
            characters.next();
        }
    }
    text.len()
}
