//! `COPY` and `ADD`.

use std::io::{BufWriter, Read, Write};
use std::os::fd::AsFd as _;
use std::path::Path;

use cove_api::{Error, Result};
use cove_archive::{Kind, Member, Writer};
use cove_build::{BuildError, Chmod, Copying, Ignore, Ownership, Selection, Source, join};
use cove_runtime::user::resolve_user;
use cove_runtime::view::View;
use cove_storage::Digest;
use cove_tree::{Root, Unpacking, is_archive};
use rustix::fs::{FileType, OFlags};
use serde_json::json;

use super::stage::{Doing, Stage};
use super::start::{MountedImage, Stepped, Stop};
use super::state::ImageState;
use super::working::Working;

/// How much of a file says whether it is an archive.
const HEAD: usize = 64 << 10;

/// A step with its variables replaced.
struct Order {
    sources: Vec<String>,
    documents: Vec<(String, String)>,
    /// Absolute in the image.
    destination: String,
    /// It must be a folder, as it is written like one.
    into_folder: bool,
    from: From,
    chown: Option<String>,
    /// `--chmod` with its variables replaced.
    mode: Option<String>,
    chmod: Option<Chmod>,
    exclude: Vec<String>,
    parents: bool,
    /// Archives are unpacked.
    unpack: bool,
}

/// Where a step takes things from.
enum From {
    Context,
    /// An image's id.
    Image(String),
}

impl Stage<'_, '_> {
    pub(super) fn copying<'s>(
        &self,
        copying: &'s Copying,
        name: &'static str,
        state: &ImageState,
    ) -> Stepped<Doing<'s>> {
        let order = self.order(copying, name, state)?;
        let content = match &order.from {
            From::Context => self.content(&order)?,
            From::Image(id) => id.clone(),
        };
        let inputs = json!({
            "sources": order.sources,
            "destination": order.destination,
            "into_folder": order.into_folder,
            "chown": order.chown,
            "chmod": order.mode,
            "documents": order.documents,
            "exclude": order.exclude,
            "parents": order.parents,
            "unpack": order.unpack,
            "content": content,
        });
        let kind = match order.from {
            From::Context => "file",
            From::Image(_) => "from",
        };
        let short = content.strip_prefix("sha256:").unwrap_or(&content);
        let created_by = format!("/bin/sh -c #(nop) {name} {kind}:{short} in {} ", order.destination);
        Ok(Doing {
            created_by,
            inputs,
            files: Some(Box::new(move |stage, working| {
                stage.take(&order, working)?;
                Ok(true)
            })),
        })
    }

    fn order(&self, copying: &Copying, name: &str, state: &ImageState) -> Stepped<Order> {
        let is_add = name == "ADD";
        let sources = self.scope.words(&copying.sources)?;
        for source in &sources {
            let lower = source.to_ascii_lowercase();
            let is_url = ["http://", "https://", "git@", "git://", "ssh://"];
            if is_url.iter().any(|scheme| lower.starts_with(scheme)) {
                return Err(match is_add {
                    false => BuildError::new("source can't be a URL for COPY").into(),
                    true => Stop::Error(Error::unsupported(format!("ADD of {source} is not supported yet"))),
                });
            }
        }
        if copying.checksum.is_some() {
            return Err(BuildError::new("--checksum is only for sources that are URLs").into());
        }
        if copying.keep_git_dir {
            return Err(
                BuildError::new("--keep-git-dir is only for sources that are git repositories").into()
            );
        }
        let written = self.scope.word(&copying.destination)?;
        let destination = join(&state.config.working_dir, &written);
        let documents =
            copying.heredocs.iter().map(|heredoc| Ok((heredoc.name.clone(), self.scope.document(heredoc)?)));
        let documents = documents.collect::<std::result::Result<Vec<_>, BuildError>>()?;
        let from = match &copying.from {
            None => From::Context,
            Some(from) => From::Image(self.image_of(from)?),
        };
        let mode = copying.chmod.as_ref().map(|text| self.scope.word(text)).transpose()?;
        let chmod = mode.as_deref().map(Chmod::parse).transpose()?;
        let chown = copying.chown.as_ref().map(|text| self.scope.word(text)).transpose()?;
        Ok(Order {
            into_folder: written.ends_with('/')
                || written.ends_with("/.")
                || written == "."
                || sources.len() + documents.len() > 1
                || copying.parents,
            sources,
            documents,
            destination,
            from,
            chown: chown.filter(|chown| !chown.is_empty()),
            mode,
            chmod,
            exclude: self.scope.words(&copying.exclude)?,
            parents: copying.parents,
            unpack: is_add && copying.unpack != Some(false),
        })
    }

    /// The id of the image that a stage, an image or a number names.
    pub(super) fn image_of(&self, name: &str) -> Stepped<String> {
        let build = self.build;
        let name = build.scope.global_word(name)?;
        let state = match build.plan.find(&name, self.index) {
            Some(stage) => build.ensure(stage)?,
            None => build.image(&name, None, &self.teller)?,
        };
        state.id.ok_or_else(|| Stop::Error(Error::internal(format!("the stage {name} has made no image"))))
    }

    /// A digest of everything that is taken of the context.
    fn content(&self, order: &Order) -> Stepped<String> {
        let mut hashing = Hashing(cove_archive::Hasher::new(cove_archive::DigestAlgorithm::Sha256));
        for (name, text) in &order.documents {
            hashing.0.update(format!("{name}\0{}\0{text}", text.len()).as_bytes());
        }
        if !order.sources.is_empty() {
            let context = &self.build.context;
            let source = Source { root: &context.root, ignore: &context.ignore };
            let selection = Selection::find(source, &order.sources, &order.exclude, order.parents)?;
            selection.write(b"", None, Ownership::Given(0, 0), None, false, &mut hashing)?;
        }
        Ok(hashing.0.finish().to_string())
    }

    fn take(&self, order: &Order, working: &Working) -> Stepped<()> {
        let core = self.build.core;
        let nothing = Ignore::default();
        let context = &self.build.context;
        let mounted = match &order.from {
            From::Context => None,
            From::Image(id) => Some(MountedImage::new(core, working, id)?),
        };
        let root = mounted.as_ref().map(|image| Root::open(&image.path)).transpose().map_err(Error::from)?;
        let source = match &root {
            Some(root) => Source { root, ignore: &nothing },
            None => Source { root: &context.root, ignore: &context.ignore },
        };
        let selection = Selection::find(source, &order.sources, &order.exclude, order.parents)?;
        working.with_root(|path| put(path, order, source, selection))?;
        Ok(())
    }
}

