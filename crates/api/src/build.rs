//! Building images: what is asked for, from what, and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    ByteStream, CommitFormat, ContainerSpec, Error, KeyFile, Namespace, PullPolicy, RegistryAccess, Sbom,
    SbomOptions, StringMap,
};

/// What an image is built of.
pub struct BuildContext {
    /// The folder, where the engine is on the same machine; it is read in place of the archive then.
    pub directory: Option<PathBuf>,
    /// What is in it, as a tar. Nothing is packed before it is read.
    pub archive: ByteStream,
    /// The build files that are read already, in their order. Without any, [`BuildOptions::files`] are read from the
    /// context.
    pub files: Vec<BuildText>,
    /// The rules of what is ignored, in place of the context's own.
    pub ignore: Option<BuildText>,
    /// Where the context is fetched instead: a tar or a build file of the web, or a repository of git with
    /// `#REFERENCE:FOLDER`; empty for a context that is given.
    pub remote: String,
    /// Further contexts, by the names that the build file has for them.
    pub others: Vec<(String, OtherContext)>,
    /// Secrets by their ids.
    pub secrets: Vec<BuildSecret>,
    /// Secrets by their ids that are files of the archive, which are no part of the context.
    pub packed_secrets: Vec<(String, String)>,
    /// Sockets of ssh agents of this machine, by their ids.
    pub agents: Vec<(String, PathBuf)>,
    /// What commands have as their standard input, one after another; only the engine in process gives it to them.
    pub stdin: Option<ByteStream>,
    /// Told of every step, where somebody shows steps in place of lines; only the engine in process does it.
    pub watch: Option<BuildWatch>,
    /// Cancelled by who gives the build up and waits for its end, by which nothing of it is left. Dropping the stream gives
    /// it up as well, and does not wait.
    pub given_up: CancellationToken,
}

impl BuildContext {
    /// How names begin of what a client puts into the archive although it is no part of the context.
    pub const BESIDE: &'static str = ".cove-build-";
    /// How names of build files begin there; a number follows.
    pub const FILE: &'static str = ".cove-build-file-";
    /// The file with the rules that hold in place of the context's own.
    pub const RULES: &'static str = ".cove-build-rules";

    /// The folder of the archive that has a further context, by its place among them.
    #[must_use]
    pub fn packed_context(place: usize) -> String {
        format!("{}context-{place}", Self::BESIDE)
    }

    /// The file of the archive that has a secret, by its place among them.
    #[must_use]
    pub fn packed_secret(place: usize) -> String {
        format!("{}secret-{place}", Self::BESIDE)
    }

    /// A tar with everything in it.
    #[must_use]
    pub fn of_archive(archive: ByteStream) -> Self {
        Self {
            directory: None,
            archive,
            files: Vec::new(),
            ignore: None,
            remote: String::new(),
            others: Vec::new(),
            secrets: Vec::new(),
            packed_secrets: Vec::new(),
            agents: Vec::new(),
            stdin: None,
            watch: None,
            given_up: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for BuildContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BuildContext").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A further context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherContext {
    /// A folder of the engine's machine.
    Folder(PathBuf),
    /// A folder of the archive.
    Packed(String),
    /// A tar of the web, or a repository of git.
    Url(String),
    /// An image.
    Image(String),
}

/// Who is told of the steps of a build, by their numbers. It is called in the midst of the work, and must not wait.
pub type BuildWatch = Arc<dyn Fn(u64, BuildStep) + Send + Sync>;

/// What a step of a build comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStep {
    /// It has begun; this is its place and what it does, such as `[2/3] RUN make`.
    Begun(String),
    /// It has written this.
    Output(String),
    /// It was done before.
    Cached,
    /// It is done.
    Done,
    /// It went wrong.
    Failed(String),
}

/// A text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildText {
    /// The file, for messages.
    pub name: String,
    /// What is in it.
    pub text: Vec<u8>,
}

/// A secret of a build.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildSecret {
    /// By which the build file asks for it.
    pub id: String,
    /// What it is.
    pub data: Vec<u8>,
}

impl BuildSecret {
    /// Largest secret, in bytes.
    pub const MAX: u64 = 1 << 20;
}

