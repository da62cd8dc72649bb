//! Where the keys of a TOML text stand, for messages.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The places of all keys, by path: `section.key`, `list.0.key`.
#[derive(Debug, Default)]
pub(crate) struct Spans<'a> {
    text: &'a str,
    keys: Vec<(String, usize, Range<usize>)>,
}

impl<'a> Spans<'a> {
    /// Of a text; nothing is found in one that is no TOML.
    pub(crate) fn of(text: &'a str) -> Self {
        let mut spans = Self { text, keys: Vec::new() };
        if let Ok(table) = DeTable::parse(text) {
            spans.add_table("", table.get_ref());
        }
        spans
    }

    fn add_table(&mut self, parent: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = if parent.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{parent}.{}", key.get_ref())
            };
            self.keys.push((path.clone(), key.span().start, value.span()));
            self.add_value(&path, value);
        }
    }

    fn add_value(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(path, table),
            DeValue::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.add_value(&format!("{path}.{index}"), value);
                }
            }
            _ => {}
        }
    }

    /// The line of a key, from 1.
    pub(crate) fn line_of(&self, path: &str) -> Option<usize> {
        let (_, start, _) = self.keys.iter().find(|(own, _, _)| own == path)?;
        Some(line(self.text, *start))
    }

    /// The line of the table number `index` (from 0) of a list of tables, from 1.
    pub(crate) fn line_of_table(&self, list: &str, index: usize) -> Option<usize> {
        let prefix = format!("{list}.{index}.");
        let keys = self.keys.iter().filter(|(path, _, _)| path.starts_with(&prefix));
        let first = keys.map(|(_, start, _)| line(self.text, *start)).min()?;
        // The headline above its first key.
        let above = self.text.lines().take(first - 1).enumerate();
        above.filter(|(_, text)| text.trim_start().starts_with("[[")).map(|(number, _)| number + 1).last()
    }

    /// The key whose value is at `offset`, the innermost one.
    pub(crate) fn key_at(&self, offset: usize) -> Option<&str> {
        let around = self.keys.iter().filter(|(_, _, value)| value.contains(&offset));
        around.max_by_key(|(path, _, _)| path.len()).map(|(path, _, _)| path.as_str())
    }
}

/// The line of an offset, from 1.
pub(crate) fn line(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
}
