//! What a screen may ask, and what it is answered.

use cove_api::{Concealed, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::form::{
    BuildForm, KubeForm, LimitsForm, NetworkOptions, ProjectForm, RunOptions, SaveFormat, TerminalOptions,
};
use crate::view::{
    ContainerDetails, Description, Explanation, FileRow, FoundImage, ImageDetails, KubeCheck, ProjectPlan,
    Registries, Snapshot, TextFile, UnusedRow, Usage,
};

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
    /// Follow what a running container uses, likewise.
    OpenStats {
        /// Its id.
        id: String,
    },
    /// Follow a running container's processes, likewise.
    OpenProcesses {
        /// Its id.
        id: String,
    },
    /// Follow the logs of several containers in one: what is there by its time, then what comes.
    OpenLogs {
        /// Their ids.
        ids: Vec<String>,
        /// How many old lines of each.
        tail: u32,
    },
    /// Tell all files of a volume, as events.
    OpenVolume {
        /// Its name.
        name: String,
    },
    /// Change a container's limits and its restart policy, at once where it runs.
    Update {
        /// Its id.
        id: String,
        /// To what.
        limits: LimitsForm,
    },
    /// Start, stop or restart a Compose project.
    Project {
        /// One of these three.
        act: ContainerAct,
        /// Its name.
        name: String,
    },
    /// Remove what an engine has of a Compose project; a task.
    RemoveProject {
        /// Its name.
        name: String,
        /// Also its volumes, with their data.
        volumes: bool,
    },
    /// The files of a Compose project that lie on this computer.
    ProjectFiles {
        /// Its name.
        name: String,
    },
    /// What bringing a Compose project up would do.
    PlanProject {
        /// The project.
        form: ProjectForm,
    },
    /// Bring a Compose project up; a task with a log.
    UpProject {
        /// The project.
        form: ProjectForm,
    },
    /// The folders, and files of YAML, of this computer whose paths begin like that.
    Places {
        /// The beginning of a whole path.
        start: String,
    },
    /// A container or pod as Kubernetes YAML.
    GenerateKube {
        /// What, and how.
        form: KubeForm,
    },
    /// Write a text to a file.
    SaveText {
        /// Where to: a whole path at which nothing is.
        to: String,
        /// It.
        text: String,
    },
    /// What a text of Kubernetes YAML describes, and what is wrong with it.
    CheckKube {
        /// It.
        text: String,
    },
    /// Make and start what a text of Kubernetes YAML describes; a task.
    PlayKube {
        /// It.
        text: String,
        /// Remove pods of the same names first.
        replace: bool,
    },
    /// Remove what a text of Kubernetes YAML describes; a task.
    DownKube {
        /// It.
        text: String,
        /// Also the volumes, with their data.
        volumes: bool,
    },
    /// Write what helps to understand a problem to a file, without names of the user's objects.
    SaveReport {
        /// Where to: a whole path at which nothing is.
        to: String,
        /// What the screen adds.
        screen: String,
    },
    /// Follow a task's log, from its first line on.
    OpenTaskLog {
        /// Its number.
        id: u32,
    },
    /// Start a process with a terminal: what it shows comes as events until it ends or the subscription is closed, which
    /// ends it.
    OpenTerminal {
        /// What to start.
        options: TerminalOptions,
    },
    /// Type into a terminal.
    Type {
        /// Its number.
        subscription: u32,
        /// What.
        data: String,
    },
    /// Tell a terminal its size.
    Resize {
        /// Its number.
        subscription: u32,
        /// Width in characters.
        columns: u16,
        /// Height.
        rows: u16,
    },
    /// So many bytes of a terminal are on the screen: as many more may come.
    Shown {
        /// Its number.
        subscription: u32,
        /// How many.
        bytes: u32,
    },
    /// End a subscription. One that has ended already is no error.
    Close {
        /// Its number.
        subscription: u32,
    },
    /// Bring an image; a task.
    Pull {
        /// Its name.
        image: String,
    },
    /// Remove images, networks, volumes, pods or secrets; the first failure is answered when all were tried.
    Remove {
        /// `image`, `network`, `volume`, `pod` or `secret`.
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
    /// Do something to pods; the first failure is answered when all were tried.
    Pods {
        /// What; not a removal.
        act: ContainerAct,
        /// Their ids.
        ids: Vec<String>,
    },
    /// All about one network, volume, pod or secret.
    Describe {
        /// `network`, `volume`, `pod` or `secret`.
        kind: String,
        /// Its id.
        id: String,
    },
    /// All about one image.
    InspectImage {
        /// Its id.
        id: String,
    },
    /// Make a pod.
    CreatePod {
        /// Its name; empty lets the engine choose.
        name: String,
        /// As after `-p`.
        ports: Vec<String>,
    },
    /// Make a network.
    CreateNetwork {
        /// What it is to be.
        options: NetworkOptions,
    },
    /// Make a volume.
    CreateVolume {
        /// Its name; empty lets the engine choose.
        name: String,
    },
    /// Keep a secret.
    CreateSecret {
        /// Its name.
        name: String,
        /// What is to be kept.
        #[cfg_attr(test, ts(type = "string"))]
        data: Concealed,
        /// One of that name gets new data.
        replace: bool,
    },
    /// What is in a directory of a container.
    ListFiles {
        /// The container's id.
        id: String,
        /// The directory.
        path: String,
    },
    /// Bring a file of a container to this computer, or a directory as a tar; a task.
    Download {
        /// The container's id.
        id: String,
        /// What.
        path: String,
        /// Where to: a whole path at which nothing is.
        to: String,
    },
    /// Bring a file of this computer into a directory of a container, in place of one of its name; a task.
    Upload {
        /// The container's id.
        id: String,
        /// A whole path on this computer.
        from: String,
        /// The directory.
        to: String,
    },
    /// Give an image a further name.
    Tag {
        /// The image's id.
        id: String,
        /// The name.
        name: String,
    },
    /// Take a name from an image.
    Untag {
        /// The image's id.
        id: String,
        /// The name.
        name: String,
    },
    /// Bring an image to its registry; a task.
    Push {
        /// Its name.
        image: String,
    },
    /// Write images to an archive; a task.
    SaveImages {
        /// Their names.
        names: Vec<String>,
        /// What the archive is like.
        format: SaveFormat,
        /// Where to: a whole path at which nothing is.
        to: String,
    },
    /// Load the images of an archive; a task.
    LoadImages {
        /// The archive: a whole path.
        from: String,
    },
    /// Write a volume's contents to an archive; a task.
    ExportVolume {
        /// Its name.
        name: String,
        /// Where to: a whole path at which nothing is.
        to: String,
    },
    /// Add what is in an archive to a volume; a task.
    ImportVolume {
        /// Its name.
        name: String,
        /// The archive: a whole path.
        from: String,
    },
    /// Bring a file of a volume to this computer, or a directory as a tar; a task.
    DownloadOfVolume {
        /// The volume's name.
        name: String,
        /// What, from the volume's root on.
        path: String,
        /// Where to: a whole path at which nothing is.
        to: String,
    },
    /// Make a volume with a copy of another's files; a task.
    CopyVolume {
        /// The other's name.
        name: String,
        /// Its own; empty lets the engine choose.
        to: String,
    },
    /// Look for images in registries.
    Search {
        /// `[REGISTRY/]WORD`.
        term: String,
    },
    /// The tags of a repository.
    Tags {
        /// The repository, with its registry.
        repository: String,
    },
    /// Build an image; a task with a log.
    Build {
        /// What to build.
        form: BuildForm,
    },
    /// What is on the disk, and what of it nothing uses.
    Usage,
    /// Remove what nothing uses; what has come into use stays. A task.
    Prune {
        /// What of it.
        rows: Vec<UnusedRow>,
    },
    /// How registries are reached, and where the user has logged in.
    Registries,
    /// Log in to a registry, which is asked.
    Login {
        /// The registry.
        registry: String,
        /// The user's name there.
        username: String,
        /// The password or token.
        #[cfg_attr(test, ts(type = "string"))]
        password: Concealed,
    },
    /// Forget a login.
    Logout {
        /// The registry.
        registry: String,
    },
    /// Where an image's name leads, and who answers.
    Explain {
        /// The name.
        image: String,
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
    /// All about one image.
    Image {
        /// It.
        details: Box<ImageDetails>,
    },
    /// All about one network, volume, pod or secret.
    Description {
        /// It.
        description: Box<Description>,
    },
    /// What is in a directory.
    Files {
        /// Directories first.
        files: Vec<FileRow>,
    },
    /// Files of a project.
    Texts {
        /// In the order in which they are read.
        texts: Vec<TextFile>,
    },
    /// What would be done for a project.
    Planned {
        /// It.
        plan: Box<ProjectPlan>,
    },
    /// Paths of this computer.
    Places {
        /// Whole paths; those of folders end in a separator.
        places: Vec<String>,
    },
    /// A text.
    Text {
        /// It.
        text: String,
    },
    /// What a text describes.
    Checked {
        /// It.
        check: Box<KubeCheck>,
    },
    /// What registries have.
    Found {
        /// What fits, best first.
        found: Vec<FoundImage>,
    },
    /// What is on the disk.
    Usage {
        /// It.
        usage: Box<Usage>,
    },
    /// Registries.
    Registries {
        /// All about them.
        registries: Box<Registries>,
    },
    /// Where a name leads.
    Explanation {
        /// It.
        explanation: Box<Explanation>,
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
