//! `cargo xtask vm-image`: what a machine boots, from Debian packages and the recipe in `vm-images/`.
//!
//! The steps: packages (cached by their list) → tree (pruned, overlaid, with `cove`) → kernel and initramfs → ext4 by
//! `mke2fs -d` → qcow2 → manifest. Nothing is mounted; where the caller is not root, the steps that care about owners run in
//! a user namespace of their own (`unshare --map-root-user`).

mod initramfs;
mod kernel;
mod outputs;
pub(crate) mod sources;
mod suite;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use cove_sys::fs;

use crate::shell;
use outputs::{make_disk, make_tar, write_manifest};
use suite::Suite;

/// Timestamps of files are clamped to this second (2025-01-01), or to `SOURCE_DATE_EPOCH`.
const DEFAULT_EPOCH: u64 = 1_735_689_600;
/// Size of the file system in the image, in GiB; a machine's disk may be larger, not smaller.
const DISK_GIB: u64 = 8;

/// The keys of Debian's archive.
pub(crate) const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const USAGE: &str = "\
Usage: cargo xtask vm-image [options]

  --arch ARCH      amd64 (default) or arm64 (needs an arm64 `cove` by --cove and --monitor)
  --out DIR        where the image goes (default: target/vm-image/ARCH)
  --cove FILE      the engine binary (default: target/release/cove or target/debug/cove, the newer)
  --monitor FILE   the monitor binary (default: cove-monitor beside the engine)
  --systemd        systemd as PID 1 (output in target/vm-image/ARCH-systemd)
  --wsl            also write rootfs.tar.gz for WSL2
  --mirror URL     Debian mirror (default: those of this system's apt, else mmdebstrap's own)
  --no-cache       take the packages from the mirror again
";

/// What the command line asked for.
struct Options {
    arch: String,
    out: PathBuf,
    cove: PathBuf,
    monitor: PathBuf,
    systemd: bool,
    wsl: bool,
    mirror: Option<String>,
    cache: bool,
}

/// Builds the image; `args` are those after `vm-image`.
///
/// # Errors
/// A sentence for the user: a missing program (with its package), a failed step, or a wrong option.
pub(crate) fn build(args: &[String]) -> Result<(), String> {
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return Ok(());
    }
    let root = shell::root();
    let options = parse(args, &shell::target())?;
    check_programs()?;
    let started = Instant::now();
    fs::create_dir_all(&options.out).map_err(text)?;

    let suite = Suite::of(&[&options.cove, &options.monitor])?;
    let packages = step("packages", || fetch_packages(&options, suite, &root))?;
    let tree = options.out.join("tree");
    let kernel_version = step("tree", || make_tree(&options, suite, &root, &packages, &tree))?;
    step("kernel", || kernel::copy(&options, &tree, &kernel_version))?;
    step("initramfs", || initramfs::make(&options.out, &root.join("vm-images"), &tree, &kernel_version))?;
    step("times", || clamp_times(&tree))?;
    step("disk", || make_disk(&options, &tree))?;
    if options.wsl {
        step("wsl", || make_tar(&options, &tree))?;
    }
    step("manifest", || write_manifest(&options, suite, &kernel_version))?;
    remove_tree(&tree)?;
    println!("{} in {:.1} s", options.out.display(), started.elapsed().as_secs_f64());
    Ok(())
}

