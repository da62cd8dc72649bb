//! A folder or a file of a container, an image or a volume.

use std::collections::BinaryHeap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cove_api::{
    Error, ErrorKind, FileData, FileEntry, FileKind, FileListOptions, FilePage, FileReadOptions, FileTree,
    FileWriteOptions, PathStat, Result, TreeKind, image_is_read_only,
};
use cove_tree::{Root, Writing};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::copy::{changed, no_such_file, stat};
use super::trees::Tree;
use crate::engine::Core;
use crate::stream;

/// Most bytes of a file that says it is empty and is not, as those of /proc: they are made when they are read.
const LONGEST_MADE: u64 = 4 << 20;

/// A page of a folder. Whatever its length, no more of the folder than a page is kept.
pub(super) fn list(core: &Arc<Core>, tree: &FileTree, options: &FileListOptions) -> Result<FilePage> {
    let after = position(&options.after)?;
    let files = Tree::open(core, tree)?;
    let path = options.path.as_str();
    // The root is always meant with its contents, and so is a folder here.
    let asked = format!("{}/.", path.trim_end_matches('/'));
    let (found, look) = stat(&files, &asked).map_err(|error| folder_error(&files, path, error))?;
    if found.missing {
        return Err(no_such_file().context(path));
    }
    let whole = look.path;
    let (root, inner) = place(&files, &whole);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let directory = root.find(&inner, flags).map_err(|errno| refused(path, errno))?;

    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let mut first: BinaryHeap<CString> = BinaryHeap::new();
    let mut is_all = true;
    for entry in Dir::read_from(&directory).map_err(|errno| refused(path, errno))? {
        let entry = entry.map_err(|errno| refused(path, errno))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || name.to_bytes() <= after.as_slice() {
            continue;
        }
        first.push(name.to_owned());
        if first.len() > limit {
            first.pop();
            is_all = false;
        }
    }
    let names = first.into_sorted_vec();
    let next = names.last().filter(|_| !is_all).map(|name| URL_SAFE_NO_PAD.encode(name.as_bytes()));
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        entries.extend(entry(&files, root, &directory, &inner, &name).map_err(|errno| refused(path, errno))?);
    }
    Ok(FilePage { path: String::from_utf8_lossy(&whole).into_owned(), entries, next })
}

/// The name after which a page begins.
fn position(after: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(after)
        .map_err(|_| Error::invalid("parameter after: it is not what `next` of a page said".to_owned()))
}

/// What is wrong with a path that is no folder's.
fn folder_error(files: &Tree, path: &str, error: Error) -> Error {
    match stat(files, path.trim_end_matches('/')) {
        Ok((found, _)) if !found.missing && !found.is_dir => {
            Error::invalid(format!("{path}: it is no directory"))
        }
        _ if error.kind == ErrorKind::NotFound => error.context(path),
        _ => error,
    }
}

/// A failure that the request is to blame for is no fault of the engine.
fn refused(path: &str, errno: Errno) -> Error {
    match errno {
        Errno::NOTDIR | Errno::ISDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::INVAL | Errno::NXIO => {
            Error::invalid(format!("{path}: {}", std::io::Error::from(errno)))
        }
        errno => super::copy::failed(path, errno),
    }
}

/// Where a path that comes of a look leads: a root and the path in it.
fn place<'a>(files: &'a Tree, path: &[u8]) -> (&'a Root, Vec<u8>) {
    match std::str::from_utf8(path) {
        Ok(text) => {
            let (root, _, inner) = files.place(text);
            (root, inner.into_bytes())
        }
        // No destination of a mount is like that.
        Err(_) => (files.root(), path.to_vec()),
    }
}

/// One entry; [`None`] where it has gone since.
fn entry(
    files: &Tree,
    root: &Root,
    directory: &OwnedFd,
    folder: &[u8],
    name: &CStr,
) -> std::result::Result<Option<FileEntry>, Errno> {
    let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        FileType::Fifo => FileKind::Pipe,
        FileType::Socket => FileKind::Socket,
        _ => FileKind::File,
    };
    let (uid, gid) = files.inside(stat.st_uid, stat.st_gid);
    let mut entry = FileEntry {
        name: name.to_string_lossy().into_owned(),
        kind,
        directory: kind == FileKind::Directory,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        uid,
        gid,
        modified: changed(&stat),
        target: String::new(),
    };
    if kind == FileKind::Link {
        let target = rustix::fs::readlinkat(directory, name, Vec::new()).unwrap_or_default();
        entry.target = target.to_string_lossy().into_owned();
        // Links are evaluated inside, as everywhere.
        let whole = [folder, b"/", name.to_bytes()].concat();
        entry.directory = root.find(&whole, OFlags::PATH | OFlags::DIRECTORY).is_ok();
    }
    Ok(Some(entry))
}

