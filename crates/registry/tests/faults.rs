//! A registry that misbehaves: every fault ends in a clear error or is overcome, and nothing wrong is kept.
#![allow(missing_docs)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::fake::{Fake, Reply, Seen};
use common::{TestImage, image};
use cove_config::Credentials;
use cove_registry::{
    ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyOptions, CopyReport, Error, ManifestFormat, Platform,
    Reference, RegistryClient, RegistryOptions, RetryPolicy, copy_image,
};

fn test_image() -> Arc<TestImage> {
    Arc::new(image(ManifestFormat::Oci, "amd64", 3, 200_000))
}

/// What a good registry answers.
fn good(image: &TestImage, seen: &Seen) -> Reply {
    if seen.path == "/v2/" {
        return Reply::ok("{}");
    }
    if seen.path.contains("/manifests/") {
        return Reply::ok(image.manifest.data.clone())
            .header("Content-Type", &image.manifest.descriptor.media_type);
    }
    let path = seen.path.split('?').next().unwrap_or_default();
    match image.blobs().find(|blob| path.ends_with(&blob.descriptor.digest.to_string())) {
        Some(blob) => Reply::ok(blob.data.clone()),
        None => Reply::status(404),
    }
}

fn options() -> RegistryOptions {
    RegistryOptions {
        tls_verify: Some(false),
        certificate_dirs: Vec::new(),
        stall_timeout: Duration::from_millis(600),
        retry: RetryPolicy {
            retries: 3,
            first_delay: Duration::from_millis(2),
            max_delay: Duration::from_millis(40),
            max_asked: Duration::from_secs(1),
            resumes: 3,
            insists: false,
        },
        ..RegistryOptions::default()
    }
}

fn with_password(mut options: RegistryOptions) -> RegistryOptions {
    options.credentials =
        Arc::new(|_: &str| Ok(Some(Credentials::new("user".into(), "pass-word".into(), None))));
    options
}

async fn pull(fake: &Fake, options: RegistryOptions, tag: &str) -> Result<CopyReport, Error> {
    let folder = tempfile::Builder::new().prefix("cove-registry-fault-").tempdir().unwrap();
    let reference = Reference::parse(&format!("{}/team/app{tag}", fake.host())).unwrap();
    let source = RegistryClient::new(options).open(&reference).await?;
    let target = folder.path().join("out.tar");
    let writer =
        ArchiveWriter::create(&target, false, ArchiveOptions::new(ArchiveFormat::Docker, folder.path()))
            .unwrap();
    let copy = CopyOptions { platform: Platform::linux("amd64"), ..CopyOptions::default() };
    let result = copy_image(&source, &writer.destination(), &copy).await;
    match result {
        Ok(report) => {
            writer.finish().unwrap();
            assert!(target.is_file());
            Ok(report)
        }
        Err(error) => {
            drop(writer);
            let left = cove_sys::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 0, "something is left behind after: {error}");
            Err(error)
        }
    }
}

async fn faulty(
    handler: impl Fn(&TestImage, &Seen) -> Option<Reply> + Send + Sync + 'static,
) -> (Fake, Arc<TestImage>) {
    let image = test_image();
    let served = image.clone();
    let fake = Fake::start(move |seen| handler(&served, seen).unwrap_or_else(|| good(&served, seen))).await;
    (fake, image)
}

