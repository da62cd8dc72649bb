//! The distributions, and a fresh root of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;
use crate::vm_image::sources;

/// A distribution whose fresh root is made.
pub(super) struct Distribution {
    pub(super) name: &'static str,
    suite: &'static str,
    from: From,
    /// Who works there: root, or somebody who must ask sudo.
    pub(super) user: &'static str,
}

/// Whose mirror has it.
#[derive(PartialEq, Eq)]
enum From {
    Debian,
    Ubuntu,
}

/// All that are tried.
pub(super) const ALL: [Distribution; 5] = [
    Distribution { name: "debian-12", suite: "bookworm", from: From::Debian, user: "root" },
    Distribution { name: "debian-13", suite: "trixie", from: From::Debian, user: SOMEBODY },
    Distribution { name: "debian-testing", suite: "testing", from: From::Debian, user: "root" },
    Distribution { name: "debian-sid", suite: "sid", from: From::Debian, user: "root" },
    Distribution { name: "ubuntu-24.04", suite: "noble", from: From::Ubuntu, user: "root" },
];

const SOMEBODY: &str = "somebody";

/// git, and what Rust's own installer asks for: a linker with the C library's files. The rest is in every system that
/// somebody can log in to.
const PACKAGES: &str = "git,gcc,libc6-dev,ca-certificates,mount,passwd,sudo";

/// Where Debian and Ubuntu keep Ubuntu's keys.
const UBUNTU_KEYS: &str = "usr/share/keyrings/ubuntu-archive-keyring.gpg";

impl Distribution {
    /// A root of it, made anew.
    pub(super) fn make(&self) -> Result<PathBuf> {
        let folder = shell::target().join("fresh");
        let root = folder.join(self.name);
        for old in [&root, &folder.join("keys")] {
            shell::run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(old))?;
        }
        std::fs::create_dir_all(&folder)?;
        let mut command = mmdebstrap("apt", PACKAGES);
        if self.from == From::Ubuntu {
            command.args(["--components", "main,universe"]);
            command.arg("--keyring").arg(ubuntu_keys(&folder)?);
        }
        command.arg(self.suite).arg(&root);
        // Without a mirror mmdebstrap takes the distribution's own.
        command.args((self.from == From::Debian).then(sources::debian_mirror).flatten());
        shell::run(&mut command)?;
        trust(&root)?;
        if self.user != "root" {
            let script = "useradd --create-home --shell /bin/bash \"$1\" && echo \"$1 ALL=(ALL) NOPASSWD: ALL\" >\"/etc/sudoers.d/$1\"";
            shell::run(Command::new("chroot").arg(&root).args(["sh", "-c", script, "sh", self.user]))?;
        }
        Ok(root)
    }
}

fn mmdebstrap(variant: &str, packages: &str) -> Command {
    let mut command = Command::new("mmdebstrap");
    command.arg("--quiet").arg(format!("--variant={variant}")).arg(format!("--include={packages}"));
    // A mirror may hold the state of some day, and a moving suite's is soon out of date.
    command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"").args(sources::proxy_options());
    command
}

/// Ubuntu's keys: this system's, else those that Debian has a package of.
fn ubuntu_keys(folder: &Path) -> Result<PathBuf> {
    let own = Path::new("/").join(UBUNTU_KEYS);
    if own.exists() {
        return Ok(own);
    }
    let tree = folder.join("keys");
    let mut command = mmdebstrap("extract", "ubuntu-keyring");
    command.arg("sid").arg(&tree).args(sources::debian_mirror());
    shell::run(&mut command)?;
    Ok(tree.join(UBUNTU_KEYS))
}

/// What this machine's administrator trusts beyond the distribution's certificates, because its network may need them.
fn trust(root: &Path) -> Result<()> {
    let folder = "usr/local/share/ca-certificates";
    let Ok(entries) = std::fs::read_dir(Path::new("/").join(folder)) else { return Ok(()) };
    std::fs::create_dir_all(root.join(folder))?;
    for entry in entries {
        let entry = entry?;
        std::fs::copy(entry.path(), root.join(folder).join(entry.file_name()))?;
    }
    shell::run(Command::new("chroot").arg(root).arg("update-ca-certificates"))
}
