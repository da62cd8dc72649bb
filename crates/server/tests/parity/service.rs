//! A service in the test's own process.

use std::sync::Arc;
use std::time::Duration;

use cove_client::{Address, Client};
use cove_server::{Listen, ServeOptions, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use cove_test_support::FakeEngine;

/// A served [`FakeEngine`], and a client of it.
pub(crate) struct Bed {
    pub(crate) engine: FakeEngine,
    pub(crate) client: Client,
    pub(crate) task: tokio::task::JoinHandle<cove_api::Result<()>>,
    folder: tempfile::TempDir,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(FakeEngine::default(), None).await
    }

    pub(crate) async fn with(engine: FakeEngine, idle_timeout: Option<Duration>) -> Self {
        Self::serving(engine, idle_timeout, None).await
    }

    /// One that takes requests of that origin's pages.
    pub(crate) async fn allowing(origin: Option<&str>) -> Self {
        Self::serving(FakeEngine::default(), None, origin.map(str::to_owned)).await
    }

    async fn serving(
        engine: FakeEngine,
        idle_timeout: Option<Duration>,
        allowed_origin: Option<String>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let options = ServeOptions {
            listen: Listen::Unix(path.clone()),
            idle_timeout,
            default_network: "podman".to_owned(),
            tls: None,
            allowed_origin,
        };
        let task = tokio::spawn(serve(Arc::new(engine.clone()), options, std::future::pending()));
        // The file is there a moment before anybody listens.
        while UnixStream::connect(&path).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { engine, client: Client::new(Address::Unix(path)), task, folder }
    }

    pub(crate) async fn connect(&self) -> UnixStream {
        let path = self.folder.path().join("s");
        for _ in 0..5000 {
            match UnixStream::connect(&path).await {
                Ok(stream) => return stream,
                // It is bound and does not listen yet, or has more to accept than its queue holds.
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        UnixStream::connect(path).await.unwrap()
    }

    /// Sends bytes and gives the answer up to its end.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A service that refuses early does not read all of it.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer that ends");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request without headers of its own: status and body.
    pub(crate) async fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.raw(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            unchunk(body)
        } else {
            body.to_owned()
        };
        (status, body)
    }

    /// A request with a JSON answer.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        let (status, text) = self.request(method, path, body).await;
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        (status, value)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn unchunk(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        text = &rest[size + 2..];
    }
    whole
}

/// Waits until `found` is true.
pub(crate) async fn wait_for(what: &str, found: impl Fn() -> bool) {
    for _ in 0..500 {
        if found() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come to pass in 5 s");
}