fn parse(args: &[String], target: &Path) -> Result<Options, String> {
    let mut options = Options {
        arch: "amd64".into(),
        out: PathBuf::new(),
        cove: PathBuf::new(),
        monitor: PathBuf::new(),
        systemd: false,
        wsl: false,
        mirror: None,
        cache: true,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--arch" => options.arch = value()?,
            "--out" => options.out = value()?.into(),
            "--cove" => options.cove = value()?.into(),
            "--monitor" => options.monitor = value()?.into(),
            "--mirror" => options.mirror = Some(value()?),
            "--systemd" => options.systemd = true,
            "--wsl" => options.wsl = true,
            "--no-cache" => options.cache = false,
            other => return Err(format!("unknown option {other}\n{USAGE}")),
        }
    }
    if !matches!(options.arch.as_str(), "amd64" | "arm64") {
        return Err(format!("unknown architecture {:?}: use amd64 or arm64", options.arch));
    }
    if options.out.as_os_str().is_empty() {
        let suffix = if options.systemd { "-systemd" } else { "" };
        options.out = target.join("vm-image").join(format!("{}{suffix}", options.arch));
    }
    if options.cove.as_os_str().is_empty() {
        if options.arch != host_arch() {
            return Err(format!("give the {} binaries with --cove and --monitor", options.arch));
        }
        options.cove = match shell::given_programs() {
            Some(folder) => folder.join("cove"),
            None => newest(target.join("release/cove"), target.join("debug/cove")),
        };
    }
    if options.monitor.as_os_str().is_empty() {
        options.monitor = options.cove.with_file_name("cove-monitor");
    }
    for file in [&options.cove, &options.monitor] {
        if !file.is_file() {
            return Err(format!(
                "{} is missing: run `cargo build -p cove-cli -p cove-monitor` first",
                file.display()
            ));
        }
    }
    Ok(options)
}

/// Where the image of this machine's architecture is put.
pub(crate) fn native() -> PathBuf {
    shell::target().join("vm-image").join(host_arch())
}

/// What was built last, because the other may be of long ago.
fn newest(one: PathBuf, other: PathBuf) -> PathBuf {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if time(&one) > time(&other) { one } else { other }
}

