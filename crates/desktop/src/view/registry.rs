//! Registries: how the engine reaches them, and where the user has logged in.

use cove_api::{ExplainedCandidate, ImageExplanation, Info};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A registry that the engine's registries.conf has something to say about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RegistryRow {
    /// Which names it is for: `docker.io`, `quay.io/team`, `*.example.com`.
    pub prefix: String,
    /// What takes the prefix's place; empty where nothing does.
    pub location: String,
    /// Certificates are not checked, and plain HTTP is allowed.
    pub insecure: bool,
    /// Nothing is pulled from it.
    pub blocked: bool,
    /// What is asked before it, in this order.
    pub mirrors: Vec<String>,
}

/// A login that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LoginRow {
    /// The registry, or a part of it.
    pub registry: String,
    /// The user's name there; empty where only a token is kept.
    pub username: String,
    /// The file or program that keeps it.
    pub place: String,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// All about registries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Registries {
    /// Where short names are looked for, in this order.
    pub search: Vec<String>,
    /// Those with settings.
    pub registries: Vec<RegistryRow>,
    /// The user's logins.
    pub logins: Vec<LoginRow>,
    /// Why logins cannot be listed.
    pub problem: Option<String>,
}

impl Registries {
    /// What an engine tells of its own.
    pub(crate) fn of_engine(info: &Info) -> Self {
        let texts = |value: Option<&Value>| -> Vec<String> {
            let values = value.and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let search = texts(info.registries.get("search"));
        let rows = info.registries.iter().filter(|(key, _)| *key != "search");
        let registries = rows.filter_map(|(key, value)| Some(row(key, value.as_object()?))).collect();
        Self { search, registries, ..Self::default() }
    }
}

/// A registry in libpod's words.
fn row(key: &str, value: &Map<String, Value>) -> RegistryRow {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let truth = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or_default();
    let mirrors = value.get("Mirrors").and_then(Value::as_array).into_iter().flatten();
    let prefix = if text("Prefix").is_empty() { key } else { text("Prefix") };
    RegistryRow {
        prefix: prefix.to_owned(),
        location: if text("Location") == prefix { String::new() } else { text("Location").to_owned() },
        insecure: truth("Insecure"),
        blocked: truth("Blocked"),
        mirrors: mirrors.filter_map(|mirror| mirror.get("Location")?.as_str().map(str::to_owned)).collect(),
    }
}

/// A place where an image was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The name that it was looked for under.
    pub reference: String,
    /// Where, one after the other.
    pub places: Vec<String>,
    /// The place that answered; empty where none did or none was asked.
    pub answered: String,
    /// Bytes of its layers as they are sent.
    pub size: u64,
    /// How many layers it has.
    pub layers: u64,
    /// Why it cannot be pulled; empty where it can, or where it was not asked for.
    pub problem: String,
}

/// Where a name leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The name under which it is here already; empty where it is not.
    pub local: String,
    /// What a pull tries, in this order.
    pub attempts: Vec<Attempt>,
}

impl From<ImageExplanation> for Explanation {
    fn from(explanation: ImageExplanation) -> Self {
        let attempt = |candidate: ExplainedCandidate| Attempt {
            reference: candidate.reference,
            places: candidate.places.into_iter().map(|place| place.reference).collect(),
            answered: candidate.answered,
            size: candidate.size,
            layers: candidate.layers,
            problem: if candidate.refused.is_empty() { candidate.error } else { candidate.refused },
        };
        Self {
            local: explanation.local_name,
            attempts: explanation.candidates.into_iter().map(attempt).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_read_as_libpod_tells_them() {
        let registries = serde_json::json!({
            "search": ["docker.io", 7],
            "quay.io": { "Prefix": "quay.io", "Location": "mirror.lan/quay", "Insecure": true,
                "Blocked": false, "Mirrors": [{ "Location": "a.lan" }, { "Location": 3 }] },
            "odd": "text",
            "bare.io": {},
        });
        let info = Info { registries: registries.as_object().cloned().unwrap(), ..Info::default() };
        let read = Registries::of_engine(&info);
        assert_eq!(read.search, ["docker.io"]);
        let row = |prefix: &str| read.registries.iter().find(|row| row.prefix == prefix).unwrap();
        assert_eq!((row("quay.io").location.as_str(), row("quay.io").insecure), ("mirror.lan/quay", true));
        assert_eq!(row("quay.io").mirrors, ["a.lan"]);
        assert_eq!(row("bare.io").location, "");
        assert_eq!(read.registries.len(), 2);
    }
}
