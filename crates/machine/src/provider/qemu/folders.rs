//! Shared folders: one virtiofsd for each, which ends with QEMU.
//!
//! There are two programs of that name. QEMU's own, in QEMU before 8.0, serves the super-user only and takes its options
//! after `-o`; the other, written in Rust, serves everyone.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cove_sys::fs;
use tokio::process::{Child, Command};

use crate::boot_log::tail;
use crate::error::{Error, Result};
use crate::paths::MachinePaths;
use crate::process;
use crate::share::{MOST_FOLDERS, SharedFolder};

/// Where distributions put it: it is no command for users.
const PLACES: &[&str] = &["/usr/libexec", "/usr/lib", "/usr/lib/qemu", "/usr/local/libexec", "/usr/bin"];
/// Time for one to listen.
const LISTEN_TIME: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// The program, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Virtiofsd {
    /// The one that came with QEMU.
    Qemus(PathBuf),
    /// The one that goes on, and whether it can serve a folder to be read only, which it learned late.
    Own(PathBuf, bool),
}

/// Why folders cannot be shared on this host.
pub(super) fn obstacle() -> Option<String> {
    find().err()
}

fn find() -> std::result::Result<Virtiofsd, String> {
    let candidates = PLACES.iter().map(|place| Path::new(place).join("virtiofsd"));
    let Some(path) = candidates.into_iter().find(|path| path.is_file()) else {
        return Err("virtiofsd, which shares them, is not installed: install virtiofsd (Debian 12: \
                    qemu-system-common)"
            .into());
    };
    let asked = |option: &str| {
        let output = std::process::Command::new(&path).arg(option).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (version, help) = (asked("--version")?, asked("--help")?);
    match kind(path, &version, &help) {
        Virtiofsd::Qemus(path) if !rustix::process::geteuid().is_root() => Err(format!(
            "{} is QEMU's own and serves the super-user only: install virtiofsd 1.10 or newer",
            path.display()
        )),
        found => Ok(found),
    }
}

fn kind(path: PathBuf, version: &str, help: &str) -> Virtiofsd {
    match version.contains("QEMU") {
        true => Virtiofsd::Qemus(path),
        false => Virtiofsd::Own(path, help.contains("--readonly")),
    }
}

impl Virtiofsd {
    /// Whether it needs a view in which what may only be read can only be read, which takes the rights of the super-user.
    fn needs_view(&self, folder: &SharedFolder) -> bool {
        folder.read_only && !matches!(self, Self::Own(_, true))
    }

    fn command(&self, socket: &Path, folder: &SharedFolder) -> std::process::Command {
        let (Self::Qemus(program) | Self::Own(program, _)) = self;
        let mut command = std::process::Command::new(program);
        command.arg(listening(socket));
        match self {
            Self::Qemus(_) => {
                let mut source = b"source=".to_vec();
                for byte in folder.source.as_os_str().as_bytes() {
                    // Commas part the options of FUSE.
                    if matches!(byte, b',' | b'\\') {
                        source.push(b'\\');
                    }
                    source.push(*byte);
                }
                command.arg("-o").arg(OsString::from_vec(source)).args(["-o", "cache=auto"]);
            }
            Self::Own(_, can_be_read_only) => {
                command.arg("--shared-dir").arg(&folder.source);
                command.args(["--cache", "auto"]);
                if folder.read_only && *can_be_read_only {
                    command.arg("--readonly");
                }
            }
        }
        command
    }
}

/// The argument that names the socket, by which its process is found, too.
fn listening(socket: &Path) -> OsString {
    let mut argument = OsString::from("--socket-path=");
    argument.push(socket);
    argument
}

/// Those that were started for a VM; they are killed unless they are kept.
pub(super) struct Served(Vec<Child>);

impl Served {
    /// Leaves them to the VM.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.start_kill();
        }
    }
}

/// Ends those that a killed start has left, which wait for ever for a VM; the machine does not run.
pub(super) fn end(paths: &MachinePaths) -> Result<()> {
    for socket in (0..MOST_FOLDERS).map(|index| paths.folder_socket(index)) {
        if !socket.exists() {
            continue;
        }
        if let Some(pid) = process::scan(listening(&socket).as_ref()) {
            process::kill(pid);
        }
        super::provider::remove_if_there(&socket)?;
    }
    Ok(())
}

