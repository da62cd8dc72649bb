//! Taking away a folder that has been the place of a store.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// Removes the folder and all in it, with what the super-user's engine has mounted there.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    if shell::is_root() {
        unmount_below(folder)?;
    }
    std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
}

fn unmount_below(folder: &Path) -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    let below: Vec<&Path> = places.filter(|place| place.starts_with(folder)).collect();
    // The last one may lie in the one before it.
    for place in below.into_iter().rev() {
        shell::output(Command::new("umount").arg("-l").arg(place))?;
    }
    Ok(())
}
