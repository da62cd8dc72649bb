//! The files the engine puts into a container: hosts, resolv.conf, hostname, .containerenv, passwd, group, time zone.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cove_api::{Error, Mount, NetworkStatus, Result};
use cove_network::{HostsOptions, RESOLVED_CONF, ResolvOptions, hosts_file, needs_resolved, resolv_conf};
use cove_runtime::user::ResolvedUser;
use cove_sys::fs;

use crate::container::rootfs::RootDir;
use crate::engine::Core;
use crate::state::{ContainerRow, NetworkMode};

/// Largest configuration file of the host that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Writes them into the run directory and answers the mounts that bring them in.
pub(super) fn write(
    core: &Core,
    row: &ContainerRow,
    root: &RootDir,
    user: &ResolvedUser,
) -> Result<Vec<Mount>> {
    let directory = core.container_run_dir(&row.id);
    let mut files = Files { directory: &directory, row, mounts: Vec::new() };
    let spec = &row.config.spec;
    if let NetworkMode::Container(other) = &row.config.network {
        // They share the files as they share the network.
        let theirs = core.container_run_dir(other);
        for (name, destination) in [("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf")] {
            let path = theirs.join(name);
            if path.exists() {
                files.bind(path, destination);
            }
        }
    } else {
        if spec.use_image_resolv_conf != Some(true) && row.config.network != NetworkMode::None {
            files.add("resolv.conf", "/etc/resolv.conf", &resolv_text(core, row)?)?;
        }
        if !(spec.use_image_hosts == Some(true) || core.options.containers.containers.no_hosts == Some(true))
        {
            files.add("hosts", "/etc/hosts", &hosts_text(core, row, root)?)?;
        }
    }
    if !no_hostname(row) {
        files.add("hostname", "/etc/hostname", &format!("{}\n", row.config.hostname))?;
    }
    files.add(".containerenv", "/run/.containerenv", &containerenv(core, row))?;
    if spec.passwd != Some(false) {
        accounts(&mut files, root, user)?;
    }
    if !spec.timezone.is_empty() {
        time_zone(&mut files, &spec.timezone)?;
    }
    Ok(files.mounts)
}

/// `--no-hostname`, which libpod's request calls by another name.
fn no_hostname(row: &ContainerRow) -> bool {
    row.config.spec.other.get("use_image_hostname").and_then(serde_json::Value::as_bool) == Some(true)
}

struct Files<'a> {
    directory: &'a Path,
    row: &'a ContainerRow,
    mounts: Vec<Mount>,
}

impl Files<'_> {
    fn add(&mut self, name: &str, destination: &str, text: &str) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&path, permissions)?;
        self.bind(path, destination);
        Ok(())
    }

    fn bind(&mut self, path: PathBuf, destination: &str) {
        // A mount of the user's at the same place wins.
        let taken = self.row.config.spec.mounts.iter().any(|mount| mount.destination == destination)
            || self.row.config.volumes.iter().any(|volume| volume.destination == destination);
        if !taken {
            self.mounts.push(Mount {
                destination: destination.into(),
                kind: "bind".into(),
                source: path.to_string_lossy().into_owned(),
                options: vec!["bind".into(), "rprivate".into()],
            });
        }
    }
}

