//! The documents of a text as objects of a cluster, in the order in which they are applied.

use serde_json::Value;

use crate::error::{ClusterError, Result};

/// An object that is to be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Empty where it says none.
    pub(crate) namespace: String,
    pub(crate) value: Value,
}

/// All of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects(pub(crate) Vec<Object>);

/// What a cluster writes itself and nobody applies.
const WRITTEN: [&str; 5] = ["creationTimestamp", "generation", "managedFields", "selfLink", "uid"];

impl Objects {
    /// Reads them. What others need comes before them: namespaces, then definitions, then what pods name.
    ///
    /// # Errors
    /// It is no YAML, nothing is in it, or a document is no object with kind, version and name.
    pub fn parse(text: &str) -> Result<Self> {
        let mut objects = Vec::new();
        for (line, document) in cove_kube::documents_of::<Value>(text)? {
            match document.get("kind").and_then(Value::as_str) {
                Some("List") => {
                    let items = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
                    for item in items {
                        objects.push(object(line, item)?);
                    }
                }
                _ => objects.push(object(line, document)?),
            }
        }
        if objects.is_empty() {
            return Err(ClusterError::Invalid(
                "the YAML is empty: there is nothing to apply to a cluster".into(),
            ));
        }
        objects.sort_by_key(|object| rank(&object.kind));
        Ok(Self(objects))
    }
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        "ServiceAccount" | "ConfigMap" | "Secret" | "PersistentVolumeClaim" | "Service" => 2,
        _ => 3,
    }
}

fn object(line: usize, mut value: Value) -> Result<Object> {
    let wrong = |message: String| ClusterError::Invalid(format!("line {line}: {message}"));
    if !value.is_object() {
        return Err(wrong("a document must be a map".into()));
    }
    let text = |value: &Value, path: &str| {
        value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let found = Object {
        api_version: text(&value, "/apiVersion"),
        kind: text(&value, "/kind"),
        name: text(&value, "/metadata/name"),
        namespace: text(&value, "/metadata/namespace"),
        value: Value::Null,
    };
    for (field, value) in [("kind", &found.kind), ("apiVersion", &found.api_version)] {
        if value.is_empty() {
            return Err(wrong(format!("a document without {field}")));
        }
    }
    let Object { api_version, kind, name, namespace, .. } = &found;
    if name.is_empty() {
        return Err(wrong(format!("the {kind} has no name in its metadata, which server-side apply needs")));
    }
    let parts: Vec<&str> = api_version.split('/').collect();
    let version = |text: &str| {
        !matches!(text, "" | "." | "..")
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
    };
    if parts.len() > 2 || !parts.iter().all(|part| version(part)) {
        return Err(wrong(format!("apiVersion {api_version:?} is no version of an API")));
    }
    for (what, text) in [("name", name), ("namespace", namespace)] {
        if !text.is_empty() && !is_segment(text) {
            return Err(wrong(format!("{what} {text:?} of the {kind} is no name of an object")));
        }
    }
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        WRITTEN.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    Ok(Object { value, ..found })
}

/// Whether a text may stand in a path of the API: it leads nowhere else.
pub(crate) fn is_segment(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    !matches!(text, "." | "..") && text.len() <= 253 && !text.is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_in_the_order_of_their_needs() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n, creationTimestamp: x}\n\
            status: {a: 1}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n\
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: '1', b: \"true\"}}\n---\n\
            {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n";
        let Objects(objects) = Objects::parse(text).unwrap();
        let names: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["n", "m", "d", "p"]);
        assert_eq!(objects[1].value["data"], serde_json::json!({"a": "1", "b": "true"}));
        assert_eq!(
            objects[2].value,
            serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}})
        );
    }

    #[test]
    fn what_is_no_object() {
        for (text, expected) in [
            ("", "nothing to apply"),
            ("---\n---\n", "nothing to apply"),
            ("- a\n", "line 1: a document must be a map"),
            ("apiVersion: v1\n", "line 1: a document without kind"),
            ("kind: Pod\nmetadata: {name: a}\n", "without apiVersion"),
            ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a}\n", "the Pod has no name"),
            ("apiVersion: a/b/c\nkind: Pod\nmetadata: {name: a}\n", "no version of an API"),
            ("apiVersion: v1/..\nkind: Pod\nmetadata: {name: a}\n", "\"v1/..\" is no version of an API"),
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: ..}\n", "name \"..\" of the Pod is no name"),
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 'x/y'}\n", "namespace \"x/y\""),
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: 'a?b'}\n", "name \"a?b\""),
            ("a: [\n", "line"),
        ] {
            let error = Objects::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
