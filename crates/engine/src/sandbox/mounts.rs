//! The user's mounts and volumes as the OCI runtime gets them; what a new volume is filled with.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use cove_api::{Error, Mount, Result, Volume};
use cove_runtime::user::{ResolvedUser, resolve_user};
use cove_runtime::view::View;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::plan::{Plan, PlannedVolume};
use super::rootfs::{self, RootDir};
use super::{idmap, images, overlay};
use crate::parts::Parts;
use crate::state::{ContainerConfig, ContainerMount, ContainerVolume, MountKind, UserNamespace};

/// Mount options that say what to do before the mount, and are not the runtime's.
const PREPARATIONS: &[&str] = &["z", "Z", "U", "nocopy", "copy"];

/// The user's mounts as the runtime gets them, and what is still to be given to the container's user: who that is, a
/// mounted file may say.
pub(super) struct Prepared {
    /// Outer ones first.
    pub(super) mounts: Vec<Mount>,
    /// Directories that go to the user with all that is in them (option `U`).
    trees: Vec<PathBuf>,
    /// Destinations of file systems in memory that are the user's (option `U`).
    memory: Vec<String>,
    /// The volumes of the plan, in its order, as they are now; and whether the new one's directory is still nobody's.
    volumes: Vec<(Volume, bool)>,
}