fn host_text(path: &str) -> Result<String> {
    match cove_sys::read::bounded_text(Path::new(path), MAX_FILE) {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

fn resolv_text(core: &Core, row: &ContainerRow) -> Result<String> {
    let spec = &row.config.spec;
    let conf = &core.options.containers.containers;
    let pick = |own: &[String], configured: &Option<cove_config::TextList>| {
        if own.is_empty() {
            configured.as_ref().map(|list| list.values.clone()).unwrap_or_default()
        } else {
            own.to_vec()
        }
    };
    let mut host = host_text("/etc/resolv.conf")?;
    if needs_resolved(&host) {
        let behind = host_text(RESOLVED_CONF)?;
        if !behind.is_empty() {
            host = behind;
        }
    }
    let statuses = row.status.networks.values();
    let servers: Vec<String> = statuses.clone().flat_map(|status| status.dns_server_ips.clone()).collect();
    let search: Vec<String> = statuses.flat_map(|status| status.dns_search_domains.clone()).collect();
    Ok(resolv_conf(&ResolvOptions {
        host,
        namespaced: row.config.network != NetworkMode::Host,
        ipv6: own_addresses(row).iter().any(IpAddr::is_ipv6),
        network_only: row.config.network == NetworkMode::Bridge && !servers.is_empty(),
        network_servers: servers,
        network_search: search,
        servers: pick(&spec.dns_server, &conf.dns_servers),
        search: pick(&spec.dns_search, &conf.dns_searches),
        options: pick(&spec.dns_option, &conf.dns_options),
    }))
}

/// The name servers the user asked for, which those of the networks forward to.
pub(super) fn dns_servers(core: &Core, row: &ContainerRow) -> Vec<String> {
    if row.config.spec.dns_server.is_empty() {
        let configured = &core.options.containers.containers.dns_servers;
        configured.as_ref().map(|list| list.values.clone()).unwrap_or_default()
    } else {
        row.config.spec.dns_server.clone()
    }
}

fn addresses(status: &NetworkStatus) -> impl Iterator<Item = (IpAddr, Option<IpAddr>)> + '_ {
    status.interfaces.values().flat_map(|interface| &interface.subnets).filter_map(|address| {
        let own = address.ipnet.split('/').next()?.parse().ok()?;
        Some((own, address.gateway.parse().ok()))
    })
}

fn own_addresses(row: &ContainerRow) -> Vec<IpAddr> {
    row.status.networks.values().flat_map(addresses).map(|(own, _)| own).collect()
}

fn hosts_text(core: &Core, row: &ContainerRow, root: &RootDir) -> Result<String> {
    let conf = &core.options.containers.containers;
    let base = match conf.base_hosts_file.as_deref() {
        None | Some("") => host_text("/etc/hosts")?,
        Some("none") => String::new(),
        Some("image") => root.read_text("/etc/hosts")?.unwrap_or_default(),
        Some(path) => host_text(path)?,
    };
    let gateway = row.status.networks.values().flat_map(addresses).find_map(|(_, gateway)| gateway);
    let host = match conf.host_containers_internal_ip.as_deref() {
        Some("none") => None,
        Some(text) if !text.is_empty() => Some(
            text.parse()
                .map_err(|_| Error::invalid(format!("host_containers_internal_ip {text:?} is no address")))?,
        ),
        _ => match &row.config.network {
            NetworkMode::Bridge => gateway,
            NetworkMode::Host => Some(IpAddr::from([127, 0, 0, 1])),
            NetworkMode::Pasta | NetworkMode::Slirp => row.status.host_address.parse().ok(),
            _ => None,
        },
    };
    let names = vec![row.config.hostname.clone(), row.name.clone()];
    let mut own: Vec<(IpAddr, Vec<String>)> =
        own_addresses(row).into_iter().map(|address| (address, names.clone())).collect();
    if own.is_empty() {
        let local = match row.config.network {
            NetworkMode::None | NetworkMode::Host | NetworkMode::Private => {
                Some(IpAddr::from([127, 0, 0, 1]))
            }
            _ => None,
        };
        own.extend(local.map(|address| (address, names)));
    }
    Ok(hosts_file(&HostsOptions { base, extra: row.config.spec.hostadd.clone(), host, own })?)
}

fn containerenv(core: &Core, row: &ContainerRow) -> String {
    if row.config.spec.privileged != Some(true) {
        return String::new();
    }
    // Only trusted containers learn of the engine (podman-run(1), "--privileged").
    format!(
        "engine=\"cove-{}\"\nname=\"{}\"\nid=\"{}\"\nimage=\"{}\"\nimageid=\"{}\"\nrootless={}\n",
        env!("CARGO_PKG_VERSION"),
        row.name,
        row.id,
        row.config.image.name,
        row.config.image.id,
        u8::from(core.options.rootless)
    )
}

/// A user without an entry in passwd gets one, in a copy of the file.
fn accounts(files: &mut Files<'_>, root: &RootDir, user: &ResolvedUser) -> Result<()> {
    let spec = &files.row.config.spec;
    let mut passwd = String::new();
    if !spec.passwd_entry.is_empty() {
        passwd = format!("{}\n", spec.passwd_entry.trim_end());
    } else if user.name.is_none() && user.uid != 0 {
        passwd = format!(
            "{0}:*:{0}:{1}:container user:{2}:/bin/sh\n",
            user.uid, user.gid, files.row.config.work_dir
        );
    }
    let mut group = String::new();
    if !spec.group_entry.is_empty() {
        group = format!("{}\n", spec.group_entry.trim_end());
    } else if user.gid != 0 && user.name.is_none() {
        let text = root.read_text("/etc/group")?.unwrap_or_default();
        let wanted = user.gid.to_string();
        if !text.lines().any(|line| line.split(':').nth(2) == Some(&wanted)) {
            group = format!("{0}:x:{0}:{1}\n", user.gid, user.uid);
        }
    }
    for (name, destination, more) in [("passwd", "/etc/passwd", passwd), ("group", "/etc/group", group)] {
        if more.is_empty() {
            continue;
        }
        // An image without the file stays without it: programs see the same as elsewhere.
        let Some(mut text) = root.read_text(destination)? else { continue };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&more);
        files.add(name, destination, &text)?;
    }
    Ok(())
}

fn time_zone(files: &mut Files<'_>, zone: &str) -> Result<()> {
    let path = if zone == "local" {
        PathBuf::from("/etc/localtime")
    } else {
        if zone.starts_with('/') || zone.split('/').any(|part| part == "..") {
            return Err(Error::invalid(format!("{zone:?} is not a time zone")));
        }
        Path::new("/usr/share/zoneinfo").join(zone)
    };
    let data = cove_sys::read::bounded(&path, MAX_FILE).map_err(Error::from)?.ok_or_else(|| {
        Error::invalid(format!("finding timezone: {}: no such file or directory", path.display()))
    })?;
    let copy = files.directory.join("localtime");
    fs::write(&copy, data)?;
    fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    files.bind(copy, "/etc/localtime");
    Ok(())
}
