//! What bringing a Compose project up would do.

use serde::{Deserialize, Serialize};

/// What is wrong with the files of a project, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProjectFault {
    /// The file; empty where it is about all.
    pub file: String,
    /// The line, from 1 on; 0 is the whole file.
    pub line: u32,
    /// The key, such as `services.web.ports`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// Services that are only taken with a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProfileRow {
    /// The profile.
    pub name: String,
    /// The services.
    pub services: Vec<String>,
    /// Whether they are taken.
    pub active: bool,
}

/// A variable that the files name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct VariableRow {
    /// Its name.
    pub name: String,
    /// What it is without a value.
    pub default: String,
    /// Whether nothing can be done without a value.
    pub required: bool,
    /// Whether it has one: of the environment, of a file of variables, or of the form. What it is may be secret.
    pub given: bool,
    /// Whether something is wanted of the user: there is no value, and nothing that takes its place.
    pub asked: bool,
}

/// How an image comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ImageComes {
    /// It is there, or must not be brought.
    #[default]
    Present,
    /// It is built.
    Build,
    /// It is pulled.
    Pull,
}

/// In what a container is not what the file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// All are made anew.
    Forced,
    /// The file names another image.
    ImageName,
    /// The image of that name is another by now.
    Image,
    /// It lacks a network.
    Network,
    /// It lacks a volume.
    Volume,
    /// A variable of its environment.
    Variable,
    /// The ports that are published.
    Ports,
    /// Its command.
    Command,
    /// Something else that the file says of the service.
    Other,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// What is another.
    pub kind: ChangeKind,
    /// Which, or what it would be; empty where there is nothing to say.
    pub what: String,
}

/// A container that would be made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlannedContainer {
    /// Its name.
    pub name: String,
    /// Why.
    pub changes: Vec<PlannedChange>,
}

/// What would be done for a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlannedService {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// How that comes.
    pub comes: ImageComes,
    /// What it publishes: `127.0.0.1:8080:80`.
    pub ports: Vec<String>,
    /// What of the engine's host is mounted: `/src:/app`.
    pub binds: Vec<String>,
    /// How many containers are made where none is yet.
    pub create: u32,
    /// Those that are made anew.
    pub replaced: Vec<PlannedContainer>,
    /// Those that stay.
    pub kept: Vec<String>,
    /// Those that are too many.
    pub removed: Vec<String>,
}

/// What is to be done about a network or volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PartState {
    /// It is made.
    Missing,
    /// It is there as described.
    Kept,
    /// It is there, and another is described: a network is made anew, a volume stays with its data.
    Diverged,
    /// It is there, and not the project's.
    Foreign,
    /// The file says that it is not the project's.
    External,
}

/// A network or volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlannedPart {
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub state: PartState,
}

/// What bringing a project up would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProjectPlan {
    /// Its name; empty where the files cannot be read so far.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// The files that are read, in their order.
    pub files: Vec<String>,
    /// Why it cannot be brought up.
    pub problem: Option<ProjectFault>,
    /// What there is to say about the files.
    pub warnings: Vec<String>,
    /// The profiles that the files name.
    pub profiles: Vec<ProfileRow>,
    /// The variables that the files name.
    pub variables: Vec<VariableRow>,
    /// The services.
    pub services: Vec<PlannedService>,
    /// The networks.
    pub networks: Vec<PlannedPart>,
    /// The volumes.
    pub volumes: Vec<PlannedPart>,
    /// Containers of services that the files have not.
    pub orphans: Vec<String>,
}
