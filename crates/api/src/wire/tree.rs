//! JSON as it was written, before it has a type.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::{Problem, WireError, quoted};

/// Most values in one document. A body's bytes are bounded by who reads them, but `[0,0,…` has half as many values.
const MOST_VALUES: usize = 1 << 18;

/// A value; the members of an object stand in the order of the document, with those that come twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The first value of `bytes`; an empty document is an empty object. What follows is not looked at, and bytes that
    /// are no UTF-8 become U+FFFD, both as in Go. Depth is bounded by the parser (128).
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::Object(Vec::new()));
        }
        let text = String::from_utf8_lossy(bytes);
        let mut document = serde_json::Deserializer::from_str(&text);
        let left = Cell::new(MOST_VALUES);
        Grow(&left)
            .deserialize(&mut document)
            .map_err(|error| WireError::new(Problem::Syntax(error.to_string())))
    }

    /// Whether a client asks for anything with this value.
    pub(super) fn asks(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) => false,
            Self::Bool(true) => true,
            Self::Whole(number) => *number != 0,
            Self::Fraction(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(members) => members.iter().any(|(_, value)| value.asks()),
        }
    }

    /// Whether both ask for the same: members that ask for nothing do not count, nor does their order.
    pub(super) fn asks_as(&self, other: &Self) -> bool {
        let (Self::Object(ours), Self::Object(theirs)) = (self, other) else { return self == other };
        let asking = |members: &[(String, Self)]| members.iter().filter(|(_, value)| value.asks()).count();
        let found = |(key, value): &(String, Self)| {
            theirs.iter().any(|(other, theirs)| other.eq_ignore_ascii_case(key) && value.asks_as(theirs))
        };
        asking(ours) == asking(theirs) && ours.iter().filter(|(_, value)| value.asks()).all(found)
    }

    /// The value for a message: its kind, and itself where it is short.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Whole(number) => format!("the number {number}"),
            Self::Fraction(number) => format!("the number {number}"),
            Self::Text(text) => format!("the string {}", quoted(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

struct Grow<'a>(&'a Cell<usize>);

impl Grow<'_> {
    fn take<E: serde::de::Error>(&self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.ok_or_else(|| E::custom(format!("it has more than {MOST_VALUES} values")))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Grow<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grow<'_> {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Grow(self.0))? {
            list.push(element);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            object.push((key, members.next_value_seed(Grow(self.0))?));
        }
        Ok(Node::Object(object))
    }
}
