//! The files the engine puts into a container: hosts, resolv.conf, hostname, .containerenv, passwd, group, time zone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cove_api::{Error, Mount, NetworkStatus, Result};
use cove_network::{
    HostsOptions, RESOLVED_CONF, ResolvOptions, hosts_file, moved_hosts, needs_resolved, resolv_conf,
};
use cove_runtime::user::ResolvedUser;
use cove_sys::fs;

use super::accounts;
use super::plan::{Connected, Plan};
use super::rootfs::RootDir;
use crate::parts::Parts;
use crate::state::{
    ContainerConfig, ContainerMount, ContainerVolume, HostAddress, HostsBase, HostsFile, MountKind,
    NetworkMode,
};

/// Largest configuration file of the host that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Where a container finds the socket that it tells systemd by.
pub(super) const NOTIFY_FOLDER: &str = "/run/notify";

/// Writes them into the folder and answers the mounts that bring them in; and the home of the user, where one of them says
/// it anew.
pub(super) fn write(
    parts: &Parts,
    plan: &Plan<'_>,
    network: &Connected,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<(Vec<Mount>, Option<String>)> {
    let mut home = None;
    let mut files = Written { plan, mounts: Vec::new() };
    let wanted = &plan.config.files;
    if let Some(theirs) = &plan.shared_files {
        // They share the files as they share the network.
        for (name, destination) in [("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf")] {
            let path = theirs.join(name);
            if path.exists() {
                files.bind(path, destination);
            }
        }
    } else {
        if wanted.resolv_conf {
            files.add("resolv.conf", "/etc/resolv.conf", &resolv_text(plan.config, network)?)?;
        }
        if let Some(hosts) = &wanted.hosts {
            files.add("hosts", "/etc/hosts", &hosts_text(hosts, plan, network, root)?)?;
        }
    }
    if wanted.hostname {
        files.add("hostname", "/etc/hostname", &format!("{}\n", plan.config.hostname))?;
    }
    // A folder of the user's must not get the empty file on which it would be mounted.
    let of_user = |mount: &ContainerMount| mount.destination == "/run" && mount.kind == MountKind::Bind;
    let volume = |mount: &ContainerVolume| mount.destination == "/run";
    if !plan.config.mounts.iter().any(of_user) && !plan.config.volumes.iter().any(volume) {
        files.add(".containerenv", "/run/.containerenv", &containerenv(parts, plan))?;
    }
    if let Some(folder) = plan.notify.as_ref().and_then(|notify| notify.folder.as_deref()) {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        files.bind_with(folder.to_owned(), NOTIFY_FOLDER, &["ro"]);
    }
    if wanted.accounts {
        home = accounts::add(&mut files, root, user)?;
    }
    if plan.mtab
        && plan.layer.is_some()
        && !files.plan.is_mounted("/etc/mtab")
        && !files.plan.is_mounted("/etc")
    {
        link_mounts(&files, root)?;
    }
    if !wanted.time_zone.is_empty() {
        time_zone(&mut files, root, &wanted.time_zone)?;
    }
    Ok((files.everywhere(), home))
}

/// The files so far.
pub(super) struct Written<'a> {
    pub(super) plan: &'a Plan<'a>,
    mounts: Vec<Mount>,
}

impl Written<'_> {
    pub(super) fn add(&mut self, name: &str, destination: &str, text: &str) -> Result<()> {
        let path = self.plan.folder.join(name);
        fs::write(&path, text)?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&path, permissions)?;
        // The container's root can write to it.
        let (uid, gid) = self.plan.config.userns.to_host(0, 0)?;
        if (uid, gid) != (0, 0) {
            std::os::unix::fs::chown(&path, Some(uid), Some(gid))?;
        }
        self.bind(path, destination);
        Ok(())
    }

    /// The mounts, also in the directories that are treated as roots of their own.
    fn everywhere(self) -> Vec<Mount> {
        let mut all = self.mounts.clone();
        for directory in &self.plan.config.files.chroots {
            for mount in &self.mounts {
                let destination = format!("{}{}", directory.trim_end_matches('/'), mount.destination);
                if !self.plan.is_mounted(&destination) {
                    all.push(Mount { destination, ..mount.clone() });
                }
            }
        }
        all
    }

    fn bind(&mut self, path: PathBuf, destination: &str) {
        self.bind_with(path, destination, &[]);
    }

    fn bind_with(&mut self, path: PathBuf, destination: &str, options: &[&str]) {
        // A mount of the user's at the same place wins.
        if !self.plan.is_mounted(destination) {
            self.mounts.push(Mount {
                destination: destination.into(),
                kind: "bind".into(),
                source: path.to_string_lossy().into_owned(),
                options: ["bind", "rprivate"]
                    .iter()
                    .chain(options)
                    .map(|&option| option.to_owned())
                    .collect(),
            });
        }
    }
}

