//! The user's mounts and volumes as the OCI runtime gets them; what a new volume is filled with.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use cove_api::{Error, Mount, Result, Volume};
use cove_runtime::user::{ResolvedUser, resolve_user};
use cove_runtime::view::View;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::plan::{Plan, PlannedVolume};
use super::rootfs::{self, RootDir};
use crate::state::{ContainerConfig, ContainerVolume, MountKind};

/// Mount options that say what to do before the mount, and are not the runtime's.
const PREPARATIONS: &[&str] = &["z", "Z", "U", "nocopy", "copy", "idmap"];

/// The user's mounts as the runtime gets them, and what is still to be given to the container's user: who that is, a
/// mounted file may say.
pub(super) struct Prepared {
    /// Outer ones first.
    pub(super) mounts: Vec<Mount>,
    /// Directories that go to the user with all that is in them (option `U`).
    trees: Vec<PathBuf>,
    /// The volumes of the plan, in its order, as they are now; and whether the new one's directory is still nobody's.
    volumes: Vec<(Volume, bool)>,
}

/// Puts the mounts together, and fills new volumes.
pub(super) fn prepare(plan: &Plan<'_>, root: &RootDir) -> Result<Prepared> {
    let mut prepared = Prepared { mounts: Vec::new(), trees: Vec::new(), volumes: Vec::new() };
    for mount in &plan.config.mounts {
        if mount.options.iter().any(|option| option == "U") {
            prepared.trees.push(PathBuf::from(&mount.source));
        }
        prepared.mounts.push(Mount {
            destination: mount.destination.clone(),
            kind: mount.kind.as_str().into(),
            source: mount.source.clone(),
            options: runtime_options(&mount.options, mount.kind == MountKind::Bind),
        });
    }
    for planned in &plan.volumes {
        let mut volume = planned.volume.clone();
        let nocopy = planned.mount.options.iter().any(|option| option == "nocopy");
        let is_nobodys = (volume.needs_copy_up || volume.needs_chown)
            && fill(&mut volume, &planned.directory, planned.mount, root, nocopy)?;
        prepared.volumes.push((volume, is_nobodys));
        let mount = volume_mount(planned)?;
        if planned.mount.options.iter().any(|option| option == "U") {
            prepared.trees.push(PathBuf::from(&mount.source));
        }
        prepared.mounts.push(mount);
    }
    prepared.mounts.sort_by_key(|mount| mount.destination.split('/').filter(|part| !part.is_empty()).count());
    Ok(prepared)
}

