//! What an image consists of in the end: the disk, the tar of its files, the list of both.

use std::path::Path;
use std::process::{Command, Stdio};

use cove_sys::fs;

use super::suite::Suite;
use super::{DISK_GIB, Options, as_root, epoch, program, run, text};

pub(super) fn make_disk(options: &Options, tree: &Path) -> Result<(), String> {
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

pub(super) fn make_tar(options: &Options, tree: &Path) -> Result<(), String> {
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

pub(super) fn write_manifest(options: &Options, suite: Suite, kernel_version: &str) -> Result<(), String> {
    let mut files = serde_json::Map::new();
    for name in ["kernel", "initramfs", "disk.qcow2", "rootfs.tar.gz"] {
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
        "version": 2,
        "arch": options.arch,
        "variant": if options.systemd { "systemd" } else { "init" },
        "suite": suite.name,
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
