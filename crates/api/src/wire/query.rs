//! Queries, read as gorilla/schema and Docker's own readers do.
//!
//! - A key means the field of that name in any case; of several the last one holds, a list takes all.
//! - An empty value is as good as none.
//! - A field that is a map or an object is JSON in the value.
//! - A key without a field is passed over: clients add their own, and both peers do so.

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};

use super::error::{Place, Problem, WireError, quoted};
use super::integer::{bounded, integers};
use super::json::{Reader, field_of};
use super::trace::{Step, Trace};
use super::tree::Node;
use super::{clients, not_done};
use crate::{Filters, Timestamp};

/// Reads a query (what follows the `?`, still encoded) into a struct whose fields are the parameters.
///
/// # Errors
/// A value does not fit its parameter, or the parameter is not done yet; the error names it.
pub fn decode<T: DeserializeOwned>(query: &str) -> Result<T, WireError> {
    let trace = Trace::default();
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    T::deserialize(Pairs { pairs, trace: &trace }).map_err(|error| trace.located(Place::Query, error))
}

/// The parameters that [`decode`] knows for `T`.
#[must_use]
pub fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It fails when it has seen them: no value is needed.
    let _ = T::deserialize(Probe(&mut fields));
    fields
}

/// Takes the names of a struct's fields and reads nothing.
struct Probe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, WireError> {
        Err(WireError::custom("only the names of fields are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Writes a query, in which everything is left out that [`decode`] takes where it is not said. Lists become repeated keys,
/// maps and objects JSON.
#[must_use]
pub fn encode<T: Serialize + DeserializeOwned>(parameters: &T) -> String {
    let defaults = decode::<T>("").map_or_else(|_| serde_json::Map::new(), |defaults| members(&defaults));
    let ours = members(parameters);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in &ours {
        if defaults.get(key) == Some(value) {
            continue;
        }
        match value {
            serde_json::Value::Array(values) => {
                for value in values {
                    query.append_pair(key, &text_of(value));
                }
            }
            serde_json::Value::Null => {}
            value => drop(query.append_pair(key, &text_of(value))),
        }
    }
    query.finish()
}

fn members<T: Serialize>(value: &T) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `deserialize_with` of a list whose values may also be joined by commas.
///
/// # Errors
/// As [`decode`].
pub fn commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values = Vec::<String>::deserialize(deserializer)?;
    let parts = values.iter().flat_map(|value| value.split(',')).filter(|part| !part.is_empty());
    Ok(parts.map(str::to_owned).collect())
}

/// `deserialize_with` of a time at or before now: RFC 3339, seconds since 1970 with a fraction, or a span such as
/// `10m` before now. 0 and Go's zero time are none.
///
/// # Errors
/// It is none of these.
pub fn since<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    time(deserializer, crate::time::moment)
}

/// As [`since`], but a span is after now.
///
/// # Errors
/// It is no time.
pub fn until<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    time(deserializer, crate::time::future_moment)
}

fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
    read: fn(&str, Timestamp) -> crate::Result<Timestamp>,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    if text.is_empty() || text == "0" {
        return Ok(None);
    }
    let time = read(&text, Timestamp::now())
        .map_err(|_| D::Error::custom(format!("{} is not a time", quoted(&text))))?;
    Ok(Some(time).filter(|time| *time > crate::zero_time()))
}

/// `deserialize_with` of filters: `{"key": ["value"]}`, or Docker's older `{"key": {"value": true}}`.
///
/// # Errors
/// It is neither.
pub fn filters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Filters, D::Error> {
    let keys = std::collections::BTreeMap::<String, FilterValues>::deserialize(deserializer)?;
    Ok(keys.into_iter().map(|(key, values)| (key, values.0)).collect())
}

/// The values of one filter.
#[derive(Default)]
struct FilterValues(Vec<String>);

impl<'de> Deserialize<'de> for FilterValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilterVisitor)
    }
}

struct FilterVisitor;

