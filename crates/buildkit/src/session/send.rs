//! Files of ours, sent to a client: `moby.filesync.v1.FileSend`. It takes a folder as [`super::files`] takes one, or the bytes of a
//! file.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use bytes::Bytes;
use cove_api::{ByteStream, Error, Result};
use cove_tree::{Root, names_of};
use futures_util::StreamExt as _;
use rustix::fs::{AtFlags, FileType, OFlags};
use tokio::sync::mpsc;
use tonic::metadata::{MetadataMap, MetadataValue};

use super::Session;
use crate::error::of_client;
use crate::grpc::received_within;
use crate::messages::{BytesMessage, Packet, PacketKind, Stat};
use crate::mirror::{go_mode, modified_of};

const DIFF_COPY: &str = "/moby.filesync.v1.FileSend/DiffCopy";
/// Which of the client's outputs is meant.
const EXPORTER: &str = "buildkit-attachable-exporter-id";

/// Packets that wait for being sent.
const WAITING: usize = 64;
/// Bytes of a piece.
const PIECE: usize = 32 << 10;
/// Deepest folder.
const MAX_DEPTH: usize = 256;

impl Session {
    /// Sends bytes as the client's output of that number, and waits until it has them.
    ///
    /// # Errors
    /// They cannot be read, or the client does not take them.
    pub(crate) async fn send_file(&self, output: usize, mut data: ByteStream) -> Result<()> {
        self.check_output()?;
        let (sender, pieces) = mpsc::channel(WAITING);
        let failed = |status: &tonic::Status| of_client(status, "the client's output");
        let feed = async {
            while let Some(piece) = data.next().await {
                let mut piece = piece?;
                while !piece.is_empty() {
                    let data = piece.split_to(piece.len().min(PIECE));
                    if sender.send(BytesMessage { data }).await.is_err() {
                        break;
                    }
                }
            }
            drop(sender);
            Ok::<(), Error>(())
        };
        let take = async {
            let questions = received_within(pieces);
            let mut answers = self
                .channel
                .streaming::<BytesMessage, BytesMessage>(DIFF_COPY, headers(output), questions)
                .await
                .map_err(|status| failed(&status))?;
            // It says nothing, and ends when all is written.
            while answers.message().await.map_err(|status| failed(&status))?.is_some() {}
            Ok(())
        };
        tokio::try_join!(feed, take).map(|_| ())
    }

    /// Sends a folder as the client's output of that number, and waits until it has it.
    ///
    /// # Errors
    /// It cannot be read, or the client does not take it.
    pub(crate) async fn send_folder(&self, output: usize, root: Root) -> Result<()> {
        self.check_output()?;
        let failed = |status: &tonic::Status| of_client(status, "the client's output");
        let (sender, packets) = mpsc::channel(WAITING);
        // At most as many as there are files.
        let (ask, asked) = mpsc::unbounded_channel();
        let reading =
            tokio::task::spawn_blocking(move || Sender { root, sender, ids: HashMap::new() }.run(asked));
        let mut answers = self
            .channel
            .streaming::<Packet, Packet>(DIFF_COPY, headers(output), received_within(packets))
            .await
            .map_err(|status| failed(&status))?;
        loop {
            let Some(packet) = answers.message().await.map_err(|status| failed(&status))? else { break };
            match packet.kind() {
                PacketKind::Request => drop(ask.send(packet.id)),
                PacketKind::Fin => break,
                PacketKind::Error => {
                    let text = String::from_utf8_lossy(&packet.data).into_owned();
                    return Err(Error::invalid(format!("the client's output: {text}")));
                }
                _ => return Err(Error::invalid("the client's output sends what belongs to no transfer")),
            }
        }
        drop(ask);
        let read = reading.await.map_err(|error| Error::internal(error.to_string())).and_then(|read| read);
        while let Ok(Some(_)) = answers.message().await {}
        read
    }

    fn check_output(&self) -> Result<()> {
        match self.answers(DIFF_COPY) {
            true => Ok(()),
            false => Err(Error::invalid("the client takes no files")),
        }
    }
}

fn headers(output: usize) -> MetadataMap {
    let mut map = MetadataMap::new();
    if let Ok(number) = MetadataValue::try_from(output.to_string()) {
        map.insert(EXPORTER, number);
    }
    map
}

/// A folder on its way.
struct Sender {
    root: Root,
    sender: mpsc::Sender<Packet>,
    /// The files by the numbers that they were named with.
    ids: HashMap<u32, Vec<u8>>,
}

