//! JSON bodies, read as Go's `encoding/json` reads them.
//!
//! - A key means the field of that name, else the one that differs in case only; of several the last one holds.
//! - `null` leaves a field at its default; as an element or a member of a map it is the empty value of its type.
//! - What follows the first value is passed over, an empty body is an empty object.
//! - A key without a field is refused, unless its value asks for nothing or a client is known to send it.

use std::fmt;
use std::vec::IntoIter;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, forward_to_deserialize_any};

use super::error::{Place, Problem, WireError, quoted};
use super::integer::{bounded, integers};
use super::trace::{Step, Trace};
use super::tree::Node;
use super::{clients, not_done};

/// Reads a body.
///
/// # Errors
/// It is no JSON, a value does not fit its field, a field is unknown or not done yet; the error names it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    read(bytes, Place::Body)
}

/// Refuses in a value of this process what [`decode`] refuses in a body, so that every way in has the same rules.
///
/// # Errors
/// As [`decode`].
pub fn check<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), WireError> {
    let bytes =
        serde_json::to_vec(value).map_err(|error| WireError::new(Problem::Value(error.to_string())))?;
    read::<T>(&bytes, Place::Options).map(drop)
}

fn read<T: DeserializeOwned>(bytes: &[u8], place: Place) -> Result<T, WireError> {
    let trace = Trace::default();
    let node = Node::parse(bytes).map_err(|error| trace.located(place, error))?;
    T::deserialize(Reader { node, trace: &trace }).map_err(|error| trace.located(place, error))
}

/// A value that is being read.
pub(super) struct Reader<'a> {
    pub(super) node: Node,
    pub(super) trace: &'a Trace,
}

impl Reader<'_> {
    fn whole(&self, low: i128, high: i128) -> Result<i128, WireError> {
        let number = match self.node {
            Node::Null => Some(0),
            Node::Whole(number) => Some(number),
            _ => None,
        };
        bounded(number, low, high, || self.node.described())
    }

    fn no<T>(&self, expected: &str) -> Result<T, WireError> {
        Err(WireError::kind(expected, self.node.described()))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = WireError;

    integers!();

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Whole(number) => match (u64::try_from(number), i64::try_from(number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => self.no("a smaller number"),
            },
            Node::Fraction(number) => visitor.visit_f64(number),
            Node::Text(text) => visitor.visit_string(text),
            Node::List(list) => Elements::visit(list, self.trace, visitor),
            Node::Object(members) => Members::of_map(members, self.trace).visit(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => visitor.visit_bool(false),
            Node::Bool(value) => visitor.visit_bool(value),
            _ => self.no("true or false"),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => visitor.visit_f64(0.0),
            // A number that no f64 holds is rounded, as everywhere in JSON.
            Node::Whole(number) => visitor.visit_f64(number as f64),
            Node::Fraction(number) => visitor.visit_f64(number),
            _ => self.no("a number"),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => visitor.visit_str(""),
            Node::Text(text) => visitor.visit_string(text),
            _ => self.no("a string"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        if name != not_done::NAME || !self.node.asks() {
            return visitor.visit_newtype_struct(self);
        }
        let trace = self.trace;
        if clients::sends(&trace.pattern(), &self.node) {
            return visitor.visit_newtype_struct(Reader { node: Node::Null, trace });
        }
        visitor.visit_newtype_struct(self)?;
        Err(WireError::new(Problem::NotDone))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => Elements::visit(Vec::new(), self.trace, visitor),
            Node::List(list) => Elements::visit(list, self.trace, visitor),
            _ => self.no("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => Members::of_map(Vec::new(), self.trace).visit(visitor),
            Node::Object(members) => Members::of_map(members, self.trace).visit(visitor),
            _ => self.no("an object"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        match self.node {
            Node::Null => Members::of_map(Vec::new(), self.trace).visit(visitor),
            Node::Object(members) => Members::of_struct(members, fields, self.trace)?.visit(visitor),
            _ => self.no("an object"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        match self.node {
            Node::Text(text) => visitor.visit_enum(IntoDeserializer::<WireError>::into_deserializer(text)),
            Node::Null => visitor.visit_enum(IntoDeserializer::<WireError>::into_deserializer("")),
            _ => self.no("a string"),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

/// The elements of a list.
struct Elements<'a> {
    list: std::iter::Enumerate<IntoIter<Node>>,
    trace: &'a Trace,
}

impl<'a> Elements<'a> {
    fn visit<'de, V: Visitor<'de>>(
        list: Vec<Node>,
        trace: &'a Trace,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_seq(Self { list: list.into_iter().enumerate(), trace })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = WireError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, WireError> {
        let Some((at, node)) = self.list.next() else { return Ok(None) };
        let trace = self.trace;
        trace.step(Step::Element(at), || seed.deserialize(Reader { node, trace })).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.len())
    }
}

/// The members of an object.
struct Members<'a> {
    members: IntoIter<(Step, Node)>,
    current: Option<(Step, Node)>,
    trace: &'a Trace,
}

impl<'a> Members<'a> {
    fn of_map(members: Vec<(String, Node)>, trace: &'a Trace) -> Self {
        let members: Vec<_> = members.into_iter().map(|(key, node)| (Step::Entry(key), node)).collect();
        Self { members: members.into_iter(), current: None, trace }
    }

    /// The members that are fields, each once.
    fn of_struct(
        members: Vec<(String, Node)>,
        fields: &'static [&'static str],
        trace: &'a Trace,
    ) -> Result<Self, WireError> {
        let mut found: Vec<(Step, Node)> = Vec::with_capacity(members.len().min(fields.len()));
        for (key, node) in members {
            let Some(field) = field_of(&key, fields) else {
                refuse_unknown(key, &node, trace)?;
                continue;
            };
            if node == Node::Null {
                continue;
            }
            let step = Step::Field(field);
            match found.iter_mut().find(|(known, _)| *known == step) {
                Some((_, earlier)) => *earlier = node,
                None => found.push((step, node)),
            }
        }
        Ok(Self { members: found.into_iter(), current: None, trace })
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_map(self)
    }
}

/// The field that a key means.
pub(super) fn field_of(key: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let exact = fields.iter().find(|field| **field == key);
    exact.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(key))).copied()
}

fn refuse_unknown(key: String, node: &Node, trace: &Trace) -> Result<(), WireError> {
    if !node.asks() {
        return Ok(());
    }
    let known = trace.step(Step::Unknown(key.clone()), || Ok(clients::sends(&trace.pattern(), node)))?;
    if known { Ok(()) } else { Err(trace.unknown(key)) }
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        self.current = self.members.next();
        match &self.current {
            None => Ok(None),
            Some((Step::Field(name), _)) => seed.deserialize(Key(name)).map(Some),
            Some((Step::Entry(key) | Step::Unknown(key), _)) => seed.deserialize(Key(key)).map(Some),
            Some((Step::Element(_), _)) => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WireError> {
        let trace = self.trace;
        // A visitor asks for a value after its key only; the empty value is never seen.
        let (step, node) = self.current.take().unwrap_or((Step::Element(0), Node::Null));
        trace.step(step, || seed.deserialize(Reader { node, trace }))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

/// A key: a text, which also stands for a number where the map has such keys.
struct Key<'a>(&'a str);

impl Key<'_> {
    fn whole(&self, low: i128, high: i128) -> Result<i128, WireError> {
        bounded(self.0.parse().ok(), low, high, || format!("the key {}", quoted(self.0)))
    }
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = WireError;

    integers!();

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_enum(IntoDeserializer::<WireError>::into_deserializer(self.0))
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Reader").field(&self.node).finish()
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
