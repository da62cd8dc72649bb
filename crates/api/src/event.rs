//! The engine's events. JSON: that of the events stream (Docker's shape, which libpod's stream shares).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::query;
use crate::{Filters, StringMap, Timestamp};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// `container`, `image`, `volume`, `network`, `system`, `pod`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// `create`, `init`, `start`, `died`, `cleanup`, `remove`, `pull`, … in libpod's words.
    #[serde(rename = "Action")]
    pub action: String,
    /// The object.
    #[serde(rename = "Actor")]
    pub actor: EventActor,
    /// `local`.
    #[serde(default)]
    pub scope: String,
    /// Seconds since the epoch.
    pub time: i64,
    /// Nanoseconds since the epoch.
    #[serde(rename = "timeNano")]
    pub time_nano: i64,
}

impl Event {
    /// When it happened.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.time_nano)).unwrap_or_else(|_| crate::zero_time())
    }
    /// An attribute of the object, or the empty string.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.actor.attributes.get(name).map_or("", String::as_str)
    }

    /// What happened without details: `exec_start: sh` is `exec_start`.
    #[must_use]
    pub fn verb(&self) -> &str {
        self.action.split(':').next().unwrap_or_default()
    }

    /// Whether a list of such objects may show something else since: not, where somebody has only looked into a container.
    #[must_use]
    pub fn changes_lists(&self) -> bool {
        const UNSEEN: [&str; 13] = [
            "attach",
            "copy",
            "exec",
            "exec_create",
            "exec_start",
            "exec_died",
            "export",
            "logs",
            "mount",
            "resize",
            "sync",
            "top",
            "unmount",
        ];
        self.kind != "container" || !UNSEEN.contains(&self.verb())
    }
}

/// The object of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventActor {
    /// Id of the container or image, name of the volume or network.
    #[serde(rename = "ID")]
    pub id: String,
    /// `name`, `image`, `containerExitCode`, labels, …
    #[serde(rename = "Attributes")]
    pub attributes: StringMap,
}

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventOptions {
    /// From that moment on; on the wire also seconds since 1970, or a span before now.
    #[serde(deserialize_with = "query::since")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Up to that moment, which ends the stream; on the wire likewise, a span being after now.
    #[serde(deserialize_with = "query::until")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// `container`, `event`, `image`, `label`, `name`, `network`, `pod`, `type`, `volume`.
    #[serde(deserialize_with = "query::filters")]
    pub filters: Filters,
    /// Go on with new ones.
    #[serde(default = "yes")]
    pub stream: bool,
}

/// What the service takes where a request does not say it.
fn yes() -> bool {
    true
}
