//! Options of a command, in their order.

use std::collections::BTreeMap;
use std::fmt::Display;

/// An option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    /// Its name, `--env`.
    pub(super) name: &'static str,
    /// Its value; none for a switch that is on.
    pub(super) value: Option<String>,
    /// Whether the value must stand behind an equals sign.
    is_one_word: bool,
}

impl Flag {
    /// As words of a command line.
    pub(super) fn words(&self) -> Vec<String> {
        match &self.value {
            None => vec![self.name.to_owned()],
            Some(value) if self.is_one_word || value.is_empty() || value.starts_with('-') => {
                vec![format!("{}={value}", self.name)]
            }
            Some(value) => vec![self.name.to_owned(), value.clone()],
        }
    }
}

/// Options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags(pub(super) Vec<Flag>);

impl Flags {
    /// One with a value.
    pub(super) fn add(&mut self, name: &'static str, value: impl Display) {
        self.0.push(Flag { name, value: Some(value.to_string()), is_one_word: false });
    }

    /// One with a value, where that is no empty text.
    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        if !value.is_empty() {
            self.add(name, value);
        }
    }

    /// One with a value, where there is one.
    pub(super) fn option(&mut self, name: &'static str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// One for each value.
    pub(super) fn every<T: Display>(&mut self, name: &'static str, values: impl IntoIterator<Item = T>) {
        values.into_iter().for_each(|value| self.add(name, value));
    }

    /// One that is on.
    pub(super) fn switch(&mut self, name: &'static str, is_on: bool) {
        if is_on {
            self.0.push(Flag { name, value: None, is_one_word: true });
        }
    }

    /// One that may be off as well.
    pub(super) fn truth(&mut self, name: &'static str, truth: Option<bool>) {
        if let Some(truth) = truth {
            let value = (!truth).then(|| "false".to_owned());
            self.0.push(Flag { name, value, is_one_word: true });
        }
    }

    /// `NAME=VALUE` for each.
    pub(super) fn pairs(&mut self, name: &'static str, pairs: &BTreeMap<String, String>) {
        self.every(name, pairs.iter().map(|(key, value)| format!("{key}={value}")));
    }

    /// All words.
    pub(super) fn words(&self) -> Vec<String> {
        self.0.iter().flat_map(Flag::words).collect()
    }
}
