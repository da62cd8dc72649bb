//! The engine's use-cases, one trait per resource. The engine implements them in process, the client over HTTP;
//! commands and routes see only these.
//!
//! A `name` is a container's name, id or unambiguous start of an id (images: also any reference).

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Artifact, ArtifactAddOptions, ArtifactExtractOptions, ArtifactRemoveOptions, AttachOptions, AttachStream,
    AutoUpdateOptions, AutoUpdateOutcome, BuildContext, BuildOptions, BuildReport, ByteStream, Change,
    ChangesOptions, CheckpointOptions, Checkpointed, CommitOptions, ContainerClone, ContainerCreateReport,
    ContainerInspect, ContainerRemoveReport, ContainerSpec, ContainerStats, ContainerSummary,
    ContainerUpdate, CopyFromOptions, CopyToOptions, Credentials, DiskUsage, Distribution, Event,
    EventOptions, ExecInspect, ExecSpec, ExecStartOptions, FileData, FileListOptions, FilePage,
    FileReadOptions, FileTree, FileWriteOptions, FollowOptions, ImageCopyOptions, ImageDocuments,
    ImageExplanation, ImageHistoryRow, ImageInspect, ImageListOptions, ImagePruneOptions, ImageRemoveOptions,
    ImageRemoveReport, ImageSummary, ImportOptions, Info, InspectHealth, KubeApplyOptions, KubeDownOptions,
    KubeGenerateOptions, KubePlayOptions, KubeReport, ListOptions, LoadReport, LogLine, LogOptions,
    ManifestCreateOptions, ManifestModifyOptions, ManifestModifyReport, ManifestRemoveOptions, MountedFiles,
    Network, NetworkCreateOptions, NetworkInspect, NetworkListOptions, NetworkPruneReport,
    NetworkUpdateOptions, PathArchive, PathStat, PerNetworkOptions, Ping, Pods, Progress, PruneOptions,
    PruneReport, PullOptions, PullReport, PushOptions, PushReport, Quadlets, RegistryAccess, RemoveOptions,
    RestoreArchives, RestoreOptions, RestoreReport, Result, SaveOptions, SearchOptions, SearchResult, Secret,
    SecretCreateOptions, SecretInspectOptions, SecretListOptions, StateLine, StatsOptions, StopOptions,
    SystemCheckOptions, SystemCheckReport, SystemPruneOptions, SystemPruneReport, SystemdUnitOptions,
    TerminalSize, TopReport, ValueStream, Version, Volume, VolumeCreateOptions, VolumeListOptions,
    VolumePruneOptions, VolumeRemoveOptions, WaitOptions, WorkingContainers, prune,
};

/// Everything an engine does.
pub trait Engine: Send + Sync {
    /// Artifacts.
    fn artifacts(&self) -> &dyn Artifacts;
    /// Containers.
    fn containers(&self) -> &dyn Containers;
    /// Exec sessions.
    fn execs(&self) -> &dyn Execs;
    /// The files of containers and images.
    fn files(&self) -> &dyn Files;
    /// Images.
    fn images(&self) -> &dyn Images;
    /// Kubernetes YAML.
    fn kube(&self) -> &dyn Kube;
    /// Lists of images.
    fn manifests(&self) -> &dyn Manifests;
    /// Networks.
    fn networks(&self) -> &dyn Networks;
    /// Unit files of Quadlet.
    fn quadlets(&self) -> &dyn Quadlets;
    /// Secrets.
    fn secrets(&self) -> &dyn Secrets;
    /// Pods.
    fn pods(&self) -> &dyn Pods;
    /// The engine itself.
    fn system(&self) -> &dyn System;
    /// Services of systemd.
    fn units(&self) -> &dyn Units;
    /// Volumes.
    fn volumes(&self) -> &dyn Volumes;
    /// Working containers.
    fn working(&self) -> &dyn WorkingContainers;
}

/// What does all of it is an engine.
impl<
    T: Artifacts
        + Containers
        + Execs
        + Files
        + Images
        + Kube
        + Manifests
        + Networks
        + Pods
        + Quadlets
        + Secrets
        + System
        + Units
        + Volumes
        + WorkingContainers,