/// Puts what was taken into an image.
fn put(path: &Path, order: &Order, source: Source<'_>, selection: Selection<'_>) -> Result<()> {
    let root = Root::open(path)?;
    let owner = order.chown.as_deref().map(|chown| owner(path, chown)).transpose()?;
    let destination = order.destination.as_bytes();
    let is_folder = root
        .look(destination)
        .ok()
        .and_then(|look| look.stat)
        .is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
    let mut archives = Vec::new();
    if order.unpack {
        for file in selection.files() {
            if looks_like_archive(source.root, file)? {
                archives.push(file.to_vec());
            }
        }
    }
    let one_file = archives.is_empty()
        && match order.documents.len() {
            0 => selection.is_one_file(),
            _ => order.documents.len() == 1 && selection.is_empty(),
        };
    let as_file = one_file && !order.into_folder && !is_folder;
    if !as_file {
        cove_tree::make_directories(&root, destination, owner.unwrap_or((0, 0)))?;
    }
    for archive in &archives {
        unpack_archive(&root, order, source.root, archive, owner)?;
    }
    let selection = selection.without(&archives);
    let (directory, file_name) = match as_file {
        false => (order.destination.as_str(), None),
        true => {
            let (directory, name) = order.destination.rsplit_once('/').unwrap_or(("", &order.destination));
            (directory, Some(name.as_bytes()))
        }
    };
    let directory = directory.trim_start_matches('/').as_bytes();
    let ownership = match (owner, &order.from) {
        (Some((uid, gid)), _) => Ownership::Given(uid, gid),
        (None, From::Context) => Ownership::Given(0, 0),
        (None, From::Image(_)) => Ownership::Kept,
    };
    piped(&root, |out| {
        let chmod = order.chmod.as_ref();
        selection.write(directory, file_name, ownership, chmod, true, out)?;
        documents(order, directory, file_name, owner.unwrap_or((0, 0)), out)
    })
}

