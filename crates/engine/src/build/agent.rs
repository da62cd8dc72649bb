//! The way from a command of a build to an ssh agent of this machine.

use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{Error, Result};
use cove_build::FileMount;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::context::Unpacked;

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 32;
/// The name of the socket in its folder.
const NAME: &str = "agent";

/// A socket of the command's own, whose bytes go to the agent; the agent's socket need not be the command's user's.
/// Dropping it ends all connections.
pub(super) struct AgentWay {
    folder: Unpacked,
    task: JoinHandle<()>,
}

impl AgentWay {
    /// Makes one with the owner and the bits that the mount asks for.
    pub(super) fn new(folder: Unpacked, agent: &Path, file: &FileMount) -> Result<Self> {
        let at = |errno: rustix::io::Errno| {
            Error::from(std::io::Error::from(errno)).context("the way to an ssh agent")
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(&folder.folder, flags, Mode::empty()).map_err(at)?;
        // A path of its own is too long for a socket.
        let path = format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd());
        let tokio = tokio::runtime::Handle::current();
        let listener = {
            let _entered = tokio.enter();
            UnixListener::bind(path)?
        };
        let (uid, gid) = (Uid::from_raw(file.uid), Gid::from_raw(file.gid));
        rustix::fs::chownat(&open, NAME, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(at)?;
        rustix::fs::chmodat(&open, NAME, Mode::from_raw_mode(file.mode), AtFlags::empty()).map_err(at)?;
        let task = tokio.spawn(serve(listener, agent.to_owned()));
        Ok(Self { folder, task })
    }

    /// Where the socket is.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.folder.join(NAME)
    }
}

impl Drop for AgentWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, agent: PathBuf) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&free).acquire_owned().await {
        let Ok((mut command, _)) = listener.accept().await else { return };
        let agent = agent.clone();
        connections.spawn(async move {
            let _place = place;
            match UnixStream::connect(&agent).await {
                Ok(mut agent) => drop(tokio::io::copy_bidirectional(&mut command, &mut agent).await),
                Err(error) => tracing::warn!("the ssh agent at {}: {error}", agent.display()),
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
