//! What the product and its tests need, by group.

use std::fmt;
use std::path::Path;

use crate::shell;

/// How to tell that a need is met.
pub(super) enum Probe {
    /// A program of that name.
    Program(&'static str),
    /// One of these programs.
    AnyOf(&'static [&'static str]),
    /// A pkg-config module.
    Library(&'static str),
    /// One of these files.
    File(&'static [&'static str]),
}

use Probe::{AnyOf, File, Library, Program};

impl Probe {
    pub(super) fn is_met(&self) -> bool {
        match self {
            Program(name) => shell::has(name),
            AnyOf(names) => names.iter().any(|name| shell::has(name)),
            File(paths) => paths.iter().any(|path| Path::new(path).exists()),
            Library(module) => shell::output(shell::command("pkg-config").args(["--exists", module])).is_ok(),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Program(name) => write!(formatter, "there is no program {name}"),
            AnyOf(names) => write!(formatter, "there is no program {}", names.join(" or ")),
            File(paths) => write!(formatter, "there is no {}", paths.join(" or ")),
            Library(module) => write!(formatter, "pkg-config does not know {module}"),
        }
    }
}

/// Something the product or its tests need.
pub(super) struct Need {
    pub(super) group: &'static str,
    pub(super) probe: Probe,
    /// Debian's package, or what it was called before.
    pub(super) apt: &'static [&'static str],
    pub(super) dnf: &'static str,
    pub(super) why: &'static str,
}

impl Need {
    /// Whether nothing but tests is lost without it; they say so.
    pub(super) fn is_optional(&self) -> bool {
        self.group == "test"
    }

    /// The package's name for apt or dnf.
    pub(super) fn package(&self, apt: bool) -> &'static str {
        if apt { self.apt[0] } else { self.dnf }
    }
}

const fn need(
    group: &'static str,
    probe: Probe,
    apt: &'static [&'static str],
    dnf: &'static str,
    why: &'static str,
) -> Need {
    Need { group, probe, apt, dnf, why }
}

/// Chromium, as the distributions call it; `ui/playwright.config.ts` looks for the same.
pub(crate) const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "/snap/bin/chromium"];

/// The groups, in the order they are reported.
pub(super) const GROUPS: &[&str] = &["build", "engine", "machine", "desktop", "test"];

