//! What a container of a pod leaves in the pod's things while it is there: its name in the shared /etc/hosts.

use std::io::ErrorKind;
use std::path::PathBuf;

use cove_api::{Error, Result};
use cove_sys::fs;

use crate::engine::Core;
use crate::state::{ContainerRow, NetworkMode};

/// Largest file of hosts that is changed, in bytes.
const MAX_HOSTS: u64 = 1 << 20;

/// Enters its name.
pub(super) fn enter(core: &Core, row: &ContainerRow) -> Result<()> {
    edit(core, row, |text, line| {
        if !text.lines().any(|known| known == line) {
            text.push_str(line);
            text.push('\n');
        }
    })
}

/// Takes its name out again.
pub(super) fn leave(core: &Core, row: &ContainerRow) -> Result<()> {
    edit(core, row, |text, line| {
        let kept = text.lines().filter(|known| *known != line);
        *text = kept.flat_map(|line| [line, "\n"]).collect();
    })
}

/// Changes the file in place: it is mounted into every container of the pod.
fn edit(core: &Core, row: &ContainerRow, change: impl FnOnce(&mut String, &str)) -> Result<()> {
    let Some((infra, path)) = shared_hosts(core, row) else { return Ok(()) };
    let _lock = core.lock_container(infra)?;
    let failed = |error: std::io::Error| Error::from(error).context(path.display());
    let before = match cove_sys::read::bounded_text(&path, MAX_HOSTS) {
        Ok(Some(text)) => text,
        // The other has gone, or leaves the image's file.
        Ok(None) => return Ok(()),
        // Every container of the pod can write to it: what they made of it is theirs, and keeps none of them from running.
        Err(error) if matches!(error.kind(), ErrorKind::FileTooLarge | ErrorKind::InvalidData) => {
            tracing::warn!("{} does not follow the containers of its pod any more: {error}", path.display());
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut text = before.clone();
    change(&mut text, &format!("127.0.0.1\t{}", row.name));
    if text == before { Ok(()) } else { fs::write(&path, text).map_err(failed) }
}

/// The container whose files it shares, and the file.
fn shared_hosts<'a>(core: &Core, row: &'a ContainerRow) -> Option<(&'a str, PathBuf)> {
    match &row.config.network {
        NetworkMode::Container(infra) if !row.config.pod.is_empty() => {
            Some((infra, core.container_run_dir(infra).join("hosts")))
        }
        _ => None,
    }
}
