//! Parameters of the query and of headers.

use http::HeaderMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, wire};

/// What a request says outside of path and body. Every option struct is one: each of its fields is a key of the query.
pub trait Parameters: Sized + Send + 'static {
    /// Reads them.
    ///
    /// # Errors
    /// A value is malformed or asks for what is not done; the text names the key.
    fn read(query: &str, headers: &HeaderMap) -> Result<Self>;
    /// Adds them to a request: pairs `key=value` joined by `&`, and headers.
    ///
    /// # Errors
    /// A value cannot be written.
    fn write(&self, query: &mut String, headers: &mut HeaderMap) -> Result<()>;
    /// The schemas of objects whose properties are the keys.
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Schema>;
}

impl<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static> Parameters for T {
    fn read(query: &str, _: &HeaderMap) -> Result<Self> {
        Ok(wire::query::decode(query)?)
    }
    fn write(&self, query: &mut String, _: &mut HeaderMap) -> Result<()> {
        let pairs = wire::query::encode(self);
        if !query.is_empty() && !pairs.is_empty() {
            query.push('&');
        }
        query.push_str(&pairs);
        Ok(())
    }
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Schema> {
        vec![T::json_schema(schemas)]
    }
}

/// Two sets of parameters of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Parameters, B: Parameters> Parameters for Both<A, B> {
    fn read(query: &str, headers: &HeaderMap) -> Result<Self> {
        Ok(Self(A::read(query, headers)?, B::read(query, headers)?))
    }
    fn write(&self, query: &mut String, headers: &mut HeaderMap) -> Result<()> {
        self.0.write(query, headers)?;
        self.1.write(query, headers)
    }
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Schema> {
        let mut described = A::describe(schemas);
        described.append(&mut B::describe(schemas));
        described
    }
}

/// No parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Nothing {}
