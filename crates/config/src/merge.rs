//! How a later configuration file changes what earlier ones said.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Takes over what a later file says.
pub(crate) trait Merge {
    fn merge(&mut self, later: Self);
}

macro_rules! replace {
    ($($type:ty),+) => {
        $(impl Merge for $type {
            fn merge(&mut self, later: Self) {
                *self = later;
            }
        })+
    };
}

replace!(String, bool, u16, u32, u64, i32, i64, Text, Vec<String>, Vec<crate::containers::SubnetPool>);
replace!(crate::connections::Destination);

impl<T: Merge> Merge for Option<T> {
    fn merge(&mut self, later: Self) {
        match (self.as_mut(), later) {
            (Some(earlier), Some(later)) => earlier.merge(later),
            (None, later) => *self = later,
            (Some(_), None) => {}
        }
    }
}

impl<T: Merge> Merge for BTreeMap<String, T> {
    fn merge(&mut self, later: Self) {
        for (key, value) in later {
            self.insert(key, value);
        }
    }
}

/// A list of texts. In a file, an element `{append=true}` adds the list to the one of earlier files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextList {
    /// The texts.
    pub values: Vec<String>,
    pub(crate) append: Option<bool>,
}

impl<const N: usize> From<[&str; N]> for TextList {
    fn from(values: [&str; N]) -> Self {
        Self { values: values.iter().map(|value| (*value).to_owned()).collect(), append: None }
    }
}

impl From<Vec<String>> for TextList {
    fn from(values: Vec<String>) -> Self {
        Self { values, append: None }
    }
}

impl Merge for TextList {
    fn merge(&mut self, later: Self) {
        // The attribute stays with the list once it was given, as in Podman.
        if let Some(append) = later.append {
            self.append = Some(append);
        }
        if self.append == Some(true) {
            self.values.extend(later.values);
        } else {
            self.values = later.values;
        }
    }
}

impl Serialize for TextList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TextList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = TextList;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<TextList, A::Error> {
                let mut list = TextList::default();
                while let Some(element) = elements.next_element::<Element>()? {
                    match element {
                        Element::Text(text) => list.values.push(text),
                        Element::Append(append) => list.append = Some(append),
                    }
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(Elements)
    }
}

enum Element {
    Text(String),
    Append(bool),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Element;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or {append=true}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
                Ok(Element::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
                let mut append = false;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "append" {
                        return Err(de::Error::unknown_field(&key, &["append"]));
                    }
                    append = map.next_value()?;
                }
                Ok(Element::Append(append))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A text that may also be written as a number or truth value in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means yes (`true`, `1`, `yes`).
    pub fn is_true(&self) -> bool {
        matches!(self.0.as_str(), "true" | "1" | "yes" | "t" | "T" | "TRUE" | "True")
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, number or truth value")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Declares a section of a file: every key optional, later files win. Behind `=` stands what becomes of the key here.
macro_rules! section {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field:ident: $type:ty $(= $use:expr)?,)*
    }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(default)]
        $visibility struct $name {
            $($(#[$field_attribute])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl $name {
            /// The keys, and what becomes of each.
            pub const KEYS: &'static [(&'static str, $crate::usage::Use)] = &[$($((stringify!($field), $use),)?)*];
        }

        impl $crate::merge::Merge for $name {
            fn merge(&mut self, later: Self) {
                $($crate::merge::Merge::merge(&mut self.$field, later.$field);)*
            }
        }
    };
}

pub(crate) use section;
