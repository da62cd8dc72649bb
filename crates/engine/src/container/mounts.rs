//! The user's mounts and volumes as the OCI runtime gets them; what a new volume is filled with.

use std::os::fd::AsFd as _;
use std::path::Path;

use cove_api::{Error, ErrorKind, Mount, Result, Volume};
use cove_runtime::user::ResolvedUser;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::container::resolve;
use crate::container::rootfs::{self, RootDir};
use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerVolume};

/// Mount options that say what to do before the mount, and are not the runtime's.
const PREPARATIONS: &[&str] = &["z", "Z", "U", "nocopy", "copy", "idmap"];

/// Refuses what this version does not do, and sources that do not exist.
pub(super) fn check(config: &ContainerConfig) -> Result<()> {
    for mount in &config.spec.mounts {
        if !mount.destination.starts_with('/') {
            return Err(Error::invalid(format!(
                "invalid container path {:?}, must be an absolute path",
                mount.destination
            )));
        }
        match mount.kind.as_str() {
            "bind" | "" => {
                if let Err(error) = std::fs::metadata(&mount.source) {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        format!("statfs {}: {}", mount.source, io_text(&error)),
                    ));
                }
            }
            "tmpfs" | "devpts" | "proc" | "sysfs" | "mqueue" => {}
            other => {
                return Err(Error::unsupported(format!("mounts of type {other:?} are not supported yet")));
            }
        }
        refuse_options(&mount.options)?;
    }
    for volume in &config.volumes {
        refuse_options(&volume.options)?;
    }
    Ok(())
}

fn refuse_options(options: &[String]) -> Result<()> {
    for option in options {
        if option == "O" || option.starts_with("upperdir=") || option.starts_with("workdir=") {
            return Err(Error::unsupported("overlay mounts of volumes (option O) are not supported yet"));
        }
        if option == "idmap" || option.starts_with("idmap=") {
            return Err(Error::unsupported("id-mapped mounts (option idmap) are not supported yet"));
        }
    }
    Ok(())
}

/// The text that C programs show for an I/O error.
pub(super) fn io_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::NotADirectory => "not a directory".into(),
        _ => error.to_string(),
    }
}

/// All the user's mounts, outer ones first; fills new volumes on the way.
pub(super) fn prepare(
    core: &Core,
    config: &ContainerConfig,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for mount in &config.spec.mounts {
        if mount.options.iter().any(|option| option == "U") {
            rootfs::chown_tree(Path::new(&mount.source), user.uid, user.gid)?;
        }
        let mut mount = mount.clone();
        if mount.kind.is_empty() {
            mount.kind = "bind".into();
        }
        mount.destination = resolve::clean(&mount.destination);
        mount.options.retain(|option| !PREPARATIONS.contains(&option.as_str()));
        if mount.kind == "bind" && !mount.options.iter().any(|option| option == "bind" || option == "rbind") {
            mount.options.push("rbind".into());
        }
        mounts.push(mount);
    }
    for volume in &config.volumes {
        mounts.push(volume_mount(core, volume, root, user)?);
    }
    for destination in
        resolve::image_tmpfs(config, core.options.containers.engine.image_volume_mode.as_deref())
    {
        if !mounts.iter().any(|mount| mount.destination == destination) {
            mounts.push(Mount {
                destination,
                kind: "tmpfs".into(),
                source: "tmpfs".into(),
                options: ["rprivate", "rw", "nodev", "exec"].map(ToOwned::to_owned).into(),
            });
        }
    }
    mounts.sort_by_key(|mount| mount.destination.split('/').filter(|part| !part.is_empty()).count());
    Ok(mounts)
}

fn volume_mount(
    core: &Core,
    mounted: &ContainerVolume,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<Mount> {
    let database = core.database()?;
    let mut volume =
        database.volume(&mounted.name)?.ok_or_else(|| crate::volume::no_such_volume(&mounted.name))?;
    let directory = crate::volume::mountpoint(core, &volume)?;
    let nocopy = mounted.options.iter().any(|option| option == "nocopy");
    if volume.needs_copy_up || volume.needs_chown {
        fill(&mut volume, &directory, mounted, root, user, nocopy)?;
        database.save_volume(&volume)?;
    }
    let mut source = directory.clone();
    if !mounted.sub_path.is_empty() {
        // Resolved beneath the volume: a link in it must not lead out.
        let opened = rustix::fs::open(&directory, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
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
    let mut options: Vec<String> =
        mounted.options.iter().filter(|option| !PREPARATIONS.contains(&option.as_str())).cloned().collect();
    if !options.iter().any(|option| option == "bind" || option == "rbind") {
        options.push("rbind".into());
    }
    Ok(Mount {
        destination: mounted.destination.clone(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options,
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
