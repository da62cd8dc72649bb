//! Ways to a client's ssh agents, and to an archive that it sends in place of a folder.

use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use cove_api::{ByteStream, Error, Result};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tonic::metadata::{MetadataMap, MetadataValue};

use super::Session;
use crate::error::of_client;
use crate::grpc::received_within;
use crate::messages::BytesMessage;

const FORWARD_AGENT: &str = "/moby.sshforward.v1.SSH/ForwardAgent";
const PULL: &str = "/moby.upload.v1.Upload/Pull";

/// Most connections to an agent at a time.
const MAX_CONNECTIONS: usize = 16;
/// Pieces that wait for being sent.
const WAITING: usize = 16;
/// Bytes of a piece.
const PIECE: usize = 32 << 10;

/// A socket of ours whose bytes go to an agent of the client. Dropping it ends all connections.
pub(crate) struct AgentSocket {
    /// Where it is.
    pub(crate) path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for AgentSocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Session {
    /// A socket in a folder, by which the client's agent of that id is reached; [`None`] where the client has no agents.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn agent(&self, id: &str, folder: PathBuf, name: &str) -> Result<Option<AgentSocket>> {
        if !self.answers(FORWARD_AGENT) {
            return Ok(None);
        }
        let path = folder.join(name);
        let at = |error: std::io::Error| Error::from(error).context(path.display());
        match cove_sys::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let open = cove_sys::fs::File::open(&folder)?;
        // A path of its own may be too long for a socket.
        let listener =
            UnixListener::bind(format!("/proc/self/fd/{}/{name}", open.file().as_raw_fd())).map_err(at)?;
        let (session, id) = (self.clone(), id.to_owned());
        let task = tokio::spawn(async move { serve(listener, session, &id).await });
        Ok(Some(AgentSocket { path, task }))
    }

    /// An archive that the client sends in place of a folder, by its path among those that it has.
    ///
    /// # Errors
    /// The client has none.
    pub(crate) async fn upload(&self, path: &str) -> Result<ByteStream> {
        let failed = |status: &tonic::Status| of_client(status, "the client's archive");
        let mut headers = MetadataMap::new();
        let value =
            MetadataValue::try_from(path).map_err(|_| Error::invalid("the archive's name is none"))?;
        headers.insert("urlpath", value);
        let (keep, nothing) = mpsc::channel::<BytesMessage>(1);
        let answers = self
            .channel
            .streaming::<BytesMessage, BytesMessage>(PULL, headers, received_within(nothing))
            .await
            .map_err(|status| failed(&status))?;
        Ok(Box::pin(answers.map(move |piece| {
            let _open = &keep;
            piece.map(|piece| piece.data).map_err(|status| failed(&status))
        })))
    }
}

async fn serve(listener: UnixListener, session: Session, id: &str) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((connection, _)) = listener.accept().await else { return };
        let (session, id) = (session.clone(), id.to_owned());
        connections.spawn(async move {
            if let Err(error) = couple(connection, &session, &id).await {
                tracing::debug!(%error, "a connection to a client's ssh agent");
            }
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn couple(connection: UnixStream, session: &Session, id: &str) -> Result<()> {
    let failed = |status: &tonic::Status| of_client(status, "the client's ssh agent");
    let mut headers = MetadataMap::new();
    let value = MetadataValue::try_from(id).map_err(|_| Error::invalid("the agent's id is none"))?;
    headers.insert("buildkit.ssh.id", value);
    let (mut input, mut output) = connection.into_split();
    let (sender, pieces) = mpsc::channel(WAITING);
    let ask = async move {
        loop {
            let mut piece = vec![0; PIECE];
            let length = input.read(&mut piece).await?;
            piece.truncate(length);
            if length == 0 || sender.send(BytesMessage { data: Bytes::from(piece) }).await.is_err() {
                return Ok::<(), Error>(());
            }
        }
    };
    let answer = async {
        let mut answers = session
            .channel
            .streaming::<BytesMessage, BytesMessage>(FORWARD_AGENT, headers, received_within(pieces))
            .await
            .map_err(|status| failed(&status))?;
        while let Some(piece) = answers.message().await.map_err(|status| failed(&status))? {
            output.write_all(&piece.data).await?;
        }
        Ok(())
    };
    tokio::try_join!(ask, answer).map(|_| ())
}