/// Everything.
pub(super) const NEEDS: &[Need] = &[
    need("build", Program("cc"), &["gcc"], "gcc", "links programs and builds SQLite and zstd"),
    need(
        "build",
        File(&["/usr/include/stdlib.h"]),
        &["libc6-dev"],
        "glibc-devel",
        "the C library's files, without which nothing is linked",
    ),
    need("build", Program("pkg-config"), &["pkg-config"], "pkgconf-pkg-config", "finds system libraries"),
    need("engine", Program("crun"), &["crun"], "crun", "the OCI runtime"),
    need("engine", Program("catatonit"), &["catatonit"], "catatonit", "the init of `run --init`"),
    need(
        "engine",
        Program("aardvark-dns"),
        &["aardvark-dns"],
        "aardvark-dns",
        "names of containers on a network",
    ),
    need("engine", Program("nft"), &["nftables"], "nftables", "published ports and masquerading"),
    need("engine", Program("pasta"), &["passt"], "passt", "rootless networking"),
    need("engine", Program("newuidmap"), &["uidmap"], "shadow-utils", "rootless user namespaces"),
    need(
        "engine",
        Program("fuse-overlayfs"),
        &["fuse-overlayfs"],
        "fuse-overlayfs",
        "rootless storage on old kernels",
    ),
    need(
        "engine",
        File(&["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"]),
        &["busybox-static"],
        "busybox",
        "the demo's and the tests' image",
    ),
    need(
        "machine",
        Program("qemu-system-x86_64"),
        &["qemu-system-x86"],
        "qemu-system-x86-core",
        "runs machines",
    ),
    need("machine", Program("qemu-img"), &["qemu-utils"], "qemu-img", "disks of machines"),
    need(
        "machine",
        File(&[
            "/usr/libexec/virtiofsd",
            "/usr/lib/qemu/virtiofsd",
            "/usr/lib/virtiofsd",
            "/usr/bin/virtiofsd",
        ]),
        &["virtiofsd", "qemu-system-common"],
        "virtiofsd",
        "folders of the host in machines",
    ),
    need("machine", Program("ssh"), &["openssh-client"], "openssh-clients", "`machine ssh`"),
    need("machine", Program("ssh-keygen"), &["openssh-client"], "openssh-clients", "keys of machines"),
    need("machine", Program("mmdebstrap"), &["mmdebstrap"], "mmdebstrap", "builds the machine image"),
    // Ubuntu's mmdebstrap comes without the keys of Debian, whose packages the image is made of.
    need(
        "machine",
        File(&[crate::vm_image::DEBIAN_KEYS]),
        &["debian-archive-keyring"],
        "debian-keyring",
        "verifies what the machine image is made of",
    ),
    need("machine", Program("mke2fs"), &["e2fsprogs"], "e2fsprogs", "builds the machine image"),
    need("machine", Program("depmod"), &["kmod"], "kmod", "builds the machine image"),
    need("machine", Program("xz"), &["xz-utils"], "xz", "builds the machine image"),
    need("machine", Program("lz4"), &["lz4"], "lz4", "builds the machine image"),
    need("machine", Program("strip"), &["binutils"], "binutils", "builds the machine image"),
    need(
        "desktop",
        Library("webkit2gtk-4.1"),
        &["libwebkit2gtk-4.1-dev"],
        "webkit2gtk4.1-devel",
        "the window",
    ),
    need("desktop", Library("librsvg-2.0"), &["librsvg2-dev"], "librsvg2-devel", "the window's icons"),
    need("desktop", Program("npm"), &["npm"], "nodejs-npm", "builds the user interface"),
    need("desktop", Program("node"), &["nodejs"], "nodejs", "builds the user interface"),
    need("test", Program("podman"), &["podman"], "podman", "a peer to share the store with"),
    need("test", Program("skopeo"), &["skopeo"], "skopeo", "fills the test registry"),
    // Debian's apt brings gpgv alone.
    need("test", Program("gpg"), &["gnupg"], "gnupg2", "signs images"),
    need("test", Program("gpg-agent"), &["gnupg"], "gnupg2", "keeps the keys that sign images"),
    need("test", Program("gpgv"), &["gpgv"], "gnupg2", "verifies images"),
    need(
        "test",
        Program("docker-registry"),
        &["docker-registry"],
        "docker-distribution",
        "the test registry",
    ),
    need("test", Program("htpasswd"), &["apache2-utils"], "httpd-tools", "the test registry's password"),
    need("test", Program("curl"), &["curl"], "curl", "asks the containers of the book"),
    need("test", Program("openssl"), &["openssl"], "openssl", "the test registry's certificate"),
    need("test", Program("runc"), &["runc"], "runc", "the other OCI runtime"),
    need("test", Program("runsc"), &["runsc"], "runsc", "gVisor, the OCI runtime with a kernel of its own"),
    need("test", Program("zsh"), &["zsh"], "zsh", "the completion of command lines in it"),
    need("test", Program("fish"), &["fish"], "fish", "the completion of command lines in it"),
    need(
        "test",
        Program("docker"),
        &["docker-cli", "docker.io"],
        "moby-engine",
        "Docker's client, a client of the service (its own service is not needed)",
    ),
    need(
        "test",
        Program("netavark"),
        &["netavark"],
        "netavark",
        "the peer's networks, which it is measured with",
    ),
    need("test", Program("iptables"), &["iptables"], "iptables-nft", "what netavark calls for its rules"),
    need("test", Program("pgrep"), &["procps"], "procps-ng", "tests that look for processes"),
    need(
        "test",
        Program("slirp4netns"),
        &["slirp4netns"],
        "slirp4netns",
        "the other program of rootless networking",
    ),
    need("test", Program("ip"), &["iproute2"], "iproute", "network tests"),
    need("test", Program("bzip2"), &["bzip2"], "bzip2", "packed archives"),
    need("test", Program("zstd"), &["zstd"], "zstd", "packed archives"),
    need("test", Program("systemd-analyze"), &["systemd"], "systemd", "tests of generated units"),
    need("test", Program("script"), &["bsdutils"], "util-linux", "terminal tests"),
    need("test", Program("Xvfb"), &["xvfb"], "xorg-x11-server-Xvfb", "a display for the window test"),
    need("test", Program("xauth"), &["xauth"], "xorg-x11-xauth", "a display for the window test"),
    need("test", Program("dbus-run-session"), &["dbus"], "dbus-daemon", "a session bus for the window test"),
    need(
        "test",
        Program("WebKitWebDriver"),
        &["webkit2gtk-driver"],
        // By its file, because the package that has it changes with the library's versions.
        "/usr/bin/WebKitWebDriver",
        "drives the window",
    ),
    need(
        "test",
        AnyOf(BROWSERS),
        &["chromium", "chromium-browser"],
        "chromium",
        "tests of the user interface",
    ),
];
