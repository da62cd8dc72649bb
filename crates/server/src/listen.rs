//! Listening: the socket, its mode, and when the service ends by itself.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cove_api::{Engine, Error, ErrorKind, Result};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::connection::Served;
use crate::hangup::keep_alive;
use crate::router::Guard;
use crate::slots::Slots;
use crate::tls::Tls;

/// Where to listen.
#[derive(Debug)]
pub enum Listen {
    /// A unix socket, made with mode 0600. A stale one is replaced, a live one refused.
    Unix(PathBuf),
    /// `HOST:PORT`. Whoever reaches it is the engine's user; the caller must have warned.
    Tcp(String),
    /// A listening unix socket that was handed over (systemd's socket activation).
    Inherited(std::os::unix::net::UnixListener),
}

/// How to serve.
#[derive(Debug)]
pub struct ServeOptions {
    /// Where to listen.
    pub listen: Listen,
    /// End after so long without a connection; `None` never ends.
    pub idle_timeout: Option<Duration>,
    /// The engine's default network, which Docker's clients call `bridge`.
    pub default_network: String,
    /// Talk TLS only.
    pub tls: Option<Tls>,
    /// The origin whose web pages may send requests, or `*` for any; requests of others are refused.
    pub allowed_origin: Option<String>,
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Serves `engine` until `shutdown` is done or the idle time is over. Connections that are open then are cut off;
/// containers do not notice.
///
/// # Errors
/// The socket cannot be made, or another service listens on it.
pub async fn serve(
    engine: Arc<dyn Engine>,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let tls = options.tls.as_ref().map(Tls::acceptor).transpose()?;
    // A page whose name was rebound to this address has no certificate of that name.
    let check_host = matches!(options.listen, Listen::Tcp(_)) && tls.is_none();
    let guard = Guard::new(check_host, options.allowed_origin.as_deref())?;
    let (listener, path) = bind(options.listen).await?;
    let router = crate::router(engine, &options.default_network, guard);
    let served = Served { router, slots: Slots::of_this_process(), tls };
    let result = accept_all(&listener, &served, options.idle_timeout, shutdown).await;
    if let Some(path) = path {
        let _ = cove_sys::fs::remove_file(&path);
    }
    result
}

/// How many may wait to be accepted, as Rust's own listeners have it.
const BACKLOG: i32 = 128;

async fn bind(listen: Listen) -> Result<(Listener, Option<PathBuf>)> {
    match listen {
        Listen::Unix(path) => Ok((Listener::Unix(bind_unix(&path).await?), Some(path))),
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(&address).await;
            Ok((
                Listener::Tcp(
                    listener.map_err(|error| Error::from(error).context(format!("listen on {address}")))?,
                ),
                None,
            ))
        }
        Listen::Inherited(listener) => {
            listener.set_nonblocking(true)?;
            Ok((Listener::Unix(UnixListener::from_std(listener)?), None))
        }
    }
}

async fn bind_unix(path: &Path) -> Result<UnixListener> {
    let named = |error: std::io::Error| Error::from(error).context(format!("listen on {}", path.display()));
    if let Ok(metadata) = cove_sys::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("{} exists and is no socket", path.display()),
            ));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("another service listens on {}", path.display()),
            ));
        }
        cove_sys::fs::remove_file(path).map_err(named)?;
    }
    if let Some(folder) = path.parent() {
        cove_sys::fs::create_dir_all(folder).map_err(named)?;
    }
    listen_privately(path).map_err(named)
}

/// Listens where only the owner may connect, from the first moment on: a socket's file gets the mode that the socket has
/// (unix(7) is silent on it; `unix_bind_bsd` in the kernel). A mask would be that of the whole process, in which others
/// make files and folders meanwhile.
fn listen_privately(path: &Path) -> std::io::Result<UnixListener> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))
}

async fn accept_all(
    listener: &Listener,
    served: &Served,
    idle_timeout: Option<Duration>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let mut count = served.slots.watch();
    tokio::pin!(shutdown);
    loop {
        let idle = async {
            let Some(limit) = idle_timeout else { return std::future::pending().await };
            loop {
                if count.wait_for(|count| *count == 0).await.is_err() {
                    return;
                }
                let busy = tokio::time::timeout(limit, count.wait_for(|count| *count > 0)).await;
                if busy.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = idle => return Ok(()),
            result = accept(listener, served) => {
                if let Err(error) = result {
                    // Out of descriptors, or a client that left at once: go on after a breath.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn accept(listener: &Listener, served: &Served) -> std::io::Result<()> {
    served.slots.room().await;
    match listener {
        Listener::Unix(listener) => served.serve(listener.accept().await?.0, true),
        Listener::Tcp(listener) => {
            let stream = listener.accept().await?.0;
            keep_alive(&stream)?;
            served.serve(stream, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_connect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = bind_unix(&path).await.unwrap();
        let mode = cove_sys::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        UnixStream::connect(&path).await.unwrap();
        assert!(bind_unix(&path).await.unwrap_err().message.contains("another service"));
    }
}
