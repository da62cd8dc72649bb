//! What a test may lack, and the one way of saying that it was not done.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::program::{built, docker_plugin, has, is_root, node_command};

/// Something that not every machine has, by its name in `COVE_REQUIRE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// `root`: the rights of the super-user.
    Root,
    /// `user`: an ordinary user with subordinate ids: `COVE_TEST_USER`, by default `cove-test`.
    User,
    /// `monitor`: a built `cove-monitor` beside the test.
    Monitor,
    /// `busybox`: a static busybox for images.
    Busybox,
    /// `crun`: the OCI runtime.
    Crun,
    /// `runc`: the other OCI runtime.
    Runc,
    /// `runsc`: gVisor's OCI runtime.
    Runsc,
    /// `fish`: the shell.
    Fish,
    /// `zsh`: the shell.
    Zsh,
    /// `buildah`: a peer on the same store, whose working containers are shared.
    Buildah,
    /// `podman`: a peer on the same store.
    Podman,
    /// `podman-4.3`: Podman of the version whose builds the corpus of build files tells of.
    Podman43,
    /// `docker`: Docker's client.
    Docker,
    /// `compose`: docker-compose, its second version or newer, as a program of its own.
    Compose,
    /// `compose-v2`: Compose's second version, as a plug-in of Docker's client.
    ComposeV2,
    /// `buildx`: the plug-in of Docker's client for BuildKit.
    Buildx,
    /// `docker-py`: Docker's client for Python.
    DockerPy,
    /// `podman-py`: Podman's client for Python.
    PodmanPy,
    /// `testcontainers`: Testcontainers for Python.
    Testcontainers,
    /// `testcontainers-node`: Testcontainers for Node.
    TestcontainersNode,
    /// `dockerode`: Docker's client for Node.
    Dockerode,
    /// `devcontainers`: the command line of Dev Containers.
    Devcontainers,
    /// `registry`: docker-registry and what fills it.
    Registry,
    /// `skopeo`: a peer that copies images.
    Skopeo,
    /// `gpg`: gpg with gpgv, and skopeo, which signs and verifies, too.
    Gpg,
    /// openssl, which makes certificates.
    Openssl,
    /// `dns`: aardvark-dns.
    Dns,
    /// `pasta`: rootless networking, with what the test of it takes.
    Pasta,
    /// `tun`: a /dev/net/tun that ordinary users may open.
    Tun,
    /// `fuse`: fuse-overlayfs and its device.
    Fuse,
    /// `script`: script(1), which gives a program a terminal.
    Script,
    /// `systemd`: systemd-analyze, which reads units; systemd itself need not run.
    Systemd,
    /// `packers`: the programs that compress archives: gzip, bzip2, xz and zstd.
    Packers,
    /// `freezer`: control groups in which a container can be paused.
    Freezer,
    /// `kernel`: a feature of the kernel that only some have, such as a kind of link.
    Kernel,
    /// `profile`: the distribution's file of allowed system calls.
    Profile,
    /// `git`: the program, with its own server.
    Git,
    /// `qemu`: QEMU and what makes a machine of it.
    Qemu,
    /// `image`: a machine image, or what builds one.
    Image,
    /// `virtiofsd`: what shares folders with a machine, of the kind that serves this user.
    Virtiofsd,
    /// `window`: a display, WebKitGTK's driver and a built window; Chromium, in which its screens are tested.
    Window,
}

impl Need {
    /// Every need.
    const ALL: [Self; 41] = [
        Self::Root,
        Self::User,
        Self::Monitor,
        Self::Busybox,
        Self::Crun,
        Self::Runc,
        Self::Runsc,
        Self::Fish,
        Self::Zsh,
        Self::Buildah,
        Self::Podman,
        Self::Podman43,
        Self::Docker,
        Self::Buildx,
        Self::ComposeV2,
        Self::Compose,
        Self::DockerPy,
        Self::PodmanPy,
        Self::Testcontainers,
        Self::TestcontainersNode,
        Self::Dockerode,
        Self::Devcontainers,
        Self::Registry,
        Self::Skopeo,
        Self::Gpg,
        Self::Openssl,
        Self::Dns,
        Self::Pasta,
        Self::Tun,
        Self::Fuse,
        Self::Script,
        Self::Systemd,
        Self::Packers,
        Self::Freezer,
        Self::Kernel,
        Self::Profile,
        Self::Git,
        Self::Qemu,
        Self::Image,
        Self::Virtiofsd,
        Self::Window,
    ];

