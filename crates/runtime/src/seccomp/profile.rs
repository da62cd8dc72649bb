//! A profile with its conditions, and what is left of it for one architecture and set of capabilities.

use serde_json::{Map, Value, json};

use crate::oci::capabilities::CapabilitySet;

/// What happens to a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `SCMP_ACT_ALLOW`, `SCMP_ACT_ERRNO`, …
    pub name: String,
    /// Error number for `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE`.
    pub errno: Option<u32>,
}

/// A condition on an argument of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// What it is compared with.
    pub value: u64,
    /// Second value of `SCMP_CMP_MASKED_EQ`.
    pub value_two: u64,
    /// `SCMP_CMP_EQ`, …
    pub operator: String,
}

/// A rule for some system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names.
    pub names: Vec<String>,
    /// What happens.
    pub action: Action,
    /// All must be true.
    pub arguments: Vec<Argument>,
    /// Only on one of these architectures (Go names), where there are any.
    pub architectures: Vec<String>,
    /// Not on these.
    pub not_architectures: Vec<String>,
    /// Only with all of these capabilities.
    pub capabilities: Vec<String>,
    /// Not with any of these.
    pub not_capabilities: Vec<String>,
}

/// A system call filter with conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// For calls that no rule names.
    pub default: Action,
    /// In the order in which they are added to the filter.
    pub rules: Vec<Rule>,
    /// `SECCOMP_FILTER_FLAG_…`.
    pub flags: Vec<String>,
    /// Architectures (`SCMP_ARCH_…`) by the native one in Go's naming; an empty name applies everywhere.
    pub architectures: Vec<(String, Vec<String>)>,
    /// Socket that gets notifications.
    pub listener: Option<(String, String)>,
}

impl Profile {
    /// `linux.seccomp`; `None` for a profile that filters nothing.
    #[must_use]
    pub fn to_oci(&self, architecture: &str, bounding: &CapabilitySet) -> Option<Value> {
        if self.default.name.is_empty() && self.rules.is_empty() {
            return None;
        }
        let has = |name: &String| bounding.contains(name.as_str());
        let rules = self.rules.iter().filter(|rule| {
            (rule.architectures.is_empty() || rule.architectures.iter().any(|a| a == architecture))
                && !rule.not_architectures.iter().any(|a| a == architecture)
                && rule.capabilities.iter().all(has)
                && !rule.not_capabilities.iter().any(has)
        });
        let mut result = Map::new();
        result.insert("defaultAction".to_owned(), json!(self.default.name));
        if let Some(errno) = self.default.errno {
            result.insert("defaultErrnoRet".to_owned(), json!(errno));
        }
        let architectures: Vec<&String> = self
            .architectures
            .iter()
            .filter(|(native, _)| native.is_empty() || native == architecture)
            .flat_map(|(_, names)| names)
            .collect();
        if !architectures.is_empty() {
            result.insert("architectures".to_owned(), json!(architectures));
        }
        if !self.flags.is_empty() {
            result.insert("flags".to_owned(), json!(self.flags));
        }
        if let Some((path, metadata)) = &self.listener {
            result.insert("listenerPath".to_owned(), json!(path));
            result.insert("listenerMetadata".to_owned(), json!(metadata));
        }
        result.insert("syscalls".to_owned(), rules.map(Rule::to_oci).collect());
        Some(Value::Object(result))
    }
}

impl Rule {
    fn to_oci(&self) -> Value {
        let mut result = json!({"names": self.names, "action": self.action.name});
        if let Some(errno) = self.action.errno {
            result["errnoRet"] = json!(errno);
        }
        if !self.arguments.is_empty() {
            let arguments = self.arguments.iter().map(
                |a| json!({"index": a.index, "value": a.value, "valueTwo": a.value_two, "op": a.operator}),
            );
            result["args"] = arguments.collect();
        }
        result
    }
}
