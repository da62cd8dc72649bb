//! What the screen shows: small rows made for it. The web view's types are generated from these.

mod container;
mod description;
mod engine;
mod file;
mod happening;
mod image;
mod kube;
mod machine;
mod network;
mod pod;
mod process;
mod project;
mod registry;
mod secret;
mod stats;
mod task;
mod usage;
mod volume;

pub use container::{
    ContainerDetails, ContainerRow, Group, GroupKind, JoinedNetwork, KeyValue, Membership, MountRow, PortRow,
};
pub use description::{Description, ObjectName};
pub use engine::{Connection, ConnectionKind, Health, LinkState, Snapshot};
pub use file::FileRow;
pub use happening::HappeningRow;
pub use image::{FoundImage, HistoryRow, ImageDetails, ImageRow};
pub use kube::{KubeCheck, KubeFault, TextFile};
pub use machine::MachineRow;
pub use network::NetworkRow;
pub use pod::{PodMember, PodRow};
pub use process::ProcessRow;
pub use project::{
    ChangeKind, ImageComes, PartState, PlannedChange, PlannedContainer, PlannedPart, PlannedService,
    ProfileRow, ProjectFault, ProjectPlan, VariableRow,
};
pub use registry::{Attempt, Explanation, LoginRow, Registries, RegistryRow};
pub use secret::SecretRow;
pub use stats::StatsSample;
pub use task::{Freed, StepState, TaskRow, TaskState, TaskStep};
pub use usage::{ImageShare, UnusedRow, Usage, UsageRow, VolumeSize};
pub use volume::VolumeRow;
