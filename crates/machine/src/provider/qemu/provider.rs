//! The provider: files, the process, its control socket.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cove_sys::{atomic, fs};
use qapi::qmp::RunState;
use tokio::process::Command;

use super::accel;
use super::args::{QemuSpec, arguments, package, program};
use super::folders;
use super::qmp::Qmp;
use crate::error::{Error, Result};
use crate::image::{DISK_QCOW2, INITRAMFS, KERNEL, MachineImage, host_arch};
use crate::paths::{MachineFolders, MachinePaths};
use crate::process;
use crate::program::Program;
use crate::provider::{
    Capabilities, GuestAddress, ImageFiles, Launched, ProviderKind, Stop, UdpForward, VmProvider, VmState,
};
use crate::provision::{GuestConfig, GuestNetwork};
use crate::record::MachineRecord;

/// Time for QEMU to initialise its devices and go to the background.
const LAUNCH_TIME: Duration = Duration::from_secs(30);
/// Time for a process to vanish after it was told to.
const END_TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// The QEMU provider.
pub(in crate::provider) struct Qemu {
    accelerator_cache: PathBuf,
}

impl Qemu {
    pub(in crate::provider) fn new(folders: &MachineFolders) -> Self {
        Self { accelerator_cache: folders.provider(ProviderKind::Qemu).join(".accelerator.json") }
    }

    fn pid(paths: &MachinePaths) -> Option<u32> {
        let noted = process::find(&paths.pid(), &paths.pid());
        noted.or_else(|| is_locked(paths).then(|| process::scan(&paths.pid())).flatten())
    }

