//! `cargo xtask test fresh`: set-up, and the README's two commands, on machines that have only git and Rust.
//!
//! A machine is a root made by mmdebstrap from packages alone, entered by namespaces of its own; the network and the
//! kernel are this machine's. What cannot be had (a distribution's mirror, dnf) is named in the table of what was
//! skipped, never passed over.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell;
use crate::skipped::Skipped;
use crate::vm_image::sources;

/// A distribution whose fresh root is made.
struct Fresh {
    name: &'static str,
    suite: &'static str,
    is_debian: bool,
    components: &'static str,
}

const ALL: [Fresh; 4] = [
    Fresh { name: "debian-stable", suite: "stable", is_debian: true, components: "main" },
    Fresh { name: "debian-testing", suite: "testing", is_debian: true, components: "main" },
    Fresh { name: "debian-unstable", suite: "sid", is_debian: true, components: "main" },
    Fresh { name: "ubuntu-24.04", suite: "noble", is_debian: false, components: "main,universe" },
];

/// Enters `$1` as the root of a machine of its own and runs the rest there.
const ENTER: &str = r#"
set -e
root=$1; shift
mount --bind "$root" "$root"
for folder in proc sys dev run tmp; do mkdir -p "$root/$folder"; done
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for folder in "$REPOSITORY" "$CARGO_HOME" "$RUSTUP_HOME"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cd "$root"
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
cd "$REPOSITORY"
exec "$@"
"#;

/// Tests on every distribution that can be had; `whole` also runs the README's commands, which build everything.
pub(crate) fn run(skipped: &Skipped, whole: bool) -> Result<()> {
    if !shell::is_root() {
        return skipped.skip("root", "fresh", "making a fresh root needs root");
    }
    let mut failed = Vec::new();
    for fresh in &ALL {
        let root = match fresh.make() {
            Ok(root) => root,
            Err(error) => {
                skipped.skip("fresh", fresh.name, &format!("no root of it could be made: {error:#}"))?;
                continue;
            }
        };
        let result = shell::step(fresh.name, || fresh.try_out(&root, whole));
        if let Err(error) = result {
            eprintln!("fresh: {error:#}");
            failed.push(fresh.name);
        }
    }
    skipped.skip(
        "fresh",
        "fedora",
        "there is no way here to make a Fedora root: no mirror of its packages is known",
    )?;
    if !failed.is_empty() {
        bail!("set-up failed on {}", failed.join(", "));
    }
    Ok(())
}

impl Fresh {
    /// A root with apt, git and certificates in it, made anew.
    fn make(&self) -> Result<PathBuf> {
        let root = shell::target().join("fresh").join(self.name);
        if root.exists() {
            shell::run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&root))?;
        }
        std::fs::create_dir_all(root.parent().unwrap_or(Path::new("/")))?;
        let mut command = Command::new("mmdebstrap");
        command.args(["--quiet", "--variant=apt", "--include=git,ca-certificates,mount"]);
        // A mirror may hold the state of some day, and a moving suite's is soon out of date.
        command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
        command.arg(format!("--components={}", self.components)).arg(self.suite).arg(&root);
        // Without a mirror mmdebstrap takes the distribution's own.
        command.args(self.is_debian.then(sources::debian_mirror).flatten());
        shell::run(&mut command)?;
        std::fs::write(root.with_extension("sh"), ENTER)?;
        Ok(root)
    }

    fn try_out(&self, root: &Path, whole: bool) -> Result<()> {
        let xtask = std::env::current_exe().context("the path of this program")?;
        let inside = |arguments: &[&str]| shell::run(self.enter(root).arg(&xtask).args(arguments));
        if inside(&["setup", "--check"]).is_ok() {
            bail!("a fresh {} lacks nothing, which cannot be", self.name);
        }
        // Group by group, as `demo` and `test` ask for them, then again for all: nothing may be missing then.
        for group in ["build", "engine", "machine", "desktop", "test"] {
            inside(&["setup", group])?;
        }
        inside(&["setup", "--check"])?;
        if whole {
            // The README's two commands.
            inside(&["demo"])?;
            inside(&["test", "unit", "e2e", "machine", "ui", "window"])?;
        }
        Ok(())
    }

    /// `unshare … sh ENTER`, to which a command is added.
    fn enter(&self, root: &Path) -> Command {
        let home = |variable: &str, folder: &str| {
            std::env::var_os(variable).map_or_else(
                || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(folder),
                PathBuf::from,
            )
        };
        let (cargo, rustup) = (home("CARGO_HOME", ".cargo"), home("RUSTUP_HOME", ".rustup"));
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--uts", "--ipc", "sh"])
            .arg(root.with_extension("sh"))
            .arg(root);
        let path =
            format!("{}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", cargo.display());
        command.env_clear().env("PATH", path).env("HOME", "/root").env("LANG", "C.UTF-8");
        command.env("REPOSITORY", shell::root()).env("CARGO_HOME", cargo).env("RUSTUP_HOME", rustup);
        // Another system's libraries need another build.
        command.env("CARGO_TARGET_DIR", shell::target().join("fresh-build").join(self.name)).env("CI", "1");
        command
    }
}
