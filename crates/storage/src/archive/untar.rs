//! Unpacking an ordinary archive, not a layer's, into a directory that is in use.

use std::io::{Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use cove_archive::{Entry, Kind, Reader, Sparse, Streamed, clean_name, lossy, unpacked};
use rustix::fs::FileType;

use super::tree::{Attributes, Tolerance, Tree, WhiteoutStyle};
use crate::error::{Context, Result, StorageError};

/// Bytes of directories' names that are remembered until the end: far above any real archive.
const MAX_NAME_BYTES: usize = 64 << 20;

/// Adds what an archive holds, compressed or not, to the directory `target`. What has the same name is replaced, but
/// a directory stays one; names, also those of links, never lead out. In a user namespace devices are left out.
///
/// # Errors
/// The archive is damaged, or something cannot be written; what came before stays.
pub fn untar(archive: impl Read, target: &Path, user_namespace: bool) -> Result<()> {
    let tolerance = Tolerance { user_namespace, ignore_chown_errors: false };
    let plain = unpacked(archive).map_err(StorageError::Stream)?;
    let mut unpacker = Unpacker {
        reader: Reader::new(Streamed::new(plain)),
        tree: Tree::open(target, WhiteoutStyle::Files, tolerance)?,
        directories: Vec::new(),
        name_bytes: 0,
    };
    while let Some(entry) = unpacker.reader.next()? {
        unpacker.entry(&entry)?;
    }
    // Last, because each entry changes the time of its directory.
    for (name, mtime) in unpacker.directories.iter().rev() {
        unpacker.tree.set_directory_time(name, *mtime)?;
    }
    Ok(())
}

struct Unpacker<R> {
    reader: Reader<Streamed<R>>,
    tree: Tree,
    directories: Vec<(Vec<u8>, (i64, u32))>,
    name_bytes: usize,
}

impl<R: Read> Unpacker<R> {
    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let header = &entry.header;
        let name = self.clean(&header.name)?;
        let attributes = Attributes {
            uid: header.uid,
            gid: header.gid,
            mode: header.mode,
            mtime: header.mtime,
            xattrs: &header.xattrs,
        };
        if header.kind == Kind::Directory {
            return self.directory(name, &attributes);
        }
        if name.is_empty() {
            return Err(self.bad("an entry has no name"));
        }
        if let Some(sparse) = &entry.sparse {
            return self.sparse_file(&name, &attributes, sparse);
        }
        match header.kind {
            Kind::Directory => Ok(()),
            Kind::File => self.file(&name, &attributes),
            Kind::Symlink => self.tree.symlink(&name, &header.link, &attributes),
            Kind::HardLink => {
                let target = self.clean(&header.link)?;
                self.tree.hard_link(&name, &target)
            }
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                let kind = match header.kind {
                    Kind::CharDevice => FileType::CharacterDevice,
                    Kind::BlockDevice => FileType::BlockDevice,
                    _ => FileType::Fifo,
                };
                self.tree.node(&name, kind, (header.major, header.minor), &attributes)
            }
        }
    }

    fn directory(&mut self, name: Vec<u8>, attributes: &Attributes<'_>) -> Result<()> {
        self.name_bytes += name.len() + 32;
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(self.bad("the archive has too many directories"));
        }
        if name.is_empty() {
            self.tree.set_root(attributes)?;
            self.directories.push((b".".to_vec(), attributes.mtime));
            return Ok(());
        }
        self.tree.directory(&name, attributes)?;
        self.directories.push((name, attributes.mtime));
        Ok(())
    }

    fn file(&mut self, name: &[u8], attributes: &Attributes<'_>) -> Result<()> {
        let mut file = self.tree.file(name)?;
        loop {
            let piece = self.reader.peek()?;
            if piece.is_empty() {
                break;
            }
            file.write_all(piece).context("write", self.tree.shown(name))?;
            let length = piece.len();
            self.reader.consume(length)?;
        }
        self.tree.finish_file(&file, name, attributes)
    }

    fn sparse_file(&mut self, name: &[u8], attributes: &Attributes<'_>, sparse: &Sparse) -> Result<()> {
        let file = self.tree.file(name)?;
        let shown = self.tree.shown(name);
        file.set_len(sparse.real_size).context("set the size of", &shown)?;
        for &(offset, length) in &sparse.extents {
            let (mut position, end) = (offset, offset + length);
            while position < end {
                let piece = self.reader.peek()?;
                let limit = usize::try_from(end - position).unwrap_or(usize::MAX);
                let piece = &piece[..piece.len().min(limit)];
                file.write_all_at(piece, position).context("write", &shown)?;
                let length = piece.len();
                self.reader.consume(length)?;
                position += length as u64;
            }
        }
        self.tree.finish_file(&file, name, attributes)
    }

    /// The name without `.`, `..`, doubled and leading slashes; empty for the directory itself.
    fn clean(&self, name: &[u8]) -> Result<Vec<u8>> {
        clean_name(name)
            .ok_or_else(|| self.bad(format!("the name {:?} leads out of the archive", lossy(name))))
    }

    fn bad(&self, reason: impl Into<String>) -> StorageError {
        self.reader.bad(reason).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use cove_archive::{Member, Writer};
    use cove_sys::fs;

    fn archive(members: &[(Kind, &str, &str)]) -> Vec<u8> {
        let mut tar = Writer::new(Vec::new());
        for (kind, name, rest) in members {
            let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
            let mut member = Member { uid, gid, ..Member::new(*kind, name.as_bytes(), 0o755) };
            if *kind == Kind::File {
                member.size = rest.len() as u64;
            } else {
                member.link = rest.as_bytes();
            }
            tar.member(&member).unwrap();
            if *kind == Kind::File {
                tar.data(rest.as_bytes()).unwrap();
                tar.pad(rest.len() as u64).unwrap();
            }
        }
        tar.finish().unwrap()
    }

    #[test]
    fn files_are_added_and_replaced() {
        let scratch = Scratch::new("untar");
        let target = scratch.path().join("target");
        fs::create_dir_all(target.join("dir")).unwrap();
        fs::write(target.join("dir/kept"), "kept").unwrap();
        fs::write(target.join("old"), "old").unwrap();
        let tar = archive(&[
            (Kind::Directory, "./", ""),
            (Kind::Directory, "dir/", ""),
            (Kind::File, "dir/.wh.name", "a name like any other"),
            (Kind::File, "old", "new"),
            (Kind::File, "old", "newer"),
            (Kind::HardLink, "same", "old"),
        ]);
        untar(&tar[..], &target, false).unwrap();
        let text = |name: &str| fs::read_to_string(target.join(name)).unwrap();
        assert_eq!(text("dir/kept"), "kept");
        assert_eq!(text("dir/.wh.name"), "a name like any other");
        assert_eq!((text("old"), text("same")), ("newer".into(), "newer".into()));
    }

    #[test]
    fn nothing_leaves_the_directory() {
        let scratch = Scratch::new("untar-hostile");
        let target = scratch.path().join("target");
        fs::create_dir_all(&target).unwrap();
        fs::write(scratch.path().join("secret"), "secret").unwrap();
        for hostile in [
            archive(&[(Kind::File, "../out", "x")]),
            archive(&[(Kind::Symlink, "up", ".."), (Kind::File, "up/out", "x")]),
            archive(&[(Kind::Symlink, "abs", "/"), (Kind::File, "abs/out", "x")]),
            archive(&[(Kind::HardLink, "copy", "../secret")]),
        ] {
            let _ = untar(&hostile[..], &target, false);
            assert!(!scratch.path().join("out").exists());
            assert!(!Path::new("/out").exists());
            assert!(!target.join("copy").exists());
        }
        assert!(untar(&b"no archive at all, but long enough to be none"[..], &target, false).is_err());
    }
}
