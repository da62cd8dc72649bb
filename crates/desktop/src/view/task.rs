//! Long acts.

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::collection::Row;

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum TaskState {
    /// It goes on.
    Running,
    /// It is done.
    Done,
    /// It has failed.
    Failed,
    /// The user ended it.
    Cancelled,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// It goes on.
    Active,
    /// It is done.
    Done,
    /// It was not needed (a layer that was there already).
    Skipped,
    /// It has failed.
    Failed,
}

/// A step of a task: a layer of a pull, a phase of a machine's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TaskStep {
    /// Its name; unique in the task.
    pub label: String,
    /// How it stands.
    pub state: StepState,
    /// The same in a word of what does it, such as `Creating`; empty where there is none.
    pub note: String,
    /// Bytes so far; 0 for what is not measured.
    pub current: u64,
    /// Bytes in all; 0 where unknown.
    pub total: u64,
}

/// What a clean-up has freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Freed {
    /// How many objects are gone.
    pub objects: u32,
    /// How many bytes went with them.
    pub bytes: i64,
}

/// A long act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    /// Its number.
    pub id: u32,
    /// What it does: `Pull docker.io/library/nginx`.
    pub title: String,
    /// How it stands.
    pub state: TaskState,
    /// Its last line for people.
    pub message: String,
    /// Its steps, in the order they came.
    pub steps: Vec<TaskStep>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Milliseconds since the epoch.
    pub started: i64,
    /// Milliseconds since the epoch.
    pub ended: Option<i64>,
    /// Whether it can be ended by the user.
    pub cancellable: bool,
    /// The container that a run has made.
    pub container: Option<String>,
    /// Whether it has a log to be read.
    pub logged: bool,
    /// What a clean-up has freed.
    pub freed: Option<Freed>,
}

impl Row for TaskRow {
    type Key = u32;
    const OF_ENGINE: bool = false;
    fn key(&self) -> &u32 {
        &self.id
    }
}
