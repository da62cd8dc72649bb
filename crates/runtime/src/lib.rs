//! OCI configuration from a container spec; driving the OCI runtime and the monitor; attach, exec and log streams.

pub mod apparmor;
pub mod attach;
mod attended;
pub mod cdi;
pub mod cgroup;
mod cgroup_parent;
mod checkpoint;
mod error;
mod features;
mod health;
pub mod hooks;
pub mod journal;
mod launch;
mod logs;
mod map_program;
pub mod oci;
mod pause;
pub mod rootless;
pub mod seccomp;
mod slice;
mod state;
mod stats;
pub mod subid;
mod supervision;
pub mod top;
pub mod user;
pub mod view;

pub use attach::{AttachReader, AttachStreams, AttachWriter, Attachment, Frame, check_health, resize};
pub use attended::{AttendedEnd, AttendedExec, PipedInput, PipedOutput};
pub use checkpoint::{Checkpoint, Restore};
pub use cove_monitor::process::ProcessRef;
pub use cove_monitor::protocol::{
    Check, ExitRecord, HealthEvents, HealthJournal, HealthPlan, HealthReport, LogConfig, NOTIFY_SOCKET,
    NotifyConfig, StartupCheck,
};
pub use error::{Error, Result};
pub use health::HealthOptions;
pub use journal::JournalReader;
pub use launch::{ExecOptions, LaunchOptions, OciRuntime, Runtime, RuntimeOptions, StreamOptions};
pub use logs::{LogLine, LogOptions, LogReader};
pub use pause::pause_program;
pub use slice::Slice;
pub use state::ProcessState;
pub use stats::{ContainerStats, InterfaceStats};
pub use supervision::{Launch, Started, Supervision};
pub use top::{ProcessTable, TopTable};