/// A file, or part of it.
pub(super) fn read(core: &Arc<Core>, tree: &FileTree, options: &FileReadOptions) -> Result<FileData> {
    let files = Tree::open(core, tree)?;
    let path = options.path.as_str();
    let (mut found, look) = stat(&files, path)?;
    if found.missing {
        return Err(no_such_file().context(path));
    }
    let (root, inner) = place(&files, &look.path);
    let (mut file, about) = open(root, &inner, path)?;
    let mut size = u64::try_from(about.st_size).unwrap_or(0);
    if size == 0 {
        // What follows is known only once it was read.
        let mut made = Vec::new();
        let io = |error: std::io::Error| Error::from(error).context(path);
        (&mut file).take(LONGEST_MADE + 1).read_to_end(&mut made).map_err(io)?;
        size = made.len() as u64;
        if size > LONGEST_MADE {
            return Err(Error::unsupported(format!(
                "{path}: it says that it is empty, and has more than {LONGEST_MADE} bytes"
            )));
        }
        return Ok(data(found, size, options, move |offset, length| {
            let part = usize::try_from(offset).ok().zip(usize::try_from(offset + length).ok());
            let bytes = part.and_then(|(from, to)| made.get(from..to)).unwrap_or_default().to_vec();
            Box::pin(futures_util::stream::iter([Ok(bytes.into())]))
        }));
    }
    found.size = about.st_size;
    let path = path.to_owned();
    Ok(data(found, size, options, move |offset, length| {
        stream::pieces(move || {
            // With what keeps the mounts.
            let files = files;
            file.seek(SeekFrom::Start(offset))?;
            Ok(Exactly { file, left: length, path, _files: files })
        })
    }))
}

/// The plain file at a path.
fn open(root: &Root, inner: &[u8], path: &str) -> Result<(File, Stat)> {
    let none = || Error::invalid(format!("{path}: it is no plain file"));
    // What is opened must be one: to open a device or a pipe has effects.
    let place = root.find(inner, OFlags::PATH | OFlags::NOFOLLOW).map_err(|errno| refused(path, errno))?;
    let before = rustix::fs::fstat(&place).map_err(|errno| refused(path, errno))?;
    if !FileType::from_raw_mode(before.st_mode).is_file() {
        return Err(none());
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = root.find(inner, flags).map_err(|errno| refused(path, errno))?;
    let now = rustix::fs::fstat(&file).map_err(|errno| refused(path, errno))?;
    if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino) {
        return Err(Error::new(ErrorKind::WrongState, format!("{path}: it was replaced meanwhile")));
    }
    Ok((file.into(), now))
}

fn data(
    mut found: PathStat,
    size: u64,
    options: &FileReadOptions,
    part: impl FnOnce(u64, u64) -> cove_api::ByteStream,
) -> FileData {
    found.size = i64::try_from(size).unwrap_or(i64::MAX);
    let (offset, length) = options.part.map_or((0, size), |wanted| wanted.within(size));
    FileData { stat: found, offset, length, partial: options.part.is_some(), data: part(offset, length) }
}

/// So many bytes of a file, or an error.
struct Exactly {
    file: File,
    left: u64,
    path: String,
    _files: Tree,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(std::io::Error::other(format!("{}: it became shorter meanwhile", self.path)));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Makes a file or gives it other contents.
pub(super) fn write(
    core: &Arc<Core>,
    tree: &FileTree,
    options: &FileWriteOptions,
    data: impl Read,
) -> Result<()> {
    let mode = options.checked_mode()?;
    if tree.kind == TreeKind::Image {
        return Err(image_is_read_only(&tree.name));
    }
    let files = Tree::open(core, tree)?;
    // Where nobody is the user of a container, nobody would own the file.
    let container_user = match &files {
        Tree::Container(files) => Some(files.owner_of_new()?),
        _ => None,
    };
    let absolute = files.absolute(&options.path);
    let (root, _, inner) = files.place(&absolute);
    let owner = |folder: &Stat| container_user.unwrap_or((folder.st_uid, folder.st_gid));
    cove_tree::write(root, inner.as_bytes(), &Writing { mode, owner: &owner }, data)?;
    Ok(())
}