fn host_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn check_programs() -> Result<(), String> {
    let needed = [
        ("mmdebstrap", "mmdebstrap"),
        ("mke2fs", "e2fsprogs"),
        ("debugfs", "e2fsprogs"),
        ("qemu-img", "qemu-utils"),
        ("depmod", "kmod"),
        ("lz4", "lz4"),
        ("xz", "xz-utils"),
        ("strip", "binutils"),
        ("readelf", "binutils"),
        ("tar", "tar"),
        ("sha256sum", "coreutils"),
    ];
    let missing: Vec<String> = needed
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(program, package)| format!("{program} (package {package})"))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("missing programs: {}", missing.join(", "))) }
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps these outside an ordinary user's PATH.
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn step<T>(name: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let started = Instant::now();
    let result = work().map_err(|error| format!("vm-image, step {name}: {error}"))?;
    println!("  {name:<9} {:6.1} s", started.elapsed().as_secs_f64());
    Ok(result)
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

/// The words of a recipe file without comments.
fn words(path: &Path) -> Result<Vec<String>, String> {
    let content = fs::read_to_string(path).map_err(text)?;
    Ok(content
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect())
}

/// The unpacked packages as one tar file, made anew only when the list of packages has changed.
fn fetch_packages(options: &Options, suite: Suite, root: &Path) -> Result<PathBuf, String> {
    let recipe = root.join("vm-images");
    let mut packages = words(&recipe.join("packages"))?;
    if options.systemd {
        packages.extend(words(&recipe.join("packages.systemd"))?);
    }
    for package in &mut packages {
        *package = package.replace("@KERNEL_ARCH@", &options.arch);
    }
    let list = packages.join(",");
    let cache = shell::target().join("vm-image/packages");
    fs::create_dir_all(&cache).map_err(text)?;
    let name = format!("{}-{}-{}.tar", suite.name, options.arch, &digest_of(list.as_bytes())?[..16]);
    let tar = cache.join(name);
    if options.cache && tar.exists() {
        return Ok(tar);
    }
    let partial = tar.with_extension("partial.tar");
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--variant=extract", "--quiet"])
        .arg(format!("--architectures={}", options.arch))
        .arg(format!("--include={list}"))
        .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
        .args(sources::proxy_options());
    let lines = sources::lines(options.mirror.as_deref(), suite.name);
    if lines.is_empty() && Path::new(DEBIAN_KEYS).exists() {
        // Another system's apt does not trust them, and without gpg mmdebstrap does not find them.
        command.args(["--keyring", DEBIAN_KEYS]);
    }
    command.arg(suite.name).arg(&partial).args(lines);
    command.env("SOURCE_DATE_EPOCH", epoch().to_string());
    run(&mut command)?;
    fs::rename(&partial, &tar).map_err(text)?;
    Ok(tar)
}

/// Unpacks, prunes and completes the tree; returns the kernel's version.
fn make_tree(
    options: &Options,
    suite: Suite,
    root: &Path,
    packages: &Path,
    tree: &Path,
) -> Result<String, String> {
    let recipe = root.join("vm-images");
    remove_tree(tree)?;
    fs::create_dir_all(tree).map_err(text)?;
    merge_usr(&options.arch, tree)?;
    run(as_root("tar")
        .arg("-xf")
        .arg(packages)
        .arg("-C")
        .arg(tree)
        .args(["--no-same-owner", "--anchored", "--wildcards", "--delay-directory-restore"])
        .arg("--keep-directory-symlink")
        .arg("--exclude-from")
        .arg(recipe.join("exclude")))?;
    for folder in [
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "home/cove",
        "mnt",
        "var/tmp",
        "var/log",
        "var/lib/cove",
        "etc",
        "usr/local/bin",
        "var/cache",
        "usr/lib/cove",
        "etc/containers/networks",
        "var/lib/dbus",
    ] {
        fs::create_dir_all(tree.join(folder)).map_err(text)?;
    }
    set_mode(&tree.join("root"), 0o700)?;
    set_mode(&tree.join("tmp"), 0o1777)?;
    set_mode(&tree.join("var/tmp"), 0o1777)?;
    symlink("/run", &tree.join("var/run"))?;
    symlink("/run/lock", &tree.join("var/lock"))?;
    symlink("/proc/self/mounts", &tree.join("etc/mtab"))?;

    overlay(&recipe.join("overlay"), tree)?;
    suite.write_release(tree)?;
    if options.systemd {
        overlay(&recipe.join("overlay.systemd"), tree)?;
    }
    set_mode(&tree.join("etc/shadow"), 0o600)?;
    install_engine(options, tree)?;
    install_applets(&recipe, tree)?;
    write_certificates(tree)?;
    if options.arch == host_arch() {
        run(as_root("ldconfig").arg("-r").arg(tree).arg("-X"))?;
        // It remembers when the host's files were made.
        let _ = fs::remove_dir_all(tree.join("var/cache/ldconfig"));
    }
    let kernel = kernel::prune_modules(&recipe, tree)?;
    fs::write(
        tree.join("etc/cove-image"),
        format!("kernel={kernel}\nvariant={}\n", if options.systemd { "systemd" } else { "init" }),
    )
    .map_err(text)?;
    Ok(kernel)
}

/// `/bin`, `/lib` and their like as links to those beneath `/usr`, where programs look for their loader. From Debian 13
/// on only a package that is not among ours brings them.
fn merge_usr(arch: &str, tree: &Path) -> Result<(), String> {
    let lib64 = (arch == "amd64").then_some("lib64");
    for folder in ["bin", "lib", "sbin"].into_iter().chain(lib64) {
        let merged = Path::new("usr").join(folder);
        fs::create_dir_all(tree.join(&merged)).map_err(text)?;
        symlink(&merged, &tree.join(folder))?;
    }
    Ok(())
}

fn install_engine(options: &Options, tree: &Path) -> Result<(), String> {
    let folder = tree.join("usr/bin");
    for (source, name) in [(&options.cove, "cove"), (&options.monitor, "cove-monitor")] {
        let target = folder.join(name);
        fs::copy(source, &target).map_err(text)?;
        set_mode(&target, 0o755)?;
        // Debug information of a whole engine is hundreds of megabytes; a foreign binary is left as it is.
        if options.arch == host_arch() {
            run(Command::new("strip").arg("--strip-debug").arg(&target))?;
        }
    }
    for role in ["cove-init", "cove-provision"] {
        symlink("../bin/cove", &tree.join("usr/sbin").join(role))?;
    }
    for alias in ["podman", "docker"] {
        symlink("cove", &folder.join(alias))?;
    }
    Ok(())
}

fn install_applets(recipe: &Path, tree: &Path) -> Result<(), String> {
    let folders = ["usr/bin", "usr/sbin", "bin", "sbin"];
    for applet in words(&recipe.join("applets"))? {
        let taken = folders.iter().any(|folder| tree.join(folder).join(&applet).symlink_metadata().is_ok());
        if !taken {
            symlink("/usr/bin/busybox", &tree.join("usr/bin").join(&applet))?;
        }
    }
    Ok(())
}

/// What the maintainer script of ca-certificates would make.
fn write_certificates(tree: &Path) -> Result<(), String> {
    let folder = tree.join("usr/share/ca-certificates/mozilla");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&folder).map_err(text)? {
        names.insert(entry.map_err(text)?.path());
    }
    let mut bundle = String::new();
    for name in names {
        bundle.push_str(&fs::read_to_string(name).map_err(text)?);
    }
    let target = tree.join("etc/ssl/certs");
    fs::create_dir_all(&target).map_err(text)?;
    fs::write(target.join("ca-certificates.crt"), bundle).map_err(text)
}

