//! Any serialisable wire type as a [`Value`]: unlike JSON this keeps structs apart from maps, times apart from
//! texts, and knows the fields that JSON leaves out.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::ser::{self, Serialize};

use super::value::{Field, Struct, Value};

/// The value of `data`.
pub(crate) fn to_value<T: Serialize + ?Sized>(data: &T) -> Value {
    // Only a wire type with map keys that are no texts or numbers could fail, and there is none.
    data.serialize(Values).unwrap_or(Value::Nil)
}

/// Why a value cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SerializeError(String);

impl ser::Error for SerializeError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Made = Result<Value, SerializeError>;

struct Values;

impl ser::Serializer for Values {
    type Ok = Value;
    type Error = SerializeError;
    type SerializeSeq = Sequence;
    type SerializeTuple = Sequence;
    type SerializeTupleStruct = Sequence;
    type SerializeTupleVariant = Sequence;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    fn serialize_bool(self, value: bool) -> Made {
        Ok(Value::Bool(value))
    }
    fn serialize_i8(self, value: i8) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_i16(self, value: i16) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_i32(self, value: i32) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_i64(self, value: i64) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_i128(self, value: i128) -> Made {
        Ok(Value::Int(value))
    }
    fn serialize_u8(self, value: u8) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_u16(self, value: u16) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_u32(self, value: u32) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_u64(self, value: u64) -> Made {
        Ok(Value::Int(value.into()))
    }
    fn serialize_f32(self, value: f32) -> Made {
        Ok(Value::Float(value.into()))
    }
    fn serialize_f64(self, value: f64) -> Made {
        Ok(Value::Float(value))
    }
    fn serialize_char(self, value: char) -> Made {
        Ok(Value::Text(value.to_string()))
    }
    fn serialize_str(self, value: &str) -> Made {
        Ok(Value::Text(value.to_owned()))
    }
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Made {
        // Times write themselves this way, texts never do.
        let text = value.to_string();
        Ok(text.parse::<jiff::Timestamp>().map_or(Value::Text(text), Value::Time))
    }
    fn serialize_bytes(self, value: &[u8]) -> Made {
        Ok(Value::Text(String::from_utf8_lossy(value).into_owned()))
    }
    fn serialize_none(self) -> Made {
        Ok(Value::Nil)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Made {
        Ok(Value::Nil)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Made {
        Ok(Value::Nil)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made {
        Ok(Value::Text(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Made {
        Ok(Value::Map(BTreeMap::from([(variant.to_owned(), value.serialize(Values)?)])))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Sequence, SerializeError> {
        Ok(Sequence(Vec::new()))
    }
    fn serialize_tuple(self, _: usize) -> Result<Sequence, SerializeError> {
        Ok(Sequence(Vec::new()))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Sequence, SerializeError> {
        Ok(Sequence(Vec::new()))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Sequence, SerializeError> {
        Ok(Sequence(Vec::new()))
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Entries, SerializeError> {
        // A struct with flattened fields announces no length; every real map does.
        Ok(Entries { key: None, fields: Vec::new(), is_struct: length.is_none() })
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, SerializeError> {
        Ok(Fields(Struct::new(name)))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, SerializeError> {
        Ok(Fields(Struct::new(variant)))
    }
}

struct Sequence(Vec<Value>);

impl ser::SerializeSeq for Sequence {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.0.push(value.serialize(Values)?);
        Ok(())
    }
    fn end(self) -> Made {
        Ok(Value::List(self.0))
    }
}
impl ser::SerializeTuple for Sequence {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        ser::SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Made {
        ser::SerializeSeq::end(self)
    }
}
impl ser::SerializeTupleStruct for Sequence {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        ser::SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Made {
        ser::SerializeSeq::end(self)
    }
}
impl ser::SerializeTupleVariant for Sequence {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        ser::SerializeSeq::serialize_element(self, value)
    }
    fn end(self) -> Made {
        ser::SerializeSeq::end(self)
    }
}

struct Entries {
    key: Option<String>,
    fields: Vec<Field>,
    is_struct: bool,
}

impl ser::SerializeMap for Entries {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerializeError> {
        self.key = Some(match key.serialize(Values)? {
            Value::Text(text) => text,
            Value::Int(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => return Err(SerializeError("a map key is neither a text nor a number".into())),
        });
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let name = self.key.take().unwrap_or_default();
        self.fields.push(Field { name, value: value.serialize(Values)?, omitted: false });
        Ok(())
    }
    fn end(self) -> Made {
        Ok(if self.is_struct {
            Value::Struct(Struct { name: FLATTENED.into(), fields: self.fields })
        } else {
            Value::Map(self.fields.into_iter().map(|field| (field.name, field.value)).collect())
        })
    }
}

struct Fields(Struct);

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        let value = value.serialize(Values)?;
        self.0.fields.push(Field { name: key.to_owned(), value, omitted: false });
        Ok(())
    }
    fn skip_field(&mut self, key: &'static str) -> Result<(), SerializeError> {
        self.0.fields.push(Field { name: key.to_owned(), value: zero_value(key), omitted: true });
        Ok(())
    }
    fn end(self) -> Made {
        Ok(Value::Struct(self.0))
    }
}
impl ser::SerializeStructVariant for Fields {
    type Ok = Value;
    type Error = SerializeError;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        ser::SerializeStruct::serialize_field(self, key, value)
    }
    fn end(self) -> Made {
        ser::SerializeStruct::end(self)
    }
}

/// The type of structs with flattened fields: their serialisation does not tell of fields that it leaves out.
pub(crate) const FLATTENED: &str = "struct";

/// The value of a field that a flattened struct has left out because it is empty.
pub(crate) fn left_out(name: &str) -> Option<Value> {
    match name {
        "Networks" => Some(Value::Map(BTreeMap::new())),
        "Aliases" | "SecondaryIPAddresses" | "SecondaryIPv6Addresses" | "AdditionalMACAddresses" => {
            Some(Value::List(Vec::new()))
        }
        "NetworkID" => Some(Value::from("")),
        _ => None,
    }
}

/// What Go prints for a field that JSON leaves out where it is empty; the serialiser is not told its type.
fn zero_value(name: &str) -> Value {
    match name {
        "Entrypoint"
        | "Cmd"
        | "Env"
        | "OnBuild"
        | "Shell"
        | "subnets"
        | "routes"
        | "network_dns_servers"
        | "CreateCommand"
        | "Secrets"
        | "ChrootDirs"
        | "Aliases" => Value::List(Vec::new()),
        "Labels" | "Volumes" | "ExposedPorts" | "labels" | "options" | "ipam_options" | "Networks" => {
            Value::Map(BTreeMap::new())
        }
        "Healthcheck" | "Health" | "StartupHealthCheck" | "SizeRw" | "IDMappings" | "lease_range"
        | "Passwd" | "created" => Value::Nil,
        "Init" | "Checkpointed" | "Restored" | "StoppedByUser" | "SystemdMode" | "Anonymous"
        | "NeedsCopyUp" | "NeedsChown" | "empty_layer" => Value::Bool(false),
        "SizeRootFs" | "ConmonPid" | "UID" | "GID" | "HealthcheckMaxLogCount" | "HealthcheckMaxLogSize" => {
            Value::Int(0)
        }
        _ => Value::Text(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_structs_maps_and_times_apart() {
        let mut inspect = cove_api::ContainerInspect::default();
        inspect.config.labels.insert("a".into(), "b".into());
        let Value::Struct(value) = to_value(&inspect) else { panic!("not a struct") };
        assert_eq!(value.name, "ContainerInspect");
        assert!(matches!(value.get("Created"), Some(Value::Time(_))));
        let Some(Value::Struct(config)) = value.get("Config") else { panic!("no config") };
        assert!(matches!(config.get("Labels"), Some(Value::Map(_))));
        let Some(Value::Struct(network)) = value.get("NetworkSettings") else {
            panic!("no network settings")
        };
        assert_eq!(network.get("IPAddress"), Some(&Value::Text(String::new())));
        assert_eq!(value.get("ID"), value.get("Id"));
    }
}
