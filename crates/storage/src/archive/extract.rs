//! Unpacking a layer: one pass from the compressed stream to files, hashes and tar-split.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use cove_archive::{Compression, Digest};
use cove_sys::fs;
use rustix::fs::FileType;

use super::crc64::Crc64;
use super::header::{BadHeader, Extensions, Header, Kind, MAX_EXTENSION, PaxRecords, lossy};
use super::sparse::Sparse;
use super::stream::{self, Source};
use super::tarsplit::TarSplitWriter;
use super::tree::{Attributes, Tolerance, Tree};
use crate::error::{Context, Result, StorageError};

use super::tree::WhiteoutStyle;

/// Bounds far above any real layer, which keep a hostile one from filling the memory.
const MAX_ENTRIES: usize = 10_000_000;
const MAX_NAME_BYTES: usize = 512 * 1024 * 1024;
const MAX_OWNERS: usize = 65_536;

const WHITEOUT: &[u8] = b".wh.";
const WHITEOUT_META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// How a layer is unpacked.
#[derive(Debug, Clone)]
pub(crate) struct ExtractOptions {
    /// How whiteouts are put on the disk.
    pub(crate) whiteouts: WhiteoutStyle,
    /// Whether we are in a user namespace (devices are left out).
    pub(crate) user_namespace: bool,
    /// Whether files keep our owner where theirs is not mapped.
    pub(crate) ignore_chown_errors: bool,
    /// Whether the stream as it comes is hashed too.
    pub(crate) hash_compressed: bool,
}

/// What was unpacked.
#[derive(Debug, Clone)]
pub struct Extracted {
    /// How the stream was compressed.
    pub compression: Compression,
    /// Bytes of the stream as it came.
    pub compressed_size: u64,
    /// SHA-256 of the stream as it came, where it was asked for.
    pub compressed_digest: Option<Digest>,
    /// SHA-256 of the uncompressed archive.
    pub diff_id: Digest,
    /// Bytes of the uncompressed archive.
    pub diff_size: u64,
    /// User ids that own something.
    pub uids: BTreeSet<u32>,
    /// Group ids that own something.
    pub gids: BTreeSet<u32>,
    /// Whether the archive says what the layer's root directory is like.
    pub has_root: bool,
}

/// Unpacks `reader` into the directory `target`, which must be there, and writes the tar-split file.
///
/// Runs two threads for reading and hashing. On an error the directory is left as it is, for the caller to
/// remove; the function returns when the reader does.
pub(crate) fn extract<R: Read + Send>(
    reader: R,
    target: &Path,
    tar_split: &Path,
    options: &ExtractOptions,
) -> Result<Extracted> {
    let tolerance = Tolerance {
        user_namespace: options.user_namespace,
        ignore_chown_errors: options.ignore_chown_errors,
    };
    let tree = Tree::open(target, options.whiteouts, tolerance)?;
    let split = TarSplitWriter::new(fs::File::create(tar_split)?);
    std::thread::scope(|scope| {
        let (source, stages) = stream::start(scope, reader, options.hash_compressed);
        let mut extractor = Extractor {
            source,
            tree,
            split,
            seen: HashSet::new(),
            hashers: (RandomState::new(), RandomState::new()),
            directory_times: Vec::new(),
            uids: BTreeSet::new(),
            gids: BTreeSet::new(),
            has_root: false,
            name_bytes: 0,
        };
        extractor.run()?;
        let Extractor { source, split, uids, gids, has_root, .. } = extractor;
        drop(source);
        split.finish()?;
        let totals = stages.finish()?;
        Ok(Extracted {
            compression: totals.compression,
            compressed_size: totals.compressed_size,
            compressed_digest: totals.compressed_digest,
            diff_id: totals.digest,
            diff_size: totals.size,
            uids,
            gids,
            has_root,
        })
    })
}

pub(super) struct Extractor {
    pub(super) source: Source,
    tree: Tree,
    split: TarSplitWriter,
    /// Hashes of the names so far: sixteen bytes each, however long the names.
    seen: HashSet<u128>,
    hashers: (RandomState, RandomState),
    directory_times: Vec<(Vec<u8>, (i64, u32))>,
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
    has_root: bool,
    name_bytes: usize,
}

