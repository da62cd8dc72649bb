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

/// Pause between two looks at what the other side has not read yet.
const LOOK: Duration = Duration::from_millis(1);

impl HangUp {
    /// Whether both ends are on this machine.
    pub(crate) fn is_local(&self) -> bool {
        use rustix::net::{AddressFamily, sockopt};
        sockopt::socket_domain(self.0.get_ref()) == Ok(AddressFamily::UNIX)
    }

    /// Done when the other side of a local socket has read all that was written to it. Of others the kernel knows only
    /// what has arrived.
    pub(crate) async fn has_read(&self) {
        while self.is_local() && unread(self.0.get_ref()).is_ok_and(|bytes| bytes > 0) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How much of what was written to a unix socket waits for the other side (unix(7), `SIOCOUTQ`, which has the number of
/// tty_ioctl(4)'s `TIOCOUTQ`), with what the kernel takes for itself.
fn unread(socket: &OwnedFd) -> rustix::io::Result<std::ffi::c_int> {
    const SIOCOUTQ: rustix::ioctl::Opcode = libc::TIOCOUTQ as rustix::ioctl::Opcode;
    // SAFETY: this request writes one int, which is what the getter gives it room for.
    unsafe {
        let getter = rustix::ioctl::Getter::<SIOCOUTQ, std::ffi::c_int>::new();
        rustix::ioctl::ioctl(socket, getter)
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

    #[tokio::test]
    async fn what_is_read_is_known() {
        use tokio::io::AsyncReadExt as _;

        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let socket = HangUp::of(&ours).unwrap();
        let moment = Duration::from_millis(50);
        assert!(timeout(moment, socket.has_read()).await.is_ok(), "nothing was written");
        ours.write_all(b"head").await.unwrap();
        assert!(timeout(moment, socket.has_read()).await.is_err());
        theirs.read_exact(&mut [0; 4]).await.unwrap();
        assert!(timeout(Duration::from_secs(5), socket.has_read()).await.is_ok());
        ours.write_all(b"more").await.unwrap();
        drop(theirs);
        assert!(timeout(Duration::from_secs(5), socket.has_read()).await.is_ok(), "nobody will");
    }
}