> Engine for T
{
    fn artifacts(&self) -> &dyn Artifacts {
        self
    }
    fn containers(&self) -> &dyn Containers {
        self
    }
    fn execs(&self) -> &dyn Execs {
        self
    }
    fn files(&self) -> &dyn Files {
        self
    }
    fn images(&self) -> &dyn Images {
        self
    }
    fn kube(&self) -> &dyn Kube {
        self
    }
    fn manifests(&self) -> &dyn Manifests {
        self
    }
    fn networks(&self) -> &dyn Networks {
        self
    }
    fn quadlets(&self) -> &dyn Quadlets {
        self
    }
    fn secrets(&self) -> &dyn Secrets {
        self
    }
    fn pods(&self) -> &dyn Pods {
        self
    }
    fn system(&self) -> &dyn System {
        self
    }
    fn units(&self) -> &dyn Units {
        self
    }
    fn volumes(&self) -> &dyn Volumes {
        self
    }
    fn working(&self) -> &dyn WorkingContainers {
        self
    }
}

/// Containers and their life cycles.
#[async_trait]
pub trait Containers: Send + Sync {
    /// Makes a container; its image must be in the store.
    async fn create(&self, spec: ContainerSpec) -> Result<ContainerCreateReport>;
    /// Refuses what `create` would refuse whatever its image is like, and does nothing: for who does something else
    /// before, such as pulling the image.
    async fn check(&self, spec: ContainerSpec) -> Result<()>;
    /// Starts it. A running container is no error.
    async fn start(&self, name: &str) -> Result<()>;
    /// Stops it: its stop signal, then SIGKILL. A container that does not run is no error.
    async fn stop(&self, name: &str, options: StopOptions) -> Result<()>;
    /// Stops and starts it.
    async fn restart(&self, name: &str, options: StopOptions) -> Result<()>;
    /// Sends a signal; [`crate::ErrorKind::WrongState`] where it does not run.
    async fn kill(&self, name: &str, signal: i32) -> Result<()>;
    /// Freezes it.
    async fn pause(&self, name: &str) -> Result<()>;
    /// Thaws it.
    async fn unpause(&self, name: &str) -> Result<()>;
    /// Changes limits, environment and restart policy, at once where it runs, and answers its id.
    async fn update(&self, name: &str, update: ContainerUpdate) -> Result<String>;
    /// Makes a container like it. Only the engine in process does it.
    async fn clone_container(&self, name: &str, changes: ContainerClone) -> Result<ContainerCreateReport>;
    /// Gives it a new name.
    async fn rename(&self, name: &str, new_name: &str) -> Result<()>;
    /// Removes it and, by the options, what depends on it; a report for each container.
    async fn remove(&self, name: &str, options: RemoveOptions) -> Result<Vec<ContainerRemoveReport>>;
    /// Lists them, oldest first.
    async fn list(&self, options: ListOptions) -> Result<Vec<ContainerSummary>>;
    /// All about one; `size` also computes its disk use.
    async fn inspect(&self, name: &str, size: bool) -> Result<ContainerInspect>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Waits for its end (or the given conditions) and answers the exit code (-1 where the condition has none).
    async fn wait(&self, name: &str, options: WaitOptions) -> Result<i32>;
    /// Its log.
    async fn logs(&self, name: &str, options: LogOptions) -> Result<ValueStream<LogLine>>;
    /// Connects to it. One that is only created is prepared (state `initialized`), so that no output of the
    /// following [`Containers::start`] is lost.
    async fn attach(&self, name: &str, options: AttachOptions) -> Result<AttachStream>;
    /// Tells its terminal the size.
    async fn resize(&self, name: &str, size: TerminalSize) -> Result<()>;
    /// Its processes; `descriptors` are ps(1)-like column names, empty for the default ones.
    async fn top(&self, name: &str, descriptors: Vec<String>) -> Result<TopReport>;
    /// What containers use: a sample of all that are meant, and with `stream` one after another.
    async fn stats(&self, options: StatsOptions) -> Result<ValueStream<Vec<ContainerStats>>>;
    /// Writes its processes to the disk, and ends them unless the options say otherwise.
    async fn checkpoint(&self, name: &str, options: CheckpointOptions) -> Result<Checkpointed>;
    /// Has it go on from a checkpoint: its own, that in an image, or that in an archive, for which `name` is of no
    /// meaning.
    async fn restore(
        &self,
        name: &str,
        options: RestoreOptions,
        archives: RestoreArchives,
    ) -> Result<RestoreReport>;
    /// Prepares the start of one that does not run: mounts, network and a monitor that waits.
    async fn init(&self, name: &str) -> Result<()>;
    /// Removes those that do not run and match the filters.
    async fn prune(&self, options: PruneOptions) -> Result<Vec<PruneReport>> {
        prune::containers(self, options).await
    }
    /// Runs its health check now. The status of the answer is that of the check: `healthy`, `unhealthy`, `starting`
    /// during the start-up check, `stopped` where the container ended meanwhile.
    async fn healthcheck(&self, name: &str) -> Result<InspectHealth>;
    /// Clears up after its process has ended: network, mounts, restart policy, `--rm`. What its monitor calls;
    /// only the engine in process does it.
    async fn cleanup(&self, name: &str) -> Result<()>;
}

