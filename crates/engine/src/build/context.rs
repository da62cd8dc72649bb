//! What an image is built of: a folder, or an archive that is unpacked for the time of the build.

use std::io::Read;
use std::path::PathBuf;

use cove_api::{BuildContext, BuildSecret, BuildText, Error, Result};
use cove_build::{Ignore, read_text, usual_file, usual_rules};
use cove_tree::{Root, Unpacking};

use super::working::locks;
use crate::engine::{Core, remove_directory};
use crate::lock::ObjectLock;

/// An opened context.
pub(super) struct Context {
    pub(super) root: Root,
    pub(super) ignore: Ignore,
    /// The build file.
    pub(super) file: BuildText,
    pub(super) secrets: Vec<BuildSecret>,
    _unpacked: Option<Unpacked>,
}

/// Where a context is unpacked; dropping it removes it. What a killed build has left, the next one removes.
pub(super) struct Unpacked {
    pub(super) folder: PathBuf,
    lock: Option<ObjectLock>,
}

impl Unpacked {
    /// An empty folder.
    pub(super) fn new(core: &Core) -> Result<Self> {
        let id = crate::name::random_id()?;
        let lock = ObjectLock::acquire(&locks(core), &id)?;
        let unpacked = Self { folder: contexts(core).join(id), lock: Some(lock) };
        crate::state::make_private(&unpacked.folder)
            .map_err(|error| Error::from(error).context(unpacked.folder.display()))?;
        Ok(unpacked)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if let Err(error) = remove_directory(&self.folder) {
            tracing::warn!("removing the context of a build: {error}");
        }
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// Where a context comes from, for code that blocks.
pub(super) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A tar.
    Archive(Box<dyn Read + Send>),
}

/// What comes with a context.
pub(super) struct Given {
    pub(super) files: Vec<BuildText>,
    pub(super) ignore: Option<BuildText>,
    pub(super) secrets: Vec<BuildSecret>,
}

impl Context {
    /// Opens a context; `names` are its build files where none is given.
    pub(super) fn open(core: &Core, place: Place, given: Given, names: &[String]) -> Result<Self> {
        let (root, shown, unpacked) = match place {
            Place::Folder(path) => {
                let root = Root::open(&path).map_err(|error| Error::from(error).context(path.display()))?;
                (root, path.display().to_string(), None)
            }
            Place::Archive(archive) => {
                let folder = unpack(core, archive)?;
                (Root::open(&folder.folder)?, "the context".to_owned(), Some(folder))
            }
        };
        let files = if given.files.is_empty() { read_files(&root, &shown, names)? } else { given.files };
        let ignore = match given.ignore {
            Some(text) => Some(text),
            None => usual_rules(&root, files.first().map_or("", |file| &file.name))?,
        };
        let ignore = ignore.map(|file| Ignore::of_text(&file)).transpose()?.unwrap_or_default();
        if unpacked.is_some() {
            take_away(&root, names)?;
        }
        Ok(Self { root, ignore, file: joined(files), secrets: given.secrets, _unpacked: unpacked })
    }
}

/// Where the contexts of builds are unpacked.
fn contexts(core: &Core) -> PathBuf {
    core.options.state_dir().join("build-contexts")
}

/// Removes the contexts of builds that were killed.
pub(super) fn sweep(core: &Core) -> Result<()> {
    let entries = match cove_sys::fs::read_dir(contexts(core)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if let Some(lock) = ObjectLock::try_acquire(&locks(core), &entry.file_name().to_string_lossy()) {
            drop(Unpacked { folder: entry.path(), lock: Some(lock) });
        }
    }
    Ok(())
}

fn unpack(core: &Core, archive: impl Read) -> Result<Unpacked> {
    let unpacked = Unpacked::new(core)?;
    let root = Root::open(&unpacked.folder)?;
    let unpacking = Unpacking {
        directory: b"/",
        keep_directory: true,
        rename: &[],
        owner: Some((0, 0)),
        owners: &|_, _| (0, 0),
        overwrite: true,
        privileged: false,
    };
    cove_tree::unpack(&root, &unpacking, archive)
        .map_err(|error| Error::from(error).context("unpacking the context"))?;
    Ok(unpacked)
}

/// Several files are one after another.
fn joined(mut files: Vec<BuildText>) -> BuildText {
    let mut first = files.remove(0);
    for file in files {
        first.text.push(b'\n');
        first.text.extend(file.text);
    }
    first
}

fn read_files(root: &Root, shown: &str, names: &[String]) -> Result<Vec<BuildText>> {
    if names.is_empty() {
        let found = usual_file(root)?.ok_or_else(|| {
            Error::not_found(format!(
                "no Containerfile or Dockerfile specified or found in context directory, {shown}: no such file or directory"
            ))
        })?;
        return Ok(vec![found]);
    }
    let found = names.iter().map(|name| match read_text(root, name)? {
        Some(text) => Ok(BuildText { name: name.clone(), text }),
        None => Err(Error::not_found(format!("{name}: no such file or directory in {shown}"))),
    });
    found.collect()
}

/// What a client has put beside the context is no part of it.
fn take_away(root: &Root, names: &[String]) -> Result<()> {
    for name in names.iter().filter(|name| name.starts_with(BuildContext::BESIDE) && !name.contains('/')) {
        for name in [name.clone(), format!("{name}.containerignore")] {
            match rustix::fs::unlinkat(root, name.as_str(), rustix::fs::AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(errno) => return Err(Error::from(std::io::Error::from(errno)).context(name)),
            }
        }
    }
    Ok(())
}
