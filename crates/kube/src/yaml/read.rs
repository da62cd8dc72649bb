//! From trees to values. A field that no type has a place for is noted with its path and line, unless it says nothing.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};

use crate::application::Unused;
use crate::error::{KubeError, Result};
use cove_spec::yaml::{self, Node, Value, is_null};

/// Reads every document of a text; those that say nothing are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>> {
    yaml::documents(text).map_err(|error| {
        let wrong = KubeError::new(error.message);
        match error.line {
            Some(line) => wrong.at(line, String::new),
            None => wrong,
        }
    })
}

/// Reads a value of a tree, and adds to `unused` what has no place in it.
///
/// # Errors
/// A value is not what its field takes.
pub(crate) fn from_node<'de, T: Deserialize<'de>>(
    node: &'de Node,
    unused: &RefCell<Vec<Unused>>,
) -> Result<T> {
    let path = Path { parent: None, step: Step::Root };
    T::deserialize(Reader { node, path: &path, unused }).map_err(|error| error.at(node.line, String::new))
}

/// Every document of a text as a value, with its line. What has no place in the value is left out.
///
/// # Errors
/// It is no YAML, exceeds a bound, or a value is not what its field takes.
pub fn documents_of<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<(usize, T)>> {
    let unused = RefCell::new(Vec::new());
    documents(text)?.iter().map(|node| Ok((node.line, from_node(node, &unused)?))).collect()
}

/// A field that means nothing here and is no reason for a word: what a cluster writes about its objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moot;

impl<'de> Deserialize<'de> for Moot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;
        impl Visitor<'_> for Nothing {
            type Value = Moot;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Moot, E> {
                Ok(Moot)
            }
        }
        deserializer.deserialize_unit(Nothing)
    }
}

impl serde::Serialize for Moot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Place(usize),
}

/// Where a value is: a list from the inside out, which costs nothing until it is written.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(formatter)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Place(place) => write!(formatter, "[{place}]"),
            Step::Key(key) if matches!(parent.step, Step::Root) => formatter.write_str(key),
            Step::Key(key) => write!(formatter, ".{key}"),
        }
    }
}

struct Reader<'de, 'p> {
    node: &'de Node,
    path: &'p Path<'p>,
    unused: &'p RefCell<Vec<Unused>>,
}

impl<'de> Reader<'de, '_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(KubeError::new(message).at(self.node.line, || self.path.to_string()))
    }

    fn scalar(&self, wanted: &str) -> Result<(&'de str, bool)> {
        match &self.node.value {
            Value::Scalar { text, plain } => Ok((text, *plain)),
            Value::List(_) => self.fail(format!("a list where {wanted} is expected")),
            Value::Map(_) => self.fail(format!("a map where {wanted} is expected")),
        }
    }

    /// A whole number; nothing is 0.
    fn number(&self) -> Result<i64> {
        let (text, plain) = self.scalar("a number")?;
        if plain && is_null(text) {
            return Ok(0);
        }
        match integer(text).filter(|_| plain) {
            Some(number) => Ok(number),
            None => self.fail(format!("{text:?} where a whole number is expected")),
        }
    }

    fn located<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.at(self.node.line, || self.path.to_string()))
    }
}

