//! What the screen shows: small rows made for it. The web view's types are generated from these.

mod container;
mod engine;
mod image;
mod machine;
mod task;

pub use container::{
    ContainerDetails, ContainerRow, Group, GroupKind, KeyValue, MountRow, NetworkRow, PortRow,
};
pub use engine::{Connection, ConnectionKind, Health, LinkState, Snapshot};
pub use image::ImageRow;
pub use machine::MachineRow;
pub use task::{StepState, TaskRow, TaskState, TaskStep};
