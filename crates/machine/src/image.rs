//! A machine image on the host: a folder with `manifest.json`, `kernel`, `initramfs` and `disk.qcow2` (see `vm-images/`).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use cove_sys::fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::provider::ImageFiles;

/// Version of the manifest this build understands.
const MANIFEST_VERSION: u32 = 2;
/// Largest accepted manifest, in bytes.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// File name of the kernel in an image.
pub(crate) const KERNEL: &str = "kernel";
/// File name of the initramfs in an image.
pub(crate) const INITRAMFS: &str = "initramfs";
/// File name of the disk in QEMU's format in an image.
pub(crate) const DISK_QCOW2: &str = "disk.qcow2";

#[derive(Clone, Debug, Deserialize)]
struct Manifest {
    version: u32,
    arch: String,
    #[serde(default)]
    variant: String,
    kernel_version: String,
    cove_version: String,
    disk_gib: u64,
    files: BTreeMap<String, ImageFile>,
}

/// One file of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
}

/// An image whose manifest has been read. The digests are checked while the files are copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineImage {
    /// Its folder.
    pub folder: PathBuf,
    /// Architecture (Debian's name).
    pub arch: String,
    /// `init` or `systemd`.
    pub variant: String,
    /// Version of the kernel.
    pub kernel_version: String,
    /// Version of the engine inside.
    pub cove_version: String,
    /// Size of the file system, in GiB: the smallest disk.
    pub disk_gib: u64,
    /// The files by name.
    pub files: BTreeMap<String, ImageFile>,
}

/// Debian's name of this host's architecture.
#[must_use]
pub fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }
}

/// The folders images are looked for in, for the binary at `executable` and the machines' data folder.
#[must_use]
pub fn default_folders(executable: &Path, data: &Path) -> Vec<PathBuf> {
    let arch = host_arch();
    let mut folders = vec![data.join("images").join(arch)];
    if let Some(beside) = executable.parent().and_then(Path::parent) {
        // Installed: PREFIX/bin/cove; built from source: target/debug/cove.
        folders.push(beside.join("share/cove/vm-image").join(arch));
        folders.push(beside.join("vm-image").join(arch));
    }
    folders
}

impl MachineImage {
    /// Finds the first image of this host's architecture in `folders`.
    ///
    /// # Errors
    /// [`Error::ImageMissing`], or the found one cannot be used.
    pub fn find(folders: &[PathBuf]) -> Result<Self> {
        match folders.iter().find(|folder| folder.join("manifest.json").is_file()) {
            Some(folder) => Self::open(folder),
            None => Err(Error::ImageMissing { arch: host_arch().into(), folders: folders.to_vec() }),
        }
    }