fn host_text(path: impl AsRef<Path>) -> Result<String> {
    match cove_sys::read::bounded_text(path.as_ref(), MAX_FILE) {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

fn resolv_text(config: &ContainerConfig, network: &Connected) -> Result<String> {
    let mut host = host_text("/etc/resolv.conf")?;
    if needs_resolved(&host) {
        let behind = host_text(RESOLVED_CONF)?;
        if !behind.is_empty() {
            host = behind;
        }
    }
    let statuses = network.networks.values();
    let servers: Vec<String> = statuses.clone().flat_map(|status| status.dns_server_ips.clone()).collect();
    let search: Vec<String> = statuses.flat_map(|status| status.dns_search_domains.clone()).collect();
    Ok(resolv_conf(&ResolvOptions {
        host,
        namespaced: config.network != NetworkMode::Host,
        ipv6: own_addresses(network).iter().any(IpAddr::is_ipv6),
        network_only: config.network == NetworkMode::Bridge && !servers.is_empty(),
        network_servers: servers,
        network_search: search,
        servers: config.files.dns.servers.clone(),
        search: config.files.dns.search.clone(),
        options: config.files.dns.options.clone(),
    }))
}

/// Brings `/etc/hosts` and `/etc/resolv.conf` of one that runs up to date, after what its networks gave has changed from
/// `before` to `after`. Written in place, because they are mounted.
pub(crate) fn follow_networks(
    config: &ContainerConfig,
    name: &str,
    folder: &Path,
    before: &BTreeMap<String, NetworkStatus>,
    after: &BTreeMap<String, NetworkStatus>,
) -> Result<()> {
    if config.files.resolv_conf {
        let network = Connected { networks: after.clone(), ..Connected::default() };
        fs::write(folder.join("resolv.conf"), resolv_text(config, &network)?)?;
    }
    let path = folder.join("hosts");
    if config.files.hosts.is_some() && path.exists() {
        let own = |all: &BTreeMap<String, NetworkStatus>| -> Vec<IpAddr> {
            all.values().flat_map(addresses).map(|(own, _)| own).collect()
        };
        let names = [config.hostname.clone(), name.to_owned()];
        fs::write(&path, moved_hosts(&host_text(&path)?, &names, &own(before), &own(after)))?;
    }
    Ok(())
}

fn addresses(status: &NetworkStatus) -> impl Iterator<Item = (IpAddr, Option<IpAddr>)> + '_ {
    status.interfaces.values().flat_map(|interface| &interface.subnets).filter_map(|address| {
        let own = address.ipnet.split('/').next()?.parse().ok()?;
        Some((own, address.gateway.parse().ok()))
    })
}

fn own_addresses(network: &Connected) -> Vec<IpAddr> {
    network.networks.values().flat_map(addresses).map(|(own, _)| own).collect()
}

fn hosts_text(wanted: &HostsFile, plan: &Plan<'_>, network: &Connected, root: &RootDir) -> Result<String> {
    let config = plan.config;
    let base = match &wanted.base {
        HostsBase::Host => host_text("/etc/hosts")?,
        HostsBase::Empty => String::new(),
        HostsBase::Image => root.read_text("/etc/hosts")?.unwrap_or_default(),
        HostsBase::File(path) => host_text(path)?,
    };
    let gateway = network.networks.values().flat_map(addresses).find_map(|(_, gateway)| gateway);
    let host = match wanted.host {
        HostAddress::None => None,
        HostAddress::Fixed(address) => Some(address),
        HostAddress::Automatic => match &config.network {
            // Rootless, the gateways are not the host's.
            NetworkMode::Bridge => network.host_address.parse().ok().or(gateway),
            NetworkMode::Host => Some(IpAddr::from([127, 0, 0, 1])),
            mode if mode.is_userland() => network.host_address.parse().ok(),
            _ => None,
        },
    };
    let names = vec![config.hostname.clone(), plan.name.to_owned()];
    let mut own: Vec<(IpAddr, Vec<String>)> =
        own_addresses(network).into_iter().map(|address| (address, names.clone())).collect();
    if config.network.is_userland() {
        // As with podman: the addresses are the host's, of which there may be many.
        own.truncate(1);
    }
    if own.is_empty() {
        let local = match config.network {
            NetworkMode::None | NetworkMode::Host | NetworkMode::Private => {
                Some(IpAddr::from([127, 0, 0, 1]))
            }
            _ => None,
        };
        own.extend(local.map(|address| (address, names)));
    }
    Ok(hosts_file(&HostsOptions { base, extra: wanted.extra.clone(), host, own })?)
}

/// As podman writes it, whose scripts look for its name: only trusted containers learn of the engine (podman-run(1),
/// "--privileged").
fn containerenv(parts: &Parts, plan: &Plan<'_>) -> String {
    let graph_root = parts.options.storage.graph_root.display().to_string();
    let shows_store = |mount: &ContainerMount| {
        mount.kind == MountKind::Bind && !mount.source.is_empty() && graph_root.starts_with(&mount.source)
    };
    let shown = if plan.config.mounts.iter().any(shows_store) { "graphRootMounted=1" } else { "" };
    if !plan.config.settings.security.privileged {
        return shown.to_owned();
    }
    format!(
        "engine=\"podman-{}\"\nname=\"{}\"\nid=\"{}\"\nimage=\"{}\"\nimageid=\"{}\"\nrootless={}\n{shown}",
        cove_api::LIBPOD_API_VERSION,
        plan.name,
        plan.id,
        plan.config.image.name,
        plan.config.image.id,
        u8::from(parts.options.rootless)
    )
}

/// Where the image's data base of time zones is.
const ZONES: &str = "/usr/share/zoneinfo";

/// The zone: a link to the image's own data where it has that, so that programs find its name, else a copy of the host's.
fn time_zone(files: &mut Written<'_>, root: &RootDir, zone: &str) -> Result<()> {
    let path = if zone == "local" {
        PathBuf::from("/etc/localtime")
    } else {
        if zone.starts_with('/') || zone.split('/').any(|part| part == "..") {
            return Err(Error::invalid(format!("{zone:?} is not a time zone")));
        }
        // A directory of the user's stays as it is.
        if files.plan.layer.is_some()
            && !files.plan.is_mounted("/etc/localtime")
            && !files.plan.is_mounted("/etc")
            && link_zone(files, root, zone)?
        {
            return Ok(());
        }
        Path::new(ZONES).join(zone)
    };
    let data = cove_sys::read::bounded(&path, MAX_FILE).map_err(Error::from)?.ok_or_else(|| {
        Error::invalid(format!("finding timezone: {}: no such file or directory", path.display()))
    })?;
    let copy = files.plan.folder.join("localtime");
    fs::write(&copy, data)?;
    fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    files.bind(copy, "/etc/localtime");
    Ok(())
}

/// Makes `/etc/mtab` a link to the kernel's table of mounts, where there is none.
fn link_mounts(files: &Written<'_>, root: &RootDir) -> Result<()> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
    let Some(folder) = root.find("/etc", flags)? else { return Ok(()) };
    match rustix::fs::symlinkat("/proc/mounts", &folder, "mtab") {
        Ok(()) => give(files, &folder, "mtab"),
        // One that is there stays, and an image's file system may be read-only.
        Err(_) => Ok(()),
    }
}

/// Makes a link the property of the container's root.
fn give(files: &Written<'_>, folder: &std::os::fd::OwnedFd, name: &str) -> Result<()> {
    let (uid, gid) = files.plan.config.userns.to_host(0, 0)?;
    let (uid, gid) = (super::rootfs::owner(uid), super::rootfs::group(gid));
    rustix::fs::chownat(folder, name, uid, gid, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .map_err(std::io::Error::from)?;
    Ok(())
}

/// Makes `/etc/localtime` a link; `false` where the image has no such zone, or has something else there.
fn link_zone(files: &Written<'_>, root: &RootDir, zone: &str) -> Result<bool> {
    use rustix::fs::{AtFlags, OFlags};

    const STAGED: &str = ".localtime.new";
    let Some(found) = root.find(&format!("{ZONES}/{zone}"), OFlags::PATH)? else { return Ok(false) };
    let stat = rustix::fs::fstat(&found).map_err(std::io::Error::from)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        return Ok(false);
    }
    let folder = root.make_directory("/etc")?;
    let _ = rustix::fs::unlinkat(&folder, STAGED, AtFlags::empty());
    let linked = rustix::fs::symlinkat(format!("..{ZONES}/{zone}"), &folder, STAGED)
        .and_then(|()| rustix::fs::renameat(&folder, STAGED, &folder, "localtime"));
    if linked.is_err() {
        let _ = rustix::fs::unlinkat(&folder, STAGED, AtFlags::empty());
        return Ok(false);
    }
    give(files, &folder, "localtime")?;
    Ok(true)
}
