//! The user's mounts and volumes as the OCI runtime gets them; what a new volume is filled with.

use std::os::fd::AsFd as _;
use std::path::Path;

use cove_api::{Error, Mount, Result, Volume};
use cove_runtime::user::ResolvedUser;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::plan::{Plan, PlannedVolume};
use super::rootfs::{self, RootDir};
use crate::state::{ContainerVolume, MountKind};

/// Mount options that say what to do before the mount, and are not the runtime's.
const PREPARATIONS: &[&str] = &["z", "Z", "U", "nocopy", "copy", "idmap"];

/// All the user's mounts, outer ones first; fills new volumes on the way, and answers those that have changed.
pub(super) fn prepare(
    plan: &Plan<'_>,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<(Vec<Mount>, Vec<Volume>)> {
    let mut mounts = Vec::new();
    for mount in &plan.config.mounts {
        if mount.options.iter().any(|option| option == "U") {
            rootfs::chown_tree(Path::new(&mount.source), user.uid, user.gid)?;
        }
        mounts.push(Mount {
            destination: mount.destination.clone(),
            kind: mount.kind.as_str().into(),
            source: mount.source.clone(),
            options: runtime_options(&mount.options, mount.kind == MountKind::Bind),
        });
    }
    let mut changed = Vec::new();
    for planned in &plan.volumes {
        let mut volume = planned.volume.clone();
        mounts.push(volume_mount(planned, &mut volume, root, user)?);
        if volume != planned.volume {
            changed.push(volume);
        }
    }
    mounts.sort_by_key(|mount| mount.destination.split('/').filter(|part| !part.is_empty()).count());
    Ok((mounts, changed))
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

fn volume_mount(
    planned: &PlannedVolume<'_>,
    volume: &mut Volume,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<Mount> {
    let PlannedVolume { mount: mounted, directory, .. } = planned;
    let nocopy = mounted.options.iter().any(|option| option == "nocopy");
    if volume.needs_copy_up || volume.needs_chown {
        fill(volume, directory, mounted, root, user, nocopy)?;
    }
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
    if mounted.options.iter().any(|option| option == "U") {
        rootfs::chown_tree(&source, user.uid, user.gid)?;
    }
    Ok(Mount {
        destination: mounted.destination.clone(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: runtime_options(&mounted.options, true),
    })
}

/// At its first mount a new volume takes over owner, mode and (unless `nocopy`) contents of the image's directory.
fn fill(
    volume: &mut Volume,
    directory: &Path,
    mounted: &ContainerVolume,
    root: &RootDir,
    user: &ResolvedUser,
    nocopy: bool,
) -> Result<()> {
    let image_dir = root.find(&mounted.destination, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK);
    let target =
        rustix::fs::open(directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
    let io = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(directory.display());
    let empty = rootfs::is_empty(directory)?;
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
        None if volume.needs_chown && empty => {
            rustix::fs::fchown(&target, rootfs::owner(user.uid), rootfs::group(user.gid)).map_err(io)?;
            (volume.uid, volume.gid) = (user.uid, user.gid);
        }
        None => {}
    }
    if !empty {
        volume.needs_copy_up = false;
    }
    // As long as contents may still come, they bring their owners.
    volume.needs_chown &= volume.needs_copy_up && !nocopy;
    Ok(())
}
