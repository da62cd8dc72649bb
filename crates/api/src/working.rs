//! Working containers: images in the making that somebody changes step by step, as Buildah has them.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    ByteStream, CommitFormat, ContainerSpec, Error, ImageConfig, OutputChunk, RegistryAccess, Result,
    StringMap, ValueStream,
};

/// A working container in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image that it was made from; empty for none.
    pub image_id: String,
    /// That image's name.
    pub image_name: String,
    /// Somebody makes an image in it; else it is another program's container.
    pub is_builder: bool,
}

/// What a working container is made from.
#[derive(Debug, Clone, Default)]
pub struct WorkingOptions {
    /// Its name; empty takes one after the image.
    pub name: String,
    /// Format of the image that comes of it.
    pub format: CommitFormat,
    /// The image's id in the store; empty is none, for `scratch`.
    pub id: String,
    /// Operating system, architecture and variant that the image is for; empty parts are any.
    pub platform: [String; 3],
}

/// A command for a working container.
pub struct WorkingCommand {
    /// Its words.
    pub command: Vec<String>,
    /// How it is run: user, directory, variables, mounts, network, rights.
    pub spec: Box<ContainerSpec>,
    /// Its standard input.
    pub input: ByteStream,
    /// It is noted in the image's history.
    pub add_history: bool,
    /// Cancelled by who gives it up and waits for its end.
    pub given_up: CancellationToken,
}

impl WorkingCommand {
    /// One that nobody has given up.
    #[must_use]
    pub fn new(command: Vec<String>, spec: ContainerSpec, input: ByteStream) -> Self {
        let given_up = CancellationToken::new();
        Self { command, spec: Box::new(spec), input, add_history: false, given_up }
    }
}

/// What comes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkingOutput {
    /// What it writes.
    Chunk(OutputChunk),
    /// Its exit code, the last item.
    Exit(i32),
}

/// Files for a working container.
#[derive(Debug, Clone, Default)]
pub struct WorkingCopy {
    /// What is copied: paths in `directory`, or in what `from` names.
    pub sources: Vec<String>,
    /// The folder of the engine's host that sources are in; no link leads out of it.
    pub directory: PathBuf,
    /// Where to; empty is the working directory.
    pub destination: String,
    /// The image or working container that the sources are in.
    pub from: String,
    /// Whose the files become, `USER[:GROUP]`.
    pub chown: Option<String>,
    /// The mode of the files.
    pub chmod: Option<String>,
    /// What is left out.
    pub exclude: Vec<String>,
    /// Archives are unpacked.
    pub unpack: bool,
    /// It is noted in the image's history.
    pub add_history: bool,
}

/// What is changed of the image in the making. What is [`None`] or empty stays.
#[derive(Debug, Clone, Default)]
pub struct WorkingChange {
    /// Who makes it.
    pub author: Option<String>,
    /// Architecture.
    pub arch: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Variant of the architecture.
    pub variant: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// What the operating system must have; one with a trailing `-` is taken away.
    pub os_features: Vec<String>,
    /// How it was made, for the history.
    pub created_by: Option<String>,
    /// A word on it, for the history.
    pub history_comment: Option<String>,
    /// Annotations; one with a trailing `-` is taken away, `-` takes all.
    pub annotations: Vec<String>,
    /// Labels, likewise.
    pub labels: Vec<String>,
    /// Variables, likewise.
    pub env: Vec<String>,
    /// Ports, likewise.
    pub ports: Vec<String>,
    /// Volumes, likewise.
    pub volumes: Vec<String>,
    /// Triggers; one empty text takes all away.
    pub on_build: Vec<String>,
    /// What takes the place of what there is where it is set: command, entry point, user and the like.
    pub replace: WorkingReplacement,
    /// It is noted in the image's history.
    pub add_history: bool,
}

