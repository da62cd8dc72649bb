//! `cargo xtask vm-image`: what a machine boots, from Debian packages and the recipe in `vm-images/`.
//!
//! The steps: packages (cached by their list) → tree (pruned, overlaid, with `cove`) → ext4 by `mke2fs -d` →
//! qcow2 → manifest. Nothing is mounted; where the caller is not root, the steps that care about owners run in
//! a user namespace of their own (`unshare --map-root-user`).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use cove_sys::fs;

/// Timestamps of files are clamped to this second (2025-01-01), or to `SOURCE_DATE_EPOCH`.
const DEFAULT_EPOCH: u64 = 1_735_689_600;
/// Size of the file system in the image, in GiB; a machine's disk may be larger, not smaller.
const DISK_GIB: u64 = 8;
const SUITE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";
const SECURITY_MIRROR: &str = "http://deb.debian.org/debian-security";

const USAGE: &str = "\
Usage: cargo xtask vm-image [options]

  --arch ARCH      amd64 (default) or arm64 (needs an arm64 `cove` by --cove and --monitor)
  --out DIR        where the image goes (default: target/vm-image/ARCH)
  --cove FILE      the engine binary (default: target/release/cove, else target/debug/cove)
  --monitor FILE   the monitor binary (default: cove-monitor beside the engine)
  --systemd        systemd as PID 1 (output in target/vm-image/ARCH-systemd)
  --wsl            also write rootfs.tar.gz for WSL2
  --mirror URL     Debian mirror (default: http://deb.debian.org/debian)
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
    mirror: String,
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
    let root = workspace_root()?;
    let options = parse(args, &root)?;
    check_programs()?;
    let started = Instant::now();
    fs::create_dir_all(&options.out).map_err(text)?;

    let packages = step("packages", || fetch_packages(&options, &root))?;
    let tree = options.out.join("tree");
    let kernel_version = step("tree", || make_tree(&options, &root, &packages, &tree))?;
    step("kernel", || copy_kernel(&options, &tree, &kernel_version))?;
    step("times", || clamp_times(&tree))?;
    step("disk", || make_disk(&options, &tree))?;
    if options.wsl {
        step("wsl", || make_tar(&options, &tree))?;
    }
    step("manifest", || write_manifest(&options, &kernel_version))?;
    remove_tree(&tree)?;
    println!("{} in {:.1} s", options.out.display(), started.elapsed().as_secs_f64());
    Ok(())
}

