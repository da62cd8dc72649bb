//! A field that the peers document and that this version does not do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The name by which the readers of this module recognise the type.
pub(super) const NAME: &str = "$cove::NotDone";

/// A field of type `T` that is not done yet. It is read as a `T`, so a malformed value is refused as such; a value that
/// asks for something is refused by [`super::json::decode`], [`super::json::check`] and [`super::query::decode`], which name the
/// field. To implement the field, put `T` in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone<T>(Option<T>);

impl<T> NotDone<T> {
    /// True where nothing was written; for `skip_serializing_if`.
    #[must_use]
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> Default for NotDone<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// What a user asks for; whoever receives it refuses it.
impl<T> From<T> for NotDone<T> {
    fn from(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Serialize> Serialize for NotDone<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NotDone<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Inner(PhantomData))
    }
}

/// A `T`, with a word about it.
impl<T: JsonSchema> JsonSchema for NotDone<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("NotDone_{}", T::schema_name()).into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let mut schema = schemas.subschema_for::<Option<T>>();
        schema.insert("x-cove-not-supported".into(), true.into());
        schema
    }
}

struct Inner<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
    type Value = NotDone<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<NotDone<T>, D::Error> {
        Option::deserialize(deserializer).map(NotDone)
    }
}
