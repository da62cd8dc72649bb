//! What others are told of a container that starts: files with its pids, and systemd (sd_notify(3)).
//!
//! What comes later than the start is said by its monitor, which is the service's main process to systemd.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};

use cove_api::{Error, Result};
use cove_config::env::NOTIFY_SOCKET;
use cove_runtime::NotifyConfig;
use cove_sys::fs;

use crate::container::health;
use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerRow, Notify};

/// Refuses files that could not be written at the start, and a wait for what never comes.
pub(super) fn check(config: &ContainerConfig) -> Result<()> {
    if config.notify == Notify::Healthy && !health::is_checked(config.health.as_ref()) {
        return Err(Error::invalid(
            "invalid argument: sdnotify policy \"healthy\" requires a healthcheck to be set",
        ));
    }
    for path in [&config.pid_files.process, &config.pid_files.monitor] {
        let Some(folder) = Path::new(path).parent().filter(|_| !path.is_empty()) else { continue };
        if !path.starts_with('/') {
            return Err(Error::invalid(format!("the pid file {path:?} is not an absolute path")));
        }
        if !folder.is_dir() {
            return Err(Error::invalid(format!("pid file {path}: {} is not a directory", folder.display())));
        }
        if !is_replaceable(path) {
            return Err(Error::invalid(format!(
                "pid file {path}: what is there is no regular file, and would be replaced"
            )));
        }
    }
    Ok(())
}

/// Whether nothing is lost where a file of pids takes the place: a device or a link is not ours.
fn is_replaceable(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        || matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// The file with the monitor's pid while it runs: the one asked for, else one among its run-time files.
pub(crate) fn monitor_pid_file(core: &Core, row: &ContainerRow) -> PathBuf {
    let asked = &row.config.pid_files.monitor;
    if asked.is_empty() { core.container_run_dir(&row.id).join("conmon.pid") } else { asked.into() }
}

/// Tells all of them. The container runs whatever comes of it.
pub(super) fn started(core: &Core, row: &ContainerRow) {
    let files = &row.config.pid_files;
    if files.monitor.is_empty()
        && let Err(error) = fs::write(monitor_pid_file(core, row), row.status.monitor_pid.to_string())
    {
        tracing::warn!("{error}");
    }
    for (path, pid) in [(&files.process, row.status.pid), (&files.monitor, row.status.monitor_pid)] {
        if path.is_empty() {
            continue;
        }
        if !is_replaceable(path) {
            tracing::warn!("the pid file {path} of container {} is no regular file now", row.id);
            continue;
        }
        if let Err(error) = cove_sys::atomic::write(Path::new(path), pid.to_string().as_bytes(), 0o644) {
            tracing::warn!("writing the pid file {path} of container {}: {error}", row.id);
        }
    }
    if row.config.notify == Notify::Start {
        tell(core, row, &format!("MAINPID={}\nREADY=1", row.status.monitor_pid));
    }
}

/// Tells systemd of a monitor that says itself when the container is ready, before it can: nobody else is listened to.
pub(super) fn starting(core: &Core, row: &ContainerRow, monitor: i32) {
    if matches!(row.config.notify, Notify::Container | Notify::Healthy) {
        tell(core, row, &format!("MAINPID={monitor}"));
    }
}

/// What the monitor says to systemd.
pub(super) fn plan(core: &Core, row: &ContainerRow) -> Option<NotifyConfig> {
    let (of_container, with_health) = match row.config.notify {
        Notify::Container => (true, false),
        Notify::Healthy => (false, true),
        Notify::Start | Notify::Nobody => return None,
    };
    let socket = socket(core, row)?.to_owned();
    let folder = of_container.then(|| core.container_run_dir(&row.id).join("notify"));
    Some(NotifyConfig { socket, folder, with_health })
}

/// The socket of who starts it, or else of who made it.
fn socket<'a>(core: &'a Core, row: &'a ContainerRow) -> Option<&'a str> {
    let made = Some(row.config.notify_socket.as_str()).filter(|socket| !socket.is_empty());
    core.options.environment.get(NOTIFY_SOCKET).or(made)
}

fn tell(core: &Core, row: &ContainerRow, message: &str) {
    let Some(socket) = socket(core, row) else { return };
    if let Err(error) = send(socket, message) {
        tracing::warn!("telling systemd of container {} on {socket}: {error}", row.id);
    }
}

/// Sends one message as sd_notify(3) does; a name that begins with `@` is an abstract socket.
///
/// # Errors
/// Nobody listens there.
pub fn send(socket: &str, message: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(message.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PidFiles;

    #[test]
    fn messages_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let receiver = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), "READY=1").unwrap();
        let mut buffer = [0; 100];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
        assert!(send("/nowhere/at/all", "x").is_err());
    }

    #[test]
    fn files_need_a_folder() {
        let with = |process: &str| {
            let pid_files = PidFiles { process: process.into(), ..PidFiles::default() };
            check(&ContainerConfig { pid_files, ..ContainerConfig::default() })
        };
        with("").unwrap();
        with("/tmp/pid").unwrap();
        for path in ["pid", "/nowhere/at/all", "/dev/null", "/proc/self/exe", "/tmp/."] {
            assert!(with(path).is_err(), "{path}");
        }
    }
}
