//! The OCI bundle of a container: everything resolved that the runtime configuration is made from.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use cove_api::{ContainerState, Error, ErrorKind, Namespace, Result};
use cove_runtime::oci::{self, NamespaceTarget, Namespaces, ShmSource, SpecInput};
use cove_runtime::user::{ResolvedUser, resolve_user};
use cove_runtime::view::View;
use rustix::fs::{Mode, OFlags};

use crate::container::rootfs::RootDir;
use crate::container::{files, mounts, rootfs, settings};
use crate::engine::Core;
use crate::state::{ContainerRow, NetworkMode};

/// Writes `config.json` and all files of the container into its run directory.
pub(super) fn write(core: &Core, row: &ContainerRow, mountpoint: &Path) -> Result<PathBuf> {
    let directory = core.container_run_dir(&row.id);
    let config = &row.config;
    let spec = &config.spec;
    let root = RootDir::open(mountpoint)?;
    let user = resolve_user(&View::new(mountpoint, &[])?, &config.user, &spec.groups)?;
    check_work_dir(row, &root, &user)?;
    let mut all = files::write(core, row, &root, &user)?;
    all.extend(mounts::prepare(core, config, &root, &user)?);
    let settings = settings::settings(spec, &core.options.containers)?;
    let shm = shared_memory(core, row, settings.shm_size)?;
    let oci = oci::build(&SpecInput {
        id: &row.id,
        settings: &settings,
        rootfs: mountpoint,
        args: config.arguments.clone(),
        cwd: config.work_dir.clone(),
        env: environment(row, &user),
        hostname: config.hostname.clone(),
        namespaces: namespaces(core, row)?,
        user,
        id_mappings: None,
        shm,
        mounts: all,
        init_path: init_path(core, row)?,
        cgroup: core.cgroup(),
        host: core.host_facts(),
    })?;
    oci::write_bundle(&directory, &oci)?;
    Ok(directory)
}

