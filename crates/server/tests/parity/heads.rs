//! Heads of requests as clients write them, and connections that never say anything.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::Bed;

#[tokio::test]
async fn heads_are_put_right_or_refused_with_a_reason() {
    let bed = Bed::new().await;
    for (head, status, named) in [
        ("GET /containers/json?filters={\"name\":[\"x\"]} HTTP/1.1\r\nHost: d\r\n", 200, ""),
        ("GET /containers/json?x=<>|\\^` HTTP/1.1\r\nHost: d\r\n", 200, ""),
        ("GET /_ping HTTP/1.0\r\n", 200, "OK"),
        ("GET /_ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400, "Host"),
        ("GET /a b HTTP/1.1\r\nHost: d\r\n", 400, "request line"),
        ("nonsense\r\n", 400, "request line"),
        (
            "POST /libpod/volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            400,
            "differ",
        ),
        ("POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400, "both"),
        ("POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n", 501, "chunked"),
    ] {
        let answer = bed.raw(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.split(' ').nth(1) == Some(&status.to_string()), "{head:?}: {answer}");
        assert!(answer.contains(named), "{head:?}: {answer}");
        if status >= 400 {
            assert!(answer.contains("\"message\""), "{head:?}: {answer}");
        }
    }
    let long = format!("GET /_ping HTTP/1.1\r\nHost: d\r\nX-Long: {}\r\n\r\n", "x".repeat(300 << 10));
    let answer = bed.raw(long.as_bytes()).await;
    // The rest of what was sent is not read, which may take the answer with it.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let bed = Bed::new().await;
    let mut stream = bed.connect().await;
    let body = r#"{"Name": "v"}"#;
    let requests = format!(
        "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nPOST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n{body}\
         POST /volumes/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n\
         GET /volumes?filters={{\"name\":[\"v\"]}} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
        body.len(),
        body.len(),
    );
    for piece in requests.as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "201", "201", "200"], "{answer}");
}

/// Java's clients offer HTTP/2 in every request.
#[tokio::test]
async fn an_upgrade_that_nobody_takes_changes_nothing() {
    let bed = Bed::new().await;
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n";
    let answer = bed
        .raw(
            format!(
                "GET /_ping HTTP/1.1\r\nHost: d\r\n{offer}\r\n\
                 GET /volumes?filters={{\"name\":[\"v\"]}} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        )
        .await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "200"], "{answer}");
}

/// What follows a request for the connection is not looked at, so that after a refusal nothing may follow.
#[tokio::test]
async fn a_refused_takeover_ends_the_connection() {
    let bed = Bed::new().await;
    let tcp = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    for headers in [tcp, "", &format!("Upgrade: h2c\r\n{tcp}")] {
        let answer = bed
            .raw(
                format!("POST /containers/broken/attach?stdout=1 HTTP/1.1\r\nHost: d\r\n{headers}\r\n")
                    .as_bytes(),
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_clients_do_not_stop_the_service() {
    let bed = Bed::new().await;
    let mut idle = Vec::new();
    for _ in 0..1500 {
        idle.push(bed.connect().await);
    }
    let ping = tokio::time::timeout(Duration::from_secs(1), bed.request("GET", "/_ping", "")).await;
    assert_eq!(ping.expect("an answer within a second").0, 200);
}
