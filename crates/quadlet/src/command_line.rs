//! A command of the engine, word by word.

use std::collections::BTreeMap;

use crate::words;

/// The words of a command, the program first.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine(Vec<String>);

impl CommandLine {
    pub(crate) fn new(program: &str) -> Self {
        Self(vec![program.to_owned()])
    }

    pub(crate) fn add(&mut self, word: impl Into<String>) -> &mut Self {
        self.0.push(word.into());
        self
    }

    pub(crate) fn extend<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.0.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// An option and its value, as two words.
    pub(crate) fn option(&mut self, flag: &str, value: impl Into<String>) -> &mut Self {
        self.add(flag).add(value)
    }

    /// An option that is on where it is named.
    pub(crate) fn switch(&mut self, flag: &str, is_on: bool) -> &mut Self {
        if is_on { self.add(flag) } else { self.add(format!("{flag}=false")) }
    }

    pub(crate) fn pairs(&mut self, flag: &str, pairs: BTreeMap<String, Option<String>>) -> &mut Self {
        for (name, value) in pairs {
            match value {
                Some(value) => self.option(flag, format!("{name}={value}")),
                None => self.option(flag, name),
            };
        }
        self
    }

    /// As the value of a key of systemd.
    pub(crate) fn render(&self) -> String {
        words::join(self.0.iter().map(String::as_str))
    }

    /// As [`CommandLine::render`], of a command whose failure is none.
    pub(crate) fn render_optional(&self) -> String {
        let mut words = self.0.clone();
        words[0].insert(0, '-');
        words::join(words.iter().map(String::as_str))
    }
}