impl Extractor {
    fn run(&mut self) -> Result<()> {
        let mut block = [0; 512];
        let mut extensions = Extensions::default();
        while self.next_block(&mut block)? {
            if block.iter().all(|&byte| byte == 0) {
                if self.next_block(&mut block)? && block.iter().any(|&byte| byte != 0) {
                    return Err(self.source.bad("a single zero block inside the archive"));
                }
                break;
            }
            let header = Header::parse(&block).map_err(|error| self.at(&error))?;
            match header.kind {
                Kind::Pax => {
                    let data = self.extension(header.size)?;
                    extensions.pax = PaxRecords::parse(&data).map_err(|error| self.at(&error))?;
                }
                Kind::LongName => extensions.name = Some(cut_at_nul(self.extension(header.size)?)),
                Kind::LongLink => extensions.link = Some(cut_at_nul(self.extension(header.size)?)),
                Kind::GlobalPax => {
                    self.extension(header.size)?;
                }
                _ => self.entry(header, &block, &std::mem::take(&mut extensions))?,
            }
        }
        self.drain()?;
        for (name, mtime) in std::mem::take(&mut self.directory_times).iter().rev() {
            self.tree.set_directory_time(name, *mtime)?;
        }
        Ok(())
    }

    pub(super) fn at(&self, error: &BadHeader) -> StorageError {
        self.source.bad(error.0.clone())
    }

    pub(super) fn next_block(&mut self, block: &mut [u8; 512]) -> Result<bool> {
        let more = self.source.read_block(block)?;
        if more {
            self.split.raw(block)?;
        }
        Ok(more)
    }