/// What a container that does not run would find mounted over its root file system, outer mounts first: the volumes,
/// each filled and given to its user as at a first start, and what is bound into it. Answers the volumes that have
/// changed, too.
pub(crate) fn settle(
    config: &ContainerConfig,
    volumes: &[PlannedVolume<'_>],
    mountpoint: &Path,
) -> Result<(Vec<Mount>, Vec<Volume>)> {
    let root = RootDir::open(mountpoint)?;
    let bound = config.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let mut mounts: Vec<Mount> = bound
        .map(|mount| Mount {
            destination: mount.destination.clone(),
            kind: "bind".into(),
            source: mount.source.clone(),
            options: runtime_options(&mount.options, true),
        })
        .collect();
    let mut filled = Vec::new();
    for planned in volumes {
        let mut volume = planned.volume.clone();
        let nocopy = planned.mount.options.iter().any(|option| option == "nocopy");
        let is_nobodys = (volume.needs_copy_up || volume.needs_chown)
            && fill(&mut volume, &planned.directory, planned.mount, &root, nocopy)?;
        filled.push((volume, is_nobodys));
        mounts.push(volume_mount(planned)?);
    }
    mounts.sort_by_key(|mount| mount.destination.split('/').filter(|part| !part.is_empty()).count());
    let mut changed = Vec::new();
    for (planned, (mut volume, is_nobodys)) in volumes.iter().zip(filled) {
        if is_nobodys {
            let user = resolve_user(&View::new(mountpoint, &mounts)?, &config.user, &config.groups)?;
            give_volume(planned, &mut volume, &user)?;
        }
        if volume != planned.volume {
            changed.push(volume);
        }
    }
    Ok((mounts, changed))
}

fn give_volume(planned: &PlannedVolume<'_>, volume: &mut Volume, user: &ResolvedUser) -> Result<()> {
    let (uid, gid) = (rootfs::owner(user.uid), rootfs::group(user.gid));
    rustix::fs::chown(&planned.directory, uid, gid)
        .map_err(|errno| Error::from(std::io::Error::from(errno)).context(planned.directory.display()))?;
    (volume.uid, volume.gid) = (user.uid, user.gid);
    Ok(())
}

impl Prepared {
    /// Gives the user what is the user's; answers the mounts, and the volumes that have changed.
    pub(super) fn give_to(self, plan: &Plan<'_>, user: &ResolvedUser) -> Result<(Vec<Mount>, Vec<Volume>)> {
        let mut changed = Vec::new();
        for (planned, (mut volume, is_nobodys)) in plan.volumes.iter().zip(self.volumes) {
            if is_nobodys {
                give_volume(planned, &mut volume, user)?;
            }
            if volume != planned.volume {
                changed.push(volume);
            }
        }
        for tree in &self.trees {
            rootfs::chown_tree(tree, user.uid, user.gid)?;
        }
        Ok((self.mounts, changed))
    }
}

/// The options that are the runtime's.
fn runtime_options(options: &[String], bind: bool) -> Vec<String> {
    let mut options: Vec<String> =
        options.iter().filter(|option| !PREPARATIONS.contains(&option.as_str())).cloned().collect();
    if bind && !options.iter().any(|option| option == "bind" || option == "rbind") {
        options.push("rbind".into());
    }
    options
}

fn volume_mount(planned: &PlannedVolume<'_>) -> Result<Mount> {
    let PlannedVolume { mount: mounted, directory, .. } = planned;
    let mut source = directory.clone();
    if !mounted.sub_path.is_empty() {
        // Resolved beneath the volume: a link in it must not lead out.
        let opened = rustix::fs::open(directory, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
        let found = rustix::fs::openat2(
            &opened,
            mounted.sub_path.trim_start_matches('/'),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        )
        .map_err(|errno| {
            Error::from(std::io::Error::from(errno))
                .context(format!("subpath {:?} of volume {:?}", mounted.sub_path, mounted.name))
        })?;
        source = std::fs::read_link(rootfs::descriptor_path(&found))?;
    }
    Ok(Mount {
        destination: mounted.destination.clone(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: runtime_options(&mounted.options, true),
    })
}

/// At its first mount a new volume takes over owner, mode and (unless `nocopy`) contents of the image's directory. True
/// where the image has none, so that it is to be the user's.
fn fill(
    volume: &mut Volume,
    directory: &Path,
    mounted: &ContainerVolume,
    root: &RootDir,
    nocopy: bool,
) -> Result<bool> {
    let image_dir = root.find(&mounted.destination, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK);
    let target =
        rustix::fs::open(directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
    let io = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(directory.display());
    let empty = rootfs::is_empty(directory)?;
    let mut is_nobodys = false;
    match image_dir? {
        Some(source) => {
            if volume.needs_copy_up && !nocopy && empty {
                // What has nothing in it leaves the question to the next mount.
                if !rootfs::is_empty(&rootfs::descriptor_path(&source))? {
                    rootfs::copy_contents(source.as_fd(), target.as_fd())?;
                    volume.needs_copy_up = false;
                }
            }
            if volume.needs_chown && empty {
                let stat = rustix::fs::fstat(&source).map_err(io)?;
                rustix::fs::fchown(&target, rootfs::owner(stat.st_uid), rootfs::group(stat.st_gid))
                    .map_err(io)?;
                rustix::fs::fchmod(&target, Mode::from_raw_mode(stat.st_mode)).map_err(io)?;
                (volume.uid, volume.gid) = (stat.st_uid, stat.st_gid);
            }
        }
        None => is_nobodys = volume.needs_chown && empty,
    }
    if !empty {
        volume.needs_copy_up = false;
    }
    // As long as contents may still come, they bring their owners.
    volume.needs_chown &= volume.needs_copy_up && !nocopy;
    Ok(is_nobodys)
}
