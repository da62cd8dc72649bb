//! What a step takes of a context, a stage or an image: found, digested, and written as a tar.
//!
//! All paths are resolved beneath the root: a link leads to something of the same tree or to nothing.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use cove_archive::{Kind, Member, Writer, lossy};
use cove_tree::Root;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::chmod::Chmod;
use crate::error::{BuildError, Result};
use crate::ignore::Ignore;
use crate::pattern::{compile, is_pattern};

/// Deeper trees are refused rather than followed until descriptors run out.
const MAX_DEPTH: usize = 900;
/// Bytes of a file that are read at once.
const PIECE: usize = 256 << 10;
/// Most things that the patterns of a step may name.
const MAX_ITEMS: usize = 1_000_000;

/// Where a step takes things from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The tree.
    pub root: &'a Root,
    /// What counts as not there.
    pub ignore: &'a Ignore,
}

/// Who owns what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// As it is.
    Kept,
    /// This user and group.
    Given(u32, u32),
}

/// What a step takes.
#[derive(Debug)]
pub struct Selection<'a> {
    source: Source<'a>,
    /// Paths in what is taken that are left out.
    exclude: Ignore,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    /// The path in the tree, all links evaluated, without a slash at its begin.
    path: Vec<u8>,
    /// Its contents are taken, not itself.
    is_directory: bool,
    /// The name that it gets: its own, or with the folders it is in.
    name: Vec<u8>,
}

impl<'a> Selection<'a> {
    /// Finds what paths and patterns name. With `parents` the folders they are in are part of their names, from a `/./`
    /// on where there is one.
    ///
    /// # Errors
    /// One of them names nothing.
    pub fn find(source: Source<'a>, patterns: &[String], exclude: &[String], parents: bool) -> Result<Self> {
        let exclude = Ignore::of(exclude.iter().map(String::as_str))?;
        let mut selection = Self { source, exclude, items: Vec::new() };
        for pattern in patterns {
            selection.add(pattern, parents)?;
        }
        Ok(selection)
    }

    /// Whether it is a single file, which may get another name.
    #[must_use]
    pub fn is_one_file(&self) -> bool {
        matches!(self.items.as_slice(), [item] if !item.is_directory)
    }