    /// Its name in `COVE_REQUIRE` and in the table of what was skipped.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::Monitor => "monitor",
            Self::Busybox => "busybox",
            Self::Crun => "crun",
            Self::Runc => "runc",
            Self::Runsc => "runsc",
            Self::Fish => "fish",
            Self::Zsh => "zsh",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
            Self::Podman43 => "podman-4.3",
            Self::Docker => "docker",
            Self::Buildx => "buildx",
            Self::ComposeV2 => "compose-v2",
            Self::Compose => "compose",
            Self::DockerPy => "docker-py",
            Self::PodmanPy => "podman-py",
            Self::Testcontainers => "testcontainers",
            Self::TestcontainersNode => "testcontainers-node",
            Self::Dockerode => "dockerode",
            Self::Devcontainers => "devcontainers",
            Self::Registry => "registry",
            Self::Skopeo => "skopeo",
            Self::Gpg => "gpg",
            Self::Openssl => "openssl",
            Self::Dns => "dns",
            Self::Pasta => "pasta",
            Self::Tun => "tun",
            Self::Fuse => "fuse",
            Self::Script => "script",
            Self::Systemd => "systemd",
            Self::Packers => "packers",
            Self::Freezer => "freezer",
            Self::Kernel => "kernel",
            Self::Profile => "profile",
            Self::Git => "git",
            Self::Qemu => "qemu",
            Self::Image => "image",
            Self::Virtiofsd => "virtiofsd",
            Self::Window => "window",
        }
    }

    /// What is missing; `None` where the need is met, or where only the test itself can tell.
    fn lack(self) -> Option<String> {
        let programs = |names: &[&str]| {
            let missing: Vec<&str> = names.iter().copied().filter(|name| !has(name)).collect();
            (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(", ")))
        };
        let plugin = |name: &str| {
            docker_plugin(name)
                .is_none()
                .then(|| format!("not installed: {name}, a plug-in of Docker's client"))
        };
        match self {
            Self::Root => (!is_root()).then(|| "not run as root".to_owned()),
            Self::User => test_user().err(),
            Self::Monitor => (!built("cove-monitor").exists())
                .then(|| "cove-monitor is not built (cargo build -p cove-monitor)".to_owned()),
            Self::Busybox => crate::image::find_busybox()
                .is_none()
                .then(|| "not installed: busybox (package busybox-static)".to_owned()),
            Self::Crun
            | Self::Runc
            | Self::Runsc
            | Self::Fish
            | Self::Zsh
            | Self::Buildah
            | Self::Podman
            | Self::Docker
            | Self::Git
            | Self::Skopeo
            | Self::Openssl
            | Self::Script => programs(&[self.name()]),
            Self::Podman43 => {
                let version = Command::new("podman").arg("--version").output();
                let text = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
                let is_it = text.as_ref().is_ok_and(|text| text.contains("version 4.3."));
                (!is_it).then(|| match text {
                    Ok(text) => format!("{text} is not version 4.3, whose builds the cases tell of"),
                    Err(_) => "not installed: podman".to_owned(),
                })
            }
            Self::Compose => programs(&["docker-compose"]).or_else(|| {
                let version = Command::new("docker-compose").args(["version", "--short"]).output();
                let is_first = version
                    .map_or(true, |output| !output.status.success() || output.stdout.starts_with(b"1."));
                is_first.then(|| "docker-compose is not of its second version or newer".to_owned())
            }),
            Self::Buildx => plugin("docker-buildx"),
            Self::ComposeV2 => plugin("docker-compose"),
            Self::DockerPy => python("docker", "package python3-docker"),
            Self::PodmanPy => python("podman", "pip install podman"),
            Self::Testcontainers => python("testcontainers.core", "pip install testcontainers"),
            Self::TestcontainersNode => node("testcontainers"),
            Self::Dockerode => node("dockerode"),
            Self::Devcontainers => programs(&["devcontainer"])
                .map(|lack| format!("{lack} (npm install --global @devcontainers/cli)")),
            Self::Registry => programs(&["docker-registry", "htpasswd", "openssl", "skopeo"]),
            Self::Systemd => programs(&["systemd-analyze"]),
            Self::Gpg => programs(&["gpg", "gpg-agent", "gpgv", "gpgconf", "skopeo"]),
            Self::Packers => programs(&["gzip", "bzip2", "xz", "zstd"]),
            Self::Dns => programs(&["aardvark-dns"]),
            Self::Pasta => programs(&["pasta", "unshare", "setpriv", "nft"]),
            Self::Fuse => programs(&["fuse-overlayfs"])
                .or_else(|| (!Path::new("/dev/fuse").exists()).then(|| "no /dev/fuse".to_owned())),
            Self::Tun => {
                let open = std::os::unix::fs::PermissionsExt::mode;
                let usable = cove_sys::fs::metadata("/dev/net/tun")
                    .is_ok_and(|data| open(&data.permissions()) & 0o6 == 0o6);
                (!usable).then(|| "/dev/net/tun cannot be opened by users".to_owned())
            }
            Self::Profile => (!Path::new("/usr/share/containers/seccomp.json").exists())
                .then(|| "no /usr/share/containers/seccomp.json".to_owned()),
            Self::Qemu => programs(&["qemu-system-x86_64", "qemu-img", "ssh"]),
            Self::Freezer | Self::Kernel | Self::Image | Self::Virtiofsd | Self::Window => None,
        }
    }
}

