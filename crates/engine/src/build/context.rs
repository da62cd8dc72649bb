//! What an image is built of: a folder, or an archive that is unpacked for the time of the build.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use cove_api::{BuildContext, BuildSecret, BuildText, ByteStream, Error, OtherContext, Result};
use cove_build::{Ignore, Location, read_text, usual_file, usual_rules};
use cove_tree::{Root, Unpacking};
use rustix::fs::{Mode, OFlags};
use tokio::sync::Mutex;

use super::fetch::{Git, web_file};
use super::placing;
use super::report::Teller;
use super::working::locks;
use crate::engine::{Core, remove_directory};
use crate::lock::ObjectLock;

/// An opened context.
pub(super) struct Context {
    pub(super) root: Root,
    pub(super) ignore: Ignore,
    /// The build file.
    pub(super) file: BuildText,
    /// Further contexts, by their names in lower case.
    pub(super) others: BTreeMap<String, Other>,
    pub(super) secrets: Vec<BuildSecret>,
    /// Sockets of ssh agents, by their ids.
    pub(super) agents: Vec<(String, PathBuf)>,
    /// The standard input of commands, which one after another has.
    pub(super) stdin: Option<Mutex<ByteStream>>,
    _unpacked: Option<Unpacked>,
}

/// Where a context is unpacked; dropping it removes it. What a killed build has left, the next one removes.
pub(crate) struct Unpacked {
    pub(crate) folder: PathBuf,
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

