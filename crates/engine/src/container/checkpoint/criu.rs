//! Whether checkpoints can be made here at all.

use std::process::Command;

use cove_api::{Error, ErrorKind, Result};
use cove_runtime::OciRuntime;
use cove_sys::process::{self, RunOptions};
use cove_sys::program::{CRIU, Version};

use crate::engine::Core;

/// The oldest version of CRIU that restores into a pod.
const INTO_PODS: Version = [3, 16, 0];

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Checkpoint,
    Restore,
}

/// Refuses what CRIU, the OCI runtime or the caller's rights do not allow, by name.
pub(super) fn check(core: &Core, work: Work, runtime: &OciRuntime, into_pod: bool) -> Result<()> {
    check_rights(core, work)?;
    let criu = CRIU.find(&core.helper_dirs(), core.options.path.as_deref()).map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "checkpoints need the program criu, which is not installed: install the package criu",
        )
    })?;
    let oldest = if into_pod { INTO_PODS } else { CRIU.oldest };
    if !criu.is_at_least(oldest) {
        let what = if into_pod { "restoring containers into pod: " } else { "" };
        let [first, second, third] = oldest;
        return Err(Error::unsupported(format!(
            "{what}checkpoint/restore requires at least CRIU {first}.{second}.{third}"
        )));
    }
    if !core.runtime()?.can_checkpoint(runtime) {
        return Err(Error::unsupported(format!(
            "configured runtime does not support checkpoint/restore: {} is built without CRIU, or knows no checkpoints",
            runtime.path.display()
        )));
    }
    Ok(())
}

/// CRIU wants rights that an ordinary user has not.
pub(super) fn check_rights(core: &Core, work: Work) -> Result<()> {
    if !core.options.rootless {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        match work {
            Work::Checkpoint => "checkpointing a container requires root",
            Work::Restore => "restoring a container requires root",
        },
    ))
}

/// Refuses to look for memory that has changed where the kernel does not tell.
pub(super) fn check_memory_tracking(core: &Core) -> Result<()> {
    let criu = CRIU.find(&core.helper_dirs(), core.options.path.as_deref());
    let tracks = criu.is_ok_and(|criu| {
        let mut command = Command::new(criu.path());
        command.args(["check", "--feature", "mem_dirty_track"]).current_dir("/");
        process::run(&mut command, &RunOptions::default()).is_ok_and(|output| output.status.success())
    });
    if tracks {
        return Ok(());
    }
    Err(Error::unsupported("system (architecture/kernel/CRIU) does not support memory tracking"))
}
