//! Data as templates see it.

use std::collections::BTreeMap;

/// A value in Go's terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// The result of asking a map for a key that it has not: printed as `<no value>`.
    Missing,
    /// Nil.
    Nil,
    /// A boolean.
    Bool(bool),
    /// Any integer.
    Int(i128),
    /// A floating point number.
    Float(f64),
    /// Text.
    Text(String),
    /// A point in time.
    Time(jiff::Timestamp),
    /// A span in nanoseconds, which JSON has as a number.
    Duration(i64),
    /// A slice.
    List(Vec<Value>),
    /// A map; asking for a missing key is no error.
    Map(BTreeMap<String, Value>),
    /// A struct; asking for a missing field is an error.
    Struct(Struct),
}

/// A struct's name and fields, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Struct {
    /// Name of the type, for errors.
    pub(crate) name: String,
    /// The fields.
    pub(crate) fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: Value,
    /// True where JSON leaves it out.
    pub(crate) omitted: bool,
}

impl Struct {
    /// An empty struct of a type.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), fields: Vec::new() }
    }
    /// Adds a field or replaces the one of that name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        let value = value.into();
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.value = value,
            None => self.fields.push(Field { name: name.to_owned(), value, omitted: false }),
        }
        self
    }
    /// As [`Struct::set`], for use in a chain.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }
    /// The field of that name: exactly, else without regard to case and underscores (Go's names of fields differ
    /// from those in JSON only in that).
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        if let Some(field) = self.fields.iter().find(|field| field.name == name) {
            return Some(&field.value);
        }
        let wanted = plain(others_name(&self.name, name).unwrap_or(name));
        self.fields.iter().find(|field| plain(&field.name) == wanted).map(|field| &field.value)
    }
}

/// The name in JSON of what Go names otherwise, or has named so before.
fn others_name(of: &str, name: &str) -> Option<&'static str> {
    match (of, name) {
        ("ContainerInspectState", "Healthcheck") => Some("Health"),
        ("ContainerInspectConfig", "HealthMaxLogCount") => Some("HealthcheckMaxLogCount"),
        ("ContainerInspectConfig", "HealthMaxLogSize") => Some("HealthcheckMaxLogSize"),
        _ => None,
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect()
}

impl Value {
    /// Go's truth: false, zero, nil and everything empty are false.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Duration(span) => *span != 0,
            Self::Time(_) | Self::Struct(_) => true,
        }
    }

    /// Go's name for the sort of value.
    pub(crate) fn type_name(&self) -> &str {
        match self {
            Self::Missing | Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Struct(inner) => &inner.name,
        }
    }

    /// The same data with every map that is in it turned into a struct, so that Go's field names fit its keys.
    pub(crate) fn into_struct(self, name: &str) -> Self {
        match self {
            Self::Map(entries) => Self::Struct(Struct {
                name: name.to_owned(),
                fields: entries
                    .into_iter()
                    .map(|(key, value)| Field { name: key, value: value.into_struct(name), omitted: false })
                    .collect(),
            }),
            other => other,
        }
    }

    /// The text of a text value.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number.into())
    }
}
impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(number.into())
    }
}
impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(number as i128)
    }
}
impl From<jiff::Timestamp> for Value {
    fn from(time: jiff::Timestamp) -> Self {
        Self::Time(time)
    }
}
impl From<Struct> for Value {
    fn from(value: Struct) -> Self {
        Self::Struct(value)
    }
}
impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}
impl From<BTreeMap<String, String>> for Value {
    fn from(entries: BTreeMap<String, String>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key, Self::Text(value))).collect())
    }
}
