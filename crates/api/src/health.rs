//! Health checks: what a container is asked for, and what is done when it is not well.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::is_zero;

/// How to find out whether a container is well. Times are nanoseconds. JSON: that of images and of libpod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthConfig {
    /// Empty: the image's; `NONE`; `CMD` and arguments; `CMD-SHELL` and a line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Between two checks; 0 is only when asked.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// After which a check has failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// After the start, in which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Between two checks in that time.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures in a row.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// The check that must succeed before the other begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
#[allow(missing_docs, reason = "as in HealthConfig")]
pub struct StartupHealthCheck {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures after which the container is started again; 0 is never.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
    /// Successes that are needed; 0 is one.
    #[serde(skip_serializing_if = "is_zero")]
    pub successes: i64,
}

/// What is done when a container turns unhealthy. JSON: libpod's number; its name is read as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HealthAction {
    /// Nothing.
    #[default]
    None,
    /// SIGKILL.
    Kill,
    /// It is stopped and started.
    Restart,
    /// It is stopped.
    Stop,
}

impl HealthAction {
    /// All of them.
    const ALL: [Self; 4] = [Self::None, Self::Kill, Self::Restart, Self::Stop];

    /// As the user names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Stop => "stop",
        }
    }

    /// The action of that name; an empty one is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::None);
        }
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// libpod's number.
    fn number(self) -> i64 {
        match self {
            Self::None => 0,
            // 1 is an invalid action.
            Self::Kill => 2,
            Self::Restart => 3,
            Self::Stop => 4,
        }
    }

    /// Whether nothing is done; for `skip_serializing_if`.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Serialize for HealthAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.number())
    }
}

impl<'de> Deserialize<'de> for HealthAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ActionVisitor)
    }
}

struct ActionVisitor;

impl ActionVisitor {
    fn numbered<E: serde::de::Error>(number: i64) -> Result<HealthAction, E> {
        let found = HealthAction::ALL.into_iter().find(|action| action.number() == number);
        found.ok_or_else(|| E::custom(format!("{number} is no action of health checks")))
    }
}

impl serde::de::Visitor<'_> for ActionVisitor {
    type Value = HealthAction;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an action of health checks")
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<HealthAction, E> {
        Self::numbered(number)
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<HealthAction, E> {
        Self::numbered(i64::try_from(number).unwrap_or(1))
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<HealthAction, E> {
        HealthAction::from_name(name)
            .ok_or_else(|| E::custom(format!("{name:?} is no action of health checks")))
    }
}

impl JsonSchema for HealthAction {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HealthAction".into()
    }
    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        schemas.subschema_for::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions() {
        for (text, action) in
            [("0", HealthAction::None), ("3", HealthAction::Restart), ("\"stop\"", HealthAction::Stop)]
        {
            assert_eq!(serde_json::from_str::<HealthAction>(text).unwrap(), action);
        }
        assert!(serde_json::from_str::<HealthAction>("1").is_err());
        assert_eq!(serde_json::to_string(&HealthAction::Kill).unwrap(), "2");
    }
}
