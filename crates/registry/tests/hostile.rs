//! A registry that lies, case by case: every answer ends in time with one message that names the registry, and leaves
//! nothing behind.
#![allow(missing_docs)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::fake::{Fake, Reply, Seen};
use common::{TestImage, image};
use cove_registry::{
    ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyOptions, Digest, Error, ManifestFormat, Platform,
    Reference, RegistryClient, RegistryOptions, RetryPolicy, copy_image,
};
use serde_json::{Value, json};

/// Which request gets the hostile answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Ping,
    Manifest,
    Config,
    Layer,
}

/// A name, whom it answers, and with what.
struct Case {
    name: String,
    at: At,
    reply: Reply,
    /// A name that must be refused; else it may pass.
    refused: bool,
}

const EVERYWHERE: [At; 4] = [At::Ping, At::Manifest, At::Config, At::Layer];

fn good(image: &TestImage, seen: &Seen) -> Reply {
    if seen.path == "/v2/" {
        return Reply::ok("{}");
    }
    if seen.path.contains("/manifests/") {
        return Reply::ok(image.manifest.data.clone())
            .header("Content-Type", &image.manifest.descriptor.media_type);
    }
    match image.blobs().find(|blob| seen.path.ends_with(&blob.descriptor.digest.to_string())) {
        Some(blob) => Reply::ok(blob.data.clone()),
        None => Reply::status(404),
    }
}

fn is_at(at: At, image: &TestImage, seen: &Seen) -> bool {
    match at {
        At::Ping => seen.path == "/v2/",
        At::Manifest => seen.path.contains("/manifests/"),
        At::Config => seen.path.ends_with(&image.config.descriptor.digest.to_string()),
        At::Layer => seen.path.ends_with(&image.layers[0].descriptor.digest.to_string()),
    }
}

fn options() -> RegistryOptions {
    RegistryOptions {
        tls_verify: Some(false),
        certificate_dirs: Vec::new(),
        stall_timeout: Duration::from_millis(700),
        retry: RetryPolicy {
            retries: 1,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            max_asked: Duration::from_millis(10),
            resumes: 1,
            insists: false,
        },
        ..RegistryOptions::default()
    }
}

async fn pull(host: &str, folder: &std::path::Path) -> Result<(), Error> {
    let reference = Reference::parse(&format!("{host}/team/app:1")).unwrap();
    let source = RegistryClient::new(options()).open(&reference).await?;
    let settings = ArchiveOptions::new(ArchiveFormat::Docker, folder);
    let writer = ArchiveWriter::create(&folder.join("out.tar"), false, settings).unwrap();
    let copy = CopyOptions { platform: Platform::linux("amd64"), ..CopyOptions::default() };
    copy_image(&source, &writer.destination(), &copy).await.map(drop)
}

/// Runs a case; answers what is wrong with how it ended.
async fn verdict(image: Arc<TestImage>, case: Case) -> Option<String> {
    let folder = tempfile::Builder::new().prefix("cove-registry-hostile-").tempdir().unwrap();
    let (at, reply) = (case.at, case.reply);
    let fake =
        Fake::start(move |seen| if is_at(at, &image, seen) { reply.clone() } else { good(&image, seen) })
            .await;
    let start = Instant::now();
    let result = tokio::time::timeout(Duration::from_secs(8), pull(&fake.host(), folder.path())).await;
    let fault = |what: String| Some(format!("{:?}, {}: {what}", case.at, case.name));
    let Ok(result) = result else { return fault("no end".into()) };
    if start.elapsed() > Duration::from_secs(6) {
        return fault(format!("took {:?}", start.elapsed()));
    }
    if cove_sys::fs::read_dir(folder.path()).unwrap().count() != 0 {
        return fault("something is left".into());
    }
    match result {
        Ok(()) if case.refused => fault("accepted".into()),
        Ok(()) => None,
        Err(error) => {
            // As every command shows it.
            let text = cove_api::Error::from(error).message;
            if !text.contains(&fake.host()) {
                return fault(format!("names no registry: {text}"));
            }
            if text.len() > cove_api::shown::LONGEST_LINE || text.chars().any(char::is_control) {
                return fault(format!(
                    "not one clean line: {:?}",
                    text.chars().take(300).collect::<String>()
                ));
            }
            None
        }
    }
}

/// Runs all, a few at a time.
async fn run(cases: Vec<Case>) {
    let image = Arc::new(image(ManifestFormat::Oci, "amd64", 1, 20_000));
    let count = cases.len();
    let mut waiting = cases.into_iter();
    let mut running = tokio::task::JoinSet::new();
    let mut faults = Vec::new();
    loop {
        while running.len() < 16 {
            let Some(case) = waiting.next() else { break };
            running.spawn(verdict(image.clone(), case));
        }
        match running.join_next().await {
            None => break,
            Some(result) => faults.extend(result.unwrap()),
        }
    }
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), faults.join("\n"));
}

