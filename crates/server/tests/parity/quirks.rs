//! What single clients of Docker's API send and rely on.

use std::time::Duration;

use cove_api::ErrorKind;
use cove_test_support::FakeEngine;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::Bed;

/// dockerode sends its options twice, and some that are its own.
#[tokio::test]
async fn what_is_said_twice_must_agree() {
    let bed = Bed::new().await;
    let create = "/v1.44/containers/create";
    for (query, body, status) in [
        (
            "?name=n&platform=linux%2Famd64",
            json!({"name": "n", "platform": "linux/amd64", "Image": "i"}),
            201,
        ),
        ("?name=n&Image=i", json!({"name": "n", "Image": "i"}), 201),
        ("?name=n", json!({"name": "other", "Image": "i"}), 400),
        ("", json!({"name": "n", "Image": "i"}), 400),
        ("?name=n", json!({"name": "n", "platform": "linux", "Image": "i"}), 400),
    ] {
        let (found, answer) = bed.request("POST", &format!("{create}{query}"), &body.to_string()).await;
        assert_eq!(found, status, "{query} {body}: {answer}");
        assert!(status == 201 || answer.contains("parameter of the query"), "{answer}");
    }
    let body =
        json!({"container": "one", "repo": "r", "tag": "t", "comment": "c", "author": "a", "pause": true, "changes": "CMD x"})
            .to_string();
    let (status, answer) = bed.request("POST", "/v1.44/commit?container=one&repo=r&tag=t", &body).await;
    assert_eq!(status, 201, "{answer}");
    let body = json!({"hijack": true, "stdin": true, "Tty": false, "Detach": true}).to_string();
    assert_eq!(bed.request("POST", "/v1.44/exec/session/start", &body).await.0, 200);
}

/// podman-py names its networks as libpod had them before version 4, and connects in Docker's words; what the engine makes of it is its own test.
#[tokio::test]
async fn networks_by_their_names_alone() {
    let bed = Bed::new().await;
    let body = json!({"image": "i", "cni_networks": ["a", "b"]}).to_string();
    assert_eq!(bed.request("POST", "/libpod/containers/create", &body).await.0, 201);
    assert!(bed.engine.calls().iter().any(|call| call.contains(r#""cni_networks":["a","b"]"#)));
    let body = json!({"Container": "one", "EndpointConfig": {
        "Aliases": ["x"], "NetworkID": "n", "IPAddress": "10.9.0.7", "IPAMConfig": {"IPv4Address": "10.9.0.7"},
    }});
    assert_eq!(bed.request("POST", "/libpod/networks/n/connect", &body.to_string()).await.0, 200);
    let calls = bed.engine.calls();
    let said = r#"static_ips: ["10.9.0.7"], aliases: ["x"]"#;
    assert!(
        calls.iter().any(|call| call.starts_with("network connect n one") && call.contains(said)),
        "{calls:?}"
    );
}

/// dockerode looks for an error of a pull in the status alone, and Docker sends it there.
#[tokio::test]
async fn a_pull_that_finds_nothing_says_so_in_its_status() {
    let bed = Bed::new().await;
    let (status, error) = bed.json("POST", "/v1.44/images/create?fromImage=absent&tag=1", "").await;
    assert_eq!((status, error["message"].as_str()), (404, Some("absent:1: there is none")));
    // Once layers travel it is too late.
    let (status, body) = bed.request("POST", "/v1.44/images/create?fromImage=half", "").await;
    let last: Value = serde_json::from_str(body.lines().last().unwrap()).unwrap();
    assert_eq!((status, &last["error"]), (200, &json!("denied")));
}

/// Reapers look for what has all labels of their session.
#[tokio::test]
async fn labels_of_events_are_all_required() {
    let bed = Bed::new().await;
    for (labels, wanted) in [
        (json!(["name"]), true),
        (json!(["name=one"]), true),
        (json!(["name=one", "containerExitCode=3"]), true),
        (json!(["name=one", "containerExitCode=4"]), false),
        (json!(["name=one", "absent"]), false),
    ] {
        let path = format!("/events?stream=0&filters={{\"label\":{labels}}}");
        let (status, body) = bed.request("GET", &path, "").await;
        assert_eq!((status, body.contains("\"die\"")), (200, wanted), "{labels}: {body}");
    }
}

/// What is handed to ps(1) with Docker.
#[tokio::test]
async fn known_forms_of_ps_are_columns() {
    let bed = Bed::new().await;
    for (words, columns) in [
        ("", r#""user", "pid", "ppid", "pcpu", "stime", "tty", "time", "args""#),
        ("-ef", r#""user", "pid", "ppid", "pcpu", "stime", "tty", "time", "args""#),
        ("aux", r#""user", "pid", "pcpu", "vsz", "rss", "tty", "state", "stime", "time", "args""#),
        ("-eo%20pid,comm", r#""pid", "comm""#),
        ("-o%20pid,comm", r#""pid", "comm""#),
        ("pid", r#""pid""#),
    ] {
        let path = format!("/v1.44/containers/one/top?ps_args={words}");
        assert_eq!(bed.request("GET", &path, "").await.0, 200);
        let calls = bed.engine.calls();
        assert!(calls.iter().any(|call| call.contains(&format!("[{columns}]"))), "{words}: {calls:?}");
    }
}

#[tokio::test]
async fn a_network_in_use_is_forbidden_to_be_removed() {
    let bed = Bed::with(FakeEngine::default().failing_with(ErrorKind::InUse), None).await;
    let (status, error) = bed.json("DELETE", "/v1.44/networks/broken", "").await;
    assert_eq!((status, &error["response"]), (403, &json!(403)), "{error}");
    assert_eq!(bed.request("DELETE", "/libpod/networks/broken", "").await.0, 409);
}

/// docker-py reads the head through a buffer, and loses what it finds there beyond it, whatever name a program gave it.
#[tokio::test]
async fn a_stream_waits_until_its_head_is_read() {
    let bed = Bed::new().await;
    for path in ["/v1.44/exec/session/start", "/v1.44/containers/one/attach?stream=1&stdin=1&stdout=1"] {
        let mut stream = bed.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: d\r\nUser-Agent: tests\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
             Content-Length: 2\r\n\r\n{{}}hello"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut buffer = vec![0; 64 << 10];
        tokio::time::sleep(Duration::from_millis(300)).await;
        let count = stream.read(&mut buffer).await.unwrap();
        let head = String::from_utf8_lossy(&buffer[..count]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101") && head.ends_with("\r\n\r\n"), "{path}: {head}");
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer));
        let count = read.await.expect("the stream goes on").unwrap();
        assert!(buffer[..count].windows(5).any(|piece| piece == b"HELLO"), "{path}: {:?}", &buffer[..count]);
    }
}