/// A whole number as YAML 1.1 and 1.2 write it: decimal, octal with `0` or `0o`, hexadecimal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => match digits.strip_prefix("0o").or_else(|| digits.strip_prefix('0')) {
            Some(digits) if !digits.is_empty() => (digits, 8),
            _ => (digits, 10),
        },
    };
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A decimal fraction; words such as `inf` are texts.
fn fraction(text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

macro_rules! numbers {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let number = self.number()?;
            self.located(visitor.visit_i64(number))
        })+
    };
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = KubeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if is_null(text) => visitor.visit_unit(),
            Value::Scalar { text, plain: true } => {
                if let Some(value) = truth(text) {
                    self.located(visitor.visit_bool(value))
                } else if let Some(number) = integer(text) {
                    self.located(visitor.visit_i64(number))
                } else if let Some(number) = fraction(text) {
                    self.located(visitor.visit_f64(number))
                } else {
                    self.located(visitor.visit_borrowed_str(text))
                }
            }
            Value::Scalar { text, .. } => self.located(visitor.visit_borrowed_str(text)),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (text, plain) = self.scalar("true or false")?;
        match truth(text).filter(|_| plain) {
            Some(value) => self.located(visitor.visit_bool(value)),
            None if plain && is_null(text) => self.located(visitor.visit_bool(false)),
            None => self.fail(format!("{text:?} where true or false is expected")),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    /// Any scalar as it is written: `value: 5` and `value: true` are texts where a text is expected.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (text, plain) = self.scalar("a text")?;
        self.located(visitor.visit_borrowed_str(if plain && is_null(text) { "" } else { text }))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if is_null(text) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let items = match &self.node.value {
            Value::List(items) => items.as_slice(),
            _ if self.node.is_empty() => &[],
            Value::Map(_) => return self.fail("a map where a list is expected"),
            Value::Scalar { .. } => return self.fail("a text where a list is expected"),
        };
        let Self { path, unused, .. } = self;
        self.located(visitor.visit_seq(Items { items: items.iter().enumerate(), path, unused }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let entries = match &self.node.value {
            Value::Map(entries) => entries.as_slice(),
            _ if self.node.is_empty() => &[],
            Value::List(_) => return self.fail("a list where a map is expected"),
            Value::Scalar { .. } => return self.fail("a text where a map is expected"),
        };
        let Self { path, unused, .. } = self;
        self.located(visitor.visit_map(Entries { entries: entries.iter(), next: None, path, unused }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !self.node.is_empty() {
            self.unused.borrow_mut().push(Unused { line: self.node.line, path: self.path.to_string() });
        }
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit_struct tuple tuple_struct enum
    }
}

struct Items<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    path: &'p Path<'p>,
    unused: &'p RefCell<Vec<Unused>>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = KubeError;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((place, node)) = self.items.next() else { return Ok(None) };
        let path = Path { parent: Some(self.path), step: Step::Place(place) };
        seed.deserialize(Reader { node, path: &path, unused: self.unused }).map(Some)
    }
}

struct Entries<'de, 'p> {
    entries: std::slice::Iter<'de, (String, Node)>,
    next: Option<&'de (String, Node)>,
    path: &'p Path<'p>,
    unused: &'p RefCell<Vec<Unused>>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = KubeError;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next = self.entries.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        seed.deserialize(name.as_str().into_deserializer()).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let Some((name, node)) = self.next.take() else {
            return Err(KubeError::new("a value without a key"));
        };
        let path = Path { parent: Some(self.path), step: Step::Key(name) };
        seed.deserialize(Reader { node, path: &path, unused: self.unused })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::yaml::documents;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Thing {
        some_text: String,
        number: Option<i32>,
        port: u16,
        flag: bool,
        list: Vec<Thing>,
        map: BTreeMap<String, String>,
        status: Moot,
    }

    fn read(text: &str) -> Result<(Thing, Vec<(usize, String)>)> {
        let documents = documents(text).unwrap();
        let unused = RefCell::new(Vec::new());
        let thing = from_node(&documents[0], &unused)?;
        Ok((thing, unused.into_inner().into_iter().map(|unused| (unused.line, unused.path)).collect()))
    }

    #[test]
    fn scalars_by_what_is_expected() {
        let (thing, unused) = read(
            "someText: 0x10\nnumber: 0644\nport: 80\nflag: TRUE\nlist: ~\nmap: {a: 1.50, b: true, c: , d: yes}\n\
             status: {x: 1}\n",
        )
        .unwrap();
        assert_eq!(
            (thing.some_text.as_str(), thing.number, thing.port, thing.flag),
            ("0x10", Some(420), 80, true)
        );
        let map: Vec<_> = thing.map.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(map, ["a=1.50", "b=true", "c=", "d=yes"]);
        assert!(unused.is_empty());
    }

    #[test]
    fn what_has_no_place_is_told() {
        let text = "list:\n- someText: a\n- someText: b\n  other: {x: [1]}\n  none: {}\n  nil:\nmore: 1\n";
        assert_eq!(read(text).unwrap().1, [(4, "list[1].other".to_owned()), (7, "more".to_owned())]);
    }

    #[test]
    fn wrong_values_with_their_places() {
        for (text, expected) in [
            ("someText: [a]\n", "line 1: someText: a list where a text is expected"),
            ("number: '5'\n", "line 1: number: \"5\" where a whole number is expected"),
            ("port: 70000\n", "line 1: port: "),
            ("list:\n- flag: yes\n", "line 2: list[0].flag: \"yes\" where true or false is expected"),
            ("list: x\n", "line 1: list: a text where a list is expected"),
            ("list:\n- map: [1]\n", "line 2: list[0].map: a list where a map is expected"),
            ("- a\n", "line 1: a list where a map is expected"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-5", Some(-5)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0x1F", Some(31)),
            ("1.0", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
        for text in ["", "-", "--1", "0x", "1_000", "9223372036854775808", "08"] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!((fraction("inf"), fraction(".5"), fraction("nan")), (None, Some(0.5), None));
    }
}
