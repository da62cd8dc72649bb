//! The connections of browsers, and of whoever else on this computer finds the port: they have no token yet, so they are
//! few and short. What becomes a WebSocket has shown its token and leaves its place to others.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cove_api::Result;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Pause after the system could not give us another connection.
const PAUSE: Duration = Duration::from_secs(1);

/// What is granted to who has shown no token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at once; further ones wait until one of these goes.
    pub(super) connections: usize,
    /// Until the head of a request is whole; an idle connection goes then too.
    pub(super) head: Duration,
    /// Of a whole connection, with all its answers: who does not read keeps no place for ever.
    pub(super) life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 128, head: Duration::from_secs(10), life: Duration::from_secs(60) }
    }
}

/// Serves all that comes until `shutdown` is done.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    exchange(stream, router, limits).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("no further connection can be taken: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Requests and answers, up to the end of the connection or until it becomes a WebSocket.
async fn exchange(stream: TcpStream, router: Router, limits: Limits) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(limits.life, connection.with_upgrades()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a browser's connection: {error}"),
        Err(_) => tracing::debug!("a browser's connection has had its time"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A server, of more than sockets hold too, and its address.
    async fn served(limits: Limits) -> std::net::SocketAddr {
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/large", get(|| async { vec![0_u8; 16 << 20] }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, limits, std::future::pending()));
        address
    }

    /// All that comes before the other side closes.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        // A reset is an end too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
    const MOMENT: Duration = Duration::from_millis(500);
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn who_sends_no_whole_head_is_let_go() {
        let address = served(Limits { connections: 3, head: MOMENT, life: LONG }).await;
        let after = async |begun: &[u8]| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun).await.unwrap();
            answer(&mut stream).await
        };
        let (silent, half, idle) = tokio::join!(
            after(b""),
            after(b"GET / HTTP/1.1\r\nHost: he"),
            // It stays open after its answer.
            after(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
        );
        assert!(!silent.contains("here") && !half.contains("here"), "{silent} {half}");
        assert!(idle.ends_with("here"), "{idle}");
    }

    #[tokio::test]
    async fn who_does_not_read_is_let_go() {
        let let_in = async {
            let address =
                served(Limits { connections: 1, head: LONG, life: Duration::from_millis(100) }).await;
            let mut silent = TcpStream::connect(address).await.unwrap();
            silent.write_all(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
            // There is one place, and it gets free. A busy computer may take longer than a life for an answer.
            loop {
                let mut next = TcpStream::connect(address).await.unwrap();
                let _ = next.write_all(WHOLE).await;
                if answer(&mut next).await.ends_with("here") {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), let_in).await.unwrap();
    }

    #[tokio::test]
    async fn further_ones_wait_for_a_place() {
        let address = served(Limits { connections: 1, head: LONG, life: LONG }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(WHOLE).await.unwrap();
        let waiting = tokio::spawn(async move { answer(&mut second).await });
        let mut holder = first;
        holder.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        holder.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        assert!(!waiting.is_finished());
        drop(holder);
        assert!(waiting.await.unwrap().ends_with("here"));
    }
}
