//! OCI configuration from a container spec; driving the OCI runtime and the monitor; attach, exec and log streams.

pub mod attach;
pub mod cgroup;
mod cgroup_parent;
mod error;
pub mod journal;
mod launch;
mod logs;
mod map_program;
pub mod oci;
mod pause;
pub mod rootless;
pub mod seccomp;
mod state;
mod stats;
pub mod subid;
pub mod top;
pub mod user;
pub mod view;

pub use attach::{AttachReader, AttachStreams, AttachWriter, Attachment, Frame, check_health, resize};
pub use cove_monitor::process::ProcessRef;
pub use cove_monitor::protocol::{
    Check, ExitRecord, HealthEvents, HealthPlan, HealthReport, LogConfig, StartupCheck,
};
pub use error::{Error, Result};
pub use journal::JournalReader;
pub use launch::{
    ExecOptions, HealthOptions, Launch, LaunchOptions, OciRuntime, Runtime, RuntimeOptions, Started,
    StreamOptions, Supervision,
};
pub use logs::{LogLine, LogOptions, LogReader};
pub use pause::pause_program;
pub use state::ProcessState;
pub use stats::{ContainerStats, InterfaceStats};
pub use top::{ProcessTable, TopTable};
