//! Who is let in by the web server, and who is not.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{Engine, Error, ErrorKind, Result};
use cove_desktop::web::{WebOptions, serve};
use cove_desktop::{Desktop, DesktopOptions, EngineSource, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Nobody;

#[async_trait]
impl EngineSource for Nobody {
    async fn open(&self, _: &Target) -> Result<Arc<dyn Engine>> {
        Err(Error::new(ErrorKind::Unavailable, "nobody"))
    }
    fn fixed(&self) -> Vec<(Target, String)> {
        vec![(Target::Native, "here".to_owned())]
    }
}

/// Sends heads and answers the first bytes that come back.
async fn ask(address: SocketAddr, heads: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{heads}\r\n\r\n").replace('\n', "\r\n").replace("\r\r", "\r").as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn only_the_own_page_with_its_token_is_served() {
    let folder = tempfile::tempdir().unwrap();
    cove_sys::fs::create_dir(folder.path().join("assets")).unwrap();
    cove_sys::fs::write(folder.path().join("index.html"), "<title>page</title>").unwrap();
    let desktop = Arc::new(Desktop::start(DesktopOptions { source: Arc::new(Nobody), machines: None }));
    let options = WebOptions { listen: "127.0.0.1:0".parse().unwrap(), assets: folder.path().to_owned() };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(serve(
        Arc::clone(&desktop),
        options,
        |url| sender.send(url.to_owned()).unwrap(),
        std::future::pending(),
    ));
    let url = receiver.await.unwrap();
    let (host, token) = url.strip_prefix("http://").unwrap().split_once("/#token=").unwrap();
    let address: SocketAddr = host.parse().unwrap();

    let page = ask(address, &format!("GET / HTTP/1.1\nHost: {host}")).await;
    assert!(
        page.starts_with("HTTP/1.1 200")
            && page.contains("<title>page")
            && page.contains("default-src 'none'")
    );
    assert!(!page.contains(token));
    let missing = ask(address, &format!("GET /../../etc/passwd HTTP/1.1\nHost: {host}")).await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    for other in ["evil.example", "127.0.0.1:1"] {
        let refused = ask(address, &format!("GET / HTTP/1.1\nHost: {other}")).await;
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    }

    let upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    let rpc = |origin: &str, token: &str| {
        format!(
            "GET /rpc HTTP/1.1\nHost: {host}\nOrigin: {origin}\nSec-WebSocket-Protocol: cove, token.{token}\n{upgrade}"
        )
    };
    let own = format!("http://{host}");
    let good = ask(address, &rpc(&own, token)).await;
    assert!(good.starts_with("HTTP/1.1 101"), "{good}");
    for (origin, token) in
        [(own.as_str(), "0"), (own.as_str(), ""), ("http://evil.example", token), ("null", token)]
    {
        let refused = ask(address, &rpc(origin, token)).await;
        assert!(refused.starts_with("HTTP/1.1 403"), "{origin} {token}: {refused}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_alone() {
    let desktop = Arc::new(Desktop::start(DesktopOptions { source: Arc::new(Nobody), machines: None }));
    let options = WebOptions { listen: "0.0.0.0:0".parse().unwrap(), assets: "/nowhere".into() };
    let error = serve(desktop, options, |_| (), std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
}
