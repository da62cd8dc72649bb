//! What a screen may ask, and what it is answered.

use cove_api::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::view::{ContainerDetails, Snapshot};

/// What is done to containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ContainerAct {
    /// Start.
    Start,
    /// Stop: the stop signal, then SIGKILL.
    Stop,
    /// Stop and start.
    Restart,
    /// SIGKILL at once.
    Kill,
    /// Freeze.
    Pause,
    /// Thaw.
    Unpause,
    /// Remove a container that does not run.
    Remove,
    /// Stop and remove.
    ForceRemove,
}

/// A container to be run, as a form has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, rename_all = "camelCase")]
pub struct RunOptions {
    /// Name or id of the image; it is pulled where it is missing.
    pub image: String,
    /// Its name; empty lets the engine choose.
    pub name: String,
    /// The command as in a shell, with quotes; empty takes the image's.
    pub command: String,
    /// As after `-p`: `8080:80`, `127.0.0.1:53:53/udp`.
    pub ports: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// As after `-v`, but only named volumes and absolute paths: `data:/var/lib/data`, `/srv:/srv:ro`.
    pub volumes: Vec<String>,
    /// Remove the container when it ends.
    pub remove: bool,
}

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "call", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Call {
    /// Everything at this moment.
    Snapshot,
    /// Use another engine.
    Connect {
        /// Its id.
        connection: String,
    },
    /// Try at once to reach the engine again.
    Reconnect,
    /// Do something to containers; the first failure is answered when all were tried.
    Containers {
        /// What.
        act: ContainerAct,
        /// Their ids.
        ids: Vec<String>,
    },
    /// All about one container.
    Inspect {
        /// Its id.
        id: String,
    },
    /// Follow a container's log: its lines come as events until the subscription is closed.
    OpenLog {
        /// Its id.
        id: String,
        /// How many old lines.
        tail: u32,
    },
    /// End a subscription. One that has ended already is no error.
    CloseLog {
        /// Its number.
        subscription: u32,
    },
    /// Bring an image; a task.
    Pull {
        /// Its name.
        image: String,
    },
    /// Remove images, networks or volumes; the first failure is answered when all were tried.
    Remove {
        /// `image`, `network` or `volume`.
        kind: String,
        /// Their ids.
        ids: Vec<String>,
        /// Also the containers that use them, and every name of an image.
        force: bool,
    },
    /// Run a container in the background; a task.
    Run {
        /// What to run.
        options: RunOptions,
    },
    /// Make and start the usual machine with sizes that fit this host; a task.
    CreateMachine,
    /// Start a machine; a task.
    StartMachine {
        /// Its name.
        name: String,
    },
    /// Stop a machine; a task.
    StopMachine {
        /// Its name.
        name: String,
    },
    /// End a task.
    CancelTask {
        /// Its number.
        id: u32,
    },
    /// Forget the tasks that have ended.
    ClearTasks,
}

/// The answer to a [`Call`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "reply", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reply {
    /// Done.
    Done,
    /// Everything.
    Snapshot {
        /// At this moment.
        snapshot: Box<Snapshot>,
    },
    /// All about one container.
    Details {
        /// It.
        details: Box<ContainerDetails>,
    },
    /// A subscription was opened.
    Subscription {
        /// Its number.
        subscription: u32,
    },
    /// A task was begun.
    Task {
        /// Its number.
        id: u32,
    },
}

/// Why a call was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Failure {
    /// The kind of error, in the words of [`ErrorKind`].
    #[cfg_attr(test, ts(type = "string"))]
    pub kind: ErrorKind,
    /// The text for people.
    pub message: String,
}

impl Failure {
    /// A failure of `kind` with `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
    /// Something that is needed cannot be reached or is missing.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }
}

impl From<cove_api::Error> for Failure {
    fn from(error: cove_api::Error) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}