    /// As [`Qemu::pid`], but waits for a process that an interrupted start has just made.
    async fn settled_pid(paths: &MachinePaths) -> Option<u32> {
        let started = Instant::now();
        loop {
            let pid = Self::pid(paths);
            if pid.is_some() || !is_locked(paths) || started.elapsed() > END_TIME {
                return pid;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn wait_gone(paths: &MachinePaths, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Self::pid(paths).is_some() {
            if Instant::now() > end {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }

    async fn launch(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        config: &GuestConfig,
    ) -> Result<Launched> {
        let arch = record.image.arch.as_str();
        let decision = accel::decide(&self.accelerator_cache, arch, &paths.folder.join(KERNEL)).await?;
        let lock = take_lock(record.name.as_str(), paths).await?;
        for stale in [paths.qmp(), paths.pid()] {
            remove_if_there(&stale)?;
        }
        let json = serde_json::to_vec(config).map_err(std::io::Error::other)?;
        atomic::write(&paths.guest_config(), &json, 0o600)?;
        let served = folders::serve(record.name.as_str(), &record.shared_folders, paths).await?;
        let spec = QemuSpec {
            name: record.name.as_str(),
            arch,
            variant: &record.image.variant,
            accelerator: decision.accelerator,
            cpus: record.cpus,
            memory_mib: record.memory_mib,
            ssh_port: record.ssh_port,
            folders: record.shared_folders.len(),
            paths,
        };
        launch(record.name.as_str(), arch, &spec, lock).await?;
        served.keep();
        let pid = Self::pid(paths).unwrap_or_default();
        Ok(Launched { pid, accelerator: decision.accelerator.as_str().into(), note: decision.note })
    }

    async fn hard_stop(name: &str, paths: &MachinePaths) -> Result<()> {
        if let Ok(qmp) = Qmp::connect(name, &paths.qmp()).await {
            let _ = qmp.quit().await;
            drop(qmp);
            if Self::wait_gone(paths, END_TIME).await {
                return Ok(());
            }
        }
        let Some(pid) = Self::pid(paths) else { return Ok(()) };
        process::kill(pid);
        if Self::wait_gone(paths, END_TIME).await {
            return Ok(());
        }
        Err(Error::DidNotStop { name: name.to_owned(), pid })
    }
}

#[async_trait]
impl VmProvider for Qemu {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Qemu
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resources: true, disk_size: true, qcow2: true, udp: true, console: true }
    }

    async fn check(&self) -> Result<String> {
        let arch = host_arch();
        let version = Program::new(program(arch), package(arch)).args(["--version"]).run().await?;
        Program::qemu_img().args(["--version"]).run().await?;
        let line = version.lines().next().unwrap_or_default();
        Ok(line.trim_start_matches("QEMU emulator version ").to_owned())
    }

    fn files(&self) -> ImageFiles {
        ImageFiles { disk: DISK_QCOW2, boot: &[KERNEL, INITRAMFS] }
    }

    fn address(&self, record: &MachineRecord, _: &MachinePaths) -> GuestAddress {
        GuestAddress::Port(record.ssh_port)
    }

    fn network(&self) -> Option<GuestNetwork> {
        Some(GuestNetwork::qemu_user())
    }

    fn assign(&self, record: &mut MachineRecord) -> Result<Option<String>> {
        let before = record.ssh_port;
        if before != 0 && port_is_free(before) {
            return Ok(None);
        }
        record.ssh_port = free_port()?;
        let note = format!("port {before} for ssh is taken: using {}", record.ssh_port);
        Ok((before != 0).then_some(note))
    }

    fn slow_because(&self) -> Option<String> {
        accel::obstacle(&self.accelerator_cache)
    }

    fn cannot_share_folders(&self) -> Option<String> {
        folders::obstacle()
    }

    async fn create(&self, record: &MachineRecord, image: &MachineImage, paths: &MachinePaths) -> Result<()> {
        image.install(self.files(), &paths.folder).await?;
        self.resize(record, paths).await
    }

    async fn resize(&self, record: &MachineRecord, paths: &MachinePaths) -> Result<()> {
        if self.is_alive(paths) {
            let qmp = Qmp::connect(record.name.as_str(), &paths.qmp()).await?;
            return qmp.resize(record.disk_gib << 30).await;
        }
        let size = format!("{}G", record.disk_gib);
        let disk = paths.folder.join(DISK_QCOW2);
        let arguments = [
            OsStr::new("resize"),
            OsStr::new("-q"),
            OsStr::new("-f"),
            OsStr::new("qcow2"),
            disk.as_os_str(),
            OsStr::new(&size),
        ];
        Program::qemu_img().args(arguments).run().await.map(drop)
    }

    async fn start(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        config: &GuestConfig,
    ) -> Result<Launched> {
        let launched = self.launch(record, paths, config).await;
        // QEMU has read it; the secret need not lie around.
        let _ = fs::remove_file(paths.guest_config());
        launched
    }

    async fn stop(&self, record: &MachineRecord, paths: &MachinePaths, how: Stop) -> Result<()> {
        let name = record.name.as_str();
        if Self::settled_pid(paths).await.is_some() {
            if let Stop::Orderly(time) = how
                && let Ok(qmp) = Qmp::connect(name, &paths.qmp()).await
            {
                if !matches!(qmp.status().await, Ok(RunState::running)) {
                    let _ = qmp.resume().await;
                }
                let pressed = qmp.power_button().await.is_ok();
                drop(qmp);
                if pressed {
                    Self::wait_gone(paths, time).await;
                }
            }
            Self::hard_stop(name, paths).await?;
        }
        for leftover in [paths.qmp(), paths.pid()] {
            remove_if_there(&leftover)?;
        }
        folders::end(paths)
    }

    async fn state(&self, name: &str, paths: &MachinePaths) -> Result<VmState> {
        if Self::settled_pid(paths).await.is_none() {
            return Ok(VmState::Stopped);
        }
        let status = async { Qmp::connect(name, &paths.qmp()).await?.status().await }.await;
        Ok(match status {
            Ok(RunState::running) => VmState::Running,
            Ok(
                RunState::shutdown | RunState::guest_panicked | RunState::internal_error | RunState::io_error,
            ) => VmState::Unresponsive,
            Ok(_) => VmState::Paused,
            // It may have ended between the two questions.
            Err(_) if Self::pid(paths).is_none() => VmState::Stopped,
            Err(_) => VmState::Unresponsive,
        })
    }

    fn is_alive(&self, paths: &MachinePaths) -> bool {
        Self::pid(paths).is_some()
    }

    async fn forward_udp(
        &self,
        name: &str,
        paths: &MachinePaths,
        forward: &UdpForward,
        on: bool,
    ) -> Result<()> {
        let from = format!("udp:{}:{}", forward.host_ip, forward.host_port);
        let command = if on {
            format!("hostfwd_add net0 {from}-:{}", forward.guest_port)
        } else {
            format!("hostfwd_remove net0 {from}")
        };
        let result = Qmp::connect(name, &paths.qmp()).await?.human(command).await;
        // Removal answers with a sentence also when all went well.
        if on { result } else { Ok(()) }
    }

    async fn remove(&self, paths: &MachinePaths) -> Result<()> {
        for file in [paths.qmp(), paths.pid()] {
            remove_if_there(&file)?;
        }
        folders::end(paths)
    }
}

/// A port on 127.0.0.1 that nobody uses at this moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn port_is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether a VM's process holds the lock. It inherits the lock, so not even a start that is killed between making
/// the process and noting its pid leaves one that nobody finds.
fn is_locked(paths: &MachinePaths) -> bool {
    process::is_held(&paths.vm_lock())
}

/// Takes the lock for a VM to be started; somebody who only looks may hold it for a moment.
async fn take_lock(name: &str, paths: &MachinePaths) -> Result<fs::File> {
    let file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(paths.vm_lock())?;
    let started = Instant::now();
    while let Err(error) = file.file().try_lock() {
        if started.elapsed() > END_TIME {
            return Err(Error::Control { name: name.to_owned(), reason: format!("vm.lock: {error}") });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(file)
}

/// Starts QEMU in a session of its own and waits until its control socket answers.
async fn launch(name: &str, arch: &str, spec: &QemuSpec<'_>, lock: fs::File) -> Result<()> {
    let failed = |reason: String| Error::ProgramFailed { program: program(arch).into(), reason };
    let log = fs::File::create(spec.paths.vm_log())?.into_parts().0;
    let copy = log.try_clone()?;
    let mut command = Command::new(program(arch));
    command.args(arguments(spec)).stdin(Stdio::null()).stdout(log).stderr(copy);
    let lock_fd = std::os::fd::OwnedFd::from(lock.into_parts().0);
    // SAFETY: setsid(2) and fcntl(2) are async-signal-safe, and the closure touches no memory but its own.
    unsafe {
        command.pre_exec(move || {
            // The VM outlives this command and its terminal, and holds the lock.
            rustix::process::setsid()?;
            rustix::io::fcntl_setfd(&lock_fd, rustix::io::FdFlags::empty())?;
            Ok(())
        });
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::ProgramMissing { program: program(arch).into(), package: package(arch) });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    // With the command goes our own copy of the lock.
    drop(command);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let text = fs::read_to_string(spec.paths.vm_log()).unwrap_or_default();
            let reason = crate::boot_log::tail(&text, 5);
            return Err(failed(if reason.is_empty() { status.to_string() } else { reason }));
        }
        if spec.paths.qmp().exists() && Qmp::connect(name, &spec.paths.qmp()).await.is_ok() {
            return Ok(());
        }
        if started.elapsed() > LAUNCH_TIME {
            let _ = child.kill().await;
            return Err(failed(format!("its control socket did not answer in {} s", LAUNCH_TIME.as_secs())));
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::record::tests::sample;

    /// A process that passes for the machine's VM, behind a control socket that never answers.
    #[tokio::test]
    async fn a_vm_with_a_dead_control_socket_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let folders = MachineFolders { data: folder.path().join("d"), runtime: folder.path().join("r") };
        let record = sample();
        let paths = folders.machine(ProviderKind::Qemu, &record.name);
        fs::create_dir_all(&paths.runtime).unwrap();
        let listener = UnixListener::bind(paths.qmp()).unwrap();
        std::thread::spawn(move || {
            let connections: Vec<_> = listener
                .incoming()
                .flatten()
                .map(|mut stream| {
                    let _ = stream.write_all(b"not what was expected\r\n");
                    stream
                })
                .collect();
            drop(connections);
        });
        let mut vm = std::process::Command::new("sh")
            .args(["-c", "read line"])
            .arg(paths.pid())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(paths.pid(), vm.id().to_string()).unwrap();
        let provider = Qemu::new(&folders);
        // The kernel knows its arguments only some time after it has let the parent go on (vfork(2)).
        while !provider.is_alive(&paths) {
            tokio::time::sleep(POLL).await;
        }
        assert_eq!(provider.state("dev", &paths).await.unwrap(), VmState::Unresponsive);
        let started = Instant::now();
        provider.stop(&record, &paths, Stop::Hard).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(60));
        assert!(!vm.wait().unwrap().success());
        assert_eq!(provider.state("dev", &paths).await.unwrap(), VmState::Stopped);
        assert!(!paths.pid().exists() && !paths.qmp().exists());
    }
}