/// Puts the mounts together, and fills new volumes.
pub(super) fn prepare(parts: &Parts, plan: &Plan<'_>, root: &RootDir) -> Result<Prepared> {
    let mut prepared =
        Prepared { mounts: Vec::new(), trees: Vec::new(), memory: Vec::new(), volumes: Vec::new() };
    for (number, mount) in plan.config.mounts.iter().enumerate() {
        prepared.add(parts, plan, number, mount)?;
    }
    for planned in &plan.volumes {
        let mut volume = planned.volume.clone();
        let nocopy = planned.mount.options.iter().any(|option| option == "nocopy");
        let is_nobodys = (volume.needs_copy_up || volume.needs_chown)
            && fill(&mut volume, &planned.directory, planned.mount, root, nocopy)?;
        prepared.volumes.push((volume, is_nobodys));
        let mut mount = volume_mount(planned, &plan.config.userns)?;
        let options = &planned.mount.options;
        if options.iter().any(|option| option == "U") {
            prepared.trees.push(PathBuf::from(&mount.source));
        }
        if options.iter().any(|option| option == "O") {
            let name = format!("volume-{}", planned.mount.name);
            let merged = overlay::mount(parts, plan, &name, Path::new(&mount.source), options)?;
            mount = bind(&merged, &mount.destination, &["rbind", "rprivate"]);
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
        .map(|mount| {
            Ok(Mount {
                destination: mount.destination.clone(),
                kind: "bind".into(),
                source: bind_source(mount)?,
                options: runtime_options(&mount.options, true, &config.userns)?,
            })
        })
        .collect::<Result<_>>()?;
    let mut filled = Vec::new();
    for planned in volumes {
        let mut volume = planned.volume.clone();
        let nocopy = planned.mount.options.iter().any(|option| option == "nocopy");
        let is_nobodys = (volume.needs_copy_up || volume.needs_chown)
            && fill(&mut volume, &planned.directory, planned.mount, &root, nocopy)?;
        filled.push((volume, is_nobodys));
        let mut mount = volume_mount(planned, &config.userns)?;
        if planned.mount.options.iter().any(|option| option == "O") {
            // There is no layer before the start, and what is below it stays as it is.
            mount.options.push("ro".into());
        }
        mounts.push(mount);
    }
    mounts.sort_by_key(|mount| mount.destination.split('/').filter(|part| !part.is_empty()).count());
    let mut changed = Vec::new();
    for (planned, (mut volume, is_nobodys)) in volumes.iter().zip(filled) {
        if is_nobodys {
            let user = resolve_user(&View::new(mountpoint, &mounts)?, &config.user, &config.groups)?;
            give_volume(planned, &mut volume, &user, &config.userns)?;
        }
        if volume != planned.volume {
            changed.push(volume);
        }
    }
    Ok((mounts, changed))
}

fn give_volume(
    planned: &PlannedVolume<'_>,
    volume: &mut Volume,
    user: &ResolvedUser,
    userns: &UserNamespace,
) -> Result<()> {
    let (uid, gid) = userns.to_host(user.uid, user.gid)?;
    let (uid, gid) = (rootfs::owner(uid), rootfs::group(gid));
    rustix::fs::chown(&planned.directory, uid, gid)
        .map_err(|errno| Error::from(std::io::Error::from(errno)).context(planned.directory.display()))?;
    (volume.uid, volume.gid) = (user.uid, user.gid);
    Ok(())
}

impl Prepared {
    fn add(&mut self, parts: &Parts, plan: &Plan<'_>, number: usize, mount: &ContainerMount) -> Result<()> {
        let gives_away = mount.options.iter().any(|option| option == "U");
        let name = number.to_string();
        let destination = &mount.destination;
        let prepared = match mount.kind {
            MountKind::Overlay => {
                let lower = Path::new(&mount.source);
                if gives_away {
                    self.trees.push(lower.to_owned());
                }
                let merged = overlay::mount(parts, plan, &name, lower, &mount.options)?;
                bind(&merged, destination, &["rbind", "rprivate"])
            }
            MountKind::Image => {
                let folder = images::mount(parts, &plan.folder, &mount.image)?;
                let source = RootDir::open(&folder)?.real_path(&mount.sub_path)?;
                if mount.options.iter().any(|option| option == "rw") {
                    bind(
                        &overlay::mount(parts, plan, &name, &source, &[])?,
                        destination,
                        &["rbind", "rprivate"],
                    )
                } else {
                    bind(&source, destination, &["rbind", "ro", "rprivate"])
                }
            }
            kind => {
                match kind {
                    MountKind::Bind if gives_away => self.trees.push(PathBuf::from(bind_source(mount)?)),
                    MountKind::Tmpfs if gives_away => self.memory.push(destination.clone()),
                    _ => {}
                }
                Mount {
                    destination: destination.clone(),
                    kind: kind.as_str().into(),
                    source: if kind == MountKind::Bind { bind_source(mount)? } else { mount.source.clone() },
                    options: runtime_options(&mount.options, kind == MountKind::Bind, &plan.config.userns)?,
                }
            }
        };
        self.mounts.push(prepared);
        Ok(())
    }

    /// Gives the user what is the user's; answers the mounts, and the volumes that have changed.
    pub(super) fn give_to(
        mut self,
        plan: &Plan<'_>,
        user: &ResolvedUser,
    ) -> Result<(Vec<Mount>, Vec<Volume>)> {
        let mut changed = Vec::new();
        // On the host's file systems the ids are others; in a file system of the container they are its own.
        let ids = plan.config.userns.to_host(user.uid, user.gid);
        for (planned, (mut volume, is_nobodys)) in plan.volumes.iter().zip(self.volumes) {
            if is_nobodys {
                give_volume(planned, &mut volume, user, &plan.config.userns)?;
            }
            if volume != planned.volume {
                changed.push(volume);
            }
        }
        for tree in &self.trees {
            let (uid, gid) = ids.clone()?;
            rootfs::chown_tree(tree, uid, gid)?;
        }
        for mount in self.mounts.iter_mut().filter(|mount| self.memory.contains(&mount.destination)) {
            mount.options.extend([format!("uid={}", user.uid), format!("gid={}", user.gid)]);
        }
        Ok((self.mounts, changed))
    }
}

/// The options that are the runtime's.
fn runtime_options(options: &[String], bind: bool, userns: &UserNamespace) -> Result<Vec<String>> {
    let mut options: Vec<String> =
        options.iter().filter(|option| !PREPARATIONS.contains(&option.as_str())).cloned().collect();
    for option in &mut options {
        if option == "no-dereference" {
            // As crun calls it, from its version 1.11 on; others name it as unknown.
            "copy-symlink".clone_into(option);
        }
        if option == "idmap" || option.starts_with("idmap=") {
            *option = idmap::numbers(option, userns)?;
        }
    }
    if bind && !options.iter().any(|option| option == "bind" || option == "rbind") {
        options.push("rbind".into());
    }
    Ok(options)
}

fn bind(source: &Path, destination: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.to_owned(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    }
}

/// What of the host a bind mounts: the source, or the part of it that is asked for.
fn bind_source(mount: &ContainerMount) -> Result<String> {
    if mount.sub_path.is_empty() {
        return Ok(mount.source.clone());
    }
    let part = part_of(Path::new(&mount.source), &mount.sub_path, &format!("{:?}", mount.source))?;
    Ok(part.to_string_lossy().into_owned())
}

/// A part of a directory, resolved beneath it: a link in it must not lead out.
fn part_of(directory: &Path, sub_path: &str, what: &str) -> Result<PathBuf> {
    let opened = rustix::fs::open(directory, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| Error::from(std::io::Error::from(errno)).context(directory.display()))?;
    let found = rustix::fs::openat2(
        &opened,
        sub_path.trim_start_matches('/'),
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    )
    .map_err(|errno| {
        Error::from(std::io::Error::from(errno)).context(format!("subpath {sub_path:?} of {what}"))
    })?;
    Ok(std::fs::read_link(rootfs::descriptor_path(&found))?)
}

fn volume_mount(planned: &PlannedVolume<'_>, userns: &UserNamespace) -> Result<Mount> {
    let PlannedVolume { mount: mounted, directory, .. } = planned;
    let mut source = directory.clone();
    if !mounted.sub_path.is_empty() {
        source = part_of(directory, &mounted.sub_path, &format!("volume {:?}", mounted.name))?;
    }
    Ok(Mount {
        destination: mounted.destination.clone(),
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: runtime_options(&mounted.options, true, userns)?,
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
