//! Paths and query strings.

use std::fmt::Write as _;

use cove_api::{Filters, Timestamp};

/// A path under the libpod prefix with its query.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    text: String,
    has_query: bool,
}

impl Target {
    /// `parts` are path segments; each is escaped.
    pub(crate) fn new(parts: &[&str]) -> Self {
        let mut text = String::from("/v5.0.0/libpod");
        for part in parts {
            text.push('/');
            escape(part, &mut text);
        }
        Self { text, has_query: false }
    }

    pub(crate) fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(key);
        self.text.push('=');
        escape(&value.to_string(), &mut self.text);
        self
    }

    pub(crate) fn with_some<T: std::fmt::Display>(self, key: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds the parameter only where it is true, which is how every switch of the API defaults.
    pub(crate) fn with_switch(self, key: &str, value: bool) -> Self {
        if value { self.with(key, "true") } else { self }
    }

    pub(crate) fn with_filters(self, filters: &Filters) -> Self {
        if filters.is_empty() {
            return self;
        }
        let text = serde_json::to_string(filters).unwrap_or_default();
        self.with("filters", text)
    }

    pub(crate) fn with_time(self, key: &str, time: Option<Timestamp>) -> Self {
        self.with_some(key, time)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// Splits `repository[:tag]` at the colon that begins the tag.
pub(crate) fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_segments_and_values() {
        let target =
            Target::new(&["images", "quay.io/a b:1", "json"]).with("x", "1&2").with_switch("no", false);
        assert_eq!(target.as_str(), "/v5.0.0/libpod/images/quay.io%2Fa%20b%3A1/json?x=1%262");
    }

    #[test]
    fn splits_tags_not_ports() {
        assert_eq!(split_tag("localhost:5000/a:1"), ("localhost:5000/a", "1"));
        assert_eq!(split_tag("localhost:5000/a"), ("localhost:5000/a", ""));
    }
}
