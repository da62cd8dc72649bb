//! `cargo xtask setup`: finds what is missing and installs it with the system's package tool.

use anyhow::{Result, bail};

use crate::shell;

/// How to tell that a need is met.
enum Probe {
    /// A program of that name.
    Program(&'static str),
    /// A pkg-config module.
    Library(&'static str),
    /// One of these files.
    File(&'static [&'static str]),
}

/// Something the product or its tests need.
struct Need {
    group: &'static str,
    probe: Probe,
    apt: &'static str,
    dnf: &'static str,
    why: &'static str,
}

const fn need(
    group: &'static str,
    probe: Probe,
    apt: &'static str,
    dnf: &'static str,
    why: &'static str,
) -> Need {
    Need { group, probe, apt, dnf, why }
}

use Probe::{File, Library, Program};

const NEEDS: &[Need] = &[
    need("build", Program("cc"), "gcc", "gcc", "links programs and builds SQLite and zstd"),
    need("build", Program("pkg-config"), "pkg-config", "pkgconf-pkg-config", "finds system libraries"),
    need("engine", Program("crun"), "crun", "crun", "the OCI runtime"),
    need("engine", Program("catatonit"), "catatonit", "catatonit", "the init of `run --init`"),
    need(
        "engine",
        Program("aardvark-dns"),
        "aardvark-dns",
        "aardvark-dns",
        "names of containers on a network",
    ),
    need("engine", Program("nft"), "nftables", "nftables", "published ports and masquerading"),
    need("engine", Program("pasta"), "passt", "passt", "rootless networking"),
    need("engine", Program("newuidmap"), "uidmap", "shadow-utils", "rootless user namespaces"),
    need(
        "engine",
        Program("fuse-overlayfs"),
        "fuse-overlayfs",
        "fuse-overlayfs",
        "rootless storage on old kernels",
    ),
    need(
        "engine",
        File(&["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"]),
        "busybox-static",
        "busybox",
        "the demo's and the tests' image",
    ),
    need(
        "machine",
        Program("qemu-system-x86_64"),
        "qemu-system-x86",
        "qemu-system-x86-core",
        "runs machines",
    ),
    need("machine", Program("qemu-img"), "qemu-utils", "qemu-img", "disks of machines"),
    need("machine", Program("ssh"), "openssh-client", "openssh-clients", "`machine ssh`"),
    need("machine", Program("ssh-keygen"), "openssh-client", "openssh-clients", "keys of machines"),
    need("machine", Program("mmdebstrap"), "mmdebstrap", "mmdebstrap", "builds the machine image"),
    need("machine", Program("mke2fs"), "e2fsprogs", "e2fsprogs", "builds the machine image"),
    need("machine", Program("depmod"), "kmod", "kmod", "builds the machine image"),
    need("machine", Program("lz4"), "lz4", "lz4", "builds the machine image"),
    need("machine", Program("strip"), "binutils", "binutils", "builds the machine image"),
    need("desktop", Library("webkit2gtk-4.1"), "libwebkit2gtk-4.1-dev", "webkit2gtk4.1-devel", "the window"),
    need("desktop", Library("librsvg-2.0"), "librsvg2-dev", "librsvg2-devel", "the window's icons"),
    need("desktop", Program("npm"), "npm", "nodejs-npm", "builds the user interface"),
    need("desktop", Program("node"), "nodejs", "nodejs", "builds the user interface"),
    need("test", Program("podman"), "podman", "podman", "a peer to share the store with"),
    need("test", Program("skopeo"), "skopeo", "skopeo", "fills the test registry"),
    need("test", Program("docker-registry"), "docker-registry", "docker-distribution", "the test registry"),
    need("test", Program("htpasswd"), "apache2-utils", "httpd-tools", "the test registry's password"),
    need("test", Program("openssl"), "openssl", "openssl", "the test registry's certificate"),
    need("test", Program("runc"), "runc", "runc", "the other OCI runtime"),
    need("test", Program("ip"), "iproute2", "iproute", "network tests"),
    need("test", Program("script"), "bsdutils", "util-linux", "terminal tests"),
    need("test", Program("Xvfb"), "xvfb", "xorg-x11-server-Xvfb", "a display for the window test"),
    need("test", Program("dbus-run-session"), "dbus", "dbus-daemon", "a session bus for the window test"),
    need("test", Program("WebKitWebDriver"), "webkit2gtk-driver", "webkit2gtk-driver", "drives the window"),
    need("test", Program("chromium"), "chromium", "chromium", "tests of the user interface"),
];

/// The groups, in the order they are reported.
const GROUPS: &[&str] = &["build", "engine", "machine", "desktop", "test"];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut check = false;
    let mut groups: Vec<&str> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            group if GROUPS.contains(&group) => groups.push(group),
            other => bail!("unknown argument {other:?}; groups are {}", GROUPS.join(", ")),
        }
    }
    if groups.is_empty() {
        groups = GROUPS.to_vec();
    }
    ensure(&groups, check)
}

/// Installs what is missing of these groups, or only reports it.
pub(crate) fn ensure(groups: &[&str], check: bool) -> Result<()> {
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| groups.contains(&need.group) && !is_met(&need.probe)).collect();
    if missing.is_empty() {
        eprintln!("setup: nothing is missing for {}", groups.join(", "));
        return Ok(());
    }
    let apt = shell::has("apt-get");
    if !apt && !shell::has("dnf") {
        bail!("neither apt-get nor dnf is here; install by hand: {}", names(&missing, true).join(" "));
    }
    let packages = names(&missing, apt);
    eprintln!("setup: missing packages");
    for need in &missing {
        eprintln!("  {:24} {}", if apt { need.apt } else { need.dnf }, need.why);
    }
    if check {
        bail!("{} packages are missing", packages.len());
    }
    install(apt, &packages)?;
    let still: Vec<&str> = missing
        .iter()
        .filter(|need| !is_met(&need.probe))
        .map(|need| if apt { need.apt } else { need.dnf })
        .collect();
    if !still.is_empty() {
        bail!("installed, yet not found afterwards: {}", still.join(" "));
    }
    Ok(())
}

fn names(missing: &[&Need], apt: bool) -> Vec<&'static str> {
    let mut names: Vec<&str> = missing.iter().map(|need| if apt { need.apt } else { need.dnf }).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is_met(probe: &Probe) -> bool {
    match probe {
        Program(name) => shell::has(name),
        File(paths) => paths.iter().any(|path| std::path::Path::new(path).exists()),
        Library(module) => shell::output(shell::command("pkg-config").args(["--exists", module])).is_ok(),
    }
}

fn install(apt: bool, packages: &[&str]) -> Result<()> {
    let administrator = |program: &str| {
        if shell::is_root() {
            shell::command(program)
        } else {
            eprintln!("setup: installing packages needs sudo");
            let mut command = shell::command("sudo");
            command.arg(program);
            command
        }
    };
    if apt {
        let mut update = administrator("apt-get");
        shell::run(update.args(["update", "-q"]))?;
        let mut install = administrator("env");
        install.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "-y",
            "-q",
            "--no-install-recommends",
        ]);
        shell::run(install.args(packages))
    } else {
        let mut install = administrator("dnf");
        shell::run(install.args(["install", "-y", "--setopt=install_weak_deps=False"]).args(packages))
    }
}
