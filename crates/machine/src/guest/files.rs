//! The files PID 1 makes of the host's configuration, all below `/run` except the host name files.

use std::path::Path;

use cove_sys::{atomic, fs};

use crate::provision::{GUEST_SOCKET, GuestConfig};

/// Makes the folders and links that do not depend on the configuration.
pub(super) fn make_folders() -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    for (path, mode) in [
        ("/run/cove", 0o700),
        ("/run/cove/ssh", 0o700),
        ("/run/sshd", 0o755),
        ("/run/lock", 0o1777),
        ("/run/podman", 0o755),
        ("/run/user", 0o755),
        ("/var/lib/cove", 0o700),
    ] {
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|error| error.to_string())?;
    }
    for link in ["/run/podman/podman.sock", "/run/docker.sock"] {
        let _ = std::os::unix::fs::symlink(GUEST_SOCKET, link);
    }
    Ok(())
}

/// The host key, the authorized key and the host name.
pub(super) fn write_config(config: &GuestConfig) -> Result<(), String> {
    let ssh = Path::new("/run/cove/ssh");
    write(&ssh.join("host_key"), config.host_key.as_bytes(), 0o600)?;
    write(&ssh.join("authorized_keys"), format!("{}\n", config.authorized_key.trim()).as_bytes(), 0o600)?;
    rustix::system::sethostname(config.hostname.as_bytes()).map_err(|error| format!("host name: {error}"))?;
    fs::write("/etc/hostname", format!("{}\n", config.hostname)).map_err(|error| error.to_string())?;
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    if let Some(network) = &config.network {
        let (address, gateway) = (network.address, network.gateway);
        hosts.push_str(&format!(
            "{address} {}\n{gateway} host.containers.internal host.docker.internal\n",
            config.hostname
        ));
    }
    fs::write("/etc/hosts", hosts).map_err(|error| error.to_string())
}

/// `/etc/machine-id` (machine-id(5)), made once and kept on the machine's disk.
pub(super) fn machine_id() -> Result<(), String> {
    let path = Path::new("/etc/machine-id");
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() >= 32) {
        return Ok(());
    }
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(|error| error.to_string())?;
    write(path, id.replace('-', "").as_bytes(), 0o444)
}

/// Kernel settings that container hosts need; each is set on its own because an older kernel may lack one.
pub(super) fn sysctls() {
    for (name, value) in [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv4/ping_group_range", "0 2147483647"),
        ("fs/inotify/max_user_instances", "8192"),
        ("fs/inotify/max_user_watches", "1048576"),
        ("vm/max_map_count", "262144"),
        ("kernel/keys/maxkeys", "20000"),
        ("kernel/keys/maxbytes", "2000000"),
        ("fs/protected_symlinks", "1"),
        ("fs/protected_hardlinks", "1"),
    ] {
        let _ = fs::write(Path::new("/proc/sys").join(name), value);
    }
}

fn write(path: &Path, data: &[u8], mode: u32) -> Result<(), String> {
    atomic::write(path, data, mode).map_err(|error| error.to_string())
}