    /// A folder with what an archive has.
    pub(crate) fn of(core: &Core, archive: impl Read) -> Result<Self> {
        let unpacked = Self::new(core)?;
        unpack(&unpacked, archive)?;
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
    /// An address; the tar has what a client gives besides.
    Remote(String, Box<dyn Read + Send>),
}

/// What comes with a context.
#[derive(Default)]
pub(super) struct Given {
    pub(super) files: Vec<BuildText>,
    pub(super) ignore: Option<BuildText>,
    pub(super) others: Vec<(String, OtherContext)>,
    pub(super) secrets: Vec<BuildSecret>,
    pub(super) packed_secrets: Vec<(String, String)>,
    pub(super) agents: Vec<(String, PathBuf)>,
    pub(super) stdin: Option<ByteStream>,
}

/// A further context.
pub(super) enum Other {
    /// A folder.
    Folder { root: Root, ignore: Ignore, _unpacked: Option<Unpacked> },
    /// An image.
    Image(String),
}

impl Context {
    /// Opens a context; `names` are its build files where none is given.
    pub(super) fn open(
        core: &Core,
        teller: &Teller,
        place: Place,
        mut given: Given,
        names: &[String],
    ) -> Result<Self> {
        let mut unpacked = None;
        let (root, shown) = match place {
            Place::Folder(path) => {
                let root = Root::open(&path).map_err(|error| Error::from(error).context(path.display()))?;
                (root, path.display().to_string())
            }
            Place::Archive(archive) => {
                let folder = Unpacked::new(core)?;
                unpack(&folder, archive)?;
                let root = Root::open(&folder.folder)?;
                unpacked = Some(folder);
                (root, "the context".to_owned())
            }
            Place::Remote(address, archive) => {
                let from_elsewhere = given.files.is_empty() && given.secrets.is_empty();
                let (folder, root) = match fetched(core, teller, &address)? {
                    FetchedContext::Tree(folder, root) => (folder, root),
                    FetchedContext::File(text) => {
                        given.files = vec![text];
                        let folder = Unpacked::new(core)?;
                        let root = Root::open(&folder.folder)?;
                        (folder, root)
                    }
                };
                // A client that is elsewhere has put what it gives into the archive.
                if from_elsewhere {
                    unpack_some(&root, archive)?;
                }
                unpacked = Some(folder);
                (root, address)
            }
        };
        let files = if given.files.is_empty() { read_files(&root, &shown, names)? } else { given.files };
        let packed_rules = match unpacked {
            Some(_) => read_text(&root, BuildContext::RULES)?,
            None => None,
        };
        let ignore = match (given.ignore, packed_rules) {
            (Some(text), _) => Some(text),
            (None, Some(text)) => Some(BuildText { name: "the rules of what is ignored".into(), text }),
            (None, None) => usual_rules(&root, files.first().map_or("", |file| &file.name))?,
        };
        let ignore = ignore.map(|file| Ignore::of_text(&file)).transpose()?.unwrap_or_default();
        let mut secrets = given.secrets;
        for (id, name) in given.packed_secrets {
            secrets.push(packed_secret(&root, id, &name)?);
        }
        let mut others = BTreeMap::new();
        for (name, other) in given.others {
            let other = other_context(core, teller, &root, other)
                .map_err(|error| error.context(format!("the build context {name:?}")))?;
            others.insert(name.to_ascii_lowercase(), other);
        }
        if unpacked.is_some() {
            take_away(core, &root)?;
        }
        let Given { agents, stdin, .. } = given;
        let stdin = stdin.map(Mutex::new);
        Ok(Self { root, ignore, file: joined(files), others, secrets, agents, stdin, _unpacked: unpacked })
    }
}

/// What an address has.
enum FetchedContext {
    Tree(Unpacked, Root),
    File(BuildText),
}

fn fetched(core: &Core, teller: &Teller, address: &str) -> Result<FetchedContext> {
    match Location::parse(address)? {
        None => Err(Error::invalid(format!("{address:?} is no address of a context"))),
        Some(Location::Git(repository)) => {
            let git = Git::new(core, teller)?;
            let commit = git.commit_of(&repository)?;
            let folder = Unpacked::new(core)?;
            git.check_out(&repository.url, &commit, &folder.folder, false)?;
            let top = Root::open(&folder.folder)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            let root = top.find(repository.folder.as_bytes(), flags).map_err(|errno| {
                Error::from(std::io::Error::from(errno))
                    .context(format!("{} in {}", repository.folder, repository.url))
            })?;
            Ok(FetchedContext::Tree(folder, Root::from(root)))
        }
        Some(Location::Web(address)) => {
            let file = web_file(core, teller, &address, None, Some("Containerfile"))?;
            let root = Root::open(&file.folder.folder)?;
            if !placing::looks_like_archive(&root, file.name.as_bytes())? {
                let text = read_text(&root, &file.name)?.unwrap_or_default();
                return Ok(FetchedContext::File(BuildText { name: file.name, text }));
            }
            let folder = Unpacked::new(core)?;
            unpack(&folder, cove_sys::fs::File::open(file.folder.folder.join(&file.name))?)?;
            let root = Root::open(&folder.folder)?;
            Ok(FetchedContext::Tree(folder, root))
        }
    }
}

fn other_context(core: &Core, teller: &Teller, root: &Root, other: OtherContext) -> Result<Other> {
    let (root, unpacked) = match other {
        OtherContext::Image(name) => return Ok(Other::Image(name)),
        OtherContext::Folder(path) => {
            let root = Root::open(&path).map_err(|error| Error::from(error).context(path.display()))?;
            (root, None)
        }
        OtherContext::Packed(name) => {
            let kept = Unpacked::new(core)?;
            let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(&name);
            if name.contains('/') || !name.starts_with(BuildContext::BESIDE) {
                return Err(Error::invalid(format!(
                    "{name:?} is no place of a further context in an archive"
                )));
            }
            let out = Root::open(&kept.folder)?;
            rustix::fs::renameat(root, name.as_str(), &out, "context").map_err(at)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let found = rustix::fs::openat(&out, "context", flags, Mode::empty()).map_err(at)?;
            (Root::from(found), Some(kept))
        }
        OtherContext::Url(address) => match fetched(core, teller, &address)? {
            FetchedContext::Tree(folder, root) => (root, Some(folder)),
            FetchedContext::File(_) => {
                return Err(Error::invalid(format!("{address} is neither a tar nor a repository")));
            }
        },
    };
    let rules = usual_rules(&root, "")?.map(|file| Ignore::of_text(&file)).transpose()?;
    Ok(Other::Folder { root, ignore: rules.unwrap_or_default(), _unpacked: unpacked })
}

/// A secret that a client has put beside the context, which is no part of it.
fn packed_secret(root: &Root, id: String, name: &str) -> Result<BuildSecret> {
    let wrong = || Error::not_found(format!("the secret {id:?} is not in the archive"));
    let data = read_text(root, name)?.ok_or_else(wrong)?;
    if data.len() as u64 > BuildSecret::MAX {
        return Err(Error::invalid(format!(
            "the secret {id:?} is larger than {} MiB",
            BuildSecret::MAX >> 20
        )));
    }
    let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
    let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(name);
    let parent = root.find(folder.as_bytes(), OFlags::PATH | OFlags::DIRECTORY).map_err(at)?;
    rustix::fs::unlinkat(&parent, own, rustix::fs::AtFlags::empty()).map_err(at)?;
    Ok(BuildSecret { id, data })
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

fn unpack(folder: &Unpacked, archive: impl Read) -> Result<()> {
    unpack_into(&Root::open(&folder.folder)?, archive)
}

/// The same for an archive of which there may be nothing.
fn unpack_some(root: &Root, mut archive: impl Read) -> Result<()> {
    let mut first = [0];
    match archive.read(&mut first)? {
        0 => Ok(()),
        _ => unpack_into(root, first.as_slice().chain(archive)),
    }
}

fn unpack_into(root: &Root, archive: impl Read) -> Result<()> {
    cove_tree::unpack(root, &Unpacking::PLAIN, archive)
        .map_err(|error| Error::from(error).context("unpacking the context"))
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

/// What a client has put beside the context is no part of it, nor are further contexts that are read elsewhere.
fn take_away(core: &Core, root: &Root) -> Result<()> {
    let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno));
    let listed = root.find(b"", OFlags::RDONLY | OFlags::DIRECTORY).map_err(at)?;
    for entry in rustix::fs::Dir::read_from(&listed).map_err(at)? {
        let entry = entry.map_err(at)?;
        if !entry.file_name().to_bytes().starts_with(BuildContext::BESIDE.as_bytes()) {
            continue;
        }
        match rustix::fs::unlinkat(root, entry.file_name(), rustix::fs::AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(rustix::io::Errno::ISDIR) => {
                let gone = Unpacked::new(core)?;
                let out = Root::open(&gone.folder)?;
                rustix::fs::renameat(root, entry.file_name(), &out, "context").map_err(at)?;
            }
            Err(errno) => return Err(at(errno)),
        }
    }
    Ok(())
}
