//! A container from an archive or an image of a checkpoint.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use cove_api::{
    ByteStream, Error, ErrorKind, Images as _, PullOptions, PullPolicy, RemoveOptions, RestoreOptions, Result,
};
use cove_archive::{Kind, Reader, Streamed, clean_name};
use cove_runtime::OciRuntime;
use cove_sys::fs;
use cove_tree::{Root, Unpacking};
use futures_util::StreamExt as _;

use super::archive::{Config, Kept, VERSION, pack_directory, shared_namespaces};
use super::files::{CONFIG, CheckpointFiles, LOG, PREVIOUS, is_file};
use super::image;
use crate::container::{create, prepare, remove};
use crate::engine::{Core, LocalEngine, blocking, remove_directory};
use crate::error::storage;
use crate::image::lookup;
use crate::state::{ContainerRow, LogDriver, make_private};

/// Largest description of a container, in bytes.
const LONGEST_CONFIG: u64 = 16 << 20;

/// Most entries that are looked through for it.
const MAX_ENTRIES: usize = 1_000_000;

/// A checkpoint that came from elsewhere.
#[derive(Debug)]
pub(super) struct Arrived {
    archive: File,
    config: Config,
}

/// Keeps an archive for as long as it is read, in a file without a name.
pub(super) async fn save(core: &Arc<Core>, archive: ByteStream) -> Result<File> {
    let mut reader = crate::stream::reader(archive);
    blocking(core, move |core| {
        let mut file = spool(core)?;
        std::io::copy(&mut reader, &mut file)?;
        Ok(file)
    })
    .await
}

fn spool(core: &Core) -> Result<File> {
    let folder = core.options.state_dir();
    make_private(&folder)?;
    tempfile::tempfile_in(&folder).map_err(|error| Error::from(error).context(folder.display()))
}

/// Looks what an archive holds.
pub(super) fn arrived(mut archive: File) -> Result<Arrived> {
    let config = read_config(&mut archive)?;
    Ok(Arrived { archive, config })
}

/// The checkpoint in an image.
pub(super) fn of_image(core: &Core, name: &str) -> Result<Arrived> {
    let found = lookup::find_image(core, name, [""; 3]).map_err(|error| match error.kind {
        ErrorKind::NotFound => Error::not_found(format!("no such container or image: {name}")),
        _ => error,
    })?;
    let store = core.store()?;
    let path = store.mount_image(&found.image.id).map_err(storage)?;
    let packed = (|| -> Result<File> {
        let mut file = spool(core)?;
        let mut out = std::io::BufWriter::with_capacity(256 << 10, &mut file);
        pack_directory(&path, &mut out)?;
        std::io::Write::flush(&mut out)?;
        drop(out);
        Ok(file)
    })();
    if let Err(error) = store.unmount_image(&found.image.id, false) {
        tracing::warn!("unmounting image {}: {error}", found.image.id);
    }
    arrived(packed?).map_err(|error| {
        error.context(format!(
            "unable to import checkpoint from image: {name:?} (has it the annotation {}?)",
            image::mark()
        ))
    })
}

fn read_config(archive: &mut File) -> Result<Config> {
    archive.rewind()?;
    let missing = || Error::invalid(format!("no archive of a checkpoint: it has no {CONFIG}"));
    let plain = cove_archive::unpacked(std::io::BufReader::with_capacity(256 << 10, &*archive))?;
    let mut reader = Reader::new(Streamed::new(plain));
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = reader.next().map_err(|error| Error::invalid(error.to_string()))? else {
            return Err(missing());
        };
        let header = &entry.header;
        if header.kind != Kind::File || clean_name(&header.name).as_deref() != Some(CONFIG.as_bytes()) {
            continue;
        }
        if header.size > LONGEST_CONFIG {
            return Err(Error::invalid(format!("{CONFIG}: larger than {LONGEST_CONFIG} bytes")));
        }
        let mut text = Vec::new();
        loop {
            let part = reader.peek().map_err(|error| Error::invalid(error.to_string()))?;
            if part.is_empty() {
                break;
            }
            let count = part.len();
            text.extend_from_slice(part);
            reader.consume(count).map_err(|error| Error::invalid(error.to_string()))?;
        }
        return serde_json::from_slice(&text).map_err(|error| Error::invalid(format!("{CONFIG}: {error}")));
    }
    Err(missing())
}

