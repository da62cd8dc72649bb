//! A machine's files, its processes, and what it takes of the host.

use std::net::TcpListener;

use cove_sys::fs;

use super::Findings;
use crate::agent::read_state;
use crate::boot_log;
use crate::error::Error;
use crate::keys;
use crate::name::MachineName;
use crate::ops::console::read_log;
use crate::ops::list::MachineState;
use crate::ops::machines::Machines;
use crate::paths::MachinePaths;
use crate::provider::VmProvider;
use crate::qcow2::{self, Wholeness};
use crate::record::MachineRecord;
use crate::space;

impl Machines {
    pub(super) async fn check_machine(&self, name: &MachineName, findings: &mut Findings) {
        let (record, paths) = match self.load(name) {
            Ok(found) => found,
            Err(error) => {
                let cure = format!("cove machine rm --force {name}");
                return findings.fail("definition", error.to_string(), cure);
            }
        };
        findings.ok("definition", paths.record().display().to_string());
        let provider = self.provider(record.provider);
        let alive = provider.is_alive(&paths);
        check_files(&paths, provider.as_ref(), findings);
        check_keys(&paths, findings).await;
        self.check_disk(&record, &paths, provider.as_ref(), alive, findings).await;
        self.check_connection(name, &paths, findings).await;
        if Self::is_locked(&paths) {
            findings.warn("lock", "another command works on it at this moment", "wait for that command");
        } else {
            findings.ok("lock", "no command works on it");
        }
        let (state, error) = self.state_of(&record, &paths).await;
        check_state(name, state, error, findings);
        if alive {
            check_agent(name, &paths, findings);
        } else {
            check_port(&record, findings);
            self.check_leftovers(name, &paths, findings).await;
        }
        check_console(&paths, findings);
        if alive {
            self.check_guest(&record, &paths, provider.as_ref(), findings).await;
        }
    }

    async fn check_disk(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        provider: &dyn VmProvider,
        alive: bool,
        findings: &mut Findings,
    ) {
        let disk = paths.folder.join(provider.files().disk);
        if !provider.capabilities().qcow2 || !disk.is_file() {
            return;
        }
        let name = &record.name;
        if !alive {
            match qcow2::check(&disk, false).await {
                Ok(Wholeness::Whole) => findings.ok("disk", "its tables are whole"),
                Ok(Wholeness::Leaks) => {
                    let repair = async {
                        let machine = self.stopped(name, "its disk").await?;
                        qcow2::check(&machine.disk(), true).await.map(drop)
                    };
                    let message = "it takes more room than it needs (leaked clusters)";
                    findings.repairable("disk", message, repair).await;
                }
                Ok(Wholeness::Damaged) => findings.fail(
                    "disk",
                    "its tables contradict each other (qemu-img check)",
                    format!("copy {} away before anything else; then return to a snapshot or make the machine anew", disk.display()),
                ),
                Err(error) => findings.fail("disk", error.to_string(), ""),
            }
        }
        let (Ok(taken), Some(free)) = (space::taken(&disk), space::free(&paths.folder)) else { return };
        let growth = (record.disk_gib << 30).saturating_sub(taken);
        let message = format!(
            "the disk takes {} of {} GiB; {} are free on this host",
            space::shown(taken),
            record.disk_gib,
            space::shown(free)
        );
        if free < growth {
            let cure = format!("`cove machine compact {name}`, or make room before it fills up");
            findings.warn("disk room", message, cure);
        } else {
            findings.ok("disk room", message);
        }
    }

    async fn check_connection(&self, name: &MachineName, paths: &MachinePaths, findings: &mut Findings) {
        let wanted = format!("unix://{}", paths.api().display());
        match self.connections.get(name.as_str()) {
            Ok(known) if known.destination.uri == wanted => findings.ok("connection", wanted),
            Ok(known) if !known.destination.is_machine || !known.writable => findings.fail(
                "connection",
                format!("{name:?} leads to {}", known.destination.uri),
                "rename that connection: `cove system connection rename`",
            ),
            _ => {
                let repair = async { self.register(name, paths, false) };
                findings.repairable("connection", "it is not registered under its name", repair).await;
            }
        }
    }

