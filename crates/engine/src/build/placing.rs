//! What a step has taken becomes files of an image.

use std::io::{BufWriter, Read, Write};
use std::os::fd::AsFd as _;
use std::path::Path;

use cove_api::{Error, Result};
use cove_archive::{Kind, Member, Writer};
use cove_build::{Chmod, Notes, Ownership, Placing, Selection, Source};
use cove_runtime::user::resolve_user;
use cove_runtime::view::View;
use cove_tree::{Root, Unpacking, is_archive};
use rustix::fs::{FileType, OFlags};

/// How much of a file says whether it is an archive.
const HEAD: usize = 64 << 10;

/// Where and how something is put.
pub(super) struct Place<'a> {
    /// Absolute in the image.
    pub(super) destination: &'a str,
    /// It must be a folder.
    pub(super) into_folder: bool,
    /// `--chown`.
    pub(super) chown: Option<&'a str>,
    /// `--chmod`.
    pub(super) chmod: Option<&'a Chmod>,
    /// Owners stay as they are where none is given; else they are root.
    pub(super) keep_owners: bool,
    /// Archives are unpacked.
    pub(super) unpack: bool,
    /// Documents of the build file, by the names they get.
    pub(super) documents: &'a [(String, String)],
}

/// Puts what was taken into an image, and notes what it was.
pub(super) fn put(
    path: &Path,
    place: &Place<'_>,
    source: Source<'_>,
    selection: Selection<'_>,
    notes: &mut Notes,
) -> Result<()> {
    let root = Root::open(path)?;
    let owner = place.chown.map(|chown| owner(path, chown)).transpose()?;
    let destination = place.destination.as_bytes();
    let is_folder = root
        .look(destination)
        .ok()
        .and_then(|look| look.stat)
        .is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
    let archives = archives(place.unpack, source, &selection)?;
    let one_file = archives.is_empty()
        && match place.documents.len() {
            0 => selection.is_one_file(),
            _ => place.documents.len() == 1 && selection.is_empty(),
        };
    let as_file = one_file && !place.into_folder && !is_folder;
    let (folder, file_name) = match as_file {
        false => (place.destination, None),
        true => {
            let (folder, name) = place.destination.rsplit_once('/').unwrap_or(("", place.destination));
            (folder, Some(name.as_bytes()))
        }
    };
    cove_tree::make_directories(&root, folder.as_bytes(), owner.unwrap_or((0, 0)))?;
    for archive in &archives {
        // What an archive says of its own top holds for the folder that it goes into.
        let unpacking = Unpacking { directory: destination, keep_directory: false, owner, ..AS_THEY_ARE };
        unpack_archive(&root, &unpacking, source.root, archive, notes)?;
    }
    let selection = selection.without(&archives);
    let directory = folder.trim_start_matches('/').as_bytes();
    let ownership = match (owner, place.keep_owners) {
        (Some((uid, gid)), _) => Ownership::Given(uid, gid),
        (None, false) => Ownership::Given(0, 0),
        (None, true) => Ownership::Kept,
    };
    let placing = Placing { directory, file_name, ownership, chmod: place.chmod, times: true };
    piped(&root, |out| {
        selection.write_noted(&placing, out, notes)?;
        documents(place, directory, file_name, owner.unwrap_or((0, 0)), out)
    })
}

/// Notes what [`put`] would take.
pub(super) fn note(
    unpack: bool,
    source: Source<'_>,
    selection: Selection<'_>,
    notes: &mut Notes,
) -> Result<()> {
    let archives = archives(unpack, source, &selection)?;
    for archive in &archives {
        let mut noted = Noted::open(source.root, archive, notes)?;
        std::io::copy(&mut noted, &mut std::io::sink())?;
    }
    Ok(selection.without(&archives).note(notes)?)
}

/// Unpacking into `/` of an image.
const AS_THEY_ARE: Unpacking<'static> = Unpacking { overwrite: false, ..Unpacking::WHOLE };

/// Unpacks beneath a root what `pack` writes, but for the end of the archive.
pub(super) fn piped(root: &Root, pack: impl FnOnce(&mut dyn Write) -> Result<()> + Send) -> Result<()> {
    let (mut reader, writer) = std::io::pipe()?;
    std::thread::scope(|scope| {
        let packed = scope.spawn(|| -> Result<()> {
            let mut out = BufWriter::with_capacity(256 << 10, writer);
            pack(&mut out)?;
            out.write_all(&[0; 1024])?;
            Ok(out.flush()?)
        });
        let unpacked = cove_tree::unpack(root, &AS_THEY_ARE, &mut reader).map_err(Error::from);
        // Whoever still writes has nobody to read it.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
        packed.join().unwrap_or_else(|_| Err(Error::internal("the thread that packs panicked")))?;
        unpacked
    })
}

/// The documents of the build file as files.
fn documents(
    place: &Place<'_>,
    directory: &[u8],
    file_name: Option<&[u8]>,
    (uid, gid): (u32, u32),
    out: &mut dyn Write,
) -> Result<()> {
    let mut tar = Writer::new(out);
    for (name, text) in place.documents {
        let name = file_name.unwrap_or(name.as_bytes());
        let path = match directory.is_empty() {
            true => name.to_vec(),
            false => [directory, b"/", name].concat(),
        };
        let mode = place.chmod.map_or(0o644, |chmod| chmod.applied(0o644, false));
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

/// A regular file by its path.
pub(super) fn open(root: &Root, path: &[u8]) -> Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = root.find(path, flags).map_err(|errno| Error::from(std::io::Error::from(errno)))?;
    let stat = rustix::fs::fstat(file.as_fd()).map_err(|errno| Error::from(std::io::Error::from(errno)))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(Error::invalid(format!("{:?} is no regular file", cove_archive::lossy(path))));
    }
    Ok(file.into())
}

/// The files of a selection that are unpacked.
fn archives(unpack: bool, source: Source<'_>, selection: &Selection<'_>) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    if unpack {
        for file in selection.files() {
            if looks_like_archive(source.root, file)? {
                found.push(file.to_vec());
            }
        }
    }
    Ok(found)
}

pub(super) fn looks_like_archive(root: &Root, path: &[u8]) -> Result<bool> {
    let Ok(file) = open(root, path) else { return Ok(false) };
    let mut head = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut head)?;
    // Zeros alone are an archive of nothing, and more often a file of zeros.
    Ok(head.iter().any(|byte| *byte != 0) && is_archive(&head))
}

fn unpack_archive(
    root: &Root,
    unpacking: &Unpacking<'_>,
    source: &Root,
    path: &[u8],
    notes: &mut Notes,
) -> Result<()> {
    let mut noted = Noted::open(source, path, notes)?;
    cove_tree::unpack(root, unpacking, &mut noted)
        .map_err(|error| Error::from(error).context(format!("unpacking {:?}", cove_archive::lossy(path))))?;
    // What follows the archive is part of the file.
    std::io::copy(&mut noted, &mut std::io::sink())?;
    Ok(())
}

/// A file whose contents are noted as they are read.
struct Noted<'a> {
    file: std::fs::File,
    notes: &'a mut Notes,
}

impl<'a> Noted<'a> {
    fn open(root: &Root, path: &[u8], notes: &'a mut Notes) -> Result<Self> {
        let file = open(root, path)?;
        let size = file.metadata()?.len();
        notes.member(Kind::File, path, 0, size, b"archive");
        Ok(Self { file, notes })
    }
}

impl Read for Noted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.notes.data(&buffer[..count]);
        Ok(count)
    }
}
