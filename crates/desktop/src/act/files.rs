//! Files that come from the engine to this computer, and go to it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cove_api::{
    ArchiveFormat, ByteStream, CopyFromOptions, CopyToOptions, Engine, Error, ErrorKind, FileTree,
    LoadReport, Result, SaveOptions, TreeKind,
};
use cove_archive::{Kind, Member, Writer};
use cove_sys::output::{Existing, OutputFile};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

use crate::act::archived;
use crate::core::Core;
use crate::task::Task;
use crate::view::{FileRow, StepState};
use crate::{Failure, SaveFormat};

/// Pieces that wait for the disk.
const MOST_PIECES: usize = 8;
/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// What is in a directory of a container: directories first, by their names.
pub(crate) async fn list(core: &Core, id: &str, path: &str) -> std::result::Result<Vec<FileRow>, Failure> {
    let rows = core.engine()?.files().list_directory(id, path).await?;
    let mut rows: Vec<FileRow> = rows.into_iter().map(Into::into).collect();
    rows.sort_by(|a, b| b.directory.cmp(&a.directory).then_with(|| a.name.cmp(&b.name)));
    Ok(rows)
}

/// A path of this computer, as a screen names it.
pub(crate) fn place(path: &str) -> std::result::Result<PathBuf, Failure> {
    let path = Path::new(path.trim());
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let message = format!("{:?}: a whole path on this computer is needed", path.display().to_string());
    Err(Failure::new(ErrorKind::InvalidArgument, message))
}

/// Brings a file of a container, or a directory as a tar, to a place where nothing is yet.
pub(crate) async fn download(
    engine: &dyn Engine,
    id: &str,
    path: &str,
    to: PathBuf,
    task: &Task,
) -> Result<()> {
    let options = CopyFromOptions { path: path.to_owned(), ..CopyFromOptions::default() };
    let found = engine.files().copy_from(id, options).await?;
    if found.stat.is_dir {
        return keep(found.archive, to, task).await;
    }
    let whole = u64::try_from(found.stat.size).unwrap_or(0);
    task.bytes(0, whole);
    take(found.archive, None, to, task).await
}

/// Brings a file of a volume, or a directory as a tar, to a place where nothing is yet.
pub(crate) async fn download_of_volume(
    engine: &dyn Engine,
    name: &str,
    path: String,
    to: PathBuf,
    task: &Task,
) -> Result<()> {
    match engine.files().pack_files(&FileTree::new(TreeKind::Volume, name), &path).await {
        Ok(found) if found.stat.is_dir => keep(found.archive, to, task).await,
        Ok(found) => {
            task.bytes(0, u64::try_from(found.stat.size).unwrap_or(0));
            take(found.archive, None, to, task).await
        }
        // Another engine than ours gives volumes as a whole only; and a name that is no UTF-8 is in no request.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported) => {
            take(engine.volumes().export(name).await?, Some(path), to, task).await
        }
        Err(error) => Err(error),
    }
}

/// Writes what an archive has at a path, or its first file.
async fn take(archive: ByteStream, path: Option<String>, to: PathBuf, task: &Task) -> Result<()> {
    let (waiting, input) = input(archive);
    let task = task.clone();
    let result =
        join(tokio::task::spawn_blocking(move || archived::take(input, path.as_deref(), &to, &task)).await);
    drop(waiting);
    result
}

/// A stream as what a thread reads. It ends when the first value is dropped: with the future that holds it.
pub(super) fn input(stream: ByteStream) -> (oneshot::Sender<()>, impl std::io::Read + Send + 'static) {
    let (waiting, given_up) = oneshot::channel::<()>();
    let input = StreamReader::new(stream.map_err(std::io::Error::other).take_until(given_up));
    // Made here: it needs the runtime, which its thread does not have.
    (waiting, SyncIoBridge::new(Box::pin(input)))
}

pub(super) fn create(to: &Path) -> Result<OutputFile> {
    OutputFile::create(to, Existing::Refuse)
        .map_err(|error| Error::from(error).context(format!("write {}", to.display())))
}

/// Writes a text to a place where nothing is yet.
pub(crate) async fn save_text(to: &str, text: String) -> std::result::Result<(), Failure> {
    let to = place(to)?;
    let write = move || {
        let mut file = create(&to)?;
        file.write_all(text.as_bytes())?;
        Ok(file.finish()?)
    };
    Ok(join(tokio::task::spawn_blocking(write).await)?)
}

/// Writes images to an archive where nothing is yet.
pub(crate) async fn save(
    engine: &dyn Engine,
    names: Vec<String>,
    format: SaveFormat,
    to: PathBuf,
    task: &Task,
) -> Result<()> {
    let options = SaveOptions {
        format: match format {
            SaveFormat::Docker => ArchiveFormat::DockerArchive,
            SaveFormat::Oci => ArchiveFormat::OciArchive,
        },
        multi: names.len() > 1,
        ..SaveOptions::default()
    };
    keep(engine.images().save(names, options).await?, to, task).await
}

