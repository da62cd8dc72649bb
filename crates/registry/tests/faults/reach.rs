//! Registries that are busy, silent, late or not there.

use std::time::{Duration, Instant};

use cove_registry::{Error, Reference, RegistryClient, RegistryOptions};

use crate::common::fake::Reply;
use crate::{faulty, good, is_layer, options, pull};

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_and_server_errors_pass_or_are_shown() {
    // What is asked, and whether it is waited for.
    for (wait, passes) in [
        (None, true),
        (Some("0"), true),
        (Some("1"), true),
        (Some("soon"), true),
        (Some("-5"), true),
        (Some("2"), false),
        (Some("1000000000"), false),
        (Some("18446744073709551615"), false),
        (Some("Fri, 31 Dec 2100 23:59:59 GMT"), false),
    ] {
        let (fake, _) = faulty(move |image, seen| {
            (seen.before == 0 && is_layer(image, seen, 0)).then(|| match wait {
                Some(wait) => Reply::status(429).header("Retry-After", wait),
                None => Reply::status(429),
            })
        })
        .await;
        let start = Instant::now();
        let pulled = pull(&fake, options(), ":1").await;
        assert_eq!(pulled.is_ok(), passes, "{wait:?}");
        if let Err(error) = pulled {
            assert!(matches!(error, Error::Busy { status: 429, limit: 1, .. }), "{error}");
            assert!(error.to_string().contains(&fake.host()), "{error}");
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{wait:?}");
    }
    // However often it asks, the sum is bounded.
    let (fake, _) = faulty(|_, seen| {
        seen.path.contains("/manifests/").then(|| Reply::status(503).header("Retry-After", "1"))
    })
    .await;
    let start = Instant::now();
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::Busy { status: 503, waited: 1, .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    for status in [429, 500, 502, 503, 504] {
        let (fake, _) =
            faulty(move |_, seen| seen.path.contains("/manifests/").then(|| Reply::status(status))).await;
        let text = pull(&fake, options(), ":1").await.unwrap_err().to_string();
        assert!(text.contains(&status.to_string()) && text.contains(&fake.host()), "{text}");
        assert_eq!(fake.count("/manifests/"), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs() {
    for place in ["/manifests/", "/blobs/"] {
        for drip in [None, Some(Duration::from_millis(50))] {
            let (fake, _) = faulty(move |image, seen| {
                let hit = seen.path.contains(place);
                hit.then(|| Reply { silent: drip.is_none(), drip, ..good(image, seen) })
            })
            .await;
            // Without a limit it were hours; a busy machine may take some seconds.
            let ended = tokio::time::timeout(Duration::from_secs(60), pull(&fake, options(), ":1")).await;
            let error = ended.unwrap_or_else(|_| panic!("{place} {drip:?}: it hangs")).unwrap_err();
            assert!(matches!(error, Error::Timeout { .. }), "{place} {drip:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_cancels_at_once() {
    let (fake, _) = faulty(|image, seen| {
        seen.path
            .contains("/blobs/")
            .then(|| Reply { drip: Some(Duration::from_millis(10)), ..good(image, seen) })
    })
    .await;
    let options = RegistryOptions { stall_timeout: Duration::from_secs(60), ..options() };
    let start = Instant::now();
    let result = tokio::time::timeout(Duration::from_millis(400), pull(&fake, options, ":1")).await;
    assert!(result.is_err());
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_registries_are_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = RegistryClient::new(RegistryOptions { tls_verify: None, ..options() });
    for (name, expected) in [
        (format!("127.0.0.1:{port}/x"), "connection refused"),
        ("no-such-host.invalid/x".into(), "no such host"),
    ] {
        let reference = Reference::parse(&name).unwrap();
        let error = match client.open(&reference).await {
            Ok(_) => panic!("{name}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{error}");
    }
    let (fake, _) = faulty(|_, _| None).await;
    let reference = Reference::parse(&format!("{}/x", fake.host())).unwrap();
    let Err(error) = client.open(&reference).await else { panic!() };
    assert!(error.to_string().contains("HTTP response to HTTPS client"), "{error}");
}

#[tokio::test]
async fn a_registry_that_starts_late_is_waited_for_where_that_was_asked() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let reference = Reference::parse(&format!("127.0.0.1:{port}/team/app")).unwrap();
    let open = async |insists: bool| {
        let mut options = options();
        options.retry.insists = insists;
        options.retry.retries = 400;
        RegistryClient::new(options).open(&reference).await.err().map(|error| error.to_string())
    };
    let error = open(false).await.unwrap();
    assert!(error.contains("connection refused"), "{error}");
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let mut request = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let error = open(true).await.unwrap_or_default();
    assert!(!error.contains("connection refused"), "{error}");
    late.abort();
}

/// One that speaks TLS, and answers what is not with the status 400.
#[tokio::test]
async fn a_registry_with_tls_that_starts_late_is_not_asked_without() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let reference = Reference::parse(&format!("127.0.0.1:{port}/team/app")).unwrap();
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await.unwrap_or(0);
            // A greeting is answered with the alert "handshake failure".
            let answer: &[u8] = match request[..length].first() {
                Some(0x16) => &[21, 3, 3, 0, 2, 2, 40],
                _ => b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            };
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let mut options = options();
    options.retry.insists = true;
    options.retry.retries = 400;
    let error = RegistryClient::new(options).open(&reference).await.err().unwrap().to_string();
    late.abort();
    assert!(!error.contains("400") && !error.contains("connection refused"), "{error}");
}