fn parse(args: &[String], root: &Path) -> Result<Options, String> {
    let target = root.join("target");
    let mut options = Options {
        arch: "amd64".into(),
        out: PathBuf::new(),
        cove: PathBuf::new(),
        monitor: PathBuf::new(),
        systemd: false,
        wsl: false,
        mirror: MIRROR.into(),
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
            "--mirror" => options.mirror = value()?,
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
        let release = target.join("release/cove");
        options.cove = if release.exists() { release } else { target.join("debug/cove") };
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

fn host_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn workspace_root() -> Result<PathBuf, String> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(Path::to_path_buf).ok_or_else(|| "the xtask folder has no parent".into())
}

fn check_programs() -> Result<(), String> {
    let needed = [
        ("mmdebstrap", "mmdebstrap"),
        ("mke2fs", "e2fsprogs"),
        ("debugfs", "e2fsprogs"),
        ("qemu-img", "qemu-utils"),
        ("depmod", "kmod"),
        ("lz4", "lz4"),
        ("strip", "binutils"),
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
fn fetch_packages(options: &Options, root: &Path) -> Result<PathBuf, String> {
    let recipe = root.join("vm-images");
    let mut packages = words(&recipe.join("packages"))?;
    if options.systemd {
        packages.extend(words(&recipe.join("packages.systemd"))?);
    }
    for package in &mut packages {
        *package = package.replace("@KERNEL_ARCH@", &options.arch);
    }
    let list = packages.join(",");
    let cache = root.join("target/vm-image/packages");
    fs::create_dir_all(&cache).map_err(text)?;
    let name = format!("{}-{}.tar", options.arch, &digest_of(list.as_bytes())?[..16]);
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
        .args([SUITE])
        .arg(&partial)
        .arg(format!("deb {} {SUITE} main", options.mirror))
        .arg(format!("deb {} {SUITE}-updates main", options.mirror));
    if options.mirror == MIRROR {
        command.arg(format!("deb {SECURITY_MIRROR} {SUITE}-security main"));
    }
    command.env("SOURCE_DATE_EPOCH", epoch().to_string());
    run(&mut command)?;
    fs::rename(&partial, &tar).map_err(text)?;
    Ok(tar)
}

/// Unpacks, prunes and completes the tree; returns the kernel's version.
fn make_tree(options: &Options, root: &Path, packages: &Path, tree: &Path) -> Result<String, String> {
    let recipe = root.join("vm-images");
    remove_tree(tree)?;
    fs::create_dir_all(tree).map_err(text)?;
    run(as_root("tar")
        .arg("-xf")
        .arg(packages)
        .arg("-C")
        .arg(tree)
        .args(["--no-same-owner", "--anchored", "--wildcards", "--delay-directory-restore"])
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
    let kernel = prune_modules(&recipe, tree)?;
    fs::write(
        tree.join("etc/cove-image"),
        format!("kernel={kernel}\nvariant={}\n", if options.systemd { "systemd" } else { "init" }),
    )
    .map_err(text)?;
    Ok(kernel)
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

/// Keeps the modules the recipe names and what they depend on.
fn prune_modules(recipe: &Path, tree: &Path) -> Result<String, String> {
    let modules = tree.join("usr/lib/modules");
    let mut versions = Vec::new();
    for entry in fs::read_dir(&modules).map_err(text)? {
        versions.push(entry.map_err(text)?.file_name().to_string_lossy().into_owned());
    }
    let [version] = versions.as_slice() else {
        return Err(format!("one kernel expected in the packages, found {versions:?}"));
    };
    let depmod = || run(Command::new(program("depmod")).arg("-b").arg(tree.join("usr")).arg(version));
    depmod()?;
    let folder = modules.join(version);
    let dependencies = parse_dependencies(&fs::read_to_string(folder.join("modules.dep")).map_err(text)?);
    let keep = kept_modules(&dependencies, &words(&recipe.join("modules"))?);
    for module in dependencies.keys().filter(|module| !keep.contains(module.as_str())) {
        fs::remove_file(folder.join(module)).map_err(text)?;
    }
    depmod()?;
    Ok(version.clone())
}

/// `modules.dep`: `PATH: DEPENDENCY…`.
fn parse_dependencies(content: &str) -> BTreeMap<String, Vec<String>> {
    content
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(module, rest)| (module.to_owned(), rest.split_whitespace().map(str::to_owned).collect()))
        .collect()
}

fn kept_modules(dependencies: &BTreeMap<String, Vec<String>>, prefixes: &[String]) -> BTreeSet<String> {
    let mut keep = BTreeSet::new();
    for (module, needs) in dependencies {
        let path = module.strip_prefix("kernel/").unwrap_or(module);
        if prefixes.iter().any(|prefix| path.starts_with(prefix.as_str())) {
            keep.insert(module.clone());
            keep.extend(needs.iter().cloned());
        }
    }
    keep
}

/// The kernel for direct boot. An amd64 kernel is unpacked, because QEMU starts an ELF kernel through its PVH
/// entry without firmware and without decompressing it in the (perhaps emulated) guest.
fn copy_kernel(options: &Options, tree: &Path, version: &str) -> Result<(), String> {
    let packed = tree.join("boot").join(format!("vmlinuz-{version}"));
    let data = fs::read(&packed).map_err(text)?;
    let target = options.out.join("kernel");
    if options.arch != "amd64" {
        return fs::write(&target, data).map_err(text);
    }
    match unpack_kernel(&data)? {
        Some(elf) => fs::write(&target, elf).map_err(text)?,
        None => fs::write(&target, data).map_err(text)?,
    }
    // Kernels in the tree would only be dead weight: QEMU loads the one beside the disk.
    for entry in fs::read_dir(tree.join("boot")).map_err(text)? {
        let path = entry.map_err(text)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz")) {
            fs::remove_file(path).map_err(text)?;
        }
    }
    Ok(())
}

/// The ELF image inside a bzImage that was packed with LZ4, or `None` for another compression.
fn unpack_kernel(image: &[u8]) -> Result<Option<Vec<u8>>, String> {
    // The boot protocol (Documentation/arch/x86/boot.rst): setup sectors, then payload offset and length.
    let byte = |offset: usize| image.get(offset).copied().ok_or("the kernel image is too short");
    let word = |offset: usize| -> Result<usize, String> {
        let bytes = image.get(offset..offset + 4).ok_or("the kernel image is too short")?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Ok(None);
    }
    let setup = (usize::from(byte(0x1f1)?) + 1) * 512;
    let (offset, length) = (setup + word(0x248)?, word(0x24c)?);
    let payload =
        image.get(offset..offset + length).ok_or("the kernel image's payload is outside the file")?;
    if payload.get(..4) != Some(&[0x02, 0x21, 0x4c, 0x18]) {
        return Ok(None);
    }
    // The kernel's build appends the unpacked length as four bytes that are no part of the LZ4 stream.
    let stream = &payload[..payload.len() - 4];
    let folder = std::env::temp_dir().join(format!("cove-kernel-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(text)?;
    let (packed, elf) = (folder.join("packed.lz4"), folder.join("kernel"));
    let result = fs::write(&packed, stream)
        .map_err(text)
        .and_then(|()| run(Command::new("lz4").args(["-d", "-q", "-f"]).arg(&packed).arg(&elf)))
        .and_then(|()| fs::read(&elf).map_err(text));
    let _ = fs::remove_dir_all(&folder);
    let elf = result?;
    if elf.get(..4) != Some(b"\x7fELF") {
        return Err("the unpacked kernel is no ELF file".into());
    }
    Ok(Some(elf))
}

fn make_disk(options: &Options, tree: &Path) -> Result<(), String> {
    let raw = options.out.join("disk.raw");
    let _ = fs::remove_file(&raw);
    let file = fs::File::create(&raw).map_err(text)?;
    file.set_len(DISK_GIB << 30).map_err(text)?;
    drop(file);
    // A sparse file reads as zeros, so nothing has to be written for the empty inode tables.
    run(as_root("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-L", "cove", "-m", "0", "-i", "16384"])
        .args(["-U", "636f7665-0000-4000-8000-6d616368696e"])
        .args([
            "-E",
            "hash_seed=636f7665-0000-4000-8000-000000000001,root_owner=0:0,assume_storage_prezeroed=1",
        ])
        .arg("-d")
        .arg(tree)
        .arg(&raw)
        .env("E2FSPROGS_FAKE_TIME", epoch().to_string())
        .env("SOURCE_DATE_EPOCH", epoch().to_string()))?;
    clamp_disk_times(tree, &raw)?;
    let disk = options.out.join("disk.qcow2");
    run(Command::new("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(&disk))?;
    fs::remove_file(&raw).map_err(text)
}

/// `mke2fs -d` copies the change and access times of the host's files, which differ from build to build.
fn clamp_disk_times(tree: &Path, raw: &Path) -> Result<(), String> {
    use std::fmt::Write;
    use std::io::Write as _;
    let epoch = epoch();
    let mut script = format!("set_current_time @{epoch}\n");
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(text)? {
            let entry = entry.map_err(text)?;
            let path = entry.path();
            let inside = path.strip_prefix(tree).map_err(|error| error.to_string())?.display().to_string();
            if inside.contains(['"', '\n']) {
                return Err(format!("file name {inside:?} in the packages is not supported"));
            }
            for field in ["ctime", "atime", "crtime"] {
                let _ = writeln!(script, "sif \"/{inside}\" {field} @{epoch}");
            }
            if entry.file_type().map_err(text)?.is_dir() {
                folders.push(path);
            }
        }
    }
    let mut child = Command::new(program("debugfs"))
        .args(["-w", "-f", "-"])
        .arg(raw)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(text)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes()).map_err(text)?;
    }
    let status = child.wait().map_err(text)?;
    if status.success() { Ok(()) } else { Err(format!("debugfs failed: {status}")) }
}

fn make_tar(options: &Options, tree: &Path) -> Result<(), String> {
    run(as_root("tar")
        .arg("-czf")
        .arg(options.out.join("rootfs.tar.gz"))
        .args(["--sort=name", "--numeric-owner", "--owner=0", "--group=0"])
        .arg(format!("--mtime=@{}", epoch()))
        .args(["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"])
        .args(["--exclude=./usr/lib/modules", "--exclude=./boot"])
        .arg("-C")
        .arg(tree)
        .arg(".")
        .env("GZIP", "-n"))
}

fn write_manifest(options: &Options, kernel_version: &str) -> Result<(), String> {
    let mut files = serde_json::Map::new();
    for name in ["kernel", "disk.qcow2", "rootfs.tar.gz"] {
        let path = options.out.join(name);
        if name == "rootfs.tar.gz" && !options.wsl {
            let _ = fs::remove_file(&path);
            continue;
        }
        let size = fs::metadata(&path).map_err(text)?.len();
        let digest = sha256(&path)?;
        files.insert(name.into(), serde_json::json!({ "size": size, "sha256": digest }));
    }
    let manifest = serde_json::json!({
        "version": 1,
        "arch": options.arch,
        "variant": if options.systemd { "systemd" } else { "init" },
        "suite": SUITE,
        "kernel_version": kernel_version,
        "cove_version": env!("CARGO_PKG_VERSION"),
        "cove_sha256": sha256(&options.cove)?,
        "disk_gib": DISK_GIB,
        "files": files,
    });
    let mut json = serde_json::to_vec_pretty(&manifest).map_err(|error| error.to_string())?;
    json.push(b'\n');
    cove_sys::atomic::write(&options.out.join("manifest.json"), &json, 0o644).map_err(text)
}

fn sha256(path: &Path) -> Result<String, String> {
    let output = Command::new("sha256sum").arg("-b").arg(path).output().map_err(text)?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    match line.split_whitespace().next() {
        // A backslash before the digest marks an escaped file name.
        Some(digest) if output.status.success() => Ok(digest.trim_start_matches('\\').to_owned()),
        _ => Err(format!("sha256sum {}: {}", path.display(), String::from_utf8_lossy(&output.stderr).trim())),
    }
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
    fn keeps_named_modules_with_their_dependencies() {
        let dependencies = parse_dependencies(
            "kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko\n\
             kernel/net/802/stp.ko: kernel/net/llc/llc.ko\nkernel/net/llc/llc.ko:\nkernel/fs/nfs/nfs.ko:\n",
        );
        let keep = kept_modules(&dependencies, &["net/bridge/".to_owned()]);
        assert_eq!(keep.len(), 3);
        assert!(!keep.contains("kernel/fs/nfs/nfs.ko"));
    }

    #[test]
    fn a_file_that_is_no_kernel_is_left_alone() {
        assert_eq!(unpack_kernel(&[0; 2048]).unwrap(), None);
        let mut image = vec![0; 2048];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&0xffff_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&16_u32.to_le_bytes());
        assert!(unpack_kernel(&image).is_err());
    }

    #[test]
    fn options_are_checked() {
        let root = Path::new("/nonexistent");
        assert!(parse(&["--arch".into(), "mips".into()], root).is_err());
        assert!(parse(&["--bogus".into()], root).is_err());
        assert!(parse(&["--arch".into()], root).is_err());
    }
}
