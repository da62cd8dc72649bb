//! An endpoint as a value: what it is called, what goes in and what comes out.

use std::marker::PhantomData;

use http::StatusCode;

use crate::{Error, Result};

/// The methods of HTTP that the API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the methods are HTTP's")]
pub enum Verb {
    Delete,
    Get,
    Head,
    Post,
    Put,
}

impl Verb {
    /// The word in a request's head.
    #[must_use]
    pub fn method(self) -> http::Method {
        match self {
            Self::Delete => http::Method::DELETE,
            Self::Get => http::Method::GET,
            Self::Head => http::Method::HEAD,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
        }
    }
}

/// Whose endpoints they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Podman's, and what clients of Podman's would look for beside them.
    Libpod,
    /// Cove's own.
    Cove,
}

impl Family {
    /// What all of their paths begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Libpod => "/libpod",
            Self::Cove => "/cove",
        }
    }
}

/// A declared endpoint: `P` are the parameters in its path, `Q` those in its query and headers, `B` is the body of the
/// request and `A` the answer.
#[derive(Debug)]
pub struct Endpoint<P, Q, B, A> {
    /// Its method.
    pub verb: Verb,
    /// Whose it is.
    pub family: Family,
    /// Its path below the family's prefix, with `{name}` for a parameter.
    pub path: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The status of an answer that is no error.
    pub status: StatusCode,
    types: PhantomData<fn(P, Q, B) -> A>,
}

impl<P, Q, B, A> Clone for Endpoint<P, Q, B, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, Q, B, A> Copy for Endpoint<P, Q, B, A> {}

impl<P, Q, B, A> Endpoint<P, Q, B, A> {
    const fn new(verb: Verb, path: &'static str, summary: &'static str) -> Self {
        let (family, status) = (Family::Libpod, StatusCode::OK);
        Self { verb, family, path, summary, status, types: PhantomData }
    }

    /// The same as one of Cove's own.
    #[must_use]
    pub(super) const fn own(mut self) -> Self {
        self.family = Family::Cove;
        self
    }

    /// The same with another status than 200.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

/// Declares a `GET`.
pub(super) const fn get<P, Q, B, A>(path: &'static str, summary: &'static str) -> Endpoint<P, Q, B, A> {
    Endpoint::new(Verb::Get, path, summary)
}

/// Declares a `HEAD`.
pub(super) const fn head<P, Q, B, A>(path: &'static str, summary: &'static str) -> Endpoint<P, Q, B, A> {
    Endpoint::new(Verb::Head, path, summary)
}

/// Declares a `PUT`.
pub(super) const fn put<P, Q, B, A>(path: &'static str, summary: &'static str) -> Endpoint<P, Q, B, A> {
    Endpoint::new(Verb::Put, path, summary)
}

/// Declares a `POST`.
pub(super) const fn post<P, Q, B, A>(path: &'static str, summary: &'static str) -> Endpoint<P, Q, B, A> {
    Endpoint::new(Verb::Post, path, summary)
}

/// Declares a `DELETE`.
pub(super) const fn delete<P, Q, B, A>(path: &'static str, summary: &'static str) -> Endpoint<P, Q, B, A> {
    Endpoint::new(Verb::Delete, path, summary)
}

/// The parameters of a path, in its order.
pub trait PathParameters: Sized + Send + 'static {
    /// From the decoded parts of a request's path.
    ///
    /// # Errors
    /// There are not as many as declared.
    fn from_parts(parts: Vec<String>) -> Result<Self>;
    /// The parts, not yet escaped.
    fn parts(&self) -> Vec<&str>;
}

fn wrong_number(parts: &[String]) -> Error {
    Error::internal(format!("the path has {} parameters, which are not those declared", parts.len()))
}

impl PathParameters for () {
    fn from_parts(parts: Vec<String>) -> Result<Self> {
        if parts.is_empty() { Ok(()) } else { Err(wrong_number(&parts)) }
    }
    fn parts(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// One parameter: the name or id of an object.
impl PathParameters for String {
    fn from_parts(parts: Vec<String>) -> Result<Self> {
        let [name] = <[String; 1]>::try_from(parts).map_err(|parts| wrong_number(&parts))?;
        Ok(name)
    }
    fn parts(&self) -> Vec<&str> {
        vec![self]
    }
}

/// Two parameters: an object, and what is done with it.
impl PathParameters for (String, String) {
    fn from_parts(parts: Vec<String>) -> Result<Self> {
        let [first, second] = <[String; 2]>::try_from(parts).map_err(|parts| wrong_number(&parts))?;
        Ok((first, second))
    }
    fn parts(&self) -> Vec<&str> {
        vec![&self.0, &self.1]
    }
}

/// The path of a request: `template` with each `{…}` replaced by one of `parts`, escaped.
pub(super) fn fill(template: &str, parts: &[&str]) -> String {
    let mut path = String::new();
    let mut parts = parts.iter();
    for segment in template.split('/').skip(1) {
        path.push('/');
        if segment.starts_with('{') {
            path.extend(escape(parts.next().copied().unwrap_or_default()));
        } else {
            path.push_str(segment);
        }
    }
    path
}

/// The names between braces in a template.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// All but the unreserved characters of RFC 3986 is escaped.
fn escape(text: &str) -> percent_encoding::PercentEncode<'_> {
    const ESCAPED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_segments() {
        assert_eq!(fill("/images/{name}/json", &["quay.io/a b:1"]), "/images/quay.io%2Fa%20b%3A1/json");
        assert_eq!(fill("/info", &[]), "/info");
        assert_eq!(names("/a/{name}/b/{id}").collect::<Vec<_>>(), ["name", "id"]);
    }

    #[test]
    fn parameters_are_counted() {
        assert_eq!(String::from_parts(vec!["a".into()]).unwrap(), "a");
        assert!(String::from_parts(vec![]).is_err());
        assert!(<()>::from_parts(vec!["a".into()]).is_err());
    }
}
