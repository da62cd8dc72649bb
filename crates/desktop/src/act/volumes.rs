//! Volumes: looked into a folder at a time, or by their archive, which every engine gives; and copied.

use std::sync::Arc;

use cove_api::{
    Engine, Error, ErrorKind, FileListOptions, FilePage, FileTree, Result, TreeKind, VolumeCreateOptions,
};
use cove_archive::{Reader, Streamed};
use futures_util::TryStreamExt as _;
use tokio::sync::mpsc;

use crate::act::files::{input, join};
use crate::act::flows::{self, Sink};
use crate::core::Core;
use crate::task::Task;
use crate::view::FileRow;
use crate::{Event, Failure};

/// Files that are told together.
const MOST_TOGETHER: usize = 500;
/// Files of a volume that are told at all.
const MOST_FILES: usize = 100_000;
/// Batches that wait for the screen.
const MOST_BATCHES: usize = 4;

/// Tells what is in a volume and answers the subscription's number.
pub(crate) fn open(core: &Arc<Core>, name: String) -> std::result::Result<u32, Failure> {
    let engine = core.engine()?;
    Ok(flows::open(core, |_, sink| tell(engine, name, sink)))
}

async fn tell(engine: Arc<dyn Engine>, name: String, sink: Sink) -> Result<Option<i32>> {
    let tree = FileTree::new(TreeKind::Volume, name);
    match engine.files().list_files(&tree, FileListOptions::default()).await {
        Ok(first) => walk(engine.as_ref(), &tree, first, &sink).await,
        // Another engine than ours.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported) => {
            tell_archived(engine, tree.name, sink).await
        }
        Err(error) => Err(error),
    }
}

/// Tells the files of a volume a folder at a time, each after the folder that it is in.
async fn walk(engine: &dyn Engine, tree: &FileTree, first: FilePage, sink: &Sink) -> Result<Option<i32>> {
    let mut pending = Vec::new();
    let mut told = 0;
    let (mut folder, mut page) = (String::new(), first);
    let mut hidden = None;
    loop {
        let mut files = Vec::new();
        for entry in page.entries.into_iter().take(MOST_FILES - told) {
            let row = FileRow::of_entry(&folder, entry);
            if row.directory {
                pending.push(row.name.clone());
            }
            files.push(row);
        }
        told += files.len();
        while !files.is_empty() {
            let rest = files.split_off(files.len().min(MOST_TOGETHER));
            sink.send(Event::Files { subscription: sink.subscription, files });
            sink.room().await;
            files = rest;
        }
        if told == MOST_FILES {
            return Err(too_many());
        }
        let mut after = page.next.take().unwrap_or_default();
        page = loop {
            if after.is_empty() {
                match pending.pop() {
                    Some(next) => folder = next,
                    None => return hidden.map_or(Ok(None), Err),
                }
            }
            let path = format!("/{folder}");
            let options = FileListOptions { path, after, ..FileListOptions::default() };
            match engine.files().list_files(tree, options).await {
                Ok(page) => break page,
                Err(error) if error.kind == ErrorKind::NotFound => {
                    // It has gone meanwhile, or cannot be named.
                    if folder.contains(char::REPLACEMENT_CHARACTER) {
                        let message =
                            format!("{folder}: its name is no UTF-8, so what is in it is not shown");
                        hidden = Some(Error::unsupported(message));
                    }
                    after = String::new();
                }
                Err(error) => return Err(error),
            }
        };
    }
}

fn too_many() -> Error {
    Error::unsupported(format!("there are more than {MOST_FILES} files: the others are not shown"))
}

/// Tells the files of a volume as its archive has them, with all that is in them on the way.
async fn tell_archived(engine: Arc<dyn Engine>, name: String, sink: Sink) -> Result<Option<i32>> {
    let (waiting, input) = input(engine.volumes().export(&name).await?);
    let (sender, mut batches) = mpsc::channel(MOST_BATCHES);
    let reading = tokio::task::spawn_blocking(move || read(input, &sender));
    while let Some(files) = batches.recv().await {
        sink.send(Event::Files { subscription: sink.subscription, files });
        sink.room().await;
    }
    let result = join(reading.await);
    drop(waiting);
    result.map(|()| None)
}

/// Reads the heads of an archive until nobody listens.
fn read(input: impl std::io::Read, sender: &mpsc::Sender<Vec<FileRow>>) -> Result<()> {
    let mut archive = Reader::new(Streamed::new(input));
    let mut told = 0;
    let mut batch = Vec::new();
    while let Some(entry) = archive.next().map_err(|error| Error::internal(error.to_string()))? {
        let Some(row) = FileRow::of_archive(&entry.header) else { continue };
        if told == MOST_FILES {
            return send(sender, batch).and(Err(too_many()));
        }
        told += 1;
        batch.push(row);
        if batch.len() == MOST_TOGETHER {
            send(sender, std::mem::take(&mut batch))?;
        }
    }
    send(sender, batch)
}

fn send(sender: &mpsc::Sender<Vec<FileRow>>, batch: Vec<FileRow>) -> Result<()> {
    sender.blocking_send(batch).map_err(|_| Error::internal("given up"))
}

/// A volume that is taken away again unless it is whole.
struct Unfinished {
    engine: Arc<dyn Engine>,
    name: Option<String>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let engine = Arc::clone(&self.engine);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                engine.volumes().remove(&name, cove_api::VolumeRemoveOptions::default()).await
            });
        }
    }
}

/// Makes a volume with the files of another. Neither its labels, which may mean a project, nor its options, which may mean
/// the same place, are the new one's.
pub(crate) async fn copy(engine: Arc<dyn Engine>, name: &str, to: String, task: &Task) -> Result<()> {
    let made =
        engine.volumes().create(VolumeCreateOptions { name: to, ..VolumeCreateOptions::default() }).await?;
    let mut unfinished = Unfinished { engine: Arc::clone(&engine), name: Some(made.name.clone()) };
    task.message(made.name.clone());
    let (counting, mut done) = (task.clone(), 0);
    let archive = engine.volumes().export(name).await?.inspect_ok(move |piece| {
        done += u64::try_from(piece.len()).unwrap_or(0);
        counting.bytes(done, 0);
    });
    engine.volumes().import(&made.name, Box::pin(archive)).await?;
    unfinished.name = None;
    task.step("bytes", crate::view::StepState::Done);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_archive::{Kind, Member, Writer};

    fn told(names: &[(&[u8], Kind)]) -> Vec<FileRow> {
        let mut archive = Vec::new();
        let mut writer = Writer::new(&mut archive);
        for (name, kind) in names {
            writer.member(&Member::new(*kind, name, 0o644)).unwrap();
        }
        writer.finish().unwrap();
        let (sender, mut batches) = mpsc::channel(MOST_BATCHES);
        read(archive.as_slice(), &sender).unwrap();
        drop(sender);
        std::iter::from_fn(|| batches.blocking_recv()).flatten().collect()
    }

    #[test]
    fn files_are_named_from_the_volumes_root_and_none_is_above_it() {
        let rows = told(&[
            (b"./", Kind::Directory),
            (b"./etc/", Kind::Directory),
            (b"./etc/a b", Kind::File),
            (b"/top", Kind::File),
            (b"../up", Kind::File),
            (b"etc/../../up", Kind::File),
            (b"odd\xff", Kind::Fifo),
        ]);
        let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.kind.as_str())).collect();
        assert_eq!(
            names,
            [("etc", "directory"), ("etc/a b", "file"), ("top", "file"), ("odd\u{fffd}", "pipe")]
        );
        assert!(rows[0].directory && !rows[1].directory);
    }
}
