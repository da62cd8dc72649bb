//! Where the checkpoint of a container lies. The names are those of Podman's archives.

use std::path::{Path, PathBuf};

use cove_api::{Error, Result};
use cove_sys::fs;

use crate::engine::{Core, remove_directory};
use crate::state::make_private;

/// The images of the processes.
pub(super) const IMAGES: &str = "checkpoint";
/// The memory before.
pub(super) const PREVIOUS: &str = "pre-checkpoint";
/// Shared memory that the container shares.
pub(super) const SHARED_MEMORY: &str = "devshm-checkpoint.tar";
/// What its networks gave.
pub(super) const NETWORKS: &str = "network.status";
/// What it had changed of its image.
pub(super) const CHANGES: &str = "rootfs-diff.tar";
/// What it had deleted of its image: a list of paths.
pub(super) const DELETED: &str = "deleted.files";
/// A tar of each volume.
pub(super) const VOLUMES: &str = "volumes";
/// What it is.
pub(super) const CONFIG: &str = "config.dump";
/// Its OCI configuration.
pub(super) const SPEC: &str = "spec.dump";
/// Its log.
pub(super) const LOG: &str = "ctr.log";
/// What CRIU measured.
pub(super) const STATISTICS: &str = "stats-dump";

/// Images in the making.
const STAGED: &str = "checkpoint.new";

/// The link in images to those before.
const PARENT: &str = "parent";

/// The checkpoint of one container.
#[derive(Debug, Clone)]
pub(super) struct CheckpointFiles {
    folder: PathBuf,
}

impl CheckpointFiles {
    pub(super) fn of(core: &Core, id: &str) -> Self {
        Self { folder: core.container_dir(id).join("checkpoint") }
    }

    /// What came of an archive, or goes into one. CRIU writes nothing here but images.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where CRIU writes logs and statistics: nothing that came from elsewhere is here.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    pub(super) fn images(&self) -> PathBuf {
        self.data().join(IMAGES)
    }

    pub(super) fn staged(&self) -> PathBuf {
        self.data().join(STAGED)
    }

    pub(super) fn previous(&self) -> PathBuf {
        self.data().join(PREVIOUS)
    }

    /// Makes place for a new dump in the folder answered.
    pub(super) fn begin(&self, memory_alone: bool) -> Result<PathBuf> {
        remove_directory(&self.work())?;
        remove_directory(&self.staged())?;
        for folder in [&self.folder, &self.data(), &self.work()] {
            make_private(folder)?;
        }
        let images = if memory_alone { self.previous() } else { self.staged() };
        remove_directory(&images)?;
        make_private(&images)?;
        Ok(images)
    }

    /// Whether CRIU came to the end of a dump.
    pub(super) fn is_dumped(&self) -> bool {
        is_file(&self.staged().join("inventory.img")) && is_file(&self.work().join(STATISTICS))
    }

    /// Makes the new images the checkpoint.
    pub(super) fn accept(&self) -> Result<()> {
        let (staged, images) = (self.staged(), self.images());
        let link = staged.join(PARENT);
        if link.is_symlink() {
            // CRIU writes where those before lie now; they may go elsewhere together.
            fs::remove_file(&link)?;
            rustix::fs::symlink(format!("../{PREVIOUS}"), &link).map_err(std::io::Error::from)?;
        }
        remove_directory(&images)?;
        Ok(fs::rename(&staged, &images)?)
    }

    /// Refuses to go on from nothing, and from images in which something leads elsewhere.
    pub(super) fn check_complete(&self) -> Result<()> {
        if !is_file(&self.images().join("inventory.img")) {
            return Err(Error::invalid(
                "a complete checkpoint for this container cannot be found, cannot restore: no such file or directory",
            ));
        }
        check_images(&self.images())?;
        check_images(&self.previous())
    }

    /// Forgets all of it.
    pub(super) fn remove(&self) -> Result<()> {
        remove_directory(&self.folder)
    }

    /// Forgets what was written about the work.
    pub(super) fn remove_work(&self) -> Result<()> {
        remove_directory(&self.work())
    }

    /// The path of CRIU's log of that name, where it is there.
    pub(super) fn log(&self, name: &str) -> String {
        let path = self.work().join(name);
        if is_file(&path) { path.to_string_lossy().into_owned() } else { String::new() }
    }
}

/// The path of CRIU's log of that name of a container; empty where there is none.
pub(in crate::container) fn log(core: &Core, id: &str, name: &str) -> String {
    CheckpointFiles::of(core, id).log(name)
}

/// The path of the images of a container's checkpoint; empty where there is none.
pub(in crate::container) fn path(core: &Core, id: &str) -> String {
    let path = CheckpointFiles::of(core, id).images();
    if path.is_dir() { path.to_string_lossy().into_owned() } else { String::new() }
}

/// Whether there is a file of its own at a path.
pub(super) fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// All that may be among images: files, and the one link to those before.
fn check_images(folder: &Path) -> Result<()> {
    let refused = |path: &Path| Error::invalid(format!("{}: no image of a checkpoint", path.display()));
    match std::fs::symlink_metadata(folder) {
        Ok(found) if !found.is_dir() => return Err(refused(folder)),
        Ok(_) => {}
        Err(_) => return Ok(()),
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_parent = kind.is_symlink()
            && entry.file_name() == PARENT
            && std::fs::read_link(&path).is_ok_and(|target| target == Path::new("..").join(PREVIOUS));
        if !kind.is_file() && !is_parent {
            return Err(refused(&path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = CheckpointFiles { folder: folder.path().join("c") };
        assert!(files.check_complete().is_err());
        let images = files.begin(false).unwrap();
        assert!(!files.is_dumped());
        fs::write(images.join("inventory.img"), "x").unwrap();
        fs::write(files.work().join(STATISTICS), "x").unwrap();
        std::os::unix::fs::symlink("/somewhere/pre-checkpoint", images.join(PARENT)).unwrap();
        assert!(files.is_dumped());
        files.accept().unwrap();
        files.check_complete().unwrap();
        let target = std::fs::read_link(files.images().join(PARENT)).unwrap();
        assert_eq!(target, Path::new("../pre-checkpoint"));
        // A second dump replaces the first only when it is complete.
        files.begin(false).unwrap();
        files.check_complete().unwrap();
        for (name, target) in [("pages-1.img", "/etc/passwd"), (PARENT, "/etc")] {
            let path = files.images().join(name);
            let _ = fs::remove_file(&path);
            std::os::unix::fs::symlink(target, &path).unwrap();
            assert!(files.check_complete().is_err(), "{name}");
            fs::remove_file(&path).unwrap();
        }
        fs::create_dir(files.images().join("d")).unwrap();
        assert!(files.check_complete().is_err());
        files.remove().unwrap();
        assert!(!folder.path().join("c").exists());
    }
}