    /// How many files and folders were named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The single files, by their paths in the tree.
    pub fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter(|item| !item.is_directory).map(|item| item.path.as_slice())
    }

    /// The selection without the files at these paths.
    #[must_use]
    pub fn without(mut self, files: &[Vec<u8>]) -> Self {
        self.items.retain(|item| item.is_directory || !files.contains(&item.path));
        self
    }

    fn add(&mut self, pattern: &str, parents: bool) -> Result<()> {
        let (pivot, pattern) = match pattern.split_once("/./") {
            Some((before, rest)) if parents => (before.matches('/').count() + 1, format!("{before}/{rest}")),
            _ => (0, pattern.to_owned()),
        };
        let cleaned = crate::apply::join("/", &pattern);
        let mut found = vec![Vec::new()];
        for part in cleaned.split('/').filter(|part| !part.is_empty()) {
            found = self.expand(found, part)?;
        }
        let mut filtered = 0;
        let before = self.items.len();
        for path in found {
            match self.item(&path, parents, pivot) {
                Ok(Some(item)) => self.items.push(item),
                Ok(None) => filtered += 1,
                Err(error) if is_pattern(&pattern) && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("copier: stat", &path, error)),
            }
            if self.items.len() > MAX_ITEMS {
                return Err(BuildError::new(format!("{pattern:?} names more than {MAX_ITEMS} files")));
            }
        }
        if self.items.len() == before {
            let why = match filtered {
                0 => format!("no items matching glob {pattern:?} copied: no such file or directory"),
                count => format!(
                    "no items matching glob {pattern:?} copied ({count} filtered out by the ignore file): no such file or directory"
                ),
            };
            return Err(BuildError::new(why));
        }
        Ok(())
    }

    /// All that a part of a pattern names in these folders.
    fn expand(&self, folders: Vec<Vec<u8>>, part: &str) -> Result<Vec<Vec<u8>>> {
        if !is_pattern(part) {
            return Ok(folders.into_iter().map(|folder| joined(&folder, part.as_bytes())).collect());
        }
        let pattern = compile(part)?;
        let mut found = Vec::new();
        for folder in folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let Ok(directory) = self.source.root.find(&folder, flags) else { continue };
            let names = names_of(&directory).map_err(|error| failed("list", &folder, error.into()))?;
            let names = names.iter().filter(|name| pattern.is_match(name.to_bytes()));
            found.extend(names.map(|name| joined(&folder, name.to_bytes())));
            if found.len() > MAX_ITEMS {
                return Err(BuildError::new(format!("{part:?} names more than {MAX_ITEMS} files")));
            }
        }
        Ok(found)
    }

    /// What is at a path; [`None`] where it is ignored.
    fn item(&self, path: &[u8], parents: bool, pivot: usize) -> io::Result<Option<Item>> {
        let ignore = self.source.ignore;
        let hidden = !path.is_empty() && ignore.ignores(path);
        if hidden && !ignore.has_exceptions() {
            return Ok(None);
        }
        let look = self.source.root.look(path)?;
        let Some(stat) = look.stat else { return Err(io::ErrorKind::NotFound.into()) };
        let is_directory = FileType::from_raw_mode(stat.st_mode).is_dir();
        if hidden && !(is_directory && self.keeps_something(path, 0)?) {
            return Ok(None);
        }
        let resolved = look.path.strip_prefix(b"/").unwrap_or(&look.path).to_vec();
        // What a link leads to is ignored as well where it is.
        if !is_directory && !resolved.is_empty() && ignore.ignores(&resolved) {
            return Ok(None);
        }
        let name = match parents {
            true => path.splitn(pivot + 1, |byte| *byte == b'/').last().unwrap_or_default().to_vec(),
            false if is_directory => Vec::new(),
            false => path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec(),
        };
        if !is_directory && !self.exclude.is_empty() && self.exclude.ignores(&name) {
            return Ok(None);
        }
        Ok(Some(Item { path: resolved, is_directory, name }))
    }

    /// Whether the rules keep anything of a folder that they ignore.
    fn keeps_something(&self, folder: &[u8], depth: usize) -> io::Result<bool> {
        if depth > MAX_DEPTH {
            return Ok(false);
        }
        let Ok(directory) =
            self.source.root.find(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)
        else {
            return Ok(false);
        };
        for name in names_of(&directory)? {
            let path = joined(folder, name.to_bytes());
            let stat = rustix::fs::statat(&directory, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(stat.st_mode).is_dir();
            if !self.source.ignore.ignores(&path)
                || (is_directory && self.keeps_something(&path, depth + 1)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes it as entries of a tar without its end, below `directory`; a single file gets `file_name` where there is one.
    /// Without `times` everything is from 1970.
    ///
    /// # Errors
    /// Something cannot be read, or writing failed.
    pub fn write(
        &self,
        directory: &[u8],
        file_name: Option<&[u8]>,
        ownership: Ownership,
        chmod: Option<&Chmod>,
        times: bool,
        out: &mut dyn Write,
    ) -> Result<()> {
        let mut packer = Packer {
            tar: Writer::new(out),
            links: HashMap::new(),
            buffer: vec![0; PIECE],
            selection: self,
            ownership,
            chmod,
            times,
        };
        for item in &self.items {
            match (item.is_directory, file_name) {
                (true, _) => packer.tree(item, &joined(directory, &item.name))?,
                (false, Some(name)) => packer.file(item, &joined(directory, name))?,
                (false, None) => packer.file(item, &joined(directory, &item.name))?,
            }
        }
        Ok(())
    }
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_vec(),
        (_, true) => folder.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

fn failed(action: &str, path: &[u8], error: io::Error) -> BuildError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    BuildError::new(format!("{action}: {:?}: {why}", format!("/{}", lossy(path))))
}

/// The names in a folder, sorted.
fn names_of(directory: impl AsFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

struct Packer<'a> {
    tar: Writer<&'a mut dyn Write>,
    /// The first name of each inode that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    buffer: Vec<u8>,
    selection: &'a Selection<'a>,
    ownership: Ownership,
    chmod: Option<&'a Chmod>,
    times: bool,
}

struct Level {
    directory: OwnedFd,
    stat: Stat,
    /// Names still to visit, in reverse order.
    names: Vec<CString>,
    /// Its path in the source.
    path: Vec<u8>,
    /// Its path in what is taken.
    inner: Vec<u8>,
    /// Its name in the archive.
    name: Vec<u8>,
    /// It is in the archive already.
    written: bool,
}

impl Packer<'_> {
    fn tree(&mut self, item: &Item, name: &[u8]) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let top = self.selection.source.root.find(&item.path, flags);
        let top = top.map_err(|error| failed("open", &item.path, error.into()))?;
        let mut levels = vec![level(top, item.path.clone(), Vec::new(), name.to_vec())?];
        // The folder itself is the destination, whose mode is its own business, unless it is one of several parents.
        levels[0].written = item.name.is_empty();
        if !levels[0].written {
            self.directories(&mut levels)?;
        }
        while let Some(current) = levels.last_mut() {
            let Some(own) = current.names.pop() else {
                levels.pop();
                continue;
            };
            let path = joined(&current.path, own.to_bytes());
            let inner = joined(&current.inner, own.to_bytes());
            let name = joined(&current.name, own.to_bytes());
            let fd = current.directory.as_fd();
            let is = match rustix::fs::statat(fd, own.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
                // What has gone meanwhile is left out.
                Err(Errno::NOENT) => continue,
                other => other.map_err(|error| failed("look at", &path, error.into()))?,
            };
            let (ignore, exclude) = (self.selection.source.ignore, &self.selection.exclude);
            let hidden = ignore.ignores(&path) || exclude.ignores(&inner);
            if FileType::from_raw_mode(is.st_mode).is_dir() {
                if hidden && !ignore.has_exceptions() && !exclude.has_exceptions() {
                    continue;
                }
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let opened = rustix::fs::openat(fd, own.as_c_str(), flags, Mode::empty());
                let opened = opened.map_err(|error| failed("open", &path, error.into()))?;
                if levels.len() >= MAX_DEPTH {
                    return Err(BuildError::new(format!("a tree of more than {MAX_DEPTH} levels")));
                }
                levels.push(level(opened, path, inner, name)?);
                if !hidden {
                    self.directories(&mut levels)?;
                }
            } else if !hidden {
                // A folder that is ignored is there for what is kept of it.
                self.directories(&mut levels)?;
                let parent = levels.last().map(|level| level.directory.as_fd());
                let parent = parent.unwrap_or_else(|| self.selection.source.root.as_fd());
                self.entry(parent, &own, &is, &path, &name)?;
            }
        }
        Ok(())
    }

    /// Writes the folders that are not written yet.
    fn directories(&mut self, levels: &mut [Level]) -> Result<()> {
        for level in levels.iter_mut().filter(|level| !level.written) {
            level.written = true;
            let xattrs = xattrs(level.directory.as_fd());
            let slashed = [level.name.as_slice(), b"/"].concat();
            let member = self.member(&level.stat, Kind::Directory, &slashed);
            self.put(&Member { xattrs: &xattrs, ..member })?;
        }
        Ok(())
    }

    fn file(&mut self, item: &Item, name: &[u8]) -> Result<()> {
        let (folder, own) = match item.path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&item.path[..slash], &item.path[slash + 1..]),
            None => (&b""[..], item.path.as_slice()),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let at = |error: Errno| failed("open", &item.path, error.into());
        let parent = self.selection.source.root.find(folder, flags).map_err(at)?;
        let own = CString::new(own).map_err(|_| BuildError::new("a name with a zero byte"))?;
        let is = rustix::fs::statat(&parent, own.as_c_str(), AtFlags::SYMLINK_NOFOLLOW).map_err(at)?;
        self.entry(parent.as_fd(), &own, &is, &item.path, name)
    }

    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        own: &CStr,
        is: &Stat,
        path: &[u8],
        name: &[u8],
    ) -> Result<()> {
        let at = |error: Errno| failed("read", path, error.into());
        match FileType::from_raw_mode(is.st_mode) {
            FileType::RegularFile => {
                if self.known_link(is, name)? {
                    return Ok(());
                }
                let flags =
                    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file =
                    rustix::fs::openat(parent, OsStr::from_bytes(own.to_bytes()), flags, Mode::empty());
                let file = file.map_err(at)?;
                let now = rustix::fs::fstat(&file).map_err(at)?;
                if !FileType::from_raw_mode(now.st_mode).is_file() {
                    return Err(BuildError::new(format!("{:?} was replaced while it was read", lossy(path))));
                }
                self.regular(file, &now, path, name)
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(parent, own, Vec::new()).map_err(at)?;
                let member = self.member(is, Kind::Symlink, name);
                self.put(&Member { link: target.as_bytes(), ..member })
            }
            kind => self.special(kind, is, name),
        }
    }

    /// Writes a file with as many bytes as were announced, whatever happens to it meanwhile.
    fn regular(&mut self, file: OwnedFd, stat: &Stat, path: &[u8], name: &[u8]) -> Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let xattrs = xattrs(file.as_fd());
        let member = self.member(stat, Kind::File, name);
        self.put(&Member { size, xattrs: &xattrs, ..member })?;
        let mut file = File::from(file);
        let mut left = size;
        while left > 0 {
            let limit = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            let count = match file.read(&mut self.buffer[..limit]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", path, error)),
                Ok(count) => count,
            };
            if count == 0 {
                return Err(BuildError::new(format!("{:?} was made shorter while it was read", lossy(path))));
            }
            self.tar.data(&self.buffer[..count]).map_err(written)?;
            left -= count as u64;
        }
        self.tar.pad(size).map_err(written)
    }

    fn special(&mut self, kind: FileType, stat: &Stat, name: &[u8]) -> Result<()> {
        let kind = match kind {
            FileType::CharacterDevice => Kind::CharDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::Fifo => Kind::Fifo,
            // A socket means nothing without its process.
            _ => return Ok(()),
        };
        let device = match kind {
            Kind::Fifo => (0, 0),
            _ => (rustix::fs::major(stat.st_rdev as _), rustix::fs::minor(stat.st_rdev as _)),
        };
        let member = self.member(stat, kind, name);
        self.put(&Member { device: (device.0 as _, device.1 as _), ..member })
    }

    /// Writes a hard link where the inode was written under another name already.
    fn known_link(&mut self, stat: &Stat, name: &[u8]) -> Result<bool> {
        if stat.st_nlink < 2 {
            return Ok(false);
        }
        let inode = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.links.get(&inode).cloned() {
            let member = self.member(stat, Kind::HardLink, name);
            self.put(&Member { link: &first, ..member })?;
            return Ok(true);
        }
        self.links.insert(inode, name.to_vec());
        Ok(false)
    }

    fn member<'n>(&self, stat: &Stat, kind: Kind, name: &'n [u8]) -> Member<'n> {
        let (uid, gid) = match self.ownership {
            Ownership::Kept => (stat.st_uid, stat.st_gid),
            Ownership::Given(uid, gid) => (uid, gid),
        };
        let mode = stat.st_mode & 0o7777;
        let mode = match self.chmod {
            Some(chmod) if !matches!(kind, Kind::Symlink) => {
                chmod.applied(mode, matches!(kind, Kind::Directory))
            }
            _ => mode,
        };
        let mtime = if self.times { stat.st_mtime } else { 0 };
        Member { uid, gid, mtime, ..Member::new(kind, name, mode) }
    }

    fn put(&mut self, member: &Member<'_>) -> Result<()> {
        self.tar.member(member).map_err(written)
    }
}

