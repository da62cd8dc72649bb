//! TLS, and pages of an allowed origin.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{AttachOptions, Engine, ErrorKind};
use cove_client::{Client, SecureTcp, TlsFiles};
use cove_server::{Listen, ServeOptions, Tls, serve};
use cove_test_support::{Certificates, FakeEngine, free_port};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::Bed;

/// The files of a client; `name` is whose certificate it shows.
fn files(made: &Certificates, authority: &str, name: Option<&str>) -> TlsFiles {
    let identity = name.map(|name| (made.path(&format!("{name}.pem")), made.path(&format!("{name}.key"))));
    TlsFiles { authorities: Some(made.path(authority)), identity }
}

async fn serving(made: &Certificates, client_authorities: Option<&str>) -> String {
    let host = format!("127.0.0.1:{}", free_port());
    let tls = Tls {
        certificate: made.path("service.pem"),
        key: made.path("service.key"),
        client_authorities: client_authorities.map(|name| made.path(name)),
    };
    let options = ServeOptions {
        listen: Listen::Tcp(host.clone()),
        idle_timeout: None,
        default_network: "podman".to_owned(),
        tls: Some(tls),
        allowed_origin: None,
    };
    tokio::spawn(serve(Arc::new(FakeEngine::default()), options, std::future::pending()));
    while tokio::net::TcpStream::connect(&host).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    host
}

#[tokio::test]
async fn clients_and_service_know_each_other() {
    let Some(made) = Certificates::make() else { return };
    let open = serving(&made, None).await;
    let mutual = serving(&made, Some("ca.pem")).await;
    for (host, authority, identity, taken) in [
        (&open, "ca.pem", None, true),
        (&open, "ca.pem", Some("client"), true),
        (&open, "stranger.pem", None, false),
        (&mutual, "ca.pem", Some("client"), true),
        (&mutual, "ca.pem", Some("stranger"), false),
        (&mutual, "ca.pem", None, false),
        (&mutual, "stranger.pem", Some("client"), false),
    ] {
        let way = SecureTcp::new(host, &files(&made, authority, identity)).unwrap();
        let client = Client::over(Arc::new(way));
        let answer = Engine::system(&client).ping().await;
        match (&answer, taken) {
            (Ok(_), true) => {}
            (Err(error), false) => assert_eq!(error.kind, ErrorKind::Unavailable, "{error}"),
            _ => panic!("{authority} {identity:?}: {answer:?}"),
        }
    }
    // A client that never begins takes nobody's place, and plain words are no answer.
    let mut silent = tokio::net::TcpStream::connect(&mutual).await.unwrap();
    silent.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let way = SecureTcp::new(&mutual, &files(&made, "ca.pem", Some("client"))).unwrap();
    let client = Client::over(Arc::new(way));
    let options = AttachOptions { stdin: true, stdout: true, stderr: true, ..AttachOptions::default() };
    let attached = Engine::containers(&client).attach("one", options).await.unwrap();
    let mut input = attached.input.unwrap();
    input.write_all(b"hello").await.unwrap();
    input.shutdown().await.unwrap();
    let output: Vec<_> = attached.output.map(|chunk| chunk.unwrap().data).collect().await;
    assert_eq!(output.concat(), b"HELLOend");
}

#[tokio::test]
async fn files_that_are_none() {
    let Some(made) = Certificates::make() else { return };
    for (certificate, key, authorities, expect) in [
        ("none.pem", "service.key", None, "none.pem"),
        ("service.key", "service.key", None, "service.key"),
        ("service.pem", "service.pem", None, "not a PEM key"),
        ("service.pem", "client.key", None, "service.pem"),
        ("service.pem", "service.key", Some("client.key"), "client.key"),
    ] {
        let tls = Tls {
            certificate: made.path(certificate),
            key: made.path(key),
            client_authorities: authorities.map(|name| made.path(name)),
        };
        let options = ServeOptions {
            listen: Listen::Unix(made.path("s")),
            idle_timeout: None,
            default_network: "podman".to_owned(),
            tls: Some(tls),
            allowed_origin: None,
        };
        let error =
            serve(Arc::new(FakeEngine::default()), options, std::future::ready(())).await.unwrap_err();
        assert!(error.message.contains(expect), "{error}");
        assert!(!made.path("s").exists());
    }
}

#[tokio::test]
async fn pages_of_an_allowed_origin() {
    let refused = "HTTP/1.1 403";
    for (allowed, method, origin, expect) in [
        (None, "GET", "https://page", refused),
        (Some("https://page"), "GET", "https://page", "HTTP/1.1 200"),
        (Some("https://page"), "OPTIONS", "https://page", "HTTP/1.1 204"),
        (Some("https://page"), "GET", "https://other", refused),
        (Some("https://page"), "OPTIONS", "https://other", refused),
        (Some("*"), "GET", "https://other", "HTTP/1.1 200"),
    ] {
        let bed = Bed::allowing(allowed).await;
        let head = format!("Host: d\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n");
        let answer = bed.raw(format!("{method} /v1.41/_ping HTTP/1.1\r\n{head}").as_bytes()).await;
        assert!(answer.starts_with(expect), "{allowed:?} {method} {origin}: {answer}");
        let answer = answer.to_ascii_lowercase();
        let line = allowed.map(|origin| format!("\r\naccess-control-allow-origin: {origin}\r\n"));
        match line {
            Some(line) => assert!(answer.contains(&line), "{answer}"),
            None => assert!(!answer.contains("access-control"), "{answer}"),
        }
    }
}
