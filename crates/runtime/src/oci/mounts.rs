//! The mounts of a container: the defaults, and the engine's and user's over them.

use std::path::Path;

use cove_api::Mount;

use super::input::{NamespaceTarget, ShmSource, SpecInput};
use crate::error::{Error, Result};

/// All mounts in the order in which they are made.
pub(crate) fn mounts(input: &SpecInput<'_>, devices: &[Mount]) -> Result<Vec<Mount>> {
    let mut own = defaults(input);
    let mut further: Vec<Mount> = Vec::new();
    if let Some(init) = &input.init_path {
        further.push(bind(&init.to_string_lossy(), "/run/podman-init", &["bind", "ro"]));
    }
    further.extend(read_only_tmpfs(input));
    for mount in systemd(input) {
        further.retain(|m| m.destination != mount.destination);
        further.push(mount);
    }
    further.extend(devices.iter().cloned());
    for mount in &input.mounts {
        let mount = normalize(mount)?;
        // What the user mounts takes the place of what the engine would.
        further.retain(|m| m.destination != mount.destination);
        further.push(mount);
    }
    own.retain(|m| !further.iter().any(|f| supersedes(f, &m.destination)));
    further.sort_by_key(|m| m.destination.split('/').filter(|c| !c.is_empty()).count());
    own.extend(further);
    Ok(own)
}

