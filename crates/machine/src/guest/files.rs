//! The files PID 1 makes of the host's configuration, all below `/run` except the host name files.

use std::path::Path;

use cove_sys::{atomic, fs};

use crate::provision::{GUEST_SOCKET, GuestConfig};
use crate::ssh::USERS;

/// Folder of the users' authorized keys (`sshd_config` of the image).
const KEYS: &str = "/run/cove-keys";
/// The ordinary user's number.
const ORDINARY: u32 = 1000;

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
        (KEYS, 0o755),
    ] {
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|error| error.to_string())?;
    }
    for (path, mode) in [("/home/cove", 0o750), ("/run/user/1000", 0o700)] {
        give(Path::new(path), mode)?;
    }
    for link in ["/run/podman/podman.sock", "/run/docker.sock"] {
        let _ = std::os::unix::fs::symlink(GUEST_SOCKET, link);
    }
    Ok(())
}

/// Makes a folder of the ordinary user's.
fn give(folder: &Path, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::symlink_metadata(folder).map_err(failed)?.uid() != ORDINARY {
        std::os::unix::fs::chown(folder, Some(ORDINARY), Some(ORDINARY)).map_err(failed)?;
        fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(())
}

/// The host key, the authorized key and the host name.
pub(super) fn write_config(config: &GuestConfig) -> Result<(), String> {
    let ssh = Path::new("/run/cove/ssh");
    write(&ssh.join("host_key"), config.host_key.as_bytes(), 0o600)?;
    // sshd reads a user's keys as that user, who cannot enter the other folder.
    for user in USERS {
        let line = format!("{}\n", config.authorized_key.trim());
        write(&Path::new(KEYS).join(user), line.as_bytes(), 0o644)?;
    }
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

/// Makes `/etc/localtime` (localtime(5)) and `/etc/timezone` say the zone.
pub(super) fn set_zone(name: Option<&str>) -> Result<(), String> {
    let link = Path::new("/etc/localtime");
    let name = name.unwrap_or("UTC");
    // Checked to lead nowhere else when the configuration was read.
    let zone = Path::new("/usr/share/zoneinfo").join(name);
    if !zone.is_file() {
        return Err(format!("the machine knows no time zone {name:?}"));
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
        _ => {}
    }
    std::os::unix::fs::symlink(&zone, link).map_err(|error| format!("{}: {error}", link.display()))?;
    write(Path::new("/etc/timezone"), format!("{name}\n").as_bytes(), 0o644)
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
