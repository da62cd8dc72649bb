//! Unpacking a layer: one pass from the compressed stream to files, hashes and tar-split.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use cove_archive::{
    Compression, Crc64, Digest, Entry, Header, Kind, Reader, Recorder, Source, Sparse, clean_name, lossy,
    pipeline,
};
use cove_sys::fs;
use rustix::fs::FileType;

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
    let record = BufWriter::with_capacity(64 * 1024, fs::File::create(tar_split)?);
    std::thread::scope(|scope| {
        let (source, stages) = pipeline(scope, reader, options.hash_compressed);
        let mut extractor = Extractor {
            reader: Reader::new(Recorder::new(source, record)),
            tree,
            seen: HashSet::new(),
            hashers: (RandomState::new(), RandomState::new()),
            directory_times: Vec::new(),
            uids: BTreeSet::new(),
            gids: BTreeSet::new(),
            has_root: false,
            name_bytes: 0,
        };
        extractor.run()?;
        let Extractor { reader, uids, gids, has_root, .. } = extractor;
        let (source, record) = reader.into_input().finish()?;
        drop(source);
        record.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        let totals = stages.finish().map_err(StorageError::Stream)?;
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

struct Extractor {
    reader: Reader<Recorder<Source, BufWriter<fs::File>>>,
    tree: Tree,
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
        while let Some(entry) = self.reader.next()? {
            self.entry(&entry)?;
        }
        self.reader.drain()?;
        for (name, mtime) in std::mem::take(&mut self.directory_times).iter().rev() {
            self.tree.set_directory_time(name, *mtime)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let header = &entry.header;
        let name = self.clean(&header.name)?;
        if !self.is_new(&name) {
            return Err(self.bad(format!("{:?} is in the archive twice", lossy(&header.name))));
        }
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
            self.reader.skip_data()?;
            return self.mention(header, None);
        }
        if name.is_empty() && header.kind != Kind::Directory {
            return Err(self.bad("an entry has no name"));
        }
        if let Some(sparse) = &entry.sparse {
            return self.sparse_file(&name, header, &attributes, sparse);
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
            Kind::File => return self.file(&name, header, &attributes),
        }
        self.mention(header, None)
    }

    fn file(&mut self, name: &[u8], header: &Header, attributes: &Attributes<'_>) -> Result<()> {
        let mut file = self.tree.file(name)?;
        let mut checksum = Crc64::new();
        self.reader.input().pause();
        loop {
            let piece = self.reader.peek()?;
            if piece.is_empty() {
                break;
            }
            checksum.update(piece);
            file.write_all(piece).context("write", self.tree.shown(name))?;
            let length = piece.len();
            self.reader.consume(length)?;
        }
        self.tree.finish_file(&file, name, attributes)?;
        self.mention(header, (header.size > 0).then(|| checksum.finish()))
    }

    /// Writes a sparse file. Its data stays in tar-split, since the file alone could not give the archive back.
    fn sparse_file(
        &mut self,
        name: &[u8],
        header: &Header,
        attributes: &Attributes<'_>,
        sparse: &Sparse,
    ) -> Result<()> {
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
        self.reader.skip_data()?;
        self.tree.finish_file(&file, name, attributes)?;
        self.mention(header, None)
    }

    /// Ends an entry in tar-split. With a checksum its contents are the layer's file.
    fn mention(&mut self, header: &Header, checksum: Option<[u8; 8]>) -> Result<()> {
        let size = if checksum.is_some() { header.size } else { 0 };
        Ok(self.reader.input().mention(&header.name, size, checksum)?)
    }

    fn bad(&self, reason: impl Into<String>) -> StorageError {
        self.reader.bad(reason).into()
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
            return Err(self.bad(format!("{:?} is no valid whiteout", lossy(name))));
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
        clean_name(name).ok_or_else(|| self.bad(format!("the name {:?} leads out of the layer", lossy(name))))
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
        Err(self.bad(format!("the archive has too many {too_many}")))
    }
}
