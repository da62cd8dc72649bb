//! A fresh root as a machine: its user, its clone of the repository, its namespaces.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::network::Network;
use crate::shell;

/// Enters `$1` as the root of a machine of its own and runs the rest there as `$2`.
const ENTER: &str = include_str!("enter.sh");
/// What the ways of this machine to the outside need.
const PASSED_ON: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "COVE_REQUIRE",
];

/// A machine with git, Rust and a clone of this repository.
pub(super) struct Machine {
    root: PathBuf,
    user: &'static str,
    /// The user's home, as the machine sees it.
    home: PathBuf,
    toolchain: PathBuf,
    network: Network,
}

impl Machine {
    /// Gives `root` what a developer has on the first day.
    pub(super) fn new(root: PathBuf, user: &'static str) -> Result<Self> {
        let home = if user == "root" { PathBuf::from("/root") } else { Path::new("/home").join(user) };
        let toolchain = shell::output(shell::command("rustc").args(["--print", "sysroot"]))?;
        let machine = Self { root, user, home, toolchain: toolchain.trim().into(), network: Network::new()? };
        std::fs::write(machine.root.with_file_name("enter.sh"), ENTER)?;
        let clone = machine.outside(&machine.repository());
        shell::run(Command::new("git").args(["clone", "--quiet"]).arg(shell::root()).arg(clone))?;
        machine.share_downloads()?;
        if user != "root" {
            let owner = format!("{user}:{user}");
            shell::run(
                Command::new("chroot").arg(&machine.root).args(["chown", "-R", &owner]).arg(&machine.home),
            )?;
        }
        Ok(machine)
    }

    /// Copies the index and the packed crates, so that the registry is not asked for them again.
    fn share_downloads(&self) -> Result<()> {
        let cargo = std::env::var_os("CARGO_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cargo"),
            PathBuf::from,
        );
        let registry = self.outside(&self.home.join(".cargo/registry"));
        std::fs::create_dir_all(&registry).with_context(|| registry.display().to_string())?;
        for folder in ["index", "cache"] {
            let source = cargo.join("registry").join(folder);
            if source.exists() {
                shell::run(Command::new("cp").arg("-a").arg(source).arg(&registry))?;
            }
        }
        Ok(())
    }

    fn repository(&self) -> PathBuf {
        self.home.join("cove")
    }

    /// A path of the machine as this one sees it.
    fn outside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A command there, in the repository.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.network.enter();
        command.args(["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]);
        command
            .arg("sh")
            .arg(self.root.with_file_name("enter.sh"))
            .arg(&self.root)
            .arg(self.user)
            .args(words);
        let system = if self.user == "root" { ":/usr/local/sbin:/usr/sbin:/sbin" } else { "" };
        let inside = format!("/opt/rust/bin:/usr/local/bin:/usr/bin:/bin{system}");
        // What enters needs a system's programs, which an ordinary user does not find.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("INSIDE", inside);
        command.env("HOME", &self.home).env("USER", self.user).env("LANG", "C.UTF-8");
        command.env("TOOLCHAIN", &self.toolchain).env("REPOSITORY", self.repository());
        command.env("CI", "1").env("CARGO_INCREMENTAL", "0");
        for name in PASSED_ON {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }
}
