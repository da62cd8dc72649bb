//! What a wait for a container ends with.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::query;
use crate::{ContainerState, Error};

/// Options of `wait`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WaitOptions {
    /// States (`running`, `stopped`, `exited`, `removing`, …) and healths of which one ends the wait; empty waits for
    /// the end.
    #[serde(rename = "condition", deserialize_with = "conditions")]
    #[schemars(with = "Vec<String>")]
    pub conditions: Vec<WaitCondition>,
}

/// One thing that a wait may end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitCondition {
    /// The container is in this state.
    State(ContainerState),
    /// Its health check has succeeded.
    Healthy,
    /// Its health check has failed too often.
    Unhealthy,
}

impl WaitCondition {
    /// As users and requests name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State(state) => state.as_str(),
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl FromStr for WaitCondition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "healthy" => Ok(Self::Healthy),
            "unhealthy" => Ok(Self::Unhealthy),
            state => state.parse().map(Self::State),
        }
    }
}

impl fmt::Display for WaitCondition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for WaitCondition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Words, also joined by commas.
fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WaitCondition>, D::Error> {
    let words = query::commas(deserializer)?;
    words.iter().map(|word| word.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_words() {
        let asked: WaitOptions = query::decode("condition=running,healthy&condition=configured").unwrap();
        let expect = [ContainerState::Running, ContainerState::Created].map(WaitCondition::State);
        assert_eq!(asked.conditions, [expect[0], WaitCondition::Healthy, expect[1]]);
        assert_eq!(query::encode(&asked), "condition=running&condition=healthy&condition=created");
        let error = query::decode::<WaitOptions>("condition=asleep").unwrap_err();
        assert!(error.to_string().contains("asleep"), "{error}");
    }
}