    /// Files of a VM and an agent that are gone.
    async fn check_leftovers(&self, name: &MachineName, paths: &MachinePaths, findings: &mut Findings) {
        let stale = || {
            [paths.pid(), paths.qmp(), paths.api(), paths.agent_state(), paths.guest_config()]
                .into_iter()
                .filter(|path| path.symlink_metadata().is_ok())
                .collect::<Vec<_>>()
        };
        if stale().is_empty() || Self::has_agent(paths) {
            return findings.ok("sockets", "nothing is left of a former run");
        }
        let repair = async {
            let _lock = self.lock(name, paths).await?;
            let (record, _) = self.load(name)?;
            if self.provider(record.provider).is_alive(paths) {
                return Err(Error::AlreadyRunning { name: name.to_string() });
            }
            Ok(stale().into_iter().try_for_each(fs::remove_file)?)
        };
        findings.repairable("sockets", "files of a run that ended badly are left", repair).await;
    }
}

fn check_files(paths: &MachinePaths, provider: &dyn VmProvider, findings: &mut Findings) {
    let missing: Vec<&str> =
        provider.files().all().filter(|file| !paths.folder.join(file).is_file()).collect();
    if missing.is_empty() {
        findings.ok("files", paths.folder.display().to_string());
    } else {
        let message = format!("missing in {}: {}", paths.folder.display(), missing.join(", "));
        findings.fail("files", message, "return to a snapshot, or remove the machine and make it anew");
    }
    if paths.interrupted_restore() {
        let cure = "the next start completes it";
        findings.warn("snapshot", "the return to a snapshot was interrupted", cure);
    }
}

async fn check_keys(paths: &MachinePaths, findings: &mut Findings) {
    let keys = [paths.identity(), paths.host_key()];
    let broken =
        |error: &Error| matches!(error, Error::BadKey { reason, .. } if reason.contains("chmod 600"));
    match keys.iter().find_map(|key| keys::load_private(key).err()) {
        None => findings.ok("keys", "both are there and private"),
        Some(error) if broken(&error) => {
            let repair = async { Ok(keys.iter().try_for_each(|key| make_private(key))?) };
            findings.repairable("keys", error.to_string(), repair).await;
        }
        Some(error) => {
            findings.fail("keys", error.to_string(), "export the machine and import it: that makes new keys");
        }
    }
}

/// Closes a file for others; a link is not followed.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::symlink_metadata(path)?.is_file() {
            fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn check_state(name: &MachineName, state: MachineState, error: Option<String>, findings: &mut Findings) {
    let message = match error {
        Some(error) => format!("{}: {error}", state.as_str()),
        None => state.as_str().to_owned(),
    };
    match state {
        MachineState::Stopped | MachineState::Running | MachineState::Starting => {
            findings.ok("state", message);
        }
        MachineState::Paused => {
            findings.warn("state", message, format!("cove machine stop {name}, then start it"));
        }
        MachineState::Degraded | MachineState::Unresponsive | MachineState::Broken => {
            findings.fail("state", message, format!("cove machine start {name}"));
        }
    }
}

fn check_agent(name: &MachineName, paths: &MachinePaths, findings: &mut Findings) {
    if !Machines::has_agent(paths) {
        let cure = format!("cove machine start {name}");
        return findings.fail("agent", "it is gone: nothing reaches the machine", cure);
    }
    let Some(state) = read_state(paths) else {
        return findings.warn("agent", "it has not reported yet", "");
    };
    match &state.error {
        Some(error) => findings.warn("agent", error, ""),
        None => findings.ok("agent", format!("process {}", state.pid)),
    }
    let failed: Vec<String> = state
        .ports
        .iter()
        .filter_map(|port| Some(format!("{}/{}: {}", port.port, port.protocol, port.error.as_ref()?)))
        .collect();
    if failed.is_empty() {
        findings.ok("ports", format!("{} are published", state.ports.len()));
    } else {
        findings.warn("ports", failed.join("; "), "end what uses the port on this host, or publish another");
    }
}

fn check_port(record: &MachineRecord, findings: &mut Findings) {
    let port = record.ssh_port;
    if TcpListener::bind(("127.0.0.1", port)).is_ok() {
        findings.ok("ports", format!("{port} for ssh is free"));
    } else {
        findings.ok("ports", format!("{port} for ssh is in use: the next start takes another"));
    }
}

fn check_console(paths: &MachinePaths, findings: &mut Findings) {
    let log = read_log(&paths.console());
    match log.lines().filter_map(boot_log::fault).next_back() {
        None => findings.ok("console", "no fault since the last start"),
        Some(fault) => {
            let message = format!("the guest says {:?}", fault.line);
            let cure = format!("see {}", paths.console().display());
            if fault.fatal {
                findings.fail("console", message, cure);
            } else {
                findings.warn("console", message, cure);
            }
        }
    }
}