/// Exec sessions.
#[async_trait]
pub trait Execs: Send + Sync {
    /// Makes a session in a running container and answers its id.
    async fn create(&self, container: &str, spec: ExecSpec) -> Result<String>;
    /// Starts it, attached to the streams its spec names; `None` where detached.
    async fn start(&self, id: &str, options: ExecStartOptions) -> Result<Option<AttachStream>>;
    /// Its state.
    async fn inspect(&self, id: &str) -> Result<ExecInspect>;
    /// Waits for its end and answers the exit code.
    async fn wait(&self, id: &str) -> Result<i32>;
    /// Tells its terminal the size.
    async fn resize(&self, id: &str, size: TerminalSize) -> Result<()>;
    /// Forgets it; `force` kills it first.
    async fn remove(&self, id: &str, force: bool) -> Result<()>;
}

/// The files of containers, images and volumes.
#[async_trait]
pub trait Files: Send + Sync {
    /// What a container changed of its image, or an image of the layers below.
    async fn changes(&self, name: &str, options: ChangesOptions) -> Result<Vec<Change>>;
    /// The root file system of a container as a tar, without its volumes.
    async fn export(&self, name: &str) -> Result<ByteStream>;
    /// Makes an image of a container and answers its id.
    async fn commit(&self, name: &str, options: CommitOptions) -> Result<String>;
    /// What is at a path in a container.
    async fn path_stat(&self, name: &str, path: &str) -> Result<PathStat>;
    /// What is in a directory of a container, in no order. Running or not, its volumes and mounts are seen.
    async fn list_directory(&self, name: &str, path: &str) -> Result<Vec<PathStat>>;
    /// What is at a path in a container, as a tar. Running or not, its volumes and mounts are seen.
    async fn copy_from(&self, name: &str, options: CopyFromOptions) -> Result<PathArchive>;
    /// Unpacks a tar, plain or compressed, into a directory of a container.
    async fn copy_to(&self, name: &str, options: CopyToOptions, archive: ByteStream) -> Result<()>;
    /// A page of what is in a folder.
    async fn list_files(&self, tree: &FileTree, options: FileListOptions) -> Result<FilePage>;
    /// A file, or part of it.
    async fn read_file(&self, tree: &FileTree, options: FileReadOptions) -> Result<FileData>;
    /// Makes a file or gives it other contents: when all have come, and at once. A file that is mounted for itself
    /// cannot be replaced, and is written as they come. A new one is a container's user's, or who has the folder's.
    async fn write_file(&self, tree: &FileTree, options: FileWriteOptions, data: ByteStream) -> Result<()>;
    /// What is at a path, as a tar.
    async fn pack_files(&self, tree: &FileTree, path: &str) -> Result<PathArchive>;
    /// Mounts the root file system of a container on the engine's host, or counts one user more, and answers where.
    async fn mount(&self, name: &str) -> Result<String>;
    /// Counts one user of that mount less, or takes it away at once with `force`. One that is not mounted is no error.
    async fn unmount(&self, name: &str, force: bool) -> Result<()>;
    /// The containers that are mounted.
    async fn mounts(&self) -> Result<Vec<MountedFiles>>;
    /// Mounts an image read-only; only the engine in process does it.
    async fn mount_image(&self, name: &str) -> Result<MountedFiles>;
    /// Unmounts an image and answers its id; [`None`] where it was not mounted.
    async fn unmount_image(&self, name: &str, force: bool) -> Result<Option<String>>;
    /// The images that are mounted.
    async fn image_mounts(&self) -> Result<Vec<MountedFiles>>;
    /// The layers of an image, or what is built on it, as a text for people.
    async fn image_tree(&self, name: &str, what_requires: bool) -> Result<String>;
}

