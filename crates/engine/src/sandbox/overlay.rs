//! Directories below a layer that is thrown away with the run: `-v DIR:DIR:O`, writable images, `--rootfs DIR:O`.

use std::ffi::CString;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cove_api::{Error, Result};
use cove_sys::fs;
use rustix::mount::{MountFlags, UnmountFlags};

use super::plan::Plan;
use crate::engine::remove_directory;
use crate::parts::Parts;
use crate::state::{IdRange, make_private};

/// Where they are mounted in a folder.
fn directory(folder: &Path) -> PathBuf {
    folder.join("overlay")
}

/// Removes what an earlier run has left on the disk.
pub(super) fn begin(plan: &Plan<'_>) -> Result<()> {
    remove_directory(&plan.scratch)
}

/// Mounts `lower` below a layer and answers where. The layer is an empty one that goes with the run, unless the options
/// name directories of the user's (`upperdir=`, `workdir=`).
pub(super) fn mount(
    parts: &Parts,
    plan: &Plan<'_>,
    name: &str,
    lower: &Path,
    options: &[String],
) -> Result<PathBuf> {
    let given = |key: &str| options.iter().find_map(|option| option.strip_prefix(key)).map(PathBuf::from);
    let (upper, work) = match (given("upperdir="), given("workdir=")) {
        (Some(upper), Some(work)) => (upper, work),
        (None, None) => layer(&plan.scratch.join(name), lower)?,
        _ => return Err(Error::invalid("must set both `upperdir` and `workdir`")),
    };
    let mut data = format!("lowerdir={},upperdir={},workdir={}", text(lower)?, text(&upper)?, text(&work)?);
    if parts.options.rootless {
        data.push_str(",userxattr");
    }
    make_private(&directory(&plan.folder))?;
    let target = directory(&plan.folder).join(name);
    make_private(&target)?;
    let failed = |error: std::io::Error| {
        Error::from(error).context(format!("mounting {} below a layer of its own", lower.display()))
    };
    let data = CString::new(data).map_err(|error| failed(error.into()))?;
    rustix::mount::mount("overlay", &target, "overlay", MountFlags::empty(), Some(data.as_c_str()))
        .map_err(|errno| failed(errno.into()))?;
    Ok(target)
}

/// Mounts the root file system at `real` so that its owners seem to be those of the container, and answers where.
pub(super) fn mapped_root(
    plan: &Plan<'_>,
    real: &Path,
    users: &[IdRange],
    groups: &[IdRange],
) -> Result<PathBuf> {
    let target = directory(&plan.folder).join("root");
    make_private(&directory(&plan.folder))?;
    make_private(&target)?;
    let stored = |ranges: &[IdRange]| ranges.iter().map(|range| range.stored()).collect::<Vec<_>>();
    cove_storage::mount_mapped(real, &target, &stored(users), &stored(groups), false).map_err(|error| {
        Error::from(error).context(format!("failed to create idmapped mount of {}", real.display()))
    })?;
    Ok(target)
}

/// Binds the root file system at `real` into the folder, to which the container's root can get, and answers where.
pub(super) fn bound_root(plan: &Plan<'_>, real: &Path) -> Result<PathBuf> {
    let target = directory(&plan.folder).join("root");
    make_private(&directory(&plan.folder))?;
    make_private(&target)?;
    rustix::mount::mount_bind(real, &target).map_err(|errno| {
        Error::from(std::io::Error::from(errno)).context(format!("binding {}", real.display()))
    })?;
    Ok(target)
}

/// An empty layer whose root is like that of what is below it.
fn layer(folder: &Path, lower: &Path) -> Result<(PathBuf, PathBuf)> {
    let (upper, work) = (folder.join("upper"), folder.join("work"));
    fs::create_dir_all(&upper)?;
    fs::create_dir_all(&work)?;
    let below = fs::metadata(lower)?;
    if !below.is_dir() {
        return Err(Error::invalid(format!(
            "{} is not a directory, which the option O needs",
            lower.display()
        )));
    }
    std::os::unix::fs::chown(&upper, Some(below.uid()), Some(below.gid()))?;
    fs::set_permissions(&upper, std::fs::Permissions::from_mode(below.mode() & 0o7777))?;
    Ok((upper, work))
}

/// The path in an overlay's mount data, where some characters end it.
fn text(path: &Path) -> Result<&str> {
    path.to_str().filter(|text| !text.contains([':', ',', '\\'])).ok_or_else(|| {
        Error::invalid(format!(
            "an overlay of {}: ':', ',' and '\\' are not possible in its name",
            path.display()
        ))
    })
}

/// Undoes every [`mount`]; what is not there is no error.
pub(super) fn release(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(directory(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        match rustix::mount::unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
            Err(errno) => return Err(Error::from(std::io::Error::from(errno)).context(path.display())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_change_the_mount() {
        assert_eq!(text(Path::new("/a b")).unwrap(), "/a b");
        for path in ["/a:/etc", "/a,upperdir=/etc", "/a\\"] {
            assert!(text(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_layer_is_like_what_is_below() {
        let folder = tempfile::tempdir().unwrap();
        let lower = folder.path().join("lower");
        fs::create_dir(&lower).unwrap();
        fs::set_permissions(&lower, std::fs::Permissions::from_mode(0o1711)).unwrap();
        let (upper, work) = layer(&folder.path().join("layer"), &lower).unwrap();
        assert_eq!(fs::metadata(&upper).unwrap().mode() & 0o7777, 0o1711);
        assert!(work.is_dir());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(layer(&folder.path().join("other"), &folder.path().join("file")).is_err());
        release(folder.path()).unwrap();
    }
}