/// Parts of the configuration that are replaced.
#[derive(Debug, Clone, Default)]
pub struct WorkingReplacement {
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// The entry point.
    pub entrypoint: Option<Vec<String>>,
    /// The user.
    pub user: Option<String>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The signal that ends it.
    pub stop_signal: Option<String>,
    /// The shell.
    pub shell: Option<Vec<String>>,
    /// The health check in the form of the image's configuration.
    pub healthcheck: Option<serde_json::Value>,
}

/// An image that is made of a working container.
#[derive(Debug, Clone, Default)]
pub struct WorkingCommit {
    /// Its name; empty for none.
    pub name: String,
    /// Its format; without one that which the container began with.
    pub format: Option<CommitFormat>,
    /// The whole image becomes one layer.
    pub squash: bool,
    /// The container is removed after that.
    pub remove: bool,
    /// Seconds since 1970 that everything is from.
    pub timestamp: Option<i64>,
    /// Nothing of how it was made is kept.
    pub omit_history: bool,
    /// Variables that the image does not keep.
    pub unset_env: Vec<String>,
    /// Annotations that are added.
    pub annotations: StringMap,
    /// Instructions that change the configuration.
    pub changes: Vec<String>,
    /// The list that the image is added to; empty is none.
    pub manifest: String,
    /// How registries are reached, where the name is of another transport.
    pub access: RegistryAccess,
}

/// What a working container is: what there is for `inspect` in Buildah's JSON.
#[derive(Debug, Clone, Default)]
pub struct WorkingInspect {
    /// Id, name and image.
    pub container: WorkingContainer,
    /// Where it is mounted.
    pub mount_point: Option<PathBuf>,
    /// The configuration of the image in the making.
    pub config: ImageConfig,
    /// All of it.
    pub document: serde_json::Value,
}

/// Working containers. A `name` is a name, an id or the unambiguous start of an id.
///
/// There is no way to reach them over a service: what an engine elsewhere has is refused.
#[async_trait]
pub trait WorkingContainers: Send + Sync {
    /// Makes one from an image of the store, which is called `image` for people.
    async fn begin(&self, _image: &str, _options: WorkingOptions) -> Result<WorkingContainer> {
        Err(elsewhere())
    }
    /// Lists them; with `all` the containers of other programs as well.
    async fn list(&self, _all: bool) -> Result<Vec<WorkingContainer>> {
        Err(elsewhere())
    }
    /// All about one.
    async fn inspect(&self, _name: &str) -> Result<WorkingInspect> {
        Err(elsewhere())
    }
    /// Runs a command in one; the stream ends with its exit code.
    async fn run(&self, _name: &str, _command: WorkingCommand) -> Result<ValueStream<WorkingOutput>> {
        Err(elsewhere())
    }
    /// Copies files into one and answers a digest of them.
    async fn copy(&self, _name: &str, _files: WorkingCopy) -> Result<String> {
        Err(elsewhere())
    }
    /// Changes the configuration of the image in the making.
    async fn configure(&self, _name: &str, _change: WorkingChange) -> Result<()> {
        Err(elsewhere())
    }
    /// Makes an image of one and answers its id.
    async fn commit(&self, _name: &str, _options: WorkingCommit) -> Result<String> {
        Err(elsewhere())
    }
    /// Removes one and answers its id.
    async fn remove(&self, _name: &str) -> Result<String> {
        Err(elsewhere())
    }
    /// Gives one another name.
    async fn rename(&self, _name: &str, _new: &str) -> Result<()> {
        Err(elsewhere())
    }
    /// Mounts one and answers where.
    async fn mount(&self, _name: &str) -> Result<PathBuf> {
        Err(elsewhere())
    }
    /// Takes the mount of one away and answers its id; it is no error where there is none.
    async fn unmount(&self, _name: &str) -> Result<String> {
        Err(elsewhere())
    }
}

impl<T: crate::endpoint::Transport + 'static> WorkingContainers for crate::endpoint::Remote<T> {}

fn elsewhere() -> Error {
    Error::unsupported(
        "working containers are not supported over a service: they are made where the engine is",
    )
}

impl std::fmt::Debug for WorkingCommand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WorkingCommand").field("command", &self.command).finish_non_exhaustive()
    }
}
