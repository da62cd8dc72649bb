//! What mounts.conf gives every container: copies of the host's files, made anew with each run, in the folder that is
//! in memory and goes with it.

use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cove_api::{Error, Mount, Result};
use cove_config::mounts_conf;
use cove_sys::fs;

use super::plan::Plan;
use super::{rootfs, secrets};
use crate::parts::Parts;

/// Largest sum of the files' sizes, in bytes; they are held in memory.
const SIZE_LIMIT: u64 = 16 << 20;
/// Most files and folders.
const COUNT_LIMIT: usize = 10_000;
/// Folders in folders; links may lead in a circle.
const DEPTH_LIMIT: usize = 32;

/// A copy and where it belongs.
pub(super) struct Copied {
    /// The copy.
    pub(super) path: PathBuf,
    /// Where the container sees it.
    pub(super) mount: Mount,
}

/// Makes the copies. What the user mounts at the same place wins, and what is not on this host is passed over.
///
/// # Errors
/// mounts.conf is wrong, or something cannot be copied or is too large.
pub(super) fn write(parts: &Parts, plan: &Plan<'_>) -> Result<Vec<Copied>> {
    let options = &parts.options;
    if plan.config.pause {
        return Ok(Vec::new());
    }
    let wanted = mounts_conf::load(&options.directories, options.default_mounts_file.as_deref())?;
    let folder = plan.folder.join("subscriptions");
    let mut copies = Vec::new();
    let mut copier = Copier { owner: plan.config.userns.to_host(0, 0)?, size: 0, count: 0 };
    for wanted in wanted {
        if plan.is_mounted(&wanted.destination) {
            continue;
        }
        if !wanted.source.exists() {
            tracing::warn!(
                "mounts.conf: {} does not exist, so no container gets it",
                wanted.source.display()
            );
            continue;
        }
        crate::state::make_private(&folder)?;
        let path = folder.join(copies.len().to_string());
        copier
            .copy(&wanted.source, &path, 0)
            .map_err(|error| error.context(format!("mounts.conf: {}", wanted.source.display())))?;
        if path.exists() {
            let mount = secrets::bind(&path, &wanted.destination);
            copies.push(Copied { path, mount });
        }
    }
    Ok(copies)
}

struct Copier {
    owner: (u32, u32),
    size: u64,
    count: usize,
}

impl Copier {
    fn copy(&mut self, from: &Path, to: &Path, depth: usize) -> Result<()> {
        let about = fs::metadata(from)?;
        self.count += 1;
        if self.count > COUNT_LIMIT || depth > DEPTH_LIMIT {
            return Err(Error::invalid(format!(
                "more than {COUNT_LIMIT} files, or folders more than {DEPTH_LIMIT} deep"
            )));
        }
        if about.is_dir() {
            fs::create_dir(to)?;
            for entry in fs::read_dir(from)? {
                let entry = entry?;
                // A link that leads nowhere is none of a container's business.
                if entry.path().exists() {
                    self.copy(&entry.path(), &to.join(entry.file_name()), depth + 1)?;
                }
            }
        } else if about.is_file() {
            self.size += about.len();
            if self.size > SIZE_LIMIT {
                return Err(Error::invalid(format!("more than {} MiB", SIZE_LIMIT >> 20)));
            }
            fs::copy(from, to)?;
        } else {
            // A device or a pipe has no content to copy.
            return Ok(());
        }
        let made = fs::File::open(to)?;
        let (uid, gid) = self.owner;
        rustix::fs::fchown(made.as_fd(), rootfs::owner(uid), rootfs::group(gid))
            .map_err(std::io::Error::from)?;
        let mode = rustix::fs::Mode::from_raw_mode(about.permissions().mode() & 0o777);
        rustix::fs::fchmod(made.as_fd(), mode).map_err(std::io::Error::from)?;
        Ok(())
    }
}