/// Unpacks beneath a root what `pack` writes, but for the end of the archive.
fn piped(root: &Root, pack: impl FnOnce(&mut dyn Write) -> Result<()> + Send) -> Result<()> {
    let (mut reader, writer) = std::io::pipe()?;
    std::thread::scope(|scope| {
        let packed = scope.spawn(|| -> Result<()> {
            let mut out = BufWriter::with_capacity(256 << 10, writer);
            pack(&mut out)?;
            out.write_all(&[0; 1024])?;
            Ok(out.flush()?)
        });
        let unpacking = Unpacking {
            directory: b"/",
            keep_directory: true,
            rename: &[],
            owner: None,
            owners: &|uid, gid| (uid, gid),
            overwrite: false,
            privileged: true,
        };
        let unpacked = cove_tree::unpack(root, &unpacking, &mut reader).map_err(Error::from);
        // Whoever still writes has nobody to read it.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
        packed.join().unwrap_or_else(|_| Err(Error::internal("the thread that packs panicked")))?;
        unpacked
    })
}

/// The documents of the build file as files.
fn documents(
    order: &Order,
    directory: &[u8],
    file_name: Option<&[u8]>,
    (uid, gid): (u32, u32),
    out: &mut dyn Write,
) -> Result<()> {
    let mut tar = Writer::new(out);
    for (name, text) in &order.documents {
        let name = file_name.unwrap_or(name.as_bytes());
        let path = match directory.is_empty() {
            true => name.to_vec(),
            false => [directory, b"/", name].concat(),
        };
        let mode = order.chmod.as_ref().map_or(0o644, |chmod| chmod.applied(0o644, false));
        let size = text.len() as u64;
        let mtime = cove_api::Timestamp::now().as_second();
        tar.member(&Member { size, uid, gid, mtime, ..Member::new(Kind::File, &path, mode) })?;
        tar.data(text.as_bytes())?;
        tar.pad(size)?;
    }
    Ok(())
}

/// User and group in the files of an image; a number without a group is its own group.
fn owner(path: &Path, chown: &str) -> Result<(u32, u32)> {
    let user = resolve_user(&View::new(path, &[])?, chown, &[])?;
    let alone = !chown.contains(':') && chown.parse::<u32>().is_ok();
    Ok((user.uid, if alone { user.uid } else { user.gid }))
}

fn open(root: &Root, path: &[u8]) -> Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = root.find(path, flags).map_err(|errno| Error::from(std::io::Error::from(errno)))?;
    let stat = rustix::fs::fstat(file.as_fd()).map_err(|errno| Error::from(std::io::Error::from(errno)))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(Error::invalid(format!("{:?} is no regular file", cove_archive::lossy(path))));
    }
    Ok(file.into())
}

fn looks_like_archive(root: &Root, path: &[u8]) -> Result<bool> {
    let Ok(file) = open(root, path) else { return Ok(false) };
    let mut head = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut head)?;
    // Zeros alone are an archive of nothing, and more often a file of zeros.
    Ok(head.iter().any(|byte| *byte != 0) && is_archive(&head))
}

fn unpack_archive(
    root: &Root,
    order: &Order,
    source: &Root,
    path: &[u8],
    owner: Option<(u32, u32)>,
) -> Result<()> {
    let unpacking = Unpacking {
        directory: order.destination.as_bytes(),
        keep_directory: true,
        rename: &[],
        owner,
        owners: &|uid, gid| (uid, gid),
        overwrite: false,
        privileged: true,
    };
    let file = open(source, path)?;
    cove_tree::unpack(root, &unpacking, file)
        .map_err(|error| Error::from(error).context(format!("unpacking {:?}", cove_archive::lossy(path))))
}

/// Hashes what is written to it.
struct Hashing(cove_archive::Hasher);

impl Write for Hashing {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A digest of a path of the context, for what mounts it.
pub(super) fn path_digest(source: Source<'_>, path: &str) -> std::result::Result<Digest, BuildError> {
    let selection = Selection::find(source, &[path.to_owned()], &[], false)?;
    let mut hashing = Hashing(cove_archive::Hasher::new(cove_archive::DigestAlgorithm::Sha256));
    selection.write(b"", None, Ownership::Given(0, 0), None, false, &mut hashing)?;
    Ok(hashing.0.finish())
}

/// Whether the rules leave anything out of a path of the context.
pub(super) fn hides_something(source: Source<'_>, path: &str) -> Result<bool> {
    let all = Ignore::default();
    Ok(path_digest(source, path)? != path_digest(Source { ignore: &all, ..source }, path)?)
}

/// Copies what the rules keep of a folder of the context.
pub(super) fn keep(source: Source<'_>, path: &str, folder: &Path) -> Result<()> {
    let selection = Selection::find(source, &[path.to_owned()], &[], false)?;
    let root = Root::open(folder)?;
    piped(&root, |out| Ok(selection.write(b"", None, Ownership::Given(0, 0), None, true, out)?))
}
