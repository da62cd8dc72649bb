//! Volumes that are more than a directory: file systems mounted at their place, and images.
//!
//! Nothing is counted but what users ask for by `volume mount`: whether a mount is still needed is seen from the records of
//! containers and from the locks of those who read or write it at this moment. So a command that is killed leaves at
//! most a mount that the next one takes down.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cove_api::{Error, ErrorKind, Result, Volume};
use cove_spec::local_volume::{self, LocalMount};
use cove_storage::{ContainerMountOptions, StorageError};
use cove_sys::lock::FileLock;
use cove_sys::process::{RunOptions, run};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::mount::UnmountFlags;

use crate::engine::{Core, remove_directory};
use crate::error::storage;
use crate::lock::ObjectLock;

/// Time for mount(8), where the volume's options say nothing else: a server on the network may be slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a volume's data is in its directory.
const DATA: &str = "_data";

/// What is behind a volume.
enum Backing {
    /// Its own directory.
    Directory,
    /// A file system for mount(8).
    Mount(LocalMount),
    /// A writable layer over an image, by the id of its container in the store.
    Image(String),
}

fn backing(volume: &Volume) -> Result<Backing> {
    if volume.driver == "image" {
        return Ok(Backing::Image(volume.storage_id.clone()));
    }
    Ok(local_volume::parse(&volume.options)?.mount.map_or(Backing::Directory, Backing::Mount))
}

/// The volume's own directory, which may be hidden by a mount.
pub(super) fn directory(core: &Core, volume: &Volume) -> Result<PathBuf> {
    cove_spec::name::check(&volume.name)?;
    Ok(core.options.volumes_dir().join(&volume.name).join(DATA))
}

/// Whether its data are in its own directory, and nothing is mounted over it.
pub(super) fn is_plain(volume: &Volume) -> bool {
    matches!(backing(volume), Ok(Backing::Directory))
}

/// Where a volume's data is; empty for an image's that is not mounted.
pub(crate) fn mountpoint(core: &Core, volume: &Volume) -> Result<PathBuf> {
    match backing(volume)? {
        Backing::Directory | Backing::Mount(_) => directory(core, volume),
        Backing::Image(id) => match core.store()?.container_mount(&id) {
            Ok(found) => Ok(found.map(|(path, _)| path).unwrap_or_default()),
            Err(StorageError::ContainerNotFound(_)) => Ok(PathBuf::new()),
            Err(error) => Err(storage(error)),
        },
    }
}

/// Sees to it that a volume's data is there, and answers where. Who needs it is a container whose record says so, or holds
/// a [`Use`]; after its end [`settle`] is called.
pub(crate) fn acquire(core: &Core, volume: &Volume) -> Result<PathBuf> {
    let backing = backing(volume)?;
    if matches!(backing, Backing::Directory) {
        return directory(core, volume);
    }
    let _lock = lock(core, volume)?;
    mount_it(core, volume, &backing)
}

/// Takes the mount of a volume down where nobody needs it any more.
pub(crate) fn settle(core: &Core, name: &str) -> Result<()> {
    let Some(volume) = core.database()?.volume(name)? else { return Ok(()) };
    let backing = backing(&volume)?;
    if matches!(backing, Backing::Directory) {
        return Ok(());
    }
    let _lock = lock(core, &volume)?;
    // Once more, under the lock.
    let Some(volume) = core.database()?.volume(name)? else { return Ok(()) };
    if users(core, &volume)? > 0 || !is_unused(core, &volume)? {
        return Ok(());
    }
    unmount_it(core, &volume, &backing)
}

/// How often it is mounted for users and containers.
pub(super) fn users(core: &Core, volume: &Volume) -> Result<u32> {
    if matches!(backing(volume)?, Backing::Directory) {
        return Ok(0);
    }
    let mut count = if is_mounted(core, volume)? { volume.mount_count } else { 0 };
    for row in core.database()?.containers_of_volume(&volume.name)? {
        count += u32::from(row.status.prepared && row.status.boot_id == core.boot_id());
    }
    Ok(count)
}

/// Mounts a volume until the user takes it back.
pub(super) fn mount(core: &Core, volume: &Volume) -> Result<PathBuf> {
    let backing = backing(volume)?;
    if matches!(backing, Backing::Directory) {
        return directory(core, volume);
    }
    let _lock = lock(core, volume)?;
    let was_mounted = is_mounted(core, volume)?;
    let path = mount_it(core, volume, &backing)?;
    core.database()?.change_volume(&volume.name, |now| {
        // Counted before a reboot, say.
        now.mount_count = if was_mounted { now.mount_count.saturating_add(1) } else { 1 };
    })?;
    Ok(path)
}

/// Takes a mount of the user's back. One that is not mounted is no error, as with Podman.
pub(super) fn unmount(core: &Core, volume: &Volume) -> Result<()> {
    if matches!(backing(volume)?, Backing::Directory) {
        return Ok(());
    }
    {
        let _lock = lock(core, volume)?;
        core.database()?
            .change_volume(&volume.name, |now| now.mount_count = now.mount_count.saturating_sub(1))?;
    }
    settle(core, &volume.name)
}