fn environment(row: &ContainerRow, user: &ResolvedUser) -> Vec<String> {
    let mut env = row.config.env.clone();
    for (name, value) in [("HOME", user.home.as_str()), ("HOSTNAME", row.config.hostname.as_str())] {
        let is_set =
            env.iter().any(|entry| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
        let unwanted = row.config.spec.unsetenvall == Some(true)
            || row.config.spec.unsetenv.iter().any(|unset| unset == name);
        if !is_set && !unwanted && !value.is_empty() {
            env.push(format!("{name}={value}"));
        }
    }
    env
}

/// The working directory must exist; one that the image names is made.
fn check_work_dir(row: &ContainerRow, root: &RootDir, user: &ResolvedUser) -> Result<()> {
    let dir = row.config.work_dir.as_str();
    let on_mount = |destination: &str| {
        destination != "/"
            && dir.strip_prefix(destination).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let missing = || Error::invalid(format!("workdir {dir:?} does not exist on container {}", row.id));
    // Process file systems hold links to the host's directories.
    if on_mount("/proc") && dir != "/proc" {
        return Err(missing());
    }
    // A mount below it makes the runtime create it.
    let related = |destination: &str| {
        on_mount(destination) || destination.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
    };
    let on_user_mount = row.config.spec.mounts.iter().any(|mount| related(&mount.destination))
        || row.config.volumes.iter().any(|volume| related(&volume.destination));
    if dir == "/" || on_user_mount || ["/dev", "/sys", "/proc"].iter().any(|base| on_mount(base)) {
        return Ok(());
    }
    match root.find(dir, OFlags::PATH | OFlags::DIRECTORY)? {
        Some(_) => return Ok(()),
        None if root.find(dir, OFlags::PATH)?.is_some() => {
            return Err(Error::invalid(format!(
                "workdir {dir:?} exists on container {}, but is not a directory",
                row.id
            )));
        }
        None => {}
    }
    let spec = &row.config.spec;
    let by_user = !spec.work_dir.is_empty();
    if by_user && spec.create_working_dir != Some(true) {
        return Err(missing());
    }
    let made = root.make_directory(dir)?;
    let real = std::fs::read_link(rootfs::descriptor_path(made.as_fd()))?;
    if !real.starts_with(&row.status.mountpoint) {
        return Err(missing());
    }
    // The handle is a path descriptor, which cannot change owners.
    let open =
        rustix::fs::openat(&made, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    if let Ok(open) = open {
        let _ = rustix::fs::fchown(&open, rootfs::owner(user.uid), rootfs::group(user.gid));
    }
    Ok(())
}

/// `/dev/shm`: its own, or (shareable) a tmpfs in the run directory that other containers can bind.
fn shared_memory(core: &Core, row: &ContainerRow, size: i64) -> Result<ShmSource> {
    let ipc = &row.config.spec.ipcns;
    Ok(match ipc.nsmode.as_str() {
        "host" => ShmSource::Host,
        "none" => ShmSource::None,
        "container" => {
            // The donor may have joined another one itself.
            let mut donor = container_id(ipc)?;
            for _ in 0..16 {
                let next = core.find_container(&donor)?.config.spec.ipcns;
                if next.nsmode != "container" {
                    break;
                }
                donor = next.value;
            }
            ShmSource::Bind(core.container_run_dir(&donor).join("shm"))
        }
        "shareable" => {
            let directory = core.container_run_dir(&row.id).join("shm");
            mount_shm(&directory, size)?;
            ShmSource::Bind(directory)
        }
        _ => ShmSource::Private,
    })
}

fn mount_shm(directory: &Path, size: i64) -> Result<()> {
    crate::state::make_private(directory)?;
    let data = std::ffi::CString::new(format!("mode=1777,size={size}"))
        .map_err(|_| Error::internal("shm size with a zero byte"))?;
    let flags = rustix::mount::MountFlags::NOSUID
        | rustix::mount::MountFlags::NODEV
        | rustix::mount::MountFlags::NOEXEC;
    rustix::mount::mount("shm", directory, "tmpfs", flags, Some(data.as_c_str())).map_err(|errno| {
        Error::from(std::io::Error::from(errno))
            .context(format!("mounting shared memory at {}", directory.display()))
    })
}

/// Undoes what [`write`] has mounted.
pub(super) fn release(core: &Core, id: &str) -> Result<()> {
    let shm = core.container_run_dir(id).join("shm");
    if shm.exists() {
        match rustix::mount::unmount(&shm, rustix::mount::UnmountFlags::DETACH) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(errno) => return Err(Error::from(std::io::Error::from(errno)).context(shm.display())),
        }
    }
    Ok(())
}

fn namespaces(core: &Core, row: &ContainerRow) -> Result<Namespaces> {
    let spec = &row.config.spec;
    let network = match &row.config.network {
        NetworkMode::Host => NamespaceTarget::Host,
        NetworkMode::Container(id) => joined(core, id, "net")?,
        NetworkMode::Path(path) => NamespaceTarget::Path(path.into()),
        _ if row.status.netns.is_empty() => NamespaceTarget::Private,
        _ => NamespaceTarget::Path((&row.status.netns).into()),
    };
    Ok(Namespaces {
        pid: target(core, &spec.pidns, "pid")?,
        network,
        ipc: target(core, &spec.ipcns, "ipc")?,
        uts: target(core, &spec.utsns, "uts")?,
        cgroup: target(core, &spec.cgroupns, "cgroup")?,
        user: NamespaceTarget::Host,
    })
}

fn target(core: &Core, wanted: &Namespace, kind: &str) -> Result<NamespaceTarget> {
    Ok(match wanted.nsmode.as_str() {
        "" | "default" | "private" | "shareable" | "none" => NamespaceTarget::Private,
        "host" => NamespaceTarget::Host,
        "path" => NamespaceTarget::Path((&wanted.value).into()),
        "container" => joined(core, &container_id(wanted)?, kind)?,
        other => return Err(Error::invalid(format!("invalid {kind} namespace mode {other:?}"))),
    })
}

/// `create` has put the whole id in place of what the user wrote.
fn container_id(wanted: &Namespace) -> Result<String> {
    if wanted.value.is_empty() {
        return Err(Error::invalid("must provide the container whose namespace is to be shared"));
    }
    Ok(wanted.value.clone())
}

/// The namespace of another container, which must run.
fn joined(core: &Core, id: &str, kind: &str) -> Result<NamespaceTarget> {
    let mut other = core.find_container(id)?;
    core.refresh(&mut other)?;
    if !matches!(other.state, ContainerState::Running | ContainerState::Paused) || other.status.pid <= 0 {
        return Err(Error::new(
            ErrorKind::WrongState,
            format!(
                "cannot share the {kind} namespace of container {id}: it is not running: container state improper"
            ),
        ));
    }
    Ok(NamespaceTarget::Path(format!("/proc/{}/ns/{kind}", other.status.pid).into()))
}

/// The init program, where the user wants one.
fn init_path(core: &Core, row: &ContainerRow) -> Result<Option<PathBuf>> {
    let conf = &core.options.containers;
    if row.config.spec.init.or(conf.containers.init) != Some(true) {
        return Ok(None);
    }
    let named = [
        Some(row.config.spec.init_path.as_str()),
        conf.containers.init_path.as_deref(),
        conf.engine.init_path.as_deref(),
    ];
    match named.into_iter().flatten().find(|path| !path.is_empty()) {
        Some(path) => Ok(Some(path.into())),
        None => core.helper("catatonit").map(Some).map_err(|_| {
            Error::new(
                ErrorKind::Unavailable,
                "--init needs the program catatonit: install the package catatonit, or name another init with --init-path",
            )
        }),
    }
}
