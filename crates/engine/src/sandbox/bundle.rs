//! The OCI bundle: everything resolved that the runtime configuration is made from.

use std::os::fd::AsFd as _;
use std::path::Path;

use cove_api::{Error, Result, Volume};
use cove_runtime::oci::{self, NamespaceTarget, Namespaces, ShmSource, SpecInput};
use cove_runtime::user::{ResolvedUser, resolve_user};
use cove_runtime::view::View;
use cove_runtime::{NOTIFY_SOCKET, apparmor};
use oci_spec::runtime::Spec;
use rustix::fs::{Mode, OFlags};

use super::files::NOTIFY_FOLDER;
use super::plan::{Connected, Plan, Shm, shm_directory};
use super::rootfs::{self, RootDir};
use super::{additions, files, mounts, secrets, subscriptions};
use crate::parts::Parts;
use crate::state::{IdRange, NamespaceMode, NetworkMode};

/// Writes `config.json` and all files into the folder; answers the volumes that have changed on the way, and the
/// configuration.
pub(super) fn write(
    parts: &Parts,
    plan: &Plan<'_>,
    network: &Connected,
    mountpoint: &Path,
) -> Result<(Vec<Volume>, Spec)> {
    let config = plan.config;
    let root = RootDir::open(mountpoint)?;
    let prepared = mounts::prepare(parts, plan, &root)?;
    let mut user = resolve_user(&View::new(mountpoint, &prepared.mounts)?, &config.user, &config.groups)?;
    let (mounts, changed) = prepared.give_to(plan, &user)?;
    check_work_dir(plan, &root, &user, mountpoint)?;
    let (mut all, home) = files::write(parts, plan, network, &root, &user)?;
    if let Some(home) = home {
        // Of the entry that the user has got.
        user.home = home;
    }
    all.extend(secrets::write(plan, subscriptions::write(parts, plan)?)?);
    all.extend(mounts);
    let mut oci = oci::build(&SpecInput {
        id: plan.id,
        settings: &config.settings,
        rootfs: mountpoint,
        args: config.arguments.clone(),
        cwd: config.work_dir.clone(),
        env: environment(plan, &user)?,
        hostname: config.hostname.clone(),
        namespaces: namespaces(plan, network),
        user,
        id_mappings: (!config.userns.users.is_empty()).then(|| {
            let mappings = |ranges: &[IdRange]| ranges.iter().map(|range| range.mapping()).collect();
            (mappings(&config.userns.users), mappings(&config.userns.groups))
        }),
        owns_network: network.userns.is_some() || shares_both(plan),
        shm: shared_memory(plan)?,
        mounts: all,
        init_path: config.init.clone(),
        cgroup: plan.cgroup.as_ref().unwrap_or(parts.cgroup()),
        host: parts.host_facts(),
    })?;
    additions::apply(parts, plan, &mut oci)?;
    if let Some(profile) = oci.process().as_ref().and_then(|process| process.apparmor_profile().as_deref()) {
        apparmor::require(profile)?;
    }
    parts.runtime()?.check_features(&plan.oci_runtime, &oci)?;
    oci::write_bundle(&plan.folder, &oci)?;
    Ok((changed, oci))
}

/// The namespaces of users and of the network are those of one other container, which has made them together.
fn shares_both(plan: &Plan<'_>) -> bool {
    match (&plan.config.userns.mode, &plan.config.network) {
        (NamespaceMode::Container(one), NetworkMode::Container(other)) => one == other,
        _ => false,
    }
}