impl std::fmt::Debug for BuildSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BuildSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Options of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildOptions {
    /// Paths of the build files in the context; empty is `Containerfile` or `Dockerfile`.
    pub files: Vec<String>,
    /// Names of the image.
    pub tags: Vec<String>,
    /// What the first stage begins with in place of what the build file says; empty is that.
    pub from: String,
    /// The stage that becomes the image; empty is the last.
    pub target: String,
    /// Values for `ARG`.
    pub build_args: StringMap,
    /// Labels that are added.
    pub labels: Vec<(String, String)>,
    /// Variables that are added to the image of every stage.
    pub env: Vec<(String, String)>,
    /// Variables that are taken away from the image.
    pub unset_env: Vec<String>,
    /// Labels of the base that are taken away.
    pub unset_labels: Vec<String>,
    /// Annotations of the manifest.
    pub annotations: StringMap,
    /// Annotations of the base that are taken away.
    pub unset_annotations: Vec<String>,
    /// The base's annotations are kept.
    pub inherit_annotations: bool,
    /// The base's labels are kept.
    pub inherit_labels: bool,
    /// The manifest is annotated with the time of the image.
    pub created_annotation: bool,
    /// Labels of images that are made on the way to the one that is asked for.
    pub layer_labels: Vec<(String, String)>,
    /// Images of stages are labelled with the name and the base of their stage.
    pub stage_labels: bool,
    /// What every command has mounted, written as after `RUN --mount`.
    pub mounts: Vec<String>,
    /// What commands change at the places of volumes is thrown away.
    pub compat_volumes: bool,
    /// Rules for where images and files may come from, as BuildKit's source policies write them; empty is none.
    pub source_policy: String,
    /// The format of manifest and configuration.
    pub format: CommitFormat,
    /// When images are looked for in registries.
    pub pull: PullPolicy,
    /// Nothing of earlier builds is used.
    pub no_cache: bool,
    /// Repositories of registries with images of steps, which are used as those of earlier builds are.
    pub cache_from: Vec<String>,
    /// Repositories that the images of all steps are brought to.
    pub cache_to: Vec<String>,
    /// How old an image of an earlier build may be that is used; without it of any age.
    pub cache_ttl: Option<Duration>,
    /// Every step is an image of its own, which later builds use.
    pub layers: bool,
    /// The whole image is one layer.
    pub squash: bool,
    /// Nothing is told but the id.
    pub quiet: bool,
    /// Seconds since 1970 that everything is from.
    pub timestamp: Option<i64>,
    /// Seconds since 1970 that the image says it was made, without a word on what is in it.
    pub source_date_epoch: Option<i64>,
    /// What is new in the image is from then at the latest.
    pub rewrite_timestamp: bool,
    /// Nothing of how it was made is kept in the image.
    pub omit_history: bool,
    /// Stages that the target does not need are built as well.
    pub all_stages: bool,
    /// Most stages that are built at a time, 0 for all; without it as many as the engine's host has processors.
    pub jobs: Option<u32>,
    /// What it is built for, each `OS/ARCH[/VARIANT]`; empty is this machine's. What comes of several is a list.
    pub platforms: Vec<String>,
    /// It is built for every platform that the base images have.
    pub all_platforms: bool,
    /// The list that images are added to; empty is none.
    pub manifest: String,
    /// Version of the operating system that the image says; empty is the base's.
    pub os_version: String,
    /// What the image says that the operating system must have; one with a trailing `-` is taken away.
    pub os_features: Vec<String>,
    /// A bill of materials of the image; only the engine in process makes it.
    pub sbom: Option<SbomOptions>,
    /// Keys for bases with encrypted layers; only the engine in process uses them.
    pub decryption_keys: Vec<KeyFile>,
    /// How commands are run: limits, rights, networks, mounts.
    pub run: Box<ContainerSpec>,
    /// How registries are reached.
    pub access: RegistryAccess,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            tags: Vec::new(),
            from: String::new(),
            target: String::new(),
            build_args: StringMap::new(),
            labels: Vec::new(),
            env: Vec::new(),
            unset_env: Vec::new(),
            unset_labels: Vec::new(),
            annotations: StringMap::new(),
            unset_annotations: Vec::new(),
            inherit_annotations: true,
            inherit_labels: true,
            created_annotation: true,
            layer_labels: Vec::new(),
            stage_labels: false,
            mounts: Vec::new(),
            compat_volumes: false,
            source_policy: String::new(),
            format: CommitFormat::Oci,
            pull: PullPolicy::Missing,
            no_cache: false,
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            cache_ttl: None,
            layers: true,
            squash: false,
            quiet: false,
            timestamp: None,
            source_date_epoch: None,
            rewrite_timestamp: false,
            omit_history: false,
            all_stages: false,
            jobs: None,
            platforms: Vec::new(),
            all_platforms: false,
            manifest: String::new(),
            os_version: String::new(),
            os_features: Vec::new(),
            sbom: None,
            decryption_keys: Vec::new(),
            run: Box::default(),
            access: RegistryAccess::default(),
        }
    }
}

/// How commands of a build are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildIsolation {
    /// As containers are.
    Oci,
    /// They share processes, IPC, network and names with the engine's host, and have no control group of their own.
    Chroot,
}

impl BuildIsolation {
    /// Reads a name, or the number that Podman's clients write for one.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "" | "0" | "default" | "1" | "oci" | "3" | "rootless" => Ok(Self::Oci),
            "2" | "chroot" => Ok(Self::Chroot),
            other => Err(Error::invalid(format!("unrecognized isolation type {other:?}"))),
        }
    }

    /// Confines commands so, but for what is said of them already.
    pub fn apply(self, spec: &mut ContainerSpec) {
        if self == Self::Oci {
            return;
        }
        let has_network = !spec.networks.is_empty();
        for (place, given) in [
            (&mut spec.netns, has_network),
            (&mut spec.pidns, false),
            (&mut spec.ipcns, false),
            (&mut spec.utsns, false),
            (&mut spec.cgroupns, false),
        ] {
            if place.is_default() && !given {
                *place = Namespace::new("host");
            }
        }
        if spec.cgroups_mode.is_empty() {
            spec.cgroups_mode = "disabled".into();
        }
    }
}

/// What a build ends with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildReport {
    /// The image's id; empty where a command failed.
    pub id: String,
    /// The command that failed.
    pub failed: Option<FailedStep>,
    /// The bill of materials, where one was asked for.
    pub sbom: Option<Sbom>,
}

/// A command of a build that ended with another code than 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStep {
    /// Its exit code.
    pub code: i32,
    /// What is to be told.
    pub message: String,
}
