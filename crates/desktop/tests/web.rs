//! Who is let in by the web server, and who is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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

/// Sends heads and answers what comes back.
async fn ask(address: SocketAddr, heads: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{heads}\r\n\r\n").replace('\n', "\r\n").replace("\r\r", "\r").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let mut piece = vec![0; 4096];
    let whole = async {
        while !is_whole(&String::from_utf8_lossy(&answer)) {
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                length => answer.extend_from_slice(&piece[..length]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether all of an answer is there: its body, or of a WebSocket what a screen gets first.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    if head.starts_with("HTTP/1.1 101") {
        return body.contains("\"events\"");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn only_the_own_page_with_its_token_is_served() {
    let folder = tempfile::tempdir().unwrap();
    cove_sys::fs::create_dir(folder.path().join("assets")).unwrap();
    cove_sys::fs::write(folder.path().join("index.html"), "<title>page</title>").unwrap();
    let desktop = Arc::new(Desktop::start(DesktopOptions { source: Arc::new(Nobody), machines: None }));
    let options = WebOptions { listen: "127.0.0.1:0".parse().unwrap(), assets: folder.path().to_owned() };
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(serve(
        Arc::clone(&desktop),
        options,
        move |url| sender.send(url.to_owned()).unwrap(),
        std::future::pending(),
    ));
    let url = receiver.recv().await.unwrap();
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
    // The address has let a page in; another one must be used for another page.
    let next = receiver.recv().await.unwrap();
    assert_ne!(next, url);
    let again = ask(address, &rpc(&own, token)).await;
    assert!(again.starts_with("HTTP/1.1 403"), "{again}");
    // The page itself may come again with what it was told.
    let told = good.split("\"token\":\"").nth(1).map(|rest| rest[..32].to_owned());
    let told = match told {
        Some(told) => told,
        None => panic!("no token in {good:?}"),
    };
    let back = ask(address, &rpc(&own, &told)).await;
    assert!(back.starts_with("HTTP/1.1 101"), "{back}");
    let token = next.split_once("#token=").unwrap().1;
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