/// What is said where Python has no such module.
fn python(module: &str, way: &str) -> Option<String> {
    let import = Command::new("python3").args(["-c", &format!("import {module}")]).output();
    let works = import.is_ok_and(|output| output.status.success());
    (!works).then(|| format!("not installed: {module} of Python ({way})"))
}

/// What is said where Node has no such module; one may be too new for it.
fn node(module: &str) -> Option<String> {
    let works = || {
        let import = format!("require({module:?})");
        node_command().args(["-e", &import]).output().is_ok_and(|output| output.status.success())
    };
    (!has("node") || !works())
        .then(|| format!("no {module} that works with this Node (npm install --global {module})"))
}

/// The user that the rootless tests run as: `COVE_TEST_USER`, by default `cove-test`.
///
/// # Errors
/// What is missing for it.
pub(crate) fn test_user() -> Result<String, String> {
    let user = std::env::var("COVE_TEST_USER").unwrap_or_else(|_| "cove-test".into());
    let known = Command::new("id").arg("-u").arg(&user).output().is_ok_and(|output| output.status.success());
    if !known {
        return Err(format!("there is no user {user} (useradd -m {user}; or set COVE_TEST_USER)"));
    }
    if !has("newuidmap") {
        return Err("not installed: newuidmap (package uidmap)".to_owned());
    }
    Ok(user)
}

/// Whether all needs are met; the first that is not is said, see [`skip`].
///
/// # Panics
/// Where `COVE_REQUIRE` names the one that is missing.
#[track_caller]
pub fn met(needs: &[Need]) -> bool {
    for need in needs {
        if let Some(why) = need.lack() {
            skip(*need, &why);
            return false;
        }
    }
    true
}

/// Says that this test (or a part of it) was not done for want of `need`. With `COVE_SKIPPED` in the environment, a
/// line `need, test, why` (with tabs between) is added to that file: `cargo xtask test` makes a table of it.
///
/// # Panics
/// Where `COVE_REQUIRE`, a list with commas, names `need`: what a machine has been set up for must not be skipped.
/// Where it names something that there is not.
#[track_caller]
pub fn skip(need: Need, why: &str) {
    let required = std::env::var("COVE_REQUIRE").unwrap_or_default();
    for word in required.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let known = Need::ALL.map(Need::name);
        assert!(known.contains(&word), "COVE_REQUIRE: {word:?} is none of {}", known.join(", "));
        assert_ne!(word, need.name(), "COVE_REQUIRE names {word}, but the test cannot be done: {why}");
    }
    println!("skipped: {}: {why}", need.name());
    if let Some(path) = std::env::var_os("COVE_SKIPPED") {
        let line = format!("{}\t{}\t{}\n", need.name(), test_name(), why.replace(['\n', '\t'], " "));
        // One write, so that lines of several suites at once stay whole.
        let file = cove_sys::fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "{}: {written:?}", Path::new(&path).display());
    }
}

/// `SUITE::TEST`; the test runner names its threads after the tests.
fn test_name() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let suite = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // Cargo adds `-HASH`.
    let suite = suite.rsplit_once('-').map_or(suite.as_str(), |(name, _)| name);
    match std::thread::current().name() {
        Some(test) if test != "main" => format!("{suite}::{test}"),
        _ => suite.to_owned(),
    }
}