fn level(directory: OwnedFd, path: Vec<u8>, inner: Vec<u8>, name: Vec<u8>) -> Result<Level> {
    let at = |error: Errno| failed("list", &path, error.into());
    let stat = rustix::fs::fstat(&directory).map_err(at)?;
    let mut names = names_of(&directory).map_err(at)?;
    names.reverse();
    Ok(Level { directory, stat, names, path, inner, name, written: false })
}

fn written(error: io::Error) -> BuildError {
    BuildError::new(format!("writing what is copied: {error}"))
}

/// The attributes that are kept: capabilities and the user's own.
#[cfg(target_os = "linux")]
fn xattrs(fd: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
    let mut list = [0; 4 << 10];
    let Ok(length) = rustix::fs::flistxattr(fd, &mut list) else { return Vec::new() };
    let mut found = Vec::new();
    for name in list[..length].split(|&byte| byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let of_overlay = name.starts_with("user.overlay.") || name.starts_with("user.fuseoverlayfs.");
        if of_overlay || !(name == "security.capability" || name.starts_with("user.")) {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        if let Ok(length) = rustix::fs::fgetxattr(fd, name, &mut value) {
            value.truncate(length);
            found.push((name.to_owned(), value));
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn xattrs(_: BorrowedFd<'_>) -> Vec<(String, Vec<u8>)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names that a selection has in its archive.
    fn names(
        folder: &std::path::Path,
        ignore: &str,
        patterns: &[&str],
        parents: bool,
    ) -> Result<Vec<String>> {
        let root = Root::open(folder).unwrap();
        let ignore = Ignore::parse(ignore)?;
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let source = Source { root: &root, ignore: &ignore };
        let selection = Selection::find(source, &patterns, &[], parents)?;
        let mut tar = Vec::new();
        selection.write(b"d", None, Ownership::Given(0, 0), None, false, &mut tar)?;
        tar.extend([0; 1024]);
        let mut reader = cove_archive::Reader::new(cove_archive::Streamed::new(tar.as_slice()));
        let mut names = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            names.push(lossy(&entry.header.name));
            reader.skip_data().unwrap();
        }
        Ok(names)
    }

    #[test]
    fn folders_give_their_contents_and_files_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        cove_test_files(path);
        let all = |ignore: &str, patterns: &[&str]| names(path, ignore, patterns, false).unwrap();
        assert_eq!(all("", &["a"]), ["d/one", "d/sub/", "d/sub/two"]);
        assert_eq!(all("", &["a/one", "b.txt"]), ["d/one", "d/b.txt"]);
        assert_eq!(all("", &["*.txt"]), ["d/b.txt", "d/c.txt"]);
        assert_eq!(all("a/sub", &["a"]), ["d/one"]);
        assert_eq!(
            all("a\n!a/sub/two", &["."]),
            ["d/a/", "d/a/sub/", "d/a/sub/two", "d/b.txt", "d/c.txt", "d/out"]
        );
        assert_eq!(all("", &["../../b.txt"]), ["d/b.txt"]);
        assert_eq!(names(path, "", &["a/sub/two"], true).unwrap(), ["d/a/sub/two"]);
        assert_eq!(names(path, "", &["a/./sub/two"], true).unwrap(), ["d/sub/two"]);
        for (ignore, pattern) in
            [("", "nothing"), ("", "*.none"), ("*.txt", "b.txt"), ("", "out/passwd"), ("", "out")]
        {
            let error = names(path, ignore, &[pattern], false).unwrap_err().message;
            assert!(error.contains("no such file or directory"), "{pattern}: {error}");
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a test's own files")]
    fn cove_test_files(path: &std::path::Path) {
        std::fs::create_dir_all(path.join("a/sub")).unwrap();
        for name in ["a/one", "a/sub/two", "b.txt", "c.txt"] {
            std::fs::write(path.join(name), name).unwrap();
        }
        // Leads out, where nothing is.
        symlink("/etc", path.join("out")).unwrap();
    }
}