fn environment(plan: &Plan<'_>, user: &ResolvedUser) -> Result<Vec<String>> {
    let config = plan.config;
    let mut env = config.env.clone();
    let implied = config.implied_env;
    for (name, value, wanted) in
        [("HOME", &user.home, implied.home), ("HOSTNAME", &config.hostname, implied.hostname)]
    {
        if wanted && !value.is_empty() {
            env.push(format!("{name}={value}"));
        }
    }
    if plan.notify.as_ref().is_some_and(|notify| notify.folder.is_some()) {
        env.retain(|entry| !entry.starts_with("NOTIFY_SOCKET="));
        env.push(format!("NOTIFY_SOCKET={NOTIFY_FOLDER}/{NOTIFY_SOCKET}"));
    }
    for (name, value) in &plan.secret_env {
        let text =
            std::str::from_utf8(&value.0).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
                Error::invalid(format!("the secret for the variable {name} is no text: mount it as a file"))
            })?;
        let head = format!("{name}=");
        env.retain(|entry| !entry.starts_with(&head));
        env.push(head + text);
    }
    Ok(env)
}

fn namespaces(plan: &Plan<'_>, network: &Connected) -> Namespaces {
    let mut namespaces = plan.namespaces.clone();
    if let Some(path) = &network.netns {
        namespaces.network = NamespaceTarget::Path(path.clone());
    }
    if let Some(path) = &network.userns {
        namespaces.user = NamespaceTarget::Path(path.clone());
    }
    namespaces
}

/// The working directory must exist; one that the image names is made.
fn check_work_dir(plan: &Plan<'_>, root: &RootDir, user: &ResolvedUser, mountpoint: &Path) -> Result<()> {
    let config = plan.config;
    let dir = config.work_dir.as_str();
    let on_mount = |destination: &str| {
        destination != "/"
            && dir.strip_prefix(destination).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let missing = || Error::invalid(format!("workdir {dir:?} does not exist on container {}", plan.id));
    // Process file systems hold links to the host's directories.
    if on_mount("/proc") && dir != "/proc" {
        return Err(missing());
    }
    // A mount below it makes the runtime create it.
    let related = |destination: &str| {
        on_mount(destination) || destination.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
    };
    let on_user_mount = config.mounts.iter().any(|mount| related(&mount.destination))
        || config.volumes.iter().any(|volume| related(&volume.destination));
    if dir == "/" || on_user_mount || ["/dev", "/sys", "/proc"].iter().any(|base| on_mount(base)) {
        return Ok(());
    }
    match root.find(dir, OFlags::PATH | OFlags::DIRECTORY)? {
        Some(_) => return Ok(()),
        None if root.find(dir, OFlags::PATH)?.is_some() => {
            return Err(Error::invalid(format!(
                "workdir {dir:?} exists on container {}, but is not a directory",
                plan.id
            )));
        }
        None => {}
    }
    if !config.make_work_dir {
        return Err(missing());
    }
    let made = root.make_directory(dir)?;
    let real = std::fs::read_link(rootfs::descriptor_path(made.as_fd()))?;
    if !real.starts_with(mountpoint) {
        return Err(missing());
    }
    // The handle is a path descriptor, which cannot change owners.
    let open =
        rustix::fs::openat(&made, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    if let Ok(open) = open {
        let (uid, gid) = plan.config.userns.to_host(user.uid, user.gid)?;
        let _ = rustix::fs::fchown(&open, rootfs::owner(uid), rootfs::group(gid));
    }
    Ok(())
}

/// `/dev/shm`: its own, or (shareable) a tmpfs in the folder that others can bind.
fn shared_memory(plan: &Plan<'_>) -> Result<ShmSource> {
    Ok(match &plan.shm {
        Shm::Private => ShmSource::Private,
        Shm::Host => ShmSource::Host,
        Shm::None => ShmSource::None,
        Shm::Joined(folder) => ShmSource::Bind(shm_directory(folder)),
        Shm::Shareable => {
            let directory = shm_directory(&plan.folder);
            mount_shm(&directory, plan.config.settings.shm_size)?;
            ShmSource::Bind(directory)
        }
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
pub(super) fn release(folder: &Path) -> Result<()> {
    let shm = shm_directory(folder);
    if shm.exists() {
        match rustix::mount::unmount(&shm, rustix::mount::UnmountFlags::DETACH) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(errno) => return Err(Error::from(std::io::Error::from(errno)).context(shm.display())),
        }
    }
    Ok(())
}