    /// Reads the data of an extension header, which is kept as raw bytes.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(self.source.bad(format!("an extension header of {size} bytes")));
        }
        let mut data = Vec::new();
        self.raw(size, |piece| {
            data.extend_from_slice(piece);
            Ok(())
        })?;
        self.padding(size)?;
        Ok(data)
    }

    fn padding(&mut self, size: u64) -> Result<()> {
        self.raw(size.wrapping_neg() % 512, |_| Ok(()))
    }

    /// Passes `size` bytes to `each` and keeps them as raw bytes.
    fn raw(&mut self, size: u64, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut left = size;
        while left > 0 {
            let piece = take(&mut self.source, left)?;
            let length = piece.len();
            each(piece)?;
            self.split.raw(piece)?;
            self.source.consume(length);
            left -= length as u64;
        }
        Ok(())
    }

    fn entry(&mut self, mut header: Header, block: &[u8; 512], extensions: &Extensions) -> Result<()> {
        header.complete(extensions).map_err(|error| self.at(&error))?;
        let sparse = self.sparse_map(&mut header, block, &extensions.pax)?;
        let name = self.clean(&header.name)?;
        if !self.is_new(&name) {
            return Err(self.source.bad(format!("{:?} is in the archive twice", lossy(&header.name))));
        }
        let size = if header.has_data() { header.size } else { 0 };

        let attributes = Attributes {
            uid: header.uid,
            gid: header.gid,
            mode: header.mode,
            mtime: header.mtime,
            xattrs: &header.xattrs,
        };
        let base = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let is_whiteout = base.starts_with(WHITEOUT);
        if !is_whiteout {
            self.uids.insert(header.uid);
            self.gids.insert(header.gid);
        }
        self.check_limits(&name)?;
        if is_whiteout && self.tree.style() != WhiteoutStyle::Files {
            self.whiteout(&name, base.len(), &attributes)?;
            self.raw(size, |_| Ok(()))?;
            self.split.file(&header.name, 0, None)?;
            return self.padding(size);
        }
        if name.is_empty() && header.kind != Kind::Directory {
            return Err(self.source.bad("an entry has no name"));
        }
        if let Some(sparse) = sparse {
            return self.sparse_file(&name, &header, &attributes, &sparse, size);
        }
        match header.kind {
            Kind::Directory if name.is_empty() => {
                self.tree.set_root(&attributes)?;
                self.has_root = true;
                self.directory_times.push((b".".to_vec(), header.mtime));
            }
            Kind::Directory => {
                self.tree.directory(&name, &attributes)?;
                self.directory_times.push((name, header.mtime));
            }
            Kind::Symlink => self.tree.symlink(&name, &header.link, &attributes)?,
            Kind::HardLink => {
                let target = self.clean(&header.link)?;
                self.tree.hard_link(&name, &target)?;
            }
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                let kind = match header.kind {
                    Kind::CharDevice => FileType::CharacterDevice,
                    Kind::BlockDevice => FileType::BlockDevice,
                    _ => FileType::Fifo,
                };
                self.tree.node(&name, kind, (header.major, header.minor), &attributes)?;
            }
            _ => return self.file(&name, &header, &attributes),
        }
        self.split.file(&header.name, 0, None)
    }

    fn file(&mut self, name: &[u8], header: &Header, attributes: &Attributes<'_>) -> Result<()> {
        let mut file = self.tree.file(name)?;
        let mut checksum = Crc64::new();
        let mut left = header.size;
        while left > 0 {
            let piece = take(&mut self.source, left)?;
            checksum.update(piece);
            file.write_all(piece).context("write", self.tree.shown(name))?;
            let length = piece.len();
            self.source.consume(length);
            left -= length as u64;
        }
        self.tree.finish_file(&file, name, attributes)?;
        self.split.file(&header.name, header.size, (header.size > 0).then(|| checksum.finish()))?;
        self.padding(header.size)
    }

    /// Writes a sparse file. Its data stays in tar-split, since the file alone could not give the archive back.
    fn sparse_file(
        &mut self,
        name: &[u8],
        header: &Header,
        attributes: &Attributes<'_>,
        sparse: &Sparse,
        size: u64,
    ) -> Result<()> {
        let file = self.tree.file(name)?;
        let shown = self.tree.shown(name);
        file.set_len(sparse.real_size).context("set the size of", &shown)?;
        let mut left = size - sparse.map_bytes;
        for &(offset, length) in &sparse.extents {
            if length > left {
                return Err(self.source.bad("a sparse file has less data than its map says"));
            }
            let mut position = offset;
            self.raw(length, |piece| {
                file.write_all_at(piece, position).context("write", &shown)?;
                position += piece.len() as u64;
                Ok(())
            })?;
            left -= length;
        }
        self.raw(left, |_| Ok(()))?;
        self.tree.finish_file(&file, name, attributes)?;
        self.split.file(&header.name, 0, None)?;
        self.padding(size)
    }

    fn whiteout(&mut self, name: &[u8], base: usize, attributes: &Attributes<'_>) -> Result<()> {
        let (directory, base) = name.split_at(name.len() - base);
        let directory = directory.strip_suffix(b"/").unwrap_or(directory);
        if base == OPAQUE {
            return self.tree.opaque(if directory.is_empty() { b"." } else { directory });
        }
        // The rest are notes of aufs to itself.
        if base.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        let hidden = &base[WHITEOUT.len()..];
        if hidden.is_empty() || hidden == b"." || hidden == b".." {
            return Err(self.source.bad(format!("{:?} is no valid whiteout", lossy(name))));
        }
        let mut path = directory.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(hidden);
        self.tree.whiteout(&path, attributes)
    }

    /// The name without `.`, `..`, doubled and leading slashes; empty for the root itself.
    fn clean(&self, name: &[u8]) -> Result<Vec<u8>> {
        clean_name(name)
            .ok_or_else(|| self.source.bad(format!("the name {:?} leads out of the layer", lossy(name))))
    }

    fn is_new(&mut self, name: &[u8]) -> bool {
        let high = u128::from(self.hashers.0.hash_one(name));
        let low = u128::from(self.hashers.1.hash_one(name));
        self.seen.insert(high << 64 | low)
    }

    /// Keeps what is remembered until the end within bounds, whatever the archive has.
    fn check_limits(&mut self, name: &[u8]) -> Result<()> {
        self.name_bytes = self.name_bytes.saturating_add(name.len());
        let too_many = if self.seen.len() > MAX_ENTRIES {
            "entries"
        } else if self.name_bytes > MAX_NAME_BYTES {
            "bytes of names"
        } else if self.uids.len().max(self.gids.len()) > MAX_OWNERS {
            "owners"
        } else {
            return Ok(());
        };
        Err(self.source.bad(format!("the archive has too many {too_many}")))
    }

    /// Reads what follows the end mark; it belongs to the archive's digest.
    fn drain(&mut self) -> Result<()> {
        loop {
            let piece = self.source.peek()?;
            let length = piece.len();
            if length == 0 {
                return Ok(());
            }
            self.split.raw(piece)?;
            self.source.consume(length);
        }
    }
}

/// Up to `limit` bytes at hand; an error at the end of the stream.
fn take(source: &mut Source, limit: u64) -> Result<&[u8]> {
    if source.peek()?.is_empty() {
        return Err(source.bad("the archive ends inside an entry"));
    }
    let available = source.peek()?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX).min(available.len());
    Ok(&available[..length])
}

/// Resolves `.` and `..` in the text alone; `None` where it leads out of the root.
pub(super) fn clean_name(name: &[u8]) -> Option<Vec<u8>> {
    if name.contains(&0) {
        return None;
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join(&b'/'))
}

fn cut_at_nul(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|&byte| byte == 0) {
        name.truncate(end);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        assert_eq!(clean_name(b"./a//b/../c/").unwrap(), b"a/c");
        assert_eq!(clean_name(b"/etc/passwd").unwrap(), b"etc/passwd");
        assert_eq!(clean_name(b"./").unwrap(), b"");
        assert!(clean_name(b"a/../../b").is_none());
        assert!(clean_name(b"..").is_none());
        assert!(clean_name(b"a\0b").is_none());
    }
}