impl<'de> Visitor<'de> for FilterVisitor {
    type Value = FilterValues;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of strings")
    }

    fn visit_unit<E>(self) -> Result<FilterValues, E> {
        Ok(FilterValues::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FilterValues, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element::<String>()? {
            values.push(value);
        }
        Ok(FilterValues(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FilterValues, A::Error> {
        let mut values = Vec::new();
        // Docker looks at the keys alone, whatever truth stands there.
        while let Some((value, _)) = members.next_entry::<String, bool>()? {
            values.push(value);
        }
        Ok(FilterValues(values))
    }
}

/// The decoded pairs of a query.
struct Pairs<'a> {
    pairs: Vec<(String, String)>,
    trace: &'a Trace,
}

impl<'de> Deserializer<'de> for Pairs<'_> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, WireError> {
        Err(WireError::custom("a query is read into a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        let mut found: Vec<(&'static str, Vec<String>)> = Vec::new();
        for (key, value) in self.pairs {
            let Some(field) = field_of(&key, fields) else {
                tracing::debug!(key = quoted(&key), "a query parameter that is not known");
                continue;
            };
            if value.is_empty() {
                continue;
            }
            match found.iter_mut().find(|(known, _)| *known == field) {
                Some((_, values)) => values.push(value),
                None => found.push((field, vec![value])),
            }
        }
        visitor.visit_map(Parameters { found: found.into_iter(), current: None, trace: self.trace })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct Parameters<'a> {
    found: std::vec::IntoIter<(&'static str, Vec<String>)>,
    current: Option<(&'static str, Vec<String>)>,
    trace: &'a Trace,
}

impl<'de> MapAccess<'de> for Parameters<'_> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        self.current = self.found.next();
        match &self.current {
            None => Ok(None),
            Some((field, _)) => {
                let key = IntoDeserializer::<WireError>::into_deserializer(*field);
                seed.deserialize(key).map(Some)
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WireError> {
        let trace = self.trace;
        // A visitor asks for a value after its key only; the empty one is never seen.
        let (field, values) = self.current.take().unwrap_or_default();
        trace.step(Step::Field(field), || seed.deserialize(Parameter { values, trace }))
    }
}

/// The values of one parameter, none of them empty.
struct Parameter<'a> {
    values: Vec<String>,
    trace: &'a Trace,
}

impl<'a> Parameter<'a> {
    fn last(&self) -> &str {
        self.values.last().map(String::as_str).unwrap_or_default()
    }

    fn whole(&self, low: i128, high: i128) -> Result<i128, WireError> {
        bounded(self.last().parse().ok(), low, high, || quoted(self.last()))
    }

    fn truth(&self) -> Option<bool> {
        match self.last() {
            "1" | "t" | "T" | "true" | "True" | "TRUE" | "on" | "yes" => Some(true),
            "" | "0" | "f" | "F" | "false" | "False" | "FALSE" | "off" | "no" | "null" => Some(false),
            _ => None,
        }
    }

    /// The value as JSON.
    fn json(self) -> Result<Reader<'a>, WireError> {
        let node = Node::parse(self.last().as_bytes())?;
        Ok(Reader { node, trace: self.trace })
    }

    /// The value as the table of what clients send has it.
    fn node(&self) -> Node {
        match self.truth() {
            Some(value) => Node::Bool(value),
            None => {
                Node::parse(self.last().as_bytes()).unwrap_or_else(|_| Node::Text(self.last().to_owned()))
            }
        }
    }
}

impl<'de> Deserializer<'de> for Parameter<'_> {
    type Error = WireError;

    integers!();

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_string(self.values.pop().unwrap_or_default())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.truth() {
            Some(value) => visitor.visit_bool(value),
            None => Err(WireError::kind("true or false", quoted(self.last()))),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.last().parse() {
            Ok(number) => visitor.visit_f64(number),
            Err(_) => Err(WireError::kind("a number", quoted(self.last()))),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        let node = self.node();
        if name != not_done::NAME || !node.asks() || clients::sends(&self.trace.pattern(), &node) {
            return visitor.visit_newtype_struct(self);
        }
        visitor.visit_newtype_struct(self)?;
        Err(WireError::new(Problem::NotDone))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_seq(Values { values: self.values.into_iter(), trace: self.trace })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.json()?.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.json()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        StringDeserializer::<WireError>::new(self.last().to_owned()).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The values of a list.
struct Values<'a> {
    values: std::vec::IntoIter<String>,
    trace: &'a Trace,
}

impl<'de> SeqAccess<'de> for Values<'_> {
    type Error = WireError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, WireError> {
        let Some(value) = self.values.next() else { return Ok(None) };
        seed.deserialize(Parameter { values: vec![value], trace: self.trace }).map(Some)
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