fn case(name: impl Into<String>, at: At, refused: bool, reply: Reply) -> Case {
    Case { name: name.into(), at, reply, refused }
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses() {
    let mut cases = Vec::new();
    for at in EVERYWHERE {
        for status in [
            201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 305, 306, 307, 308, 400, 401, 402, 403,
            404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 425, 426,
            428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599, 600, 999,
        ] {
            // Only a blob's and manifest's success is looked at.
            let refused = status >= 300 && at != At::Ping;
            cases.push(case(format!("status {status}"), at, refused, Reply::status(status)));
        }
        for location in [
            "",
            "/",
            "//",
            "http://",
            "http://[::1",
            "file:///etc/passwd",
            "javascript:x",
            "\u{e9}",
            "/v2/x?\u{1}",
            "ftp://x/y",
        ] {
            let reply = Reply::status(307).header("Location", location.replace('\u{1}', "%01"));
            cases.push(case(format!("redirect to {location:?}"), at, at != At::Ping, reply));
        }
    }
    run(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges() {
    let mut cases = Vec::new();
    for at in [At::Manifest, At::Layer] {
        for challenge in [
            "",
            "Basic",
            "Bearer",
            "Bearer realm",
            "Bearer realm=",
            "Bearer realm=\"",
            "Bearer realm=\"\"",
            "Bearer realm=\"x\"",
            "Bearer realm=\"http://\"",
            "Bearer realm=\"file:///etc/passwd\"",
            "Bearer realm=\"ftp://127.0.0.1/\"",
            "Bearer realm=\"http://127.0.0.1:1/token\"",
            "Bearer realm=\"http://user:secret@127.0.0.1:1/token\"",
            "Bearer service=\"a\",service=\"b\"",
            "Digest realm=\"x\"",
            "Negotiate",
            "Bearer realm=\"http://127.0.0.1:1/\",scope=\"\\\"",
            ",,,,",
            "\u{7f}",
        ] {
            let reply = Reply::status(401).header("WWW-Authenticate", challenge.replace('\u{7f}', "\t"));
            cases.push(case(format!("challenge {challenge:?}"), at, true, reply));
        }
        let long = format!("Bearer realm=\"http://127.0.0.1:1/{}\"", "x".repeat(20_000));
        cases.push(case("a long challenge", at, true, Reply::status(401).header("WWW-Authenticate", long)));
    }
    run(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_messages() {
    let mut cases = Vec::new();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("null", b"null".to_vec()),
        ("an object", b"{}".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("half of an object", b"{\"schemaVersion\":2,".to_vec()),
        ("HTML", b"<html><h1>hello</h1></html>".to_vec()),
        ("no UTF-8", vec![0xff; 500]),
        ("NULs", vec![0; 500]),
        ("deep lists", b"[".repeat(200_000)),
        ("deep objects", b"{\"a\":".repeat(200_000)),
        ("a long number", [b"{\"schemaVersion\":".to_vec(), b"9".repeat(100_000), b"}".to_vec()].concat()),
        ("much", vec![b' '; 6_000_000]),
    ];
    for at in [At::Manifest, At::Config, At::Layer] {
        for (name, body) in &bodies {
            cases.push(case(*name, at, true, Reply::ok(body.clone())));
            cases.push(case(
                format!("404 with {name}"),
                at,
                true,
                Reply { status: 404, ..Reply::ok(body.clone()) },
            ));
        }
        let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nError: forged\u{202e}\u{0}";
        for status in [400, 401, 403, 404, 418, 429, 500] {
            for message in [evil.to_owned(), "x".repeat(50_000)] {
                let body = json!({"errors": [{"code": message.clone(), "message": message.clone()}], "details": message});
                let reply = Reply { status, ..Reply::ok(body.to_string()) };
                cases.push(case(format!("{status} with a hostile message"), at, true, reply));
            }
        }
        cases.push(case("silence", at, true, Reply { silent: true, ..Reply::default() }));
        cases.push(case("no end", at, true, Reply { endless: true, ..Reply::ok("x") }));
        let drip = Some(Duration::from_millis(100));
        cases.push(case("drops", at, true, Reply { drip, ..Reply::ok(vec![b'x'; 1000]) }));
        cases.push(case("a cut", at, true, Reply { cut: Some(3), ..Reply::ok("hello world") }));
    }
    run(cases).await;
}

/// `base` with `value` at the path `at`, such as `config/size`; removed for nothing.
fn changed(base: &Value, at: &str, value: Option<Value>) -> Vec<u8> {
    let mut document = base.clone();
    let (parent, key) = at.rsplit_once('/').unwrap_or(("", at));
    let mut place = &mut document;
    for part in parent.split('/').filter(|part| !part.is_empty()) {
        place = match part.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[part],
        };
    }
    match value {
        Some(value) => place[key] = value,
        None => drop(place.as_object_mut().unwrap().remove(key)),
    }
    document.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests() {
    let image = image(ManifestFormat::Oci, "amd64", 1, 20_000);
    let base: Value = serde_json::from_slice(&image.manifest.data).unwrap();
    let kind = image.manifest.descriptor.media_type.clone();
    let wrong_digests = [
        "",
        "sha256",
        "sha256:",
        "sha256:../../../../etc/passwd",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "\u{1b}[31msha256:00",
    ];
    let mut values: Vec<(&str, Option<Value>)> = Vec::new();
    for place in ["config/digest", "layers/0/digest"] {
        values.extend(wrong_digests.iter().map(|digest| (place, Some(json!(digest)))));
        // Right in form, but there is no such blob.
        values.push((place, Some(json!(Digest::sha256(b"none").to_string()))));
        values.extend([json!(null), json!(5), json!([]), json!({})].map(|value| (place, Some(value))));
        values.push((place, None));
    }
    for place in ["config/size", "layers/0/size"] {
        let sizes = [
            json!(null),
            json!("5"),
            json!(-1),
            json!(0),
            json!(1),
            json!(1.5),
            json!(9_223_372_036_854_775_807_i64),
            json!(18_446_744_073_709_551_615_u64),
            json!([]),
            json!(1e300),
        ];
        values.extend(sizes.map(|size| (place, Some(size))));
        values.push((place, None));
    }
    for place in ["schemaVersion", "config", "layers"] {
        let wrong = [
            json!(null),
            json!("2"),
            json!(-2),
            json!(1),
            json!(3),
            json!([1]),
            json!({"a": 1}),
            json!(true),
        ];
        values.extend(wrong.map(|value| (place, Some(value))));
        values.push((place, None));
    }
    for kind in [
        "application/vnd.oci.image.layer.v1.tar+xz",
        "text/html",
        "\u{1b}]0;x\u{7}",
        "application/x+encrypted",
    ] {
        values.push(("layers/0/mediaType", Some(json!(kind))));
    }
    values.push(("layers", Some(json!(vec![base["layers"][0].clone(); 5000]))));
    values.push(("layers", Some(json!([]))));
    values.push(("layers", Some(json!([base["layers"][0].clone(), base["layers"][0].clone()]))));
    values.push(("mediaType", Some(json!("\u{1b}[2Jx"))));
    let mut cases = Vec::new();
    for (place, value) in values {
        let name = format!(
            "{place} = {}",
            value
                .as_ref()
                .map_or("nothing".into(), |value| { value.to_string().chars().take(80).collect::<String>() })
        );
        let reply = Reply::ok(changed(&base, place, value)).header("Content-Type", &kind);
        cases.push(case(name, At::Manifest, place != "mediaType", reply));
    }
    for wrong in
        ["", "text/html", "application/json", "\t", "application/vnd.docker.distribution.manifest.v1+json"]
    {
        let reply = Reply::ok(image.manifest.data.clone()).header("Content-Type", wrong);
        cases.push(case(format!("of the type {wrong:?}"), At::Manifest, false, reply));
    }
    for wrong in ["", "x", "sha256:00", &Digest::sha256(b"other").to_string()] {
        let reply = Reply::ok(image.manifest.data.clone())
            .header("Content-Type", &kind)
            .header("Docker-Content-Digest", wrong);
        cases.push(case(format!("with the digest {wrong:?}"), At::Manifest, false, reply));
    }
    run(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes() {
    let entry = |platform: Value| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 5,
               "digest": Digest::sha256(b"none").to_string(), "platform": platform})
    };
    let amd64 = json!({"os": "linux", "architecture": "amd64"});
    let evil = json!({"os": "\u{1b}]0;x\u{7}", "architecture": "\n\u{202e}", "variant": "x".repeat(70_000)});
    let lists = [
        json!([]),
        json!(null),
        json!("x"),
        json!([null]),
        json!([{}]),
        json!([entry(amd64.clone())]),
        json!([entry(evil.clone())]),
        json!(vec![entry(evil); 200]),
        json!([entry(json!({"os": "linux"}))]),
        json!([entry(json!([]))]),
        json!(vec![entry(amd64); 20_000]),
    ];
    let kind = "application/vnd.oci.image.index.v1+json";
    let cases = lists
        .into_iter()
        .enumerate()
        .map(|(number, list)| {
            let body = json!({"schemaVersion": 2, "mediaType": kind, "manifests": list}).to_string();
            case(format!("index {number}"), At::Manifest, true, Reply::ok(body).header("Content-Type", kind))
        })
        .collect();
    run(cases).await;
}
