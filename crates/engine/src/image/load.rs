//! Loading images from archives.

use std::path::Path;
use std::sync::Arc;

use cove_api::{ByteStream, Error, ErrorKind, LoadReport, Result};
use cove_registry::{Archive, CopyOptions, CopyProgress, copy_image};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::engine::{Core, blocking};
use crate::image::destination::StoreDestination;

/// Reads a body on a blocking thread.
struct BodyReader {
    pieces: mpsc::Receiver<Result<bytes::Bytes>>,
    current: bytes::Bytes,
}

impl std::io::Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(data)) => self.current = data,
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// A reader for blocking code over a body; a task feeds it.
pub(super) fn body_reader(mut body: ByteStream) -> impl std::io::Read + Send + 'static {
    let (sender, pieces) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(piece) = body.next().await {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    BodyReader { pieces, current: bytes::Bytes::new() }
}

/// Loads every image of an archive.
pub(super) async fn load(core: &Arc<Core>, archive: ByteStream) -> Result<LoadReport> {
    let reader = body_reader(archive);
    let archive = blocking(core, move |core| {
        let spool = core.options.directories.temporary.clone();
        Archive::from_reader(Path::new("archive"), reader, &spool).map_err(|error| {
            Error::from(error).context("payload does not match any of the supported image formats")
        })
    })
    .await?;
    let archive = Arc::new(archive);
    if archive.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the archive holds no image"));
    }
    let mut names = Vec::new();
    for position in 0..archive.len() {
        let id = copy_one(core, &archive, position, None).await?;
        let own = archive.names(position);
        let shown = if own.is_empty() {
            vec![format!("sha256:{id}")]
        } else {
            own.iter().map(ToString::to_string).collect()
        };
        for name in &shown {
            let attributes = [("name".to_owned(), name.clone())].into();
            core.events.write("image", "loadfromarchive", &id, attributes);
        }
        names.extend(shown);
    }
    Ok(LoadReport { names })
}

/// Copies one image of an archive into the store; answers its id.
pub(super) async fn copy_one(
    core: &Arc<Core>,
    archive: &Arc<Archive>,
    position: usize,
    progress: Option<CopyProgress>,
) -> Result<String> {
    let source = {
        let archive = Arc::clone(archive);
        blocking(core, move |_| Ok(archive.source(position)?)).await?
    };
    let destination = StoreDestination::new(core);
    let policy = super::pull::policy(core).await?;
    let options =
        CopyOptions { policy, names: archive.names(position).to_vec(), progress, ..CopyOptions::default() };
    let report = copy_image(&source, &destination, &options).await?;
    Ok(report.config_digest.hex().to_owned())
}