    /// Opens the image at `path`: its folder, or its `manifest.json`.
    ///
    /// # Errors
    /// The manifest is missing, damaged or newer, or the image is for another architecture.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest_path = if path.is_dir() { path.join("manifest.json") } else { path.to_path_buf() };
        let bad = |reason: String| Error::BadImage { path: path.into(), reason };
        if manifest_path.file_name().is_none_or(|name| name != "manifest.json") {
            return Err(bad("name the image's folder, or its manifest.json".into()));
        }
        let mut text = String::new();
        match fs::File::open(&manifest_path) {
            Ok(file) => file.take(MANIFEST_LIMIT).read_to_string(&mut text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(bad(
                    "there is no manifest.json: build an image with `cargo xtask vm-image`".into()
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let manifest = parse_manifest(&text).map_err(|reason| bad(format!("manifest.json: {reason}")))?;
        if manifest.arch != host_arch() {
            return Err(bad(format!("it is for {}, this host is {}", manifest.arch, host_arch())));
        }
        Ok(Self {
            folder: manifest_path.parent().unwrap_or(Path::new(".")).to_path_buf(),
            arch: manifest.arch,
            variant: manifest.variant,
            kernel_version: manifest.kernel_version,
            cove_version: manifest.cove_version,
            disk_gib: manifest.disk_gib,
            files: manifest.files,
        })
    }

    /// The recorded facts of one file.
    ///
    /// # Errors
    /// The image has no such file.
    pub fn file(&self, name: &str) -> Result<&ImageFile> {
        self.files.get(name).ok_or_else(|| Error::BadImage {
            path: self.folder.clone(),
            reason: format!("its manifest names no {name}"),
        })
    }

    /// Copies what a provider takes into `folder`.
    ///
    /// # Errors
    /// As [`MachineImage::copy`].
    pub(crate) async fn install(&self, files: ImageFiles, folder: &Path) -> Result<()> {
        let (image, folder) = (self.clone(), folder.to_owned());
        let copy = move || files.all().try_for_each(|name| image.copy(name, &folder.join(name)));
        tokio::task::spawn_blocking(copy).await.map_err(std::io::Error::other)?
    }

    /// Copies one file to `target`, checking its size and digest on the way; nothing is left after a failure.
    ///
    /// # Errors
    /// The file is missing, or is not the one of the manifest.
    pub fn copy(&self, name: &str, target: &Path) -> Result<()> {
        let result = self.copy_checked(name, target);
        if result.is_err() {
            let _ = fs::remove_file(target);
        }
        result
    }

    fn copy_checked(&self, name: &str, target: &Path) -> Result<()> {
        let expected = self.file(name)?;
        let mut from = fs::File::open(self.folder.join(name))?;
        let mut to = fs::File::create(target)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut size = 0_u64;
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            size += count as u64;
            if size > expected.size {
                break;
            }
            digest.update(&buffer[..count]);
            // A hole stays a hole, so that a copy takes no more room than the image.
            if buffer[..count].iter().all(|byte| *byte == 0) {
                std::io::Seek::seek(&mut to, std::io::SeekFrom::Current(i64::try_from(count).unwrap_or(0)))?;
            } else {
                to.write_all(&buffer[..count])?;
            }
        }
        let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if size != expected.size || !found.eq_ignore_ascii_case(&expected.sha256) {
            return Err(Error::BadImage {
                path: self.folder.join(name),
                reason: "its content is not what the manifest says (damaged or half copied): build it again"
                    .into(),
            });
        }
        to.file().set_len(size)?;
        to.sync_all()?;
        Ok(())
    }
}

fn parse_manifest(text: &str) -> std::result::Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if manifest.version != MANIFEST_VERSION {
        return Err(format!(
            "its format {} is not {MANIFEST_VERSION}: build it again with `cargo xtask vm-image`",
            manifest.version
        ));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(folder: &Path, content: &[u8]) -> MachineImage {
        fs::write(folder.join(DISK_QCOW2), content).unwrap();
        let sha256 = Sha256::digest(b"content").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let manifest = serde_json::json!({
            "version": MANIFEST_VERSION, "arch": host_arch(), "kernel_version": "6", "cove_version": "0", "disk_gib": 8,
            "files": { DISK_QCOW2: { "size": 7, "sha256": sha256 } },
        });
        fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        MachineImage::open(folder).unwrap()
    }

    #[test]
    fn copies_only_what_the_manifest_says() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("copy");
        image(folder.path(), b"content").copy(DISK_QCOW2, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"content");
        for wrong in [&b"Content"[..], b"conten", b"content-and-more"] {
            let error = image(folder.path(), wrong).copy(DISK_QCOW2, &target).unwrap_err();
            assert!(error.to_string().contains("not what the manifest says"), "{error}");
            assert!(!target.exists());
        }
    }

    #[test]
    fn missing_and_damaged_manifests_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(MachineImage::open(folder.path()).unwrap_err().to_string().contains("vm-image"));
        fs::write(folder.path().join("manifest.json"), "{").unwrap();
        assert!(MachineImage::open(folder.path()).unwrap_err().to_string().contains("manifest.json"));
        assert!(matches!(MachineImage::find(&[]), Err(Error::ImageMissing { .. })));
    }
}
