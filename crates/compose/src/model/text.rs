//! Lists of texts with a form of their own.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::absent::Absent;

/// A command line in its words. None is "as the image has it"; an empty one clears the image's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Option<Vec<String>>);

impl Absent for Command {
    /// It is written even where it says nothing, as `null`.
    fn absent(&self) -> bool {
        false
    }
}

/// Names of hosts and their addresses, written as `name=address`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(pub BTreeMap<String, Vec<String>>);

impl Hosts {
    /// One `name<separator>address` for each address, sorted.
    #[must_use]
    pub fn lines(&self, separator: char) -> Vec<String> {
        let mut lines: Vec<String> = self
            .0
            .iter()
            .flat_map(|(host, addresses)| {
                addresses.iter().map(move |address| format!("{host}{separator}{address}"))
            })
            .collect();
        lines.sort();
        lines
    }

    fn add(&mut self, host: &str, addresses: impl Iterator<Item = String>) -> Result<(), String> {
        if host.is_empty() || host.contains([':', '=']) {
            return Err(format!("bad host name '{host}'"));
        }
        let known = self.0.entry(host.to_owned()).or_default();
        known.extend(addresses.map(|address| {
            match address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
                Some(inner) if !inner.is_empty() => inner.to_owned(),
                _ => address,
            }
        }));
        Ok(())
    }

    /// Reads a list of `name=address`, `name:address`, or a map of names.
    fn read(value: &Value) -> Result<Self, String> {
        let mut hosts = Self::default();
        match value {
            Value::Array(items) => {
                for item in items {
                    let line = plain(item).ok_or_else(|| format!("invalid additional host: {item}"))?;
                    let (host, addresses) = line
                        .split_once('=')
                        .or_else(|| line.split_once(':'))
                        .ok_or_else(|| format!("invalid additional host, missing IP: {line}"))?;
                    hosts.add(host, addresses.split(',').map(str::to_owned))?;
                }
            }
            Value::Object(entries) => {
                for (host, addresses) in entries {
                    let addresses: Vec<String> = match addresses {
                        Value::Null => vec![String::new()],
                        Value::Array(items) => items.iter().filter_map(plain).collect(),
                        one => vec![plain(one).ok_or_else(|| format!("invalid address of {host}"))?],
                    };
                    hosts.add(host, addresses.into_iter())?;
                }
            }
            _ => return Err("it must be a list or a mapping".to_owned()),
        }
        Ok(hosts)
    }
}

/// A scalar as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

impl Absent for Hosts {
    fn absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Hosts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lines('=').serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
