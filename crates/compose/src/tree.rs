//! Files as trees whose values know where they came from, also after merging.

use std::collections::BTreeMap;
use std::sync::Arc;

use cove_spec::yaml::{Mark, Node, Value, is_null, marked_documents};
use serde_json::{Map, Number};

use crate::error::{ComposeError, Result};

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) file: Arc<str>,
    pub(crate) line: usize,
    pub(crate) mark: Option<Mark>,
    pub(crate) kind: Kind,
}

/// What is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Item>),
    Map(Entries),
}

/// A mapping.
pub(crate) type Entries = BTreeMap<String, Item>;

impl PartialEq for Item {
    /// The place does not count.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Item {
    /// A text of no file.
    pub(crate) fn alone(text: &str) -> Self {
        Self { file: "".into(), line: 0, mark: None, kind: Kind::Text(text.to_owned()) }
    }

    /// Another value at the same place.
    pub(crate) fn with(&self, kind: Kind) -> Self {
        Self { file: Arc::clone(&self.file), line: self.line, mark: None, kind }
    }

    pub(crate) fn text_item(&self, text: impl Into<String>) -> Self {
        self.with(Kind::Text(text.into()))
    }

    pub(crate) fn fail<T>(&self, path: &str, message: impl Into<String>) -> Result<T> {
        Err(ComposeError::new(message).at(&self.file, self.line, path))
    }

    pub(crate) fn as_map(&self) -> Option<&Entries> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Entries> {
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// A scalar as Go prints it.
    pub(crate) fn printed(&self) -> Option<String> {
        Some(match &self.kind {
            Kind::Bool(truth) => truth.to_string(),
            Kind::Int(number) => number.to_string(),
            Kind::Float(number) => go_float(*number),
            Kind::Text(text) => text.clone(),
            _ => return None,
        })
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(truth) => (*truth).into(),
            Kind::Int(number) => (*number).into(),
            Kind::Float(number) => Number::from_f64(*number).into(),
            Kind::Text(text) => text.clone().into(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, item)| (key.clone(), item.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }
}

fn go_float(number: f64) -> String {
    let exponent = if number == 0.0 { 0.0 } else { number.abs().log10().floor() };
    if !(-4.0..21.0).contains(&exponent) {
        let text = format!("{number:e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
        return format!("{digits}e{sign}{power:0>2}");
    }
    number.to_string()
}

/// Reads the documents of a file.
pub(crate) fn read(file: &Arc<str>, text: &str) -> Result<Vec<Item>> {
    let documents = marked_documents(text)
        .map_err(|error| ComposeError::new(error.message).at(file, error.line.unwrap_or(0), ""))?;
    Ok(documents.into_iter().map(|node| item(file, node)).collect())
}

fn item(file: &Arc<str>, node: Node) -> Item {
    let kind = match node.value {
        Value::Scalar { text, plain: true } => plain(text),
        Value::Scalar { text, plain: false } => Kind::Text(text),
        Value::List(items) => Kind::List(items.into_iter().map(|node| item(file, node)).collect()),
        Value::Map(entries) => {
            Kind::Map(entries.into_iter().map(|(key, node)| (key, item(file, node))).collect())
        }
    };
    Item { file: Arc::clone(file), line: node.line, mark: node.mark, kind }
}

/// What an unquoted text is: as YAML 1.2 has it, and the numbers of YAML 1.1.
fn plain(text: String) -> Kind {
    if is_null(&text) {
        return Kind::Null;
    }
    match text.as_str() {
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Kind::Text(text);
    }
    let digits = text.replace('_', "");
    let (sign, bare) = match digits.strip_prefix('-') {
        Some(bare) => (-1, bare),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let radix = |text: &str| {
        let (radix, digits) = match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => (16, &text[2..]),
            Some("0o") => (8, &text[2..]),
            Some("0b") => (2, &text[2..]),
            _ if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
            _ => (10, text),
        };
        if digits.starts_with(['+', '-']) { None } else { i64::from_str_radix(digits, radix).ok() }
    };
    if let Some(number) = radix(bare) {
        return Kind::Int(sign * number);
    }
    let is_float = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare.contains(|c: char| c.is_ascii_digit())
        && bare.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    match digits.parse::<f64>() {
        Ok(number) if is_float && number.is_finite() => Kind::Float(number),
        _ => Kind::Text(text),
    }
}

/// Whether a path (`services.web.ports.[]`) has the form of a pattern (`services.*.ports.*`).
pub(crate) fn matches(path: &[String], pattern: &str) -> bool {
    let mut parts = pattern.split('.');
    path.iter().all(|part| parts.next().is_some_and(|wanted| wanted == "*" || wanted == part))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (text, kind) in [
            ("1", Kind::Int(1)),
            ("0444", Kind::Int(0o444)),
            ("0x10", Kind::Int(16)),
            ("1_000", Kind::Int(1000)),
            ("-3", Kind::Int(-3)),
            ("1.5", Kind::Float(1.5)),
            ("yes", Kind::Text("yes".into())),
            ("on", Kind::Text("on".into())),
            ("22:22", Kind::Text("22:22".into())),
            ("1.2.3", Kind::Text("1.2.3".into())),
            ("5m", Kind::Text("5m".into())),
            ("~", Kind::Null),
        ] {
            assert_eq!(plain(text.to_owned()), kind, "{text}");
        }
        assert_eq!((go_float(1.10), go_float(1e21)), ("1.1".to_owned(), "1e+21".to_owned()));
    }
}
