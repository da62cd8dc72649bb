//! The engine's lasting state: one SQLite database.

mod containers;
mod database;
mod execs;
mod networks;
mod pods;
mod record;
mod volumes;

pub(crate) use containers::{ContainerRow, Lookup};
pub use database::StateError;
pub(crate) use database::{Database, make_private};
pub(crate) use pods::{ExitPolicy, POD_VERSION, PodConfig, PodEntry, PodRow, Share};
pub(crate) use record::{
    CheckpointStatus, ContainerConfig, ContainerMount, ContainerSecret, ContainerStatus, ContainerVolume,
    Dns, ExecRecord, Files, First, Health, HostAddress, HostsBase, HostsFile, IdRange, ImageFacts,
    ImpliedEnv, IpcMode, Log, LogDriver, MountKind, NamespaceMode, Namespaces, NetworkMode, Notify, PidFiles,
    RECORD_VERSION, RestartPolicy, UserNamespace,
};