/// Images.
#[async_trait]
pub trait Images: Send + Sync {
    /// Brings an image from a registry or another transport (`docker-archive:`, `oci-archive:`, `oci:`, `dir:`).
    async fn pull(&self, name: &str, options: PullOptions) -> Result<ValueStream<Progress<PullReport>>>;
    /// Brings an image to a registry or to another transport (`docker-archive:`, `oci-archive:`, `oci:`, `dir:`).
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>>;
    /// Copies an image between the store (`containers-storage:`) and another place, or under another name in it.
    async fn copy(
        &self,
        source: &str,
        destination: &str,
        options: ImageCopyOptions,
    ) -> Result<ValueStream<Progress<PushReport>>>;
    /// The documents that one is made of; of a list those of its image for this machine.
    async fn documents(&self, name: &str) -> Result<ImageDocuments>;
    /// Lists them, newest first.
    async fn list(&self, options: ImageListOptions) -> Result<Vec<ImageSummary>>;
    /// All about one.
    async fn inspect(&self, name: &str) -> Result<ImageInspect>;
    /// Its history, newest step first.
    async fn history(&self, name: &str) -> Result<Vec<ImageHistoryRow>>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Removes images (or names of them), going on past errors.
    async fn remove(&self, names: Vec<String>, options: ImageRemoveOptions) -> Result<ImageRemoveReport>;
    /// Removes those that no container uses.
    async fn prune(&self, options: ImagePruneOptions) -> Result<Vec<PruneReport>> {
        prune::images(self, options).await
    }
    /// Removes what builds keep for the commands of later ones and what none uses; a part of [`Images::prune`].
    async fn prune_caches(&self) -> Result<Vec<PruneReport>> {
        Err(crate::Error::unsupported("what builds keep is removed together with images"))
    }
    /// Gives it a further name.
    async fn tag(&self, name: &str, new_name: &str) -> Result<()>;
    /// Takes names away; an empty list takes all.
    async fn untag(&self, name: &str, names: Vec<String>) -> Result<()>;
    /// Loads every image of an archive (docker-archive or oci-archive, plain or compressed).
    async fn load(&self, archive: ByteStream) -> Result<LoadReport>;
    /// Writes images to an archive.
    async fn save(&self, names: Vec<String>, options: SaveOptions) -> Result<ByteStream>;
    /// The files of an image, of all its layers together, as a tar.
    async fn root_files(&self, name: &str) -> Result<ByteStream>;
    /// Where a name leads and why; nothing is pulled.
    async fn explain(&self, name: &str, options: PullOptions) -> Result<ImageExplanation>;
    /// The references that a name can mean, in the order in which a pull tries them; no registry is asked.
    async fn resolve(&self, name: &str) -> Result<Vec<String>>;
    /// What a registry says about a name, without pulling it.
    async fn distribution(&self, name: &str, access: RegistryAccess) -> Result<Distribution>;
    /// Asks a registry whether it takes these credentials; nothing is stored.
    async fn check_login(&self, registry: &str, credentials: Credentials) -> Result<()>;
    /// What registries have that the term names: `[REGISTRY/]WORD`; without a registry all those of registries.conf.
    async fn search(&self, term: &str, options: SearchOptions) -> Result<Vec<SearchResult>>;
    /// Makes an image of one layer from a tar of a file system and answers its id.
    async fn import(&self, archive: ByteStream, options: ImportOptions) -> Result<String>;
    /// Builds one by a build file. Dropping the stream ends the build.
    async fn build(
        &self,
        context: BuildContext,
        options: BuildOptions,
    ) -> Result<ValueStream<Progress<BuildReport>>>;
}