/// Whether a mount replaces the default one at `destination`: the same place, or a bind over the whole of `/dev` etc.
fn supersedes(mount: &Mount, destination: &str) -> bool {
    mount.destination == destination
        || mount.kind == "bind"
            && destination.strip_prefix(mount.destination.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

fn bind(source: &str, destination: &str, options: &[&str]) -> Mount {
    mount("bind", source, destination, options)
}

fn mount(kind: &str, source: &str, destination: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        options: options.iter().map(|o| (*o).to_owned()).collect(),
    }
}

/// Whether `/sys` must be the host's: a sysfs can only be mounted by the owner of the network namespace.
pub(crate) fn needs_host_sys(input: &SpecInput<'_>) -> bool {
    let own_user_namespace = !input.namespaces.user.is_host();
    match input.namespaces.network {
        NamespaceTarget::Host => input.host.rootless || own_user_namespace,
        NamespaceTarget::Path(_) => own_user_namespace && !input.owns_network,
        NamespaceTarget::Private => false,
    }
}

fn defaults(input: &SpecInput<'_>) -> Vec<Mount> {
    let security = &input.settings.security;
    let access = if security.privileged { "rw" } else { "ro" };
    // A container of a private user namespace has only the groups of its own map.
    let groups = match &input.id_mappings {
        Some((_, groups)) => groups.iter().filter(|g| g.container_id == 0).map(|g| u64::from(g.size)).sum(),
        None => input.host.mapped_groups,
    };
    let mut proc_options = vec!["nosuid", "noexec", "nodev"];
    proc_options.extend(security.proc_options.iter().map(String::as_str));
    let mut list = Vec::new();
    list.push(match input.namespaces.pid {
        // A proc for the host's pid namespace cannot be mounted from a user namespace that does not own it.
        NamespaceTarget::Host if input.host.rootless || !input.namespaces.user.is_host() => {
            bind("/proc", "/proc", &["rbind", "nosuid", "noexec", "nodev"])
        }
        _ => mount("proc", "proc", "/proc", &proc_options),
    });
    list.push(mount(
        "tmpfs",
        "tmpfs",
        "/dev",
        &["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"],
    ));
    let mut pts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if groups > 5 {
        pts.push("gid=5");
    }
    list.push(mount("devpts", "devpts", "/dev/pts", &pts));
    let first_user_namespace = !input.host.rootless && input.namespaces.user.is_host();
    if first_user_namespace || !input.namespaces.ipc.is_host() {
        list.push(mount("mqueue", "mqueue", "/dev/mqueue", &["nosuid", "noexec", "nodev"]));
    } else if input.host.mqueue {
        list.push(bind("/dev/mqueue", "/dev/mqueue", &["rbind", "nosuid", "noexec", "nodev"]));
    }
    list.push(if needs_host_sys(input) {
        bind("/sys", "/sys", &["rbind", "rprivate", "nosuid", "noexec", "nodev", access])
    } else {
        mount("sysfs", "sysfs", "/sys", &["nosuid", "noexec", "nodev", access])
    });
    if input.cgroup.is_enabled() && input.settings.cgroup.own && !needs_host_sys(input) {
        let access = if input.settings.systemd.is_some() { "rw" } else { access };
        let options = ["rprivate", "nosuid", "noexec", "nodev", "relatime", access];
        list.push(mount("cgroup", "cgroup", "/sys/fs/cgroup", &options));
    }
    let size = format!("size={}", input.settings.shm_size);
    match &input.shm {
        ShmSource::Private => {
            list.push(mount("tmpfs", "shm", "/dev/shm", &["nosuid", "noexec", "nodev", "mode=1777", &size]));
        }
        ShmSource::Host => {
            list.push(bind("/dev/shm", "/dev/shm", &["bind", "nosuid", "noexec", "nodev"]));
        }
        ShmSource::Bind(path) => {
            let options = ["bind", "nosuid", "noexec", "nodev"];
            list.push(bind(&path.to_string_lossy(), "/dev/shm", &options));
        }
        ShmSource::None => {}
    }
    let root = input.settings.root;
    if root.read_only && !root.scratch {
        for mount in list.iter_mut().filter(|m| matches!(m.destination.as_str(), "/dev" | "/dev/shm")) {
            mount.options.push("ro".to_owned());
        }
    }
    list
}

/// With `--read-only`, places that programs expect to be able to write to.
fn read_only_tmpfs(input: &SpecInput<'_>) -> Vec<Mount> {
    let root = input.settings.root;
    if !root.read_only || !root.scratch {
        return Vec::new();
    }
    let options = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"];
    ["/run", "/tmp", "/var/tmp"].iter().map(|path| mount("tmpfs", "tmpfs", path, &options)).collect()
}

/// Where systemd expects to be able to write.
fn systemd(input: &SpecInput<'_>) -> Vec<Mount> {
    let Some(systemd) = input.settings.systemd else { return Vec::new() };
    let one = |path: &&str| {
        let mut mount = mount("tmpfs", "tmpfs", path, &["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]);
        if systemd.memory > 0 {
            mount.options.push(format!("size={}", systemd.memory));
        }
        if *path != "/tmp" {
            mount.options.push("mode=755".to_owned());
        }
        mount
    };
    ["/run", "/run/lock", "/tmp", "/var/log/journal"].iter().map(one).collect()
}

/// A mount with the options that Podman adds, without those that are the engine's business.
fn normalize(wanted: &Mount) -> Result<Mount> {
    let bad = |why: &str| Error::invalid(format!("mount {:?}", wanted.destination), why);
    let path = Path::new(&wanted.destination);
    if !path.is_absolute() {
        return Err(bad("the destination must be absolute"));
    }
    if path.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
        return Err(bad("the destination must not hold .."));
    }
    if path.parent().is_none() {
        return Err(bad("the root directory cannot be mounted over"));
    }
    let mut result = wanted.clone();
    // "//a/./b/" and "/a/b" are the same place.
    result.destination = path.components().collect::<std::path::PathBuf>().to_string_lossy().into_owned();
    if result.kind.is_empty() {
        result.kind = "bind".to_owned();
    }
    // Relabelling has no meaning without SELinux; ownership, overlays and copies were the engine's to do.
    result.options.retain(|o| !matches!(o.as_str(), "z" | "Z" | "U" | "O" | "copy" | "nocopy"));
    for option in &result.options {
        if option.contains('\0') || option.is_empty() {
            return Err(bad("empty option"));
        }
    }
    let is_propagation =
        |o: &String| matches!(o.trim_start_matches('r'), "private" | "shared" | "slave" | "unbindable");
    if result.kind == "bind" {
        if !result.options.iter().any(|o| o == "bind" || o == "rbind") {
            result.options.insert(0, "rbind".to_owned());
        }
        if !result.options.iter().any(is_propagation) {
            result.options.push("rprivate".to_owned());
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalized() {
        let wanted = mount("", "/host", "//data/./x/", &["ro", "Z", "U"]);
        let got = normalize(&wanted).unwrap();
        assert_eq!(got, bind("/host", "/data/x", &["rbind", "ro", "rprivate"]));
        let got = normalize(&bind("/host", "/d", &["bind", "rslave"])).unwrap();
        assert_eq!(got.options, ["bind", "rslave"]);
        for destination in ["data", "/", "/a/../b", ""] {
            assert!(normalize(&bind("/host", destination, &[])).is_err(), "{destination}");
        }
    }
}
