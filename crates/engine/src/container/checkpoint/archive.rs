//! A checkpoint as one archive, named as in Podman's: images of the processes, changes of files, volumes, and what the
//! container is.

use std::ffi::CString;
use std::fs::File;
use std::io::{Seek as _, Write};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;

use cove_api::{
    ChangeKind, ChangesOptions, CheckpointOptions, ContainerSpec, DiffType, Error, Result, Timestamp,
};
use cove_archive::{Kind, Member, Writer};
use cove_sys::fs;
use cove_tree::{Entries, Root, Shown};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::files::{
    CHANGES, CONFIG, CheckpointFiles, DELETED, IMAGES, LOG, NETWORKS, PREVIOUS, SHARED_MEMORY, SPEC,
    STATISTICS, VOLUMES, is_file,
};
use crate::container::{clone, prepare};
use crate::engine::Core;
use crate::files::{Owners, pack_all};
use crate::state::{ContainerRow, IpcMode, LogDriver, NamespaceMode, NetworkMode};

/// The version of [`Kept`] that this code writes.
pub(super) const VERSION: u32 = 1;

/// What a container is, in an archive: the fields that tools for checkpoints know, and what Cove makes it anew from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) id: String,
    pub(super) name: String,
    /// Id of its image.
    pub(super) rootfs_image: String,
    pub(super) rootfs_image_name: String,
    /// Name of the OCI runtime.
    pub(super) runtime: String,
    pub(super) created_time: Option<Timestamp>,
    pub(super) checkpointed_time: Option<Timestamp>,
    /// What Podman calls the pod of a container.
    pub(super) pod: String,
    pub(super) cove: Option<Kept>,
}

/// What Cove makes a container from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// [`VERSION`].
    pub(super) version: u32,
    /// The request, with the names that volumes have got since.
    pub(super) request: ContainerSpec,
    /// Volumes by name.
    pub(super) volumes: Vec<String>,
    /// The kinds of namespaces that it shares with others of its pod.
    pub(super) shared: Vec<String>,
}

/// The kinds of namespaces that a container has from another one, in Podman's words.
pub(super) fn shared_namespaces(row: &ContainerRow) -> Vec<&'static str> {
    let of = &row.config.namespaces;
    let is_shared = |mode: &NamespaceMode| matches!(mode, NamespaceMode::Container(_));
    let kinds = [
        ("IPC", matches!(of.ipc, IpcMode::Container(_))),
        ("network", matches!(row.config.network, NetworkMode::Container(_))),
        ("PID", is_shared(&of.pid)),
        ("UTS", is_shared(&of.uts)),
        ("cgroup", is_shared(&of.cgroup)),
    ];
    kinds.into_iter().filter(|(_, shared)| *shared).map(|(kind, _)| kind).collect()
}

/// Writes the archive of the checkpoint that was just made, or of the memory before it.
pub(super) fn write(
    core: &Arc<Core>,
    row: &ContainerRow,
    files: &CheckpointFiles,
    options: &CheckpointOptions,
    out: &mut dyn Write,
) -> Result<()> {
    let mut tar = Writer::new(out);
    // What is looked for first comes first.
    let config = serde_json::to_vec(&config(core, row)?).map_err(internal)?;
    put(&mut tar, CONFIG, &config)?;
    put(&mut tar, SPEC, &specification(core, row)?)?;
    for (name, path) in [
        (NETWORKS, files.data().join(NETWORKS)),
        (SHARED_MEMORY, files.data().join(SHARED_MEMORY)),
        (STATISTICS, files.work().join(STATISTICS)),
    ] {
        if is_file(&path) {
            put_file(&mut tar, name, fs::File::open(&path)?.into_parts().0)?;
        }
    }
    let log = prepare::log_path(core, row);
    if row.config.log.driver == LogDriver::K8sFile && is_file(&log) {
        put_file(&mut tar, LOG, fs::File::open(&log)?.into_parts().0)?;
    }
    let images = if options.pre_checkpoint { PREVIOUS } else { IMAGES };
    put_images(&mut tar, images, &files.data().join(images))?;
    if !options.ignore_root_fs && row.config.rootfs.is_none() {
        put_changes(core, row, &mut tar)?;
    }
    if !options.ignore_volumes {
        put_directory(&mut tar, VOLUMES)?;
        for volume in &row.config.volumes {
            let planned = prepare::planned(core, volume)?;
            let mut spool = spool(core)?;
            pack_directory(&planned.directory, &mut spool)?;
            put_file(&mut tar, &format!("{VOLUMES}/{}.tar", volume.name), rewound(spool)?)?;
        }
    }
    tar.finish()?;
    Ok(())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

fn spool(core: &Core) -> Result<File> {
    let folder = core.options.state_dir();
    tempfile::tempfile_in(&folder).map_err(|error| Error::from(error).context(folder.display()))
}

fn rewound(mut file: File) -> Result<File> {
    file.rewind()?;
    Ok(file)
}

fn put(tar: &mut Writer<&mut dyn Write>, name: &str, data: &[u8]) -> Result<()> {
    tar.member(&Member { size: data.len() as u64, ..Member::new(Kind::File, name.as_bytes(), 0o600) })?;
    tar.data(data)?;
    Ok(tar.pad(data.len() as u64)?)
}

fn put_file(tar: &mut Writer<&mut dyn Write>, name: &str, mut file: File) -> Result<()> {
    let size = file.metadata()?.len();
    // A log goes on growing; as much as it has now is written.
    Ok(tar.file_from(name, size, &mut file)?)
}

fn put_directory(tar: &mut Writer<&mut dyn Write>, name: &str) -> Result<()> {
    Ok(tar.member(&Member::new(Kind::Directory, format!("{name}/").as_bytes(), 0o700))?)
}

/// The images of processes: files, and a link to those before.
fn put_images(tar: &mut Writer<&mut dyn Write>, name: &str, folder: &Path) -> Result<()> {
    put_directory(tar, name)?;
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            let link = target.as_os_str().as_encoded_bytes();
            tar.member(&Member { link, ..Member::new(Kind::Symlink, path.as_bytes(), 0o777) })?;
        } else if kind.is_file() {
            put_file(tar, &path, fs::File::open(entry.path())?.into_parts().0)?;
        }
    }
    Ok(())
}