/// Artifacts: files that are kept and moved as images are. A `name` is a whole name, or the unambiguous start of a digest.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Lists them.
    async fn list(&self) -> Result<Vec<Artifact>>;
    /// All about one.
    async fn inspect(&self, name: &str) -> Result<Artifact>;
    /// Adds a file, to a new one unless the options say otherwise, and answers the artifact's digest.
    async fn add(&self, options: ArtifactAddOptions, data: ByteStream) -> Result<String>;
    /// Brings one from the registry of its name and answers its digest.
    async fn pull(&self, name: &str, access: RegistryAccess) -> Result<String>;
    /// Brings one to the registry of its name and answers its digest.
    async fn push(&self, name: &str, access: RegistryAccess) -> Result<String>;
    /// Its files as a tar.
    async fn extract(&self, name: &str, options: ArtifactExtractOptions) -> Result<ByteStream>;
    /// Removes them, going on past errors, and answers their digests.
    async fn remove(&self, options: ArtifactRemoveOptions) -> Result<Vec<String>>;
}

/// Lists of images for several platforms. A `name` is a list's name or id.
#[async_trait]
pub trait Manifests: Send + Sync {
    /// Makes a list and answers its id.
    async fn create(&self, name: &str, options: ManifestCreateOptions) -> Result<String>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// What it says, in the store or else in a registry.
    async fn inspect(&self, name: &str, access: RegistryAccess) -> Result<serde_json::Value>;
    /// Adds to it, takes from it, or changes its entries.
    async fn modify(&self, name: &str, change: ManifestModifyOptions) -> Result<ManifestModifyReport>;
    /// Removes it, or the name where it has others.
    async fn remove(&self, name: &str, options: ManifestRemoveOptions) -> Result<ImageRemoveReport>;
    /// Brings it to a registry, with its images unless they are not wanted.
    async fn push(&self, name: &str, options: PushOptions) -> Result<ValueStream<Progress<PushReport>>>;
}

/// Kubernetes YAML.
#[async_trait]
pub trait Kube: Send + Sync {
    /// Applies what a text describes to a cluster.
    async fn apply(&self, text: Bytes, options: KubeApplyOptions) -> Result<()>;
    /// As [`Kube::play`], of a tar: `play.yaml`, and for images to be built a folder of the name of each.
    async fn play_archive(&self, archive: ByteStream, options: KubePlayOptions) -> Result<KubeReport>;
    /// Makes and starts what a text describes. Where it is wrong, nothing is made.
    async fn play(&self, text: Bytes, options: KubePlayOptions) -> Result<KubeReport>;
    /// Removes the pods and secrets that a text describes, and by the options its volumes. What is not there is no error.
    async fn down(&self, text: Bytes, options: KubeDownOptions) -> Result<KubeReport>;
    /// The text that describes containers (together one pod), pods and volumes.
    async fn generate(&self, names: Vec<String>, options: KubeGenerateOptions) -> Result<String>;
}

/// Volumes.
#[async_trait]
pub trait Volumes: Send + Sync {
    /// Makes one.
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume>;
    /// Lists them by name.
    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>>;
    /// All about one.
    async fn inspect(&self, name: &str) -> Result<Volume>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Removes it with its data.
    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()>;
    /// Removes those that no container uses and nobody named.
    async fn prune(&self, options: VolumePruneOptions) -> Result<Vec<PruneReport>> {
        prune::volumes(self, options, |_| std::future::ready(0)).await
    }
    /// Its contents as a tar archive.
    async fn export(&self, name: &str) -> Result<ByteStream>;
    /// Adds what is in a tar archive, which may be compressed.
    async fn import(&self, name: &str, archive: ByteStream) -> Result<()>;
    /// Mounts it and answers where.
    async fn mount(&self, name: &str) -> Result<String>;
    /// Takes one [`Volumes::mount`] back.
    async fn unmount(&self, name: &str) -> Result<()>;
}