/// Serves the folders of a machine that is about to start.
pub(super) async fn serve(name: &str, folders: &[SharedFolder], paths: &MachinePaths) -> Result<Served> {
    end(paths)?;
    let mut served = Served(Vec::new());
    for (index, folder) in folders.iter().enumerate() {
        let failed = |reason: String| Error::SharedFolder {
            name: name.to_owned(),
            folder: folder.source.clone(),
            reason,
        };
        let socket = paths.folder_socket(index);
        folder.check_source().map_err(failed)?;
        let program = find().map_err(failed)?;
        if program.needs_view(folder) && !rustix::process::geteuid().is_root() {
            return Err(failed(
                "this virtiofsd cannot share a folder to be read only: install a newer one, or share it without ro"
                    .into(),
            ));
        }
        let log = paths.folder_log(index);
        let output = fs::File::create(&log)?.into_parts().0;
        let copy = output.try_clone()?;
        let mut command = program.command(&socket, folder);
        command.stdin(Stdio::null()).stdout(output).stderr(copy);
        detach(&mut command, Some(folder).filter(|folder| program.needs_view(folder)))?;
        let mut child = Command::from(command).spawn().map_err(|error| failed(error.to_string()))?;
        let begun = Instant::now();
        while !socket.exists() {
            let said = || tail(&fs::read_to_string(&log).unwrap_or_default(), 3);
            if let Some(status) = child.try_wait()? {
                let said = said();
                return Err(failed(if said.is_empty() { status.to_string() } else { said }));
            }
            if begun.elapsed() > LISTEN_TIME {
                let _ = child.start_kill();
                return Err(failed(format!("virtiofsd does not listen: {}", said())));
            }
            tokio::time::sleep(POLL).await;
        }
        served.0.push(child);
    }
    Ok(served)
}

/// Gives the process a session of its own, which outlives this command, and a view in which a folder can only be read.
fn detach(command: &mut std::process::Command, folder: Option<&SharedFolder>) -> Result<()> {
    use std::os::unix::process::CommandExt as _;

    let read_only = match folder {
        Some(folder) => Some(
            std::ffi::CString::new(folder.source.as_os_str().as_bytes()).map_err(std::io::Error::other)?,
        ),
        None => None,
    };
    // SAFETY: setsid(2), unshare(2) and mount(2) are async-signal-safe, and the closure only reads what it owns.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            #[cfg(target_os = "linux")]
            if let Some(source) = &read_only {
                use rustix::mount::{
                    MountFlags, MountPropagationFlags, mount_bind_recursive, mount_change, mount_remount,
                };
                rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS)?;
                mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
                mount_bind_recursive(source.as_c_str(), source.as_c_str())?;
                mount_remount(source.as_c_str(), MountFlags::BIND | MountFlags::RDONLY, c"")?;
            }
            #[cfg(not(target_os = "linux"))]
            let _ = &read_only;
            Ok(())
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_options() {
        let folder = SharedFolder { source: "/a, b".into(), target: "/t".into(), read_only: true };
        let line = |program: Virtiofsd| {
            let command = program.command(Path::new("/r/f0.sock"), &folder);
            let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>()
        };
        let old = kind(
            "/v".into(),
            "virtiofsd version 7.2.22 (Debian)\nCopyright (c) 2003-2022 the QEMU Project",
            "",
        );
        assert!(old.needs_view(&folder));
        assert_eq!(line(old), ["--socket-path=/r/f0.sock", "-o", "source=/a\\, b", "-o", "cache=auto"]);
        let wanted = ["--socket-path=/r/f0.sock", "--shared-dir", "/a, b", "--cache", "auto", "--readonly"];
        let new = kind("/v".into(), "virtiofsd 1.13.0\n", "      --readonly\n");
        assert!(!new.needs_view(&folder));
        assert_eq!(line(new), wanted);
        // That of Ubuntu 24.04.
        let early = kind("/v".into(), "virtiofsd 1.10.0\n", "      --cache <CACHE>\n");
        assert!(early.needs_view(&folder));
        assert!(!early.needs_view(&SharedFolder { read_only: false, ..folder.clone() }));
        assert_eq!(line(early), wanted[..5]);
    }
}