/// Writes a volume's contents to an archive where nothing is yet.
pub(crate) async fn export_volume(engine: &dyn Engine, name: &str, to: PathBuf, task: &Task) -> Result<()> {
    keep(engine.volumes().export(name).await?, to, task).await
}

/// Adds what is in an archive to a volume.
pub(crate) async fn import_volume(engine: &dyn Engine, name: &str, from: PathBuf, task: &Task) -> Result<()> {
    engine.volumes().import(name, read(&from, task).await?).await
}

/// Loads every image of an archive.
pub(crate) async fn load(engine: &dyn Engine, from: PathBuf, task: &Task) -> Result<LoadReport> {
    engine.images().load(read(&from, task).await?).await
}

/// Brings a file of this computer into a directory of a container, under its own name and as its user's. A file of that name
/// is replaced, a directory is not.
pub(crate) async fn upload(
    engine: &dyn Engine,
    id: &str,
    from: PathBuf,
    to: String,
    task: &Task,
) -> Result<()> {
    let (file, about) = open(&from).await?;
    let size = about.len();
    let name = from.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
    let member = Member { size, mtime: changed(&about), ..Member::new(Kind::File, name, mode(&about)) };
    let (mut head, mut end) = (Vec::new(), Vec::new());
    Writer::new(&mut head).member(&member)?;
    let mut closing = Writer::new(&mut end);
    closing.pad(size)?;
    closing.finish()?;

    let done = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&done);
    let data = pieces(file.take(size), size, task).inspect_ok(move |piece| {
        counted.fetch_add(u64::try_from(piece.len()).unwrap_or(0), Ordering::Relaxed);
    });
    let last = stream::once(async move {
        if done.load(Ordering::Relaxed) < size {
            return Err(Error::invalid(format!("{}: it became smaller while it was read", from.display())));
        }
        Ok(Bytes::from(end))
    });
    let archive = stream::once(std::future::ready(Ok(Bytes::from(head)))).chain(data).chain(last);
    let options = CopyToOptions { path: to, chown: true, rename: BTreeMap::new(), no_overwrite: true };
    engine.files().copy_to(id, options, Box::pin(archive)).await
}

/// A file's permissions, without the bits that make a program somebody else.
fn mode(about: &Metadata) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777;
    #[cfg(not(unix))]
    return if about.permissions().readonly() { 0o444 } else { 0o644 };
}

/// When a file was changed, in seconds since 1970.
fn changed(about: &Metadata) -> i64 {
    let since = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

/// A file as a stream that tells how far it is.
async fn read(from: &Path, task: &Task) -> Result<ByteStream> {
    let (file, about) = open(from).await?;
    Ok(Box::pin(pieces(file, about.len(), task)))
}

/// A plain file of this computer.
async fn open(from: &Path) -> Result<(File, Metadata)> {
    let failed = |error: std::io::Error| Error::from(error).context(format!("read {}", from.display()));
    let file = File::open(from).await.map_err(failed)?;
    let about = file.metadata().await.map_err(failed)?;
    if !about.is_file() {
        return Err(Error::invalid(format!("{}: it is no file", from.display())));
    }
    Ok((file, about))
}

/// What is read, in pieces; the task is told how much of `total` it is.
fn pieces(
    input: impl AsyncRead + Send + 'static,
    total: u64,
    task: &Task,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let (task, mut done) = (task.clone(), 0);
    ReaderStream::with_capacity(input, PIECE).map(move |piece| {
        let piece = piece.map_err(Error::from)?;
        done += u64::try_from(piece.len()).unwrap_or(0);
        task.bytes(done, total);
        Ok(piece)
    })
}

/// Writes a stream to a file. One that is given up leaves no file.
async fn keep(mut stream: ByteStream, to: PathBuf, task: &Task) -> Result<()> {
    let (sender, mut pieces) = mpsc::channel::<Option<Bytes>>(MOST_PIECES);
    let writer = tokio::task::spawn_blocking(move || {
        let mut file = create(&to)?;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Some(data) => file.write_all(&data)?,
                None => return Ok(file.finish()?),
            }
        }
        // Nobody said that it was all: the file is taken away again.
        Err(Error::internal("given up"))
    });
    let mut written = 0;
    loop {
        let piece = stream.next().await.transpose()?;
        written += piece.as_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(0));
        let last = piece.is_none();
        // A writer that has gone says why below.
        if sender.send(piece).await.is_err() || last {
            break;
        }
        task.bytes(written, 0);
    }
    join(writer.await)?;
    task.step("bytes", StepState::Done);
    Ok(())
}

pub(super) fn join<T>(joined: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    joined.unwrap_or_else(|error| Err(Error::internal(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_whole_path() {
        assert!(place(" /tmp/x.tar ").is_ok_and(|path| path == Path::new("/tmp/x.tar")));
        for text in ["", "x.tar", "./x.tar", "~/x.tar"] {
            assert_eq!(place(text).unwrap_err().kind, ErrorKind::InvalidArgument, "{text}");
        }
    }
}
