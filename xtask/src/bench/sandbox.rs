//! Where peers that cannot live with a mix of cgroup versions can be measured, and the stores they are measured on.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{demo, shell};

/// Set in the process that already has its own view of the cgroups.
const MARK: &str = "COVE_BENCH_SANDBOX";

/// Podman cannot raise limits above what this process may have, so it is told not to try. By itself it may take its old
/// networks, whose programs are not installed.
const CONTAINERS_CONF: &str = "[containers]\ndefault_ulimits = [\"nofile=1024:4096\", \"nproc=4096:8192\"]\n\
     [network]\nnetwork_backend = \"netavark\"\n";

/// Whether [`enter`] was here before.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Goes on in a mount namespace with a plain cgroup v2 tree, where this machine has not got one.
pub(crate) fn enter() -> Result<()> {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() || is_inside() {
        return Ok(());
    }
    let script = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"";
    let error = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-c", script, "sh"])
        .args(std::env::args_os())
        .env(MARK, "1")
        .exec();
    Err(error).context("unshare")
}

/// A folder with a store for each engine and the same image in both.
pub(crate) struct Stores {
    folder: PathBuf,
    /// On a tmpfs, as run roots are.
    run_folder: PathBuf,
}

/// The image that both stores hold.
pub(crate) const IMAGE: &str = "localhost/cove-bench:latest";

impl Stores {
    /// Makes both stores anew; with the image where `with_image`.
    pub(crate) fn new(name: &str, with_image: bool) -> Result<Self> {
        let name = format!("cove-bench-{name}");
        let run = if is_tmpfs(Path::new("/run")) { "/run" } else { "/dev/shm" };
        let stores =
            Self { folder: Path::new("/var/tmp").join(&name), run_folder: Path::new(run).join(&name) };
        stores.remove();
        std::fs::create_dir_all(&stores.folder)?;
        std::fs::write(stores.path("containers.conf"), CONTAINERS_CONF)?;
        if with_image {
            let archive = demo::root_file_system()?;
            shell::run(stores.cove().args(["import", "-q"]).arg(&archive).arg(IMAGE))?;
            shell::run(stores.podman().args(["import", "-q"]).arg(&archive).arg(IMAGE))?;
        }
        Ok(stores)
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Cove on its store.
    pub(crate) fn cove(&self) -> Command {
        let mut command = shell::command(cove());
        command.arg("--root").arg(self.path("cove")).arg("--runroot").arg(self.run_folder.join("cove"));
        command
    }

    /// Podman on its store.
    pub(crate) fn podman(&self) -> Command {
        let mut command = shell::command("podman");
        command.arg("--root").arg(self.path("podman")).arg("--runroot").arg(self.run_folder.join("podman"));
        command.env("CONTAINERS_CONF", self.path("containers.conf"));
        command
    }

    fn remove(&self) {
        for command in [&mut self.cove(), &mut self.podman()] {
            let _ = shell::output(command.args(["rm", "-f", "-a", "-t", "0"]));
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for path in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if [&self.folder, &self.run_folder].iter().any(|folder| Path::new(path).starts_with(folder)) {
                let _ = shell::output(Command::new("umount").args(["-l", path]));
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_dir_all(&self.run_folder);
    }
}

fn is_tmpfs(path: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        words.next().is_some_and(|target| Path::new(target) == path) && words.next() == Some("tmpfs")
    })
}

impl Drop for Stores {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The program that is measured.
pub(crate) fn cove() -> PathBuf {
    shell::given_programs().unwrap_or_else(|| shell::target().join("release")).join("cove")
}

/// Fails where a peer is missing.
pub(crate) fn need(program: &str) -> Result<()> {
    if !shell::has(program) {
        bail!("{program} is not installed");
    }
    Ok(())
}