impl Sender {
    /// Names all, then sends what is asked for until nobody asks any more.
    fn run(mut self, mut asked: mpsc::UnboundedReceiver<u32>) -> Result<()> {
        let mut count = 0;
        self.folder(b"", 0, &mut count)?;
        self.send(Packet::default())?;
        while let Some(id) = asked.blocking_recv() {
            let path =
                self.ids.remove(&id).ok_or_else(|| Error::invalid("the client asks for what is no file"))?;
            self.contents(id, &path)?;
        }
        // The end, which the client answers with its own.
        let fin = Packet { kind: PacketKind::Fin.into(), ..Packet::default() };
        let _ = self.send(fin);
        Ok(())
    }

    fn folder(&mut self, path: &[u8], depth: usize, count: &mut u32) -> Result<()> {
        let at = |errno: rustix::io::Errno, path: &[u8]| {
            Error::from(std::io::Error::from(errno)).context(String::from_utf8_lossy(path))
        };
        if depth > MAX_DEPTH {
            return Err(Error::invalid("the result has folders that are too deep"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let folder = self.root.find(path, flags).map_err(|errno| at(errno, path))?;
        for name in names_of(&folder).map_err(|errno| at(errno, path))?.iter().rev() {
            let name = name.as_bytes();
            let below = if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') };
            self.entry(&folder, name, &below, depth, count).map_err(|errno| at(errno, &below))??;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &[u8],
        path: &[u8],
        depth: usize,
        count: &mut u32,
    ) -> std::result::Result<Result<()>, rustix::io::Errno> {
        let name = OsStr::from_bytes(name);
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        // Names that are no text cannot be told.
        let Ok(text) = std::str::from_utf8(path) else {
            return Ok(Err(Error::invalid(format!(
                "{:?}: its name is not UTF-8",
                String::from_utf8_lossy(path)
            ))));
        };
        let Some(mode) = go_mode(&stat) else { return Ok(Ok(())) };
        let link = match kind {
            FileType::Symlink => {
                String::from_utf8_lossy(rustix::fs::readlinkat(folder, name, Vec::new())?.as_bytes())
                    .into_owned()
            }
            _ => String::new(),
        };
        let id = *count;
        *count += 1;
        if kind.is_file() {
            self.ids.insert(id, path.to_owned());
        }
        let size = if kind.is_file() { stat.st_size } else { 0 };
        let stat =
            Stat { path: text.to_owned(), mode, size, modified: modified_of(&stat), link, ..Stat::default() };
        if let Err(error) = self.send(Packet { stat: Some(stat), ..Packet::default() }) {
            return Ok(Err(error));
        }
        Ok(if kind.is_dir() { self.folder(path, depth + 1, count) } else { Ok(()) })
    }

    fn contents(&self, id: u32, path: &[u8]) -> Result<()> {
        let kind = PacketKind::Data.into();
        let named = |error: std::io::Error| Error::from(error).context(String::from_utf8_lossy(path));
        let file =
            self.root.find(path, OFlags::RDONLY | OFlags::NOFOLLOW).map_err(|errno| named(errno.into()))?;
        let mut file = std::fs::File::from(file);
        loop {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece).map_err(named)?;
            piece.truncate(length);
            self.send(Packet { kind, id, data: Bytes::from(piece), ..Packet::default() })?;
            // An empty piece is the end.
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn send(&self, packet: Packet) -> Result<()> {
        self.sender.blocking_send(packet).map_err(|_| Error::invalid("the client takes no more files"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_sent_can_be_received() {
        let bed = tempfile::tempdir().unwrap();
        let from = bed.path().join("from");
        cove_sys::fs::create_dir_all(from.join("d/e")).unwrap();
        cove_sys::fs::write(from.join("d/file"), "x".repeat(PIECE + 1)).unwrap();
        cove_sys::fs::write(from.join("d.txt"), "").unwrap();
        std::os::unix::fs::symlink("d/file", from.join("link")).unwrap();
        let (sender, mut packets) = mpsc::channel(WAITING);
        let (ask, asked) = mpsc::unbounded_channel();
        let root = Root::open(&from).unwrap();
        let reading =
            tokio::task::spawn_blocking(move || Sender { root, sender, ids: HashMap::new() }.run(asked));
        let (to, parts) = (bed.path().join("to"), bed.path().join("parts"));
        for folder in [&to, &parts] {
            cove_sys::fs::create_dir(folder).unwrap();
        }
        let mut apply = crate::mirror::Apply::new(Root::open(&to).unwrap(), Root::open(&parts).unwrap());
        while !apply.is_complete() {
            let packet = packets.recv().await.expect("a packet");
            if let Some(id) = apply.packet(packet).unwrap() {
                ask.send(id).unwrap();
            }
        }
        assert_eq!(apply.finish().unwrap().entries, 5);
        drop(ask);
        reading.await.unwrap().unwrap();
        assert_eq!(cove_sys::fs::read(to.join("link")).unwrap().len(), PIECE + 1);
    }
}
