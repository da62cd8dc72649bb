//! This machine's end of a copy.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use cove_api::{ByteStream, Error};
use cove_spec::copy::{as_asked, base, directory};
use cove_tree::{Packing, Root, Unpacking};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::command_error::CommandError;
use crate::commands::common::stdin_stream;

/// Bytes of a stream's beginning that tell whether it is an archive.
const BEGINNING: usize = 64 << 10;
/// Bytes per piece of a stream.
const PIECE: usize = 256 << 10;

/// A place on this machine.
#[derive(Debug)]
pub(super) struct HostPlace {
    /// Absolute, with the `/` or `/.` that was asked for at its end; the parent of what is to be made.
    pub(super) path: String,
    /// It is a directory.
    pub(super) is_dir: bool,
    /// The name of what is copied, where it is not put into a directory that exists.
    pub(super) name: String,
    /// There is nothing yet: it is the parent.
    pub(super) in_parent: bool,
}

fn not_found(path: &str, error: &io::Error) -> CommandError {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    CommandError::other(format!("{path:?} could not be found on the host: {reason}"))
}

/// The path, absolute, and what is there.
fn look(path: &str) -> io::Result<(String, std::fs::Metadata)> {
    let absolute = std::path::absolute(path)?.to_string_lossy().into_owned();
    let data = std::fs::metadata(path)?;
    Ok((as_asked(path, absolute), data))
}

impl HostPlace {
    /// What is copied from.
    pub(super) fn for_source(path: &str) -> Result<Self, CommandError> {
        let (absolute, data) = look(path).map_err(|error| not_found(path, &error))?;
        Ok(Self { name: base(&absolute).to_owned(), path: absolute, is_dir: data.is_dir(), in_parent: false })
    }

    /// Where it is copied to.
    pub(super) fn for_destination(path: &str) -> Result<Self, CommandError> {
        let (absolute, data, name, in_parent) = match look(path) {
            Ok((absolute, data)) => {
                let name = base(&absolute).to_owned();
                (absolute, data, name, false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.ends_with('/') => {
                let (parent, data) = look(directory(path)).map_err(|_| not_found(path, &error))?;
                (parent, data, base(path).to_owned(), true)
            }
            Err(error) => return Err(not_found(path, &error)),
        };
        if !data.is_dir() && !data.is_file() {
            return Err(CommandError::other(format!(
                "invalid destination: {absolute:?} must be a directory or a regular file"
            )));
        }
        Ok(Self { path: absolute, is_dir: data.is_dir(), name, in_parent })
    }

    /// Makes the directory that is not there yet, and means it from then on.
    pub(super) fn enter_new(&mut self) -> Result<(), CommandError> {
        let path = Path::new(&self.path).join(&self.name);
        cove_sys::fs::create_dir(&path)?;
        self.path = path.to_string_lossy().into_owned();
        self.in_parent = false;
        Ok(())
    }

    /// The directory that is copied into.
    fn directory(&self) -> &str {
        if self.is_dir { &self.path } else { directory(&self.path) }
    }
}

/// Packs what is at a path under that name; an empty one packs the contents of a directory.
pub(super) fn pack(path: &str, name: String) -> Result<ByteStream, CommandError> {
    // The user's own links are followed, also those of the system such as /dev/stdin.
    let real = std::fs::canonicalize(path).map_err(|error| not_found(path, &error))?;
    let (above, below): (PathBuf, Vec<u8>) = match (real.is_dir(), real.parent(), real.file_name()) {
        (false, Some(parent), Some(file)) => (parent.to_owned(), file.as_encoded_bytes().to_vec()),
        _ => (real, Vec::new()),
    };
    let root = Root::open(&above).map_err(|error| not_found(path, &error))?;
    let shown = path.to_owned();
    Ok(written(move |out| {
        let packing = Packing {
            name: name.as_bytes(),
            with_root: true,
            skip: &[],
            owners: &|uid, gid| (uid, gid),
            unreadable: false,
            follow: true,
        };
        cove_tree::pack(&root, &below, &packing, out)
            .map_err(|error| Error::from(error).context(format!("copying from host: {shown}")))
    }))
}

/// Unpacks a tar into a place. All belongs to who runs this; devices, set-user-id bits and capabilities stay away.
pub(super) async fn unpack(
    place: HostPlace,
    rename: Option<(String, String)>,
    overwrite: bool,
    archive: ByteStream,
) -> Result<(), CommandError> {
    let root = Root::open(Path::new(place.directory())).map_err(|error| not_found(&place.path, &error))?;
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let rename: Vec<(Vec<u8>, Vec<u8>)> =
        rename.into_iter().map(|(old, new)| (old.into_bytes(), new.into_bytes())).collect();
    let (sender, pieces) = mpsc::channel(4);
    let unpacked = tokio::task::spawn_blocking(move || {
        let unpacking = Unpacking {
            directory: b"",
            keep_directory: false,
            rename: &rename,
            owner: Some(owner),
            owners: &|uid, gid| (uid, gid),
            overwrite,
            privileged: false,
        };
        let reader = Pieces { pieces, current: Bytes::new() };
        cove_tree::unpack(&root, &unpacking, reader)
    });
    feed(archive, sender).await;
    let result = unpacked.await.map_err(|error| CommandError::other(error.to_string()))?;
    result.map_err(|error| Error::from(error).context("copying to host").into())
}

/// Sends on what comes, until nobody wants it.
async fn feed(mut archive: ByteStream, sender: mpsc::Sender<cove_api::Result<Bytes>>) {
    while let Some(piece) = archive.next().await {
        let broken = piece.is_err();
        if sender.send(piece).await.is_err() || broken {
            return;
        }
    }
}

/// Pieces as a reader for blocking code.
struct Pieces {
    pieces: mpsc::Receiver<cove_api::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// What `write` writes, on a thread made for it.
fn written(write: impl FnOnce(&mut dyn Write) -> cove_api::Result<()> + Send + 'static) -> ByteStream {
    let (sender, pieces) = mpsc::channel(4);
    let failed = sender.clone();
    tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(PIECE, Sender(sender));
        let result = write(&mut out).and_then(|()| out.flush().map_err(Error::from));
        // Nothing of what is still buffered may follow an error.
        let _ = out.into_parts();
        if let Err(error) = result {
            let _ = failed.blocking_send(Err(error));
        }
    });
    Box::pin(futures_util::stream::unfold(pieces, |mut pieces| async move {
        pieces.recv().await.map(|piece| (piece, pieces))
    }))
}

struct Sender(mpsc::Sender<cove_api::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(data);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(data.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard input, which must be an archive.
pub(super) async fn stdin_archive() -> Result<ByteStream, CommandError> {
    let mut rest = stdin_stream();
    let mut start = BytesMut::new();
    while start.len() < BEGINNING
        && let Some(piece) = rest.next().await
    {
        start.extend_from_slice(&piece?);
    }
    if !cove_tree::is_archive(&start) {
        return Err(CommandError::other("source must be a (compressed) tar archive when copying from stdin"));
    }
    Ok(Box::pin(futures_util::stream::iter([Ok(start.freeze())]).chain(rest)))
}
