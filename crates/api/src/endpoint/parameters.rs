//! Parameters of the query and of headers.

use form_urlencoded::Serializer;
use http::HeaderMap;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::openapi::query_parameters;
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
    /// The keys of the query that it reads.
    #[must_use]
    fn keys() -> Vec<&'static str>;
    /// The parameters as the API's document has them.
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Value>;
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
    fn keys() -> Vec<&'static str> {
        wire::query::keys::<T>().to_vec()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Value> {
        query_parameters(&T::json_schema(schemas))
    }
}

/// Two sets of parameters of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Parameters, B: Parameters> Parameters for Both<A, B> {
    fn read(query: &str, headers: &HeaderMap) -> Result<Self> {
        let (first, second) = split(query, &B::keys());
        Ok(Self(A::read(&first, headers)?, B::read(&second, headers)?))
    }
    fn write(&self, query: &mut String, headers: &mut HeaderMap) -> Result<()> {
        self.0.write(query, headers)?;
        self.1.write(query, headers)
    }
    fn keys() -> Vec<&'static str> {
        [A::keys(), B::keys()].concat()
    }
    fn describe(schemas: &mut SchemaGenerator) -> Vec<Value> {
        let mut described = A::describe(schemas);
        described.append(&mut B::describe(schemas));
        described
    }
}

/// Parts a query into what is none of `keys` and what is, so that each key is read (or found to be unknown) once.
fn split(query: &str, keys: &[&str]) -> (String, String) {
    let mut parts = (Serializer::new(String::new()), Serializer::new(String::new()));
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_second = keys.iter().any(|known| known.eq_ignore_ascii_case(&key));
        let part = if is_second { &mut parts.1 } else { &mut parts.0 };
        part.append_pair(&key, &value);
    }
    (parts.0.finish(), parts.1.finish())
}

/// No parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AttachOptions, EventOptions, ListOptions, LogOptions, PullOptions, PullPolicy, RegistryAccess,
    };

    fn written<T: Parameters>(parameters: &T) -> String {
        let mut query = String::new();
        parameters.write(&mut query, &mut HeaderMap::new()).unwrap();
        query
    }

    fn passes<T: Parameters + Clone + PartialEq + std::fmt::Debug>(parameters: &T, query: &str) {
        assert_eq!(written(parameters), query);
        assert_eq!(T::read(query, &HeaderMap::new()).unwrap(), *parameters);
    }

    #[test]
    fn only_what_the_service_would_not_take_anyway_is_written() {
        passes(&ListOptions { all: true, last: Some(3), ..ListOptions::default() }, "all=true&limit=3");
        // The service attaches everything, asks the registry and goes on with events where it is not told.
        let attach = AttachOptions { stdout: true, ..AttachOptions::default() };
        passes(&attach, "stdin=false&stderr=false");
        passes(&PullOptions::default(), "policy=missing");
        passes(&PullOptions { policy: PullPolicy::Always, ..PullOptions::default() }, "");
        passes(&EventOptions::default(), "stream=false");
        passes(&RegistryAccess { retry_delay: Some(7), ..RegistryAccess::default() }, "retrydelay=7s");
    }

    #[test]
    fn two_sets_share_a_query() {
        let both = Both(
            LogOptions { stdout: true, tail: Some(2), ..LogOptions::default() },
            ListOptions { all: true, ..ListOptions::default() },
        );
        passes(&both, "tail=2&stdout=true&all=true");
        let parts = split("Tail=2&ALL=1&x=%26", &["all"]);
        assert_eq!((parts.0.as_str(), parts.1.as_str()), ("Tail=2&x=%26", "ALL=1"));
    }

    #[test]
    fn malformed_values_are_refused_by_name() {
        let read = |query: &str| ListOptions::read(query, &HeaderMap::new());
        let error = read("all=garb1age").unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::InvalidArgument);
        assert!(error.message.contains("parameter all"), "{error}");
        assert!(read("limit=x").unwrap_err().message.contains("limit"));
        assert_eq!(read("limit=-1&unknown=1").unwrap(), ListOptions::default());
        assert_eq!(read("last=2").unwrap().last, Some(2));
        let error = LogOptions::read("tail=some", &HeaderMap::new()).unwrap_err();
        assert!(error.message.contains("parameter tail"), "{error}");
        let error = crate::ImagePruneOptions::read("external=true", &HeaderMap::new()).unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::Unsupported);
        assert!(error.message.contains("external"), "{error}");
    }
}
