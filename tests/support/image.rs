//! Images made on the spot from the local busybox.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// Writes a tar of a root file system (busybox and its applets) to `archive`.
///
/// # Panics
/// Where busybox is not installed.
pub fn root_file_system(archive: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path();
    for name in ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var"] {
        cove_sys::fs::create_dir(tree.join(name)).expect("a folder");
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("busybox (package busybox-static)");
    cove_sys::fs::copy(busybox, tree.join("bin/busybox")).expect("busybox");
    let applets = Command::new(busybox).arg("--list").output().expect("busybox --list");
    for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|applet| *applet != "busybox") {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet)).expect("an applet");
    }
    let passwd = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home:/bin/sh\n";
    cove_sys::fs::write(tree.join("etc/passwd"), passwd).expect("passwd");
    cove_sys::fs::write(tree.join("etc/group"), "root:x:0:\nguest:x:1000:\nwheel:x:10:guest\n")
        .expect("group");
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
    let mut archive = Vec::new();
    add_tar_member(&mut archive, "manifest.json", b'0', "", manifest.to_string().as_bytes());
    add_tar_member(&mut archive, &config_name, b'0', "", &config);
    for (name, layer) in layer_names.iter().zip(layers) {
        add_tar_member(&mut archive, name, b'0', "", layer);
    }
    archive.extend([0; 1024]);
    cove_sys::fs::write(path, archive).expect("the archive");
}

/// Adds a member to a tar: `kind` is the type flag (`0` file, `1` hard link, `2` symbolic link, `5` folder).
pub fn add_tar_member(archive: &mut Vec<u8>, name: &str, kind: u8, link: &str, data: &[u8]) {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, if kind == b'5' { "0000755" } else { "0000644" });
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", data.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, &char::from(kind).to_string());
    put(157, link);
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(data);
    archive.extend(std::iter::repeat_n(0, (512 - data.len() % 512) % 512));
}

fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