/// Networks.
#[async_trait]
pub trait Networks: Send + Sync {
    /// Makes one from the fields that are set, and answers it whole.
    async fn create(&self, network: Network, options: NetworkCreateOptions) -> Result<Network>;
    /// Lists them by name.
    async fn list(&self, options: NetworkListOptions) -> Result<Vec<Network>>;
    /// All about one.
    async fn inspect(&self, name: &str) -> Result<NetworkInspect>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Removes it; `force` also removes the containers on it.
    async fn remove(&self, name: &str, force: bool) -> Result<()>;
    /// Removes those that no container uses, but for the default one.
    async fn prune(&self, options: PruneOptions) -> Result<Vec<NetworkPruneReport>> {
        prune::networks(self, options).await
    }
    /// Adds a container to it, also one that runs.
    async fn connect(&self, name: &str, container: &str, options: PerNetworkOptions) -> Result<()>;
    /// Takes a container out of it, also one that runs; `force` goes on where its connection is broken.
    async fn disconnect(&self, name: &str, container: &str, force: bool) -> Result<()>;
    /// Changes its name servers, also for containers that run.
    async fn update(&self, name: &str, options: NetworkUpdateOptions) -> Result<()>;
    /// Brings back what a container's networks need of the host: firewall rules, names, forwarded ports.
    async fn reload(&self, container: &str) -> Result<()>;
}

/// Secrets. A `name` is a name, an id or the unambiguous start of an id.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Keeps data under a name and answers the id.
    async fn create(&self, data: Bytes, options: SecretCreateOptions) -> Result<String>;
    /// Lists them by name.
    async fn list(&self, options: SecretListOptions) -> Result<Vec<Secret>>;
    /// All about one.
    async fn inspect(&self, name: &str, options: SecretInspectOptions) -> Result<Secret>;
    /// Whether it exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// Removes it with its data. Containers that have it as a file keep it.
    async fn remove(&self, name: &str) -> Result<()>;
}

/// Services of systemd that run what exists.
#[async_trait]
pub trait Units: Send + Sync {
    /// The texts of units for a container, or for a pod and its containers, by the units' names without `.service`.
    async fn systemd(&self, name: &str, options: SystemdUnitOptions) -> Result<BTreeMap<String, String>>;
    /// The request for a container or pod like that one, as the API takes it; with `rename` under a name that nobody
    /// has. Only the engine in process does it.
    async fn spec(&self, name: &str, rename: bool) -> Result<serde_json::Value>;
    /// Starts the units of containers again whose image has become another. Only the engine in process does it.
    async fn auto_update(
        &self,
        options: AutoUpdateOptions,
    ) -> Result<ValueStream<Progress<AutoUpdateOutcome>>>;
}

/// The engine itself.
#[async_trait]
pub trait System: Send + Sync {
    /// Whether it answers, and with which API.
    async fn ping(&self) -> Result<Ping>;
    /// Its version.
    async fn version(&self) -> Result<Version>;
    /// All about it and its host.
    async fn info(&self) -> Result<Info>;
    /// What its objects take on the disk.
    async fn disk_usage(&self) -> Result<DiskUsage>;
    /// Removes everything that nothing uses.
    async fn prune(&self, options: SystemPruneOptions) -> Result<SystemPruneReport>;
    /// Looks for damage in the store, and by the options repairs it.
    async fn check(&self, options: SystemCheckOptions) -> Result<SystemCheckReport>;
    /// Removes everything the engine has, and the engine's own files. Only the engine in process does it.
    async fn reset(&self) -> Result<()>;
    /// Stops every container, brings all records up to date, gives all containers another OCI runtime where one is
    /// named, and gives up the user's namespaces. Answers the ids of the stopped ones. Only the engine in process does it.
    async fn migrate(&self, runtime: Option<String>) -> Result<Vec<String>>;
    /// Makes the containers' locks anew. Only the engine in process does it.
    async fn renumber(&self) -> Result<()>;
    /// All there is of containers, images, pods, volumes and networks, and from then on what changes. Whoever is slow
    /// misses changes, but never how things are: all of it is told again.
    async fn follow(&self, options: FollowOptions) -> Result<ValueStream<StateLine>>;
    /// What happened and happens.
    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>>;
}