fn digest_of(data: &[u8]) -> Result<String, String> {
    use std::io::Write;
    let mut child =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(text)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(data).map_err(text)?;
    }
    let output = child.wait_with_output().map_err(text)?;
    let digest = String::from_utf8_lossy(&output.stdout);
    digest.split_whitespace().next().map(str::to_owned).ok_or_else(|| "sha256sum printed nothing".into())
}

fn epoch() -> u64 {
    std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|value| value.parse().ok()).unwrap_or(DEFAULT_EPOCH)
}

fn clamp_times(tree: &Path) -> Result<(), String> {
    let stamp = format!("@{}", epoch());
    run(Command::new("find").arg(tree).args(["-exec", "touch", "-h", "-d", stamp.as_str(), "{}", "+"]))
}

/// Lays the files of `from` over `to`.
fn overlay(from: &Path, to: &Path) -> Result<(), String> {
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from).map_err(text)? {
        let entry = entry.map_err(text)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(text)?;
        if kind.is_dir() {
            fs::create_dir_all(&target).map_err(text)?;
            overlay(&source, &target)?;
            continue;
        }
        if target.symlink_metadata().is_ok() {
            fs::remove_file(&target).map_err(text)?;
        }
        if kind.is_symlink() {
            let link = fs::read_link(&source).map_err(text)?;
            std::os::unix::fs::symlink(link, &target).map_err(text)?;
        } else {
            fs::copy(&source, &target).map_err(text)?;
        }
    }
    Ok(())
}

fn symlink(to: impl AsRef<Path>, at: &Path) -> Result<(), String> {
    if let Ok(metadata) = at.symlink_metadata() {
        if metadata.is_dir() {
            fs::remove_dir_all(at).map_err(text)?;
        } else {
            fs::remove_file(at).map_err(text)?;
        }
    }
    std::os::unix::fs::symlink(to, at).map_err(|error| format!("{}: {error}", at.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(text)
}

/// Removes a tree; files of it may be read-only for their owner.
fn remove_tree(tree: &Path) -> Result<(), String> {
    if !tree.exists() {
        return Ok(());
    }
    run(as_root("rm").arg("-rf").arg(tree))
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// `name` as root, or as root of a user namespace in which the caller is root.
fn as_root(name: &str) -> Command {
    if is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--"]).arg(program(name));
    command
}

fn program(name: &str) -> PathBuf {
    find_program(name).unwrap_or_else(|| PathBuf::from(name))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let arguments: Vec<&OsStr> = command.get_args().collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().collect();
    let tail = lines[lines.len().saturating_sub(15)..].join("\n");
    Err(format!("{name} {arguments:?} failed ({}):\n{tail}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        let root = Path::new("/nonexistent");
        assert!(parse(&["--arch".into(), "mips".into()], root).is_err());
        assert!(parse(&["--bogus".into()], root).is_err());
        assert!(parse(&["--arch".into()], root).is_err());
    }
}
