//! Noticing that a client has gone while nothing is written to it.
//!
//! The end of a client's input says little: attached clients close that half and go on reading. Only the hang-up of
//! both halves tells, and the kernel reports it as an event of its own. It is watched through a second descriptor of
//! the socket, so that the readiness the connection itself waits for is left alone.
//!
//! Over TCP a closed half and a client that died look the same until something is written; keep-alive probes then
//! find out, see [`keep_alive`].

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Pause before the first probe of a silent TCP connection, and between probes.
const PROBE_PAUSE: Duration = Duration::from_secs(10);
/// Unanswered probes after which the connection is dead.
const PROBES: u32 = 3;

/// A look at a connection's socket.
#[derive(Debug, Clone)]
pub(crate) struct HangUp(Arc<AsyncFd<OwnedFd>>);

impl HangUp {
    /// Watches `socket`.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn of(socket: &impl AsFd) -> std::io::Result<Self> {
        let descriptor = socket.as_fd().try_clone_to_owned()?;
        // SAFETY: an OwnedFd names the same open descriptor for as long as it lives, and nothing takes it out of the
        // AsyncFd.
        let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::WRITABLE)? };
        Ok(Self(Arc::new(watched)))
    }

    /// Done when the other side has closed both halves, or the connection broke.
    pub(crate) async fn wait(&self) {
        while let Ok(mut guard) = self.0.ready(Interest::WRITABLE).await {
            if guard.ready().is_write_closed() {
                return;
            }
            // Room to write is no news; the next event wakes us again.
            guard.clear_ready();
        }
        std::future::pending().await
    }
}

/// Lets the kernel probe a silent TCP connection.
pub(crate) fn keep_alive(socket: &impl AsFd) -> std::io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, PROBE_PAUSE)?;
    sockopt::set_tcp_keepintvl(socket, PROBE_PAUSE)?;
    sockopt::set_tcp_keepcnt(socket, PROBES)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_closed_half_is_no_hang_up() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let hang_up = HangUp::of(&ours).unwrap();
        theirs.shutdown().await.unwrap();
        let moment = Duration::from_millis(50);
        assert!(timeout(moment, hang_up.wait()).await.is_err());
        drop(theirs);
        assert!(timeout(Duration::from_secs(5), hang_up.wait()).await.is_ok());
        assert!(timeout(Duration::from_secs(5), hang_up.wait()).await.is_ok(), "it stays known");
    }
}
