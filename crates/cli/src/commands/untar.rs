//! Archives of the engine as files of this machine.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cove_api::ByteStream;
use cove_archive::{Kind, Reader, Streamed, clean_name, lossy};
use cove_sys::output::{Existing, OutputFile};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::command_error::{CommandError, chain};

/// Writes every file of a tar to where `place` says.
pub(crate) async fn untar(
    archive: ByteStream,
    place: impl Fn(&[u8]) -> Result<PathBuf, CommandError> + Send + 'static,
) -> Result<(), CommandError> {
    read_blocking(archive, move |reader| write(reader, place)).await
}

/// Has a thread of its own read an archive.
pub(crate) async fn read_blocking(
    archive: ByteStream,
    read: impl FnOnce(&mut dyn Read) -> Result<(), CommandError> + Send + 'static,
) -> Result<(), CommandError> {
    let (sender, receiver) = mpsc::channel(8);
    let reading = tokio::task::spawn_blocking(move || read(&mut Pieces { receiver, current: Bytes::new() }));
    feed(archive, sender).await;
    reading.await.map_err(|error| CommandError::other(error.to_string()))?
}

/// Writes every file of a tar beneath a folder, which is made.
pub(crate) async fn untar_into(archive: ByteStream, folder: &Path) -> Result<(), CommandError> {
    cove_sys::fs::create_dir_all(folder)?;
    let folder = folder.to_owned();
    let place = move |name: &[u8]| {
        let outside =
            || CommandError::other(format!("the archive names {:?}, which is outside of it", lossy(name)));
        let clean = clean_name(name).filter(|clean| !clean.is_empty()).ok_or_else(outside)?;
        let path = folder.join(String::from_utf8(clean).map_err(|_| outside())?);
        if let Some(parent) = path.parent() {
            cove_sys::fs::create_dir_all(parent)?;
        }
        Ok(path)
    };
    untar(archive, place).await
}

fn write(
    reader: impl Read,
    place: impl Fn(&[u8]) -> Result<PathBuf, CommandError>,
) -> Result<(), CommandError> {
    let damaged = |error: cove_archive::Error| CommandError::other(chain(&error));
    let mut tar = Reader::new(Streamed::new(reader));
    while let Some(entry) = tar.next().map_err(damaged)? {
        match entry.header.kind {
            Kind::File => {}
            Kind::Directory => continue,
            _ => {
                let name = lossy(&entry.header.name);
                return Err(CommandError::other(format!("the archive has {name:?}, which is no file")));
            }
        }
        let mut file = OutputFile::create(&place(&entry.header.name)?, Existing::Replace)?;
        loop {
            let piece = tar.peek().map_err(damaged)?;
            let length = piece.len();
            if length == 0 {
                break;
            }
            file.write_all(piece)?;
            tar.consume(length).map_err(damaged)?;
        }
        file.finish()?;
    }
    tar.drain().map_err(damaged)
}

/// Sends on what comes, until nobody wants it.
async fn feed(mut archive: ByteStream, sender: mpsc::Sender<cove_api::Result<Bytes>>) {
    while let Some(piece) = archive.next().await {
        let failed = piece.is_err();
        if sender.send(piece).await.is_err() || failed {
            return;
        }
    }
}

/// What was sent, for a thread of its own.
struct Pieces {
    receiver: mpsc::Receiver<cove_api::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use cove_archive::{Member, Writer};

    use super::*;

    fn tar(names: &[&str]) -> Vec<u8> {
        let mut tar = Writer::new(Vec::new());
        for name in names {
            tar.file(name, b"x").unwrap();
        }
        tar.finish().unwrap()
    }

    #[tokio::test]
    async fn files_stay_beneath_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let stream =
            |data: Vec<u8>| -> ByteStream { Box::pin(futures_util::stream::iter([Ok(data.into())])) };
        untar_into(stream(tar(&["a", "./b/c"])), &out).await.unwrap();
        assert_eq!(cove_sys::fs::read(out.join("b/c")).unwrap(), b"x");
        assert!(untar_into(stream(tar(&["../evil"])), &out).await.is_err());
        let mut link = Writer::new(Vec::new());
        link.member(&Member { link: b"/etc", ..Member::new(Kind::Symlink, b"b", 0o777) }).unwrap();
        assert!(untar_into(stream(link.finish().unwrap()), &out).await.is_err());
        assert!(!folder.path().join("evil").exists());
    }
}