fn is_layer(image: &TestImage, seen: &Seen, position: usize) -> bool {
    seen.path.ends_with(&image.layers[position].descriptor.digest.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_registry() {
    let (fake, image) = faulty(|_, _| None).await;
    let report = pull(&fake, options(), ":1").await.unwrap();
    assert_eq!(report.config_digest, image.config.descriptor.digest);
    let digest = format!("@{}", image.manifest.descriptor.digest);
    pull(&fake, options(), &digest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_is_obeyed_and_copying_can_be_spawned() {
    let (fake, _) = faulty(|_, _| None).await;
    let reference = Reference::parse(&format!("{}/team/app:1", fake.host())).unwrap();
    let client = RegistryClient::new(options());
    let name = fake.host();
    let task = tokio::spawn(async move {
        let source = client.open(&reference).await?;
        let destination = client.destination(&reference, cove_registry::PushOptions::default())?;
        let policy = format!(
            r#"{{"default":[{{"type":"insecureAcceptAnything"}}],"transports":{{"docker":{{"{name}/team":[{{"type":"reject"}}]}}}}}}"#
        );
        let policy = cove_config::Policy::parse(&policy).unwrap();
        copy_image(&source, &destination, &CopyOptions { policy, ..CopyOptions::default() }).await
    });
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Policy { .. }), "{error}");
    assert_eq!(fake.count("/blobs/"), 0);
}

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
        assert!(start.elapsed() < Duration::from_secs(5), "{wait:?}");
    }
    // However often it asks, the sum is bounded.
    let (fake, _) = faulty(|_, seen| {
        seen.path.contains("/manifests/").then(|| Reply::status(503).header("Retry-After", "1"))
    })
    .await;
    let start = Instant::now();
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::Busy { status: 503, waited: 1, .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
    for status in [429, 500, 502, 503, 504] {
        let (fake, _) =
            faulty(move |_, seen| seen.path.contains("/manifests/").then(|| Reply::status(status))).await;
        let text = pull(&fake, options(), ":1").await.unwrap_err().to_string();
        assert!(text.contains(&status.to_string()) && text.contains(&fake.host()), "{text}");
        assert_eq!(fake.count("/manifests/"), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_blob_is_continued() {
    for honours_range in [true, false] {
        let (fake, image) = faulty(move |image, seen| {
            if !is_layer(image, seen, 0) {
                return None;
            }
            let data = &image.layers[0].data;
            match &seen.range {
                Some(range) if honours_range => {
                    let start: usize = range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
                    let mut reply = Reply::ok(data[start..].to_vec())
                        .header("Content-Range", format!("bytes {start}-{}/{}", data.len() - 1, data.len()));
                    reply.status = 206;
                    Some(reply)
                }
                Some(_) => None,
                None => Some(Reply { cut: Some(data.len() / 2), ..Reply::ok(data.clone()) }),
            }
        })
        .await;
        let report = pull(&fake, options(), ":1").await.unwrap();
        assert_eq!(report.config_digest, image.config.descriptor.digest);
        let layer = image.layers[0].descriptor.digest.to_string();
        let ranges: Vec<_> = fake.log().into_iter().filter(|seen| seen.path.ends_with(&layer)).collect();
        assert_eq!(ranges.len(), 2, "{ranges:?}");
        assert!(ranges[1].range.is_some());
    }
    // For ever broken: bounded.
    let (fake, image) = faulty(|image, seen| {
        let data = &image.layers[0].data;
        is_layer(image, seen, 0).then(|| Reply { cut: Some(1000), ..Reply::ok(data.clone()) })
    })
    .await;
    pull(&fake, options(), ":1").await.unwrap_err();
    assert_eq!(fake.count(&image.layers[0].descriptor.digest.to_string()), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_is_never_kept() {
    let (fake, _) = faulty(|image, seen| {
        is_layer(image, seen, 1).then(|| {
            let mut data = image.layers[1].data.clone();
            data[100] ^= 1;
            Reply::ok(data)
        })
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(error.to_string().contains("digest mismatch"), "{error}");

    let (fake, _) = faulty(|image, seen| {
        is_layer(image, seen, 1).then(|| {
            let mut data = image.layers[1].data.clone();
            data.extend_from_slice(b"more");
            Reply::ok(data)
        })
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { .. }), "{error}");

    let (fake, _) = faulty(|image, seen| {
        is_layer(image, seen, 1).then(|| Reply::ok(image.layers[1].data[..1000].to_vec()))
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { .. }), "{error}");

    let (fake, image) = faulty(|image, seen| {
        seen.path.contains("/manifests/").then(|| {
            let mut data = image.manifest.data.clone();
            data.push(b' ');
            Reply::ok(data)
        })
    })
    .await;
    let digest = format!("@{}", image.manifest.descriptor.digest);
    let error = pull(&fake, options(), &digest).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");

    let (fake, _) = faulty(|image, seen| {
        let config = seen.path.ends_with(&image.config.descriptor.digest.to_string());
        config.then(|| Reply::ok(vec![b' '; image.config.data.len()]))
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
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
async fn endless_documents_are_cut_off() {
    let (fake, _) =
        faulty(|_, seen| seen.path.contains("/manifests/").then(|| Reply { endless: true, ..Reply::ok("") }))
            .await;
    let error = pull(&fake, RegistryOptions { stall_timeout: Duration::from_secs(20), ..options() }, ":1")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let (fake, _) = faulty(|_, seen| {
        seen.path
            .contains("/manifests/")
            .then(|| Reply { silent: false, ..Reply::ok("").header("Content-Length", "999999999999") })
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_bounded_and_keep_credentials_home() {
    let (fake, _) = faulty(|_, seen| {
        seen.path.contains("/blobs/").then(|| Reply::status(307).header("Location", &seen.path))
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
    assert!(fake.count("/blobs/") <= 6 * 11);

    for target in ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:1"] {
        let (fake, _) = faulty(move |_, seen| {
            seen.path.contains("/blobs/").then(|| Reply::status(302).header("Location", target))
        })
        .await;
        let error = pull(&fake, options(), ":1").await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{target}: {error}");
    }

    // A blob on another host comes, and that host sees no credentials.
    let image = test_image();
    let served = image.clone();
    let other = Fake::start(move |seen| good(&served, seen)).await;
    let (host, served) = (other.host(), image.clone());
    let fake = Fake::start(move |seen| {
        if seen.authorization.is_none() {
            return Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\"");
        }
        if seen.path.contains("/blobs/") {
            return Reply::status(307).header("Location", format!("http://{host}{}?secret=1", seen.path));
        }
        good(&served, seen)
    })
    .await;
    let report = pull(&fake, with_password(options()), ":1").await.unwrap();
    assert_eq!(report.config_digest, image.config.descriptor.digest);
    assert!(other.count("/blobs/") >= 4);
    assert!(other.log().iter().all(|seen| seen.authorization.is_none()));
}

fn bearer(seen: &Seen, host: &str, token: &str) -> Option<Reply> {
    if seen.authorization.as_deref() == Some(&format!("Bearer {token}")) {
        return None;
    }
    let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"x\"");
    Some(Reply::status(401).header("WWW-Authenticate", challenge))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_once() {
    let image = test_image();
    let served = image.clone();
    let port = Arc::new(std::sync::OnceLock::new());
    let known = port.clone();
    let fake = Fake::start(move |seen| {
        let host = format!("127.0.0.1:{}", known.get().copied().unwrap_or(0_u16));
        if seen.path.starts_with("/token") {
            let token = if seen.before == 0 { "first" } else { "second" };
            return Reply::ok(format!("{{\"token\":\"{token}\",\"expires_in\":1}}"));
        }
        if seen.path == "/v2/" {
            return Reply::ok("{}");
        }
        let wanted = if seen.path.contains("/manifests/") { "first" } else { "second" };
        bearer(seen, &host, wanted).unwrap_or_else(|| good(&served, seen))
    })
    .await;
    port.set(fake.port).unwrap();
    let report = pull(&fake, with_password(options()), ":1").await.unwrap();
    assert_eq!(report.config_digest, image.config.descriptor.digest);
    assert_eq!(fake.count("/token"), 2);
    let asked: Vec<_> = fake.log().into_iter().filter(|seen| seen.path.starts_with("/token")).collect();
    assert!(
        asked.iter().all(|seen| seen.authorization.as_deref().is_some_and(|text| text.starts_with("Basic ")))
    );
    assert!(asked[0].path.contains("scope=repository%3Ateam%2Fapp%3Apull"), "{}", asked[0].path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_token_server_sees_no_credentials() {
    let realm = Fake::start(|_| Reply::ok("{\"token\":\"anonymous\"}")).await;
    let host = realm.host();
    let image = test_image();
    let served = image.clone();
    let fake =
        Fake::start(move |seen| bearer(seen, &host, "anonymous").unwrap_or_else(|| good(&served, seen)))
            .await;
    let mut options = options();
    let own = fake.host();
    options.credentials = Arc::new(move |key: &str| {
        Ok(key.starts_with(&own).then(|| Credentials::new("user".into(), "pass-word".into(), None)))
    });
    pull(&fake, options, ":1").await.unwrap();
    assert!(realm.count("/token") >= 1);
    assert!(realm.log().iter().all(|seen| seen.authorization.is_none()), "{:?}", realm.log());
    assert!(realm.log().iter().all(|seen| !seen.path.contains("user")));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_explained_and_not_shown() {
    let fake = Fake::start(|seen| {
        if seen.path == "/v2/" {
            return Reply::ok("{}");
        }
        Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\"")
    })
    .await;
    let text = pull(&fake, with_password(options()), ":1").await.unwrap_err().to_string();
    assert!(text.contains("invalid username/password") && !text.contains("pass-word"), "{text}");
    let text = pull(&fake, options(), ":1").await.unwrap_err().to_string();
    assert!(text.contains("log in"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_layer_urls_are_not_followed() {
    let elsewhere = Fake::start(|_| Reply::ok("x")).await;
    let host = elsewhere.host();
    let image = test_image();
    let served = image.clone();
    let fake = Fake::start(move |seen| {
        if seen.path.contains("/manifests/") {
            let mut value: serde_json::Value = serde_json::from_slice(&served.manifest.data).unwrap();
            value["layers"][0]["urls"] = serde_json::json!([format!("http://{host}/layer")]);
            return Reply::ok(value.to_string());
        }
        if is_layer(&served, seen, 0) {
            return Reply::status(404);
        }
        good(&served, seen)
    })
    .await;
    let error = pull(&fake, with_password(options()), ":1").await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(elsewhere.log().is_empty());
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
    assert!(start.elapsed() < Duration::from_secs(2));
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