impl Arrived {
    /// Brings the image of the container where it is not in the store.
    pub(super) async fn bring_image(&self, core: &Arc<Core>) -> Result<()> {
        let request = &self.kept()?.request;
        if request.image.is_empty() {
            return Ok(());
        }
        let name = self.config.rootfs_image_name.clone();
        let (id, known) = (self.config.rootfs_image.clone(), name.clone());
        let there = blocking(core, move |core| {
            Ok([id, known].iter().any(|image| !image.is_empty() && lookup::find(core, image).is_ok()))
        })
        .await?;
        if there {
            return Ok(());
        }
        let options = PullOptions { policy: PullPolicy::Missing, ..PullOptions::default() };
        let engine = LocalEngine { core: Arc::clone(core) };
        let mut pulled = engine.pull(&name, options).await?;
        while let Some(progress) = pulled.next().await {
            progress?;
        }
        Ok(())
    }

    /// The OCI runtime that it will have.
    pub(super) fn runtime(&self, core: &Core) -> Result<OciRuntime> {
        let asked = &self.kept()?.request.oci_runtime;
        core.oci_runtime(if asked.is_empty() { &self.config.runtime } else { asked })
    }

    fn kept(&self) -> Result<&Kept> {
        let kept = self.config.cove.as_ref().ok_or_else(|| {
            Error::unsupported(format!(
                "the checkpoint of container {:?} was made by another engine: only those that Cove has made can be imported",
                self.config.name
            ))
        })?;
        if kept.version != VERSION {
            return Err(Error::unsupported(format!(
                "the checkpoint has version {}, this engine knows version {VERSION}",
                kept.version
            )));
        }
        Ok(kept)
    }

    /// Makes the container that the archive describes, with its checkpoint; answers its id. After an error nothing is
    /// left of it.
    pub(super) fn make(
        &self,
        core: &Arc<Core>,
        options: &RestoreOptions,
        previous: Option<File>,
    ) -> Result<String> {
        let kept = self.kept()?;
        let mut request = kept.request.clone();
        request.check_for_service()?;
        match (self.config.pod.is_empty(), options.pod.is_empty()) {
            (false, true) => return Err(Error::invalid("cannot restore pod container without --pod")),
            (true, false) => return Err(Error::invalid("cannot restore non pod container into pod")),
            _ => request.pod.clone_from(&options.pod),
        }
        if !options.ignore_volumes {
            for name in &kept.volumes {
                cove_spec::name::volume(name)?;
                if core.database()?.volume(name)?.is_some() {
                    return Err(Error::new(
                        ErrorKind::AlreadyExists,
                        format!(
                            "volume with name {name} already exists. Use --ignore-volumes to not restore content of volumes"
                        ),
                    ));
                }
            }
        }
        let id = match options.name.as_str() {
            "" => Some(self.own_id(core)?),
            name => {
                name.clone_into(&mut request.name);
                None
            }
        };
        if !options.publish_ports.is_empty() {
            request.portmappings =
                cove_spec::port::publish_all(options.publish_ports.split_ascii_whitespace())?;
        }
        if request.oci_runtime.is_empty() {
            // CRIU's images are the same, but not all that is around them.
            request.oci_runtime.clone_from(&self.config.runtime);
        }
        if !request.image.is_empty() && !self.config.rootfs_image.is_empty() {
            let (name, id) = (&self.config.rootfs_image_name, &self.config.rootfs_image);
            lookup::find(core, id).map_err(|_| {
                Error::not_found(format!(
                    "the checkpoint was made on image {id} ({name}), which is not here: bring it with save and load"
                ))
            })?;
            request.image.clone_from(id);
        }
        let report = create::create_as(core, request, id)?;
        let made = self
            .check_namespaces(core, &report.id)
            .and_then(|()| self.check_volumes(core, &report.id, options))
            .and_then(|()| self.unpack(core, &report.id, previous));
        if let Err(error) = made {
            self.undo(core, &report.id, options);
            return Err(error);
        }
        Ok(report.id)
    }

