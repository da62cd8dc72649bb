//! Listening: the socket, its mode, and when the service ends by itself.

use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use cove_api::{Engine, Error, ErrorKind, Result};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tower::{Layer as _, util::MapRequestLayer};

use crate::hangup::{HangUp, keep_alive};
use crate::hijack;

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
    let (listener, path) = bind(options.listen).await?;
    let over_network = matches!(listener, Listener::Tcp(_));
    let router = crate::router(engine, over_network);
    let result = accept_all(&listener, &router, options.idle_timeout, shutdown).await;
    if let Some(path) = path {
        let _ = cove_sys::fs::remove_file(&path);
    }
    result
}

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
    // Nobody else may connect even in the moment between bind and chmod, so the mask does it.
    let previous = rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(previous);
    listener.map_err(named)
}

async fn accept_all(
    listener: &Listener,
    router: &Router,
    idle_timeout: Option<Duration>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let open = watch::Sender::new(0_usize);
    let mut count = open.subscribe();
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
            result = accept(listener, router, &open) => {
                if let Err(error) = result {
                    // Out of descriptors, or a client that left at once: go on after a breath.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn accept(listener: &Listener, router: &Router, open: &watch::Sender<usize>) -> std::io::Result<()> {
    match listener {
        Listener::Unix(listener) => serve_connection(listener.accept().await?.0, router, open, true),
        Listener::Tcp(listener) => {
            let stream = listener.accept().await?.0;
            keep_alive(&stream)?;
            serve_connection(stream, router, open, false)
        }
    }
}

/// Counts a connection for as long as it lives, also after it was taken over.
struct Counted<T> {
    stream: T,
    open: watch::Sender<usize>,
    /// No byte has come in yet.
    fresh: bool,
    /// The first request became an upgrade, see [`hijack`]; its answer must not look like one.
    disguised: bool,
    /// What the disguised answer begins with.
    pending: Vec<u8>,
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.open.send_modify(|count| *count -= 1);
    }
}

/// `half_close`: a client that is done writing still wants its answer. Over TCP that would hide clients that are gone.
fn serve_connection<T>(
    stream: T,
    router: &Router,
    open: &watch::Sender<usize>,
    half_close: bool,
) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static,
{
    let hang_up = HangUp::of(&stream)?;
    open.send_modify(|count| *count += 1);
    let stream = Counted { stream, open: open.clone(), fresh: true, disguised: false, pending: Vec::new() };
    let watched = hang_up.clone();
    let router = MapRequestLayer::new(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(watched.clone());
        request
    })
    .layer(router.clone());
    let service = TowerToHyperService::new(router);
    tokio::spawn(async move {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(None);
        let connection = builder.half_close(half_close).serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            // Ends at an upgrade too; the stream then looks for the hang-up itself.
            result = connection.with_upgrades() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection");
                }
            }
            () = hang_up.wait() => tracing::debug!("a client hung up"),
        }
    });
    Ok(())
}

impl<T: AsyncWrite + Unpin> Counted<T> {
    fn poll_pending(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        while !self.pending.is_empty() {
            let written =
                std::task::ready!(std::pin::Pin::new(&mut self.stream).poll_write(context, &self.pending))?;
            self.pending.drain(..written);
        }
        std::task::Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = std::pin::Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.fresh && polled.is_ready() {
            self.fresh = false;
            let first = &buffer.filled()[before..];
            if let Some(changed) = hijack::with_upgrade(first)
                && before + changed.len() <= buffer.capacity()
            {
                self.disguised = true;
                buffer.set_filled(before);
                buffer.put_slice(&changed);
            }
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        if self.disguised {
            // The head is short and comes as one piece into an empty socket buffer.
            self.disguised = false;
            if let Some(changed) = hijack::without_upgrade(buffer) {
                self.pending = changed;
                // Accepted whole here; what of it is still pending goes out before anything else.
                return match self.poll_pending(context) {
                    std::task::Poll::Ready(Err(error)) => std::task::Poll::Ready(Err(error)),
                    _ => std::task::Poll::Ready(Ok(buffer.len())),
                };
            }
        }
        std::task::ready!(self.poll_pending(context))?;
        std::pin::Pin::new(&mut self.stream).poll_write(context, buffer)
    }
    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::ready!(self.poll_pending(context))?;
        std::pin::Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::ready!(self.poll_pending(context))?;
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
