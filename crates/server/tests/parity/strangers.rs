//! Requests that are wrong, hostile or left alone, and clients that go away.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::{Bed, wait_for};
use cove_test_support::FakeEngine;

#[tokio::test]
async fn wrong_requests_get_json_errors() {
    let bed = Bed::new().await;
    for (method, path, body, status, text) in [
        ("GET", "/nonsense", "", 404, "there is no route GET /nonsense"),
        ("GET", "/v1.44/libpod/nonsense", "", 404, "there is no route"),
        ("PUT", "/_ping", "", 405, "there is no route PUT /_ping"),
        ("GET", "/v1.44/swarm", "", 503, "there is no route"),
        ("POST", "/libpod/containers/create", "{", 400, "request body: it is not JSON: EOF"),
        ("POST", "/libpod/containers/create", "[]", 400, "request body: "),
        ("POST", "/libpod/containers/create", r#"{"image": 3}"#, 400, "request body: "),
        ("POST", "/containers/create", "not json", 400, "request body: "),
        ("POST", "/containers/create", "", 400, "Config.Image is empty"),
        (
            "POST",
            "/containers/create",
            r#"{"Image":"i","HostConfig":{"DeviceRequests":[{"Count":1}]}}"#,
            501,
            "DeviceRequests",
        ),
        ("POST", "/exec/session/start", "nonsense", 400, "request body: "),
        ("POST", "/containers/one/exec", "", 400, "Cmd is empty"),
        ("GET", "/containers/json?all=maybe", "", 400, "parameter all"),
        ("GET", "/containers/json?limit=x", "", 400, "parameter limit"),
        ("GET", "/containers/json?filters=x", "", 400, "parameter filters"),
        ("GET", "/libpod/events?since=yesterday", "", 400, "parameter since"),
        ("POST", "/containers/one/kill?signal=SIGNOPE", "", 400, "SIGNOPE"),
        ("POST", "/containers/one/resize?h=-1&w=2", "", 400, "parameter h"),
        ("POST", "/images/create", "", 400, "fromImage"),
        ("GET", "/containers/%ff/json", "", 400, ""),
        ("GET", "/containers/panic/json", "", 500, "the service failed"),
        ("GET", "/libpod/containers/json?all=garb1age", "", 400, "parameter all"),
        ("POST", "/libpod/containers/one/wait?interval=often", "", 400, "parameter interval"),
        ("GET", "/libpod/containers/one/top?stream=true", "", 501, "stream"),
        ("POST", "/libpod/images/pull?reference=a&compatMode=1", "", 501, "compatMode"),
        ("POST", "/libpod/images/pull?reference=a&policy=perhaps", "", 400, "parameter policy"),
        ("POST", "/libpod/images/pull?reference=a&retrydelay=7", "", 400, "parameter retrydelay"),
        ("GET", "/libpod/containers/one/logs", "", 400, "stdout and stderr"),
        ("POST", "/libpod/containers/one/rename", "", 400, "name"),
        ("POST", "/libpod/volumes/prune?dryrun=maybe", "", 400, "parameter dryrun"),
        ("POST", "/images/prune?filters={\"dangling\":[\"garb1age\"]}", "", 400, "dangling"),
        ("POST", "/libpod/images/prune?filters={\"all\":[\"garb1age\"]}", "", 400, "all"),
        ("POST", "/libpod/networks/prune?filters={\"dangling\":[\"false\"]}", "", 400, "dangling=false"),
        ("POST", "/volumes/prune?filters={\"anonymous\":[\"false\"]}", "", 400, "anonymous=false"),
        // Not all names, as without a tag.
        ("POST", "/libpod/images/a/untag?tag=b", "", 400, "parameter repo"),
        ("POST", "/libpod/images/a/tag?tag=b", "", 400, "parameter repo"),
        ("POST", "/images/a/tag", "", 400, "parameter repo"),
        ("POST", "/libpod/containers/one/exec", r#"{"Cmd":["a"],"PreserveFds":1}"#, 501, "PreserveFds"),
        ("POST", "/containers/one/exec", r#"{"Cmd":["a"],"PreserveFds":1}"#, 501, "PreserveFds"),
        ("POST", "/containers/one/attach?stream=0", "", 400, "stream and logs"),
        ("GET", "/libpod/events?stream=false&unknown=1", "", 200, "died"),
        ("GET", "/_ping", "", 200, "OK"),
    ] {
        let (found, answer) = bed.request(method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer.contains(text), "{method} {path}: {answer}");
        if status >= 400 {
            let value: serde_json::Value =
                serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{path}: {answer}"));
            assert!(value["message"].is_string() && value["cause"].is_string(), "{value}");
            assert_eq!(value["response"], status, "{value}");
        }
    }
}

#[tokio::test]
async fn bodies_of_every_form() {
    let bed = Bed::new().await;
    let head = "POST /libpod/containers/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\n";
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\na\r\n{{\"image\":\"\r\n3\r\ni\"}}\r\n0\r\n\r\n");
    let answer = bed.raw(chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let nulls = r#"{"image":"i","env":null,"command":null,"labels":null,"netns":{"nsmode":null}}"#;
    assert_eq!(bed.request("POST", "/libpod/containers/create", nulls).await.0, 201);
    let long = format!(r#"{{"image":"{}"}}"#, "x".repeat(9 << 20));
    let (status, answer) = bed.request("POST", "/libpod/containers/create", &long).await;
    assert_eq!(status, 400);
    assert!(answer.contains("longer than"), "{answer}");
    let deep = "[".repeat(100_000);
    assert_eq!(bed.request("POST", "/libpod/containers/create", &deep).await.0, 400);
    // Breaking off in the middle of a body, or of the head.
    for part in [format!("{head}Content-Length: 100\r\n\r\n{{\"im"), "GET /_pi".to_owned()] {
        let mut stream = bed.connect().await;
        stream.write_all(part.as_bytes()).await.unwrap();
        drop(stream);
    }
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = bed.connect().await;
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.read_to_end(&mut answer)).await;
    }
    assert_eq!(bed.request("GET", "/_ping", "").await.0, 200);
}

#[tokio::test]
async fn web_pages_are_refused() {
    let bed = Bed::new().await;
    let request = "GET /containers/json HTTP/1.1\r\nHost: d\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n";
    let answer = bed.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(bed.engine.calls(), Vec::<String>::new());
}

/// A client that dies leaves its connection without a word; nothing is being written that would fail.
#[tokio::test]
async fn clients_that_die_are_noticed() {
    let bed = Bed::with(FakeEngine::default(), Some(Duration::from_millis(300))).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    for (request, headers) in [
        ("POST /containers/idle/attach?stream=1&stdin=1&stdout=1", upgrade),
        ("POST /containers/idle/attach?stream=1&stdin=1&stdout=1", ""),
        ("POST /exec/idle/start", upgrade),
        ("GET /containers/one/logs?follow=1&stdout=1", ""),
        ("GET /libpod/containers/one/logs?follow=1&stdout=1", ""),
        ("GET /events", ""),
        ("GET /libpod/events", ""),
        ("POST /containers/idle/wait", ""),
        ("POST /libpod/containers/idle/wait", ""),
        ("POST /libpod/containers/idle/attach?stdin=false", upgrade),
    ] {
        let mut stream = bed.connect().await;
        let text = format!("{request} HTTP/1.1\r\nHost: d\r\n{headers}Content-Length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        wait_for(request, || bed.engine.live_streams() == 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Ending its input is not dying.
        stream.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(bed.engine.live_streams(), 1, "{request} {headers}");
        if headers == upgrade {
            // Also taken-over connections count as clients.
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert!(!bed.task.is_finished(), "the service ended while a client was there: {request}");
        }
        drop(stream);
        wait_for(request, || bed.engine.live_streams() == 0).await;
    }
    wait_for("the end of the service", || bed.task.is_finished()).await;
}

#[tokio::test]
async fn an_old_socket_is_replaced_and_a_live_one_is_not() {
    use cove_server::{Listen, ServeOptions, serve};
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let options = || ServeOptions {
        listen: Listen::Unix(path.clone()),
        idle_timeout: None,
        default_network: "podman".to_owned(),
        tls: None,
        allowed_origin: None,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn(serve(Arc::new(FakeEngine::default()), options(), async move {
        let _ = stopped.await;
    }));
    let path = &path;
    wait_for("the socket", || std::os::unix::net::UnixStream::connect(path).is_ok()).await;
    let error = serve(Arc::new(FakeEngine::default()), options(), std::future::ready(())).await.unwrap_err();
    assert!(error.message.contains("another service listens"), "{error}");
    let _ = stop.send(());
    first.await.unwrap().unwrap();
    assert!(!path.exists(), "the socket is left");
    tokio::fs::write(path, "precious").await.unwrap();
    let error = serve(Arc::new(FakeEngine::default()), options(), std::future::ready(())).await.unwrap_err();
    assert!(error.message.contains("is no socket"), "{error}");
}

#[tokio::test]
async fn what_podmans_clients_send() {
    let bed = Bed::new().await;
    let body = r#"{"image":"i","command":["true"],"netns":{},"Networks":null,"idmappings":{"HostUIDMapping":true,
        "HostGIDMapping":true,"UIDMap":null,"GIDMap":null,"AutoUserNs":false,"AutoUserNsOpts":{"Size":0}}}"#;
    assert_eq!(bed.request("POST", "/v4.3.1/libpod/containers/create", body).await.0, 201);
    let mapped =
        body.replace("\"UIDMap\":null", "\"UIDMap\":[{\"container_id\":0,\"host_id\":1,\"size\":1}]");
    assert_eq!(bed.request("POST", "/v4.3.1/libpod/containers/create", &mapped).await.0, 201);
    assert_eq!(bed.request("GET", "/v4.3.1/libpod/containers/json?last=-1&filters=%7B%7D", "").await.0, 200);
    assert!(bed.engine.calls().iter().any(|call| call.contains("last: None")));
    let (_, inspect) = bed.json("GET", "/v4.3.1/libpod/containers/one/json", "").await;
    assert_eq!(
        (&inspect["Config"]["Entrypoint"], &inspect["Config"]["StopSignal"]),
        (&"".into(), &15.into())
    );
    let (_, events) = bed.request("GET", "/v4.3.1/libpod/events?stream=false", "").await;
    assert!(events.contains("\"containerExitCode\":\"3\""), "{events}");
    assert_eq!(bed.request("GET", "/v4.3.1/libpod/containers/one/top?ps_args=pid,args", "").await.0, 200);
    assert!(bed.engine.calls().contains(&r#"top one ["pid", "args"]"#.to_owned()));
}