    /// In a pod it must have as much in common with others as before.
    fn check_namespaces(&self, core: &Core, id: &str) -> Result<()> {
        let row = core.find_container(id)?;
        let shared = shared_namespaces(&row);
        match self.kept()?.shared.iter().find(|kind| !shared.contains(&kind.as_str())) {
            Some(kind) => {
                Err(Error::invalid(format!("pod {} does not share the {kind} namespace", row.config.pod)))
            }
            None => Ok(()),
        }
    }

    /// Nothing is written into a volume that was not looked for.
    fn check_volumes(&self, core: &Core, id: &str, options: &RestoreOptions) -> Result<()> {
        let (row, known) = (core.find_container(id)?, &self.kept()?.volumes);
        match row.config.volumes.iter().find(|volume| !known.contains(&volume.name)) {
            Some(volume) if !options.ignore_volumes => Err(Error::invalid(format!(
                "the checkpoint has no data of volume {}: use --ignore-volumes",
                volume.name
            ))),
            _ => Ok(()),
        }
    }

    /// The id that it had, which must be free.
    fn own_id(&self, core: &Core) -> Result<String> {
        let id = self.config.id.clone();
        if id.len() != 64 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::invalid(format!("{CONFIG}: {id:?} is no id of a container")));
        }
        if core.database()?.container(&id)?.is_some() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the container {id} exists: restore it under another name with --name"),
            ));
        }
        Ok(id)
    }

    /// Takes away what [`Arrived::make`] has made.
    pub(super) fn undo(&self, core: &Arc<Core>, id: &str, options: &RestoreOptions) {
        let remove = RemoveOptions { force: true, volumes: true, ignore: true, ..RemoveOptions::default() };
        if let Err(error) = remove::remove(core, id, &remove) {
            tracing::warn!("removing container {id} after a failed restore: {error}");
        }
        let volumes = self.config.cove.iter().flat_map(|kept| &kept.volumes);
        for name in volumes.filter(|_| !options.ignore_volumes) {
            // They were not there before.
            if let Err(error) = crate::volume::remove_unused(core, name) {
                tracing::debug!("removing volume {name} after a failed restore: {error}");
            }
        }
    }

    fn unpack(&self, core: &Core, id: &str, previous: Option<File>) -> Result<()> {
        let row = core.find_container(id)?;
        let files = CheckpointFiles::of(core, id);
        let data = files.data();
        for folder in [files.work(), data.clone()] {
            make_private(&folder)?;
        }
        if let Some(mut previous) = previous {
            previous.rewind()?;
            unpack_into(&data, previous)?;
            for entry in fs::read_dir(&data)? {
                let entry = entry?;
                match entry.file_type()? {
                    kind if kind.is_dir() && entry.file_name() == PREVIOUS => {}
                    kind if kind.is_dir() => remove_directory(&entry.path())?,
                    _ => fs::remove_file(entry.path())?,
                }
            }
        }
        let mut archive = self.archive.try_clone()?;
        archive.rewind()?;
        unpack_into(&data, archive)?;
        take_log(core, &row, &data.join(LOG))
    }
}

/// Unpacks an archive into a folder of ours, for root alone.
fn unpack_into(folder: &std::path::Path, archive: File) -> Result<()> {
    let root = Root::open(folder)?;
    let mut archive = std::io::BufReader::with_capacity(256 << 10, archive);
    Ok(cove_tree::unpack(&root, &Unpacking::PLAIN, archive.by_ref())?)
}

/// The log goes on where it ended.
fn take_log(core: &Core, row: &ContainerRow, saved: &std::path::Path) -> Result<()> {
    if !is_file(saved) {
        return Ok(());
    }
    let log = prepare::log_path(core, row);
    if row.config.log.driver == LogDriver::K8sFile && row.config.log.path.is_empty() {
        return Ok(fs::rename(saved, &log)?);
    }
    Ok(fs::remove_file(saved)?)
}
