//! Images made on the spot from the local busybox.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::tar::{Member, tar};

/// The image every bed holds: busybox and its applets.
pub const IMAGE: &str = "localhost/cove-test:latest";

/// The local busybox.
///
/// # Panics
/// Where there is none: ask for `Need::Busybox` first.
pub fn busybox() -> PathBuf {
    find_busybox().expect("busybox (package busybox-static)")
}

pub(crate) fn find_busybox() -> Option<PathBuf> {
    ["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// Makes a root file system of busybox and its applets in the folder `tree`, which exists.
///
/// Some distributions' busybox runs an applet in the shell's own process, under the shell's arguments: a command that
/// is looked for in a list of processes is called by its path.
///
/// # Panics
/// Where busybox is not installed.
pub fn busybox_tree(tree: &Path) {
    for name in ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var"] {
        cove_sys::fs::create_dir(tree.join(name)).expect("a folder");
    }
    let busybox = busybox();
    cove_sys::fs::copy(&busybox, tree.join("bin/busybox")).expect("busybox");
    let applets = Command::new(busybox).arg("--list").output().expect("busybox --list");
    for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|applet| *applet != "busybox") {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet)).expect("an applet");
    }
    let passwd = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home:/bin/sh\n";
    cove_sys::fs::write(tree.join("etc/passwd"), passwd).expect("passwd");
    cove_sys::fs::write(tree.join("etc/group"), "root:x:0:\nguest:x:1000:\nwheel:x:10:guest\n")
        .expect("group");
}

/// Writes a tar of a root file system (busybox and its applets) to `archive`.
///
/// # Panics
/// Where busybox is not installed.
pub fn root_file_system(archive: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path();
    busybox_tree(tree);
    let status = Command::new("tar")
        .args(["--owner=0", "--group=0", "--numeric-owner", "-C"])
        .arg(tree)
        .arg("-cf")
        .arg(archive)
        .arg(".")
        .status();
    assert!(status.is_ok_and(|status| status.success()), "tar");
}

/// Writes a docker-archive of one image with these layers (each a tar) to `path`; hostile layers are welcome.
///
/// # Panics
/// Where `path` cannot be written.
pub fn write_docker_archive(path: &Path, name: &str, layers: &[Vec<u8>], config: &serde_json::Value) {
    let mut config = serde_json::json!({"architecture": "amd64", "os": "linux", "config": config});
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", hex(layer))).collect();
    config["rootfs"] = serde_json::json!({"type": "layers", "diff_ids": diff_ids});
    let config = config.to_string().into_bytes();
    let config_name = format!("{}.json", hex(&config));
    let layer_names: Vec<String> = layers.iter().map(|layer| format!("{}.tar", hex(layer))).collect();
    let manifest = serde_json::json!([{"Config": config_name, "RepoTags": [name], "Layers": layer_names}]);
    let manifest = manifest.to_string();
    let mut members =
        vec![Member::file("manifest.json", manifest.as_bytes()), Member::file(&config_name, &config)];
    members.extend(layer_names.iter().zip(layers).map(|(name, layer)| Member::file(name, layer)));
    cove_sys::fs::write(path, tar(&members)).expect("the archive");
}

fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