/// Takes everything down that is mounted for a volume which is removed, and its layer.
pub(super) fn give_up(core: &Core, volume: &Volume) -> Result<()> {
    let lock = lock(core, volume)?;
    // Whatever the options say now: what is mounted there must never be removed with the directory.
    uncover(&directory(core, volume)?)?;
    super::image::give_up(core, volume)?;
    let _ = cove_sys::fs::remove_file(use_file(core, volume));
    lock.remove();
    Ok(())
}

/// Removes the directories of all volumes, also of those that no record names any more. What is mounted over one is taken
/// down first; where that fails, the directory stays.
pub(crate) fn remove_all(core: &Core) -> Result<()> {
    let all = core.options.volumes_dir();
    let entries = match cove_sys::fs::read_dir(&all) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        uncover(&entry?.path().join(DATA))?;
    }
    remove_directory(&all)
}

/// Takes down whatever is mounted at a place.
fn uncover(path: &Path) -> Result<()> {
    while path.exists() && is_mount_root(path)? {
        detach(path)?;
    }
    Ok(())
}

/// Keeps a volume mounted for as long as it lives, or its process.
#[derive(Debug)]
pub(super) struct Use(#[allow(dead_code, reason = "held for its lock")] Option<OwnedFd>);

impl Use {
    /// Announces a use of `volume`.
    pub(super) fn begin(core: &Core, volume: &Volume) -> Result<Self> {
        if matches!(backing(volume)?, Backing::Directory) {
            return Ok(Self(None));
        }
        // Under the lock, so that nobody who looks for users misses it.
        let _lock = lock(core, volume)?;
        let path = use_file(core, volume);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let named =
            |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(path.display());
        let file = rustix::fs::open(&path, flags, Mode::from(0o600)).map_err(named)?;
        rustix::fs::flock(&file, FlockOperation::LockShared).map_err(named)?;
        Ok(Self(Some(file)))
    }
}

fn use_file(core: &Core, volume: &Volume) -> PathBuf {
    core.options.run_dir().join("locks").join(format!("volume.{}.use", volume.name))
}

fn is_unused(core: &Core, volume: &Volume) -> Result<bool> {
    let path = use_file(core, volume);
    Ok(!path.exists() || FileLock::try_exclusive(&path)?.is_some())
}

fn lock(core: &Core, volume: &Volume) -> Result<ObjectLock> {
    cove_spec::name::check(&volume.name)?;
    ObjectLock::acquire(&core.options.run_dir().join("locks"), &format!("volume.{}", volume.name))
}

fn is_mounted(core: &Core, volume: &Volume) -> Result<bool> {
    if volume.driver == "image" {
        return Ok(!mountpoint(core, volume)?.as_os_str().is_empty());
    }
    is_mount_root(&directory(core, volume)?)
}

fn mount_it(core: &Core, volume: &Volume, backing: &Backing) -> Result<PathBuf> {
    match backing {
        Backing::Directory => directory(core, volume),
        Backing::Image(id) => {
            let found = mountpoint(core, volume)?;
            if !found.as_os_str().is_empty() {
                return Ok(found);
            }
            let mounted = core.store()?.mount_container(id, &ContainerMountOptions::default());
            mounted.map_err(|error| storage(error).context(format!("mounting volume {} image", volume.name)))
        }
        Backing::Mount(mount) => {
            let path = directory(core, volume)?;
            if !is_mount_root(&path)? {
                run_mount(core, volume, mount, &path)
                    .map_err(|error| error.context(format!("mounting volume {}", volume.name)))?;
            }
            Ok(path)
        }
    }
}

fn unmount_it(core: &Core, volume: &Volume, backing: &Backing) -> Result<()> {
    match backing {
        Backing::Directory => Ok(()),
        Backing::Image(id) => match core.store()?.unmount_container(id, true) {
            Ok(_) | Err(StorageError::NotMounted(_) | StorageError::ContainerNotFound(_)) => Ok(()),
            Err(error) => Err(storage(error)),
        },
        Backing::Mount(_) => {
            let path = directory(core, volume)?;
            if is_mount_root(&path)? { detach(&path) } else { Ok(()) }
        }
    }
}

/// Runs mount(8), which knows the helpers of file systems, names of devices and options.
fn run_mount(core: &Core, volume: &Volume, mount: &LocalMount, path: &Path) -> Result<()> {
    let mut command = Command::new(core.helper("mount")?);
    if !mount.options.is_empty() {
        command.arg("-o").arg(mount.options.join(","));
    }
    if !mount.kind.is_empty() {
        command.arg("-t").arg(&mount.kind);
    }
    command.arg("--").arg(&mount.device).arg(path);
    let timeout = if volume.timeout > 0 { Duration::from_secs(volume.timeout.into()) } else { PATIENCE };
    let output = run(&mut command, &RunOptions { timeout, ..RunOptions::default() })
        .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    if output.status.success() { Ok(()) } else { Err(Error::new(ErrorKind::Internal, output.message())) }
}

/// Whether something is mounted exactly there.
fn is_mount_root(path: &Path) -> Result<bool> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let found = rustix::fs::statx(rustix::fs::CWD, path, flags, StatxFlags::TYPE)
        .map_err(|errno| Error::from(std::io::Error::from(errno)).context(path.display()))?;
    Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

fn detach(path: &Path) -> Result<()> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(rustix::io::Errno::INVAL) => Ok(()),
        Err(errno) => Err(Error::from(std::io::Error::from(errno)).context(path.display())),
    }
}
