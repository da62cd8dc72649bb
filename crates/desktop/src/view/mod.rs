//! What the screen shows: small rows made for it. The web view's types are generated from these.

mod container;
mod engine;
mod image;
mod machine;
mod network;
mod task;
mod volume;

pub use container::{
    ContainerDetails, ContainerRow, Group, GroupKind, JoinedNetwork, KeyValue, MountRow, PortRow,
};
pub use engine::{Connection, ConnectionKind, Health, LinkState, Snapshot};
pub use image::ImageRow;
pub use machine::MachineRow;
pub use network::NetworkRow;
pub use task::{StepState, TaskRow, TaskState, TaskStep};
pub use volume::VolumeRow;