/// All in a directory of the host, as it is there.
pub(super) fn pack_directory(path: &Path, out: &mut dyn Write) -> Result<()> {
    pack_all(&Root::open(path)?, &Owners::default(), out)
}

/// What the container is.
fn config(core: &Core, row: &ContainerRow) -> Result<Config> {
    let mut request = core.database()?.request(&row.id)?;
    clone::share_volumes(row, &mut request);
    request.name.clone_from(&row.name);
    // What belongs to the command that made it, or to the machine, goes nowhere.
    request.preserve_fds.clear();
    request.annotations.remove("io.podman.annotations.cid-file");
    let time = |nanoseconds: i64| Timestamp::from_nanosecond(nanoseconds.into()).ok();
    Ok(Config {
        id: row.id.clone(),
        name: row.name.clone(),
        rootfs_image: row.config.image.id.clone(),
        rootfs_image_name: row.config.image.name.clone(),
        runtime: core.oci_runtime(&row.config.runtime)?.name,
        created_time: time(row.created),
        checkpointed_time: Some(Timestamp::now()),
        pod: row.config.pod.clone(),
        cove: Some(Kept {
            version: VERSION,
            request,
            volumes: row.config.volumes.iter().map(|volume| volume.name.clone()).collect(),
            shared: shared_namespaces(row).into_iter().map(str::to_owned).collect(),
        }),
    })
}

/// The OCI configuration without the variables whose values are secret.
fn specification(core: &Core, row: &ContainerRow) -> Result<Vec<u8>> {
    let spec = crate::container::exec::read_config(core, &row.id)?;
    let mut value = serde_json::to_value(&spec).map_err(internal)?;
    if let Some(serde_json::Value::Array(env)) = value.pointer_mut("/process/env") {
        let is_secret = |entry: &str| {
            entry.split_once('=').is_some_and(|(name, _)| row.config.secret_env.contains_key(name))
        };
        env.retain(|entry| !entry.as_str().is_some_and(is_secret));
    }
    serde_json::to_vec(&value).map_err(internal)
}

/// The files that the container changed of its image, and the names of those that it deleted.
fn put_changes(core: &Arc<Core>, row: &ContainerRow, tar: &mut Writer<&mut dyn Write>) -> Result<()> {
    let options = ChangesOptions { diff_type: DiffType::Container, ..ChangesOptions::default() };
    let (mut kept, mut deleted) = (Vec::new(), Vec::new());
    for change in crate::files::changes(core, &row.id, &options)? {
        match change.kind {
            ChangeKind::Deleted => deleted.push(change.path),
            ChangeKind::Added | ChangeKind::Modified => kept.push(change.path),
        }
    }
    let (root, owners) = (Root::open(Path::new(&row.status.mountpoint))?, Owners::of(core, row)?);
    let mut spool = spool(core)?;
    {
        let mut out = std::io::BufWriter::with_capacity(256 << 10, &mut spool);
        let out: &mut dyn Write = &mut out;
        let mut entries = Entries::new(
            out,
            Box::new(|stat, _| {
                let (uid, gid) = owners.inside(stat.st_uid, stat.st_gid);
                Shown { uid, gid, mode: stat.st_mode & 0o7777, mtime: stat.st_mtime }
            }),
        );
        for path in &kept {
            put_changed(&root, path, &mut entries)?;
        }
        entries.finish()?;
    }
    put_file(tar, CHANGES, rewound(spool)?)?;
    if !deleted.is_empty() {
        put(tar, DELETED, &serde_json::to_vec(&deleted).map_err(internal)?)?;
    }
    Ok(())
}

/// One thing of the tree. What has gone meanwhile is left out.
fn put_changed(root: &Root, path: &str, entries: &mut Entries<'_>) -> Result<()> {
    let failed = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let shown = path.trim_start_matches('/').as_bytes();
    let folder = match root.find(folder.as_bytes(), OFlags::PATH | OFlags::DIRECTORY) {
        Ok(folder) => folder,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(()),
        Err(errno) => return Err(failed(errno)),
    };
    let own = CString::new(name).map_err(internal)?;
    let stat = match rustix::fs::statat(&folder, own.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(failed(errno)),
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let directory =
                rustix::fs::openat(&folder, own.as_c_str(), flags | OFlags::DIRECTORY, Mode::empty());
            entries.directory(directory.map_err(failed)?.as_fd(), &stat, shown)?;
        }
        _ if entries.known_link(&stat, shown)? => {}
        FileType::RegularFile => {
            let file = rustix::fs::openat(&folder, own.as_c_str(), flags, Mode::empty()).map_err(failed)?;
            entries.regular(file, &stat, shown)?;
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&folder, own.as_c_str(), Vec::new()).map_err(failed)?;
            entries.symlink(&stat, target.as_bytes(), shown)?;
        }
        _ => entries.special(&stat, shown)?,
    }
    Ok(())
}
