//! Copies to registries that break off, know some of it already, or get a list.
#![allow(missing_docs)]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::fake::{Fake, Reply, Seen};
use common::{TestImage, image, write_dir};
use cove_api::ListSelection;
use cove_registry::{
    Archive, CopyOptions, Digest, Error, ManifestFormat, Platform, PushOptions, RawManifest, Reference,
    RegistryClient, RegistryOptions, RetryPolicy, copy_images,
};
use cove_sys::fs;

fn client() -> RegistryClient {
    let retry = RetryPolicy { first_delay: Duration::from_millis(1), resumes: 2, ..RetryPolicy::default() };
    RegistryClient::new(RegistryOptions { tls_verify: Some(false), retry, ..RegistryOptions::default() })
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cove-registry-uploads-").tempdir().unwrap()
}

/// Copies a `dir:` folder to the fake as `to:1`.
async fn push(fake: &Fake, from: &Path, push: PushOptions, all: bool) -> Result<RawManifest, Error> {
    let source = Archive::open(from, from)?.source(0)?;
    let reference = Reference::parse(&format!("{}/to:1", fake.host())).unwrap();
    let destination = client().destination(&reference, push)?;
    let options = CopyOptions { platform: Platform::linux("amd64"), ..CopyOptions::default() };
    let selection = if all { ListSelection::All } else { ListSelection::System };
    copy_images(&source, &destination, selection, &options).await
}

/// What a registry that takes everything answers.
fn takes(seen: &Seen) -> Reply {
    match seen.method.as_str() {
        "HEAD" => Reply::status(404),
        "POST" => Reply::status(202).header("Location", "/v2/to/blobs/uploads/1"),
        "PATCH" => Reply::status(202).header("Location", "/v2/to/blobs/uploads/1"),
        "PUT" => Reply::status(201),
        _ => Reply::ok(""),
    }
}

fn one_layer() -> (tempfile::TempDir, TestImage) {
    let folder = folder();
    let image = image(ManifestFormat::Docker, "amd64", 1, 300_000);
    write_dir(folder.path(), &image);
    (folder, image)
}

#[tokio::test]
async fn an_upload_that_breaks_goes_on_where_it_stopped() {
    let (from, image) = one_layer();
    let layer = image.layers[0].data.clone();
    let half = layer.len() / 2;
    let broken = Mutex::new(false);
    let fake = Fake::start(move |seen| match seen.method.as_str() {
        "PATCH" if !std::mem::replace(&mut *broken.lock().unwrap(), true) => Reply::status(503),
        "GET" if seen.path.contains("uploads") => Reply::status(204)
            .header("Location", "/v2/to/blobs/uploads/rest")
            .header("Range", format!("0-{}", half - 1)),
        _ => takes(seen),
    })
    .await;
    push(&fake, from.path(), PushOptions::default(), false).await.unwrap();
    let patches: Vec<Seen> = fake.log().into_iter().filter(|seen| seen.method == "PATCH").collect();
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[1].path, "/v2/to/blobs/uploads/rest");
    assert!(patches[1].body == layer[half..], "{} bytes", patches[1].body.len());
}

#[tokio::test]
async fn an_upload_that_is_lost_begins_anew_but_not_for_ever() {
    let (from, image) = one_layer();
    let layer = image.layers[0].data.clone();
    for (breaks, goes_well) in [(2, true), (9, false)] {
        let left = Mutex::new(breaks);
        let fake = Fake::start(move |seen| {
            let mut left = left.lock().unwrap();
            match seen.method.as_str() {
                "PATCH" if *left > 0 => {
                    *left -= 1;
                    Reply::status(502)
                }
                "GET" if seen.path.contains("uploads") => Reply::status(404),
                _ => takes(seen),
            }
        })
        .await;
        let done = push(&fake, from.path(), PushOptions::default(), false).await;
        let patches: Vec<Seen> = fake.log().into_iter().filter(|seen| seen.method == "PATCH").collect();
        assert_eq!(patches.len(), 3);
        assert!(patches[2].body == layer);
        match done {
            Ok(_) => assert!(goes_well),
            Err(error) => assert!(!goes_well && error.to_string().contains("502"), "{error}"),
        }
    }
}

#[tokio::test]
async fn what_is_there_is_neither_sent_nor_fetched() {
    let (from, image) = one_layer();
    let digest = image.layers[0].descriptor.digest.to_string();
    // The blob is in another repository of the registry.
    let mount = format!("mount={}", digest.replace(':', "%3A"));
    let fake = Fake::start(move |seen| match seen.method.as_str() {
        "POST" if seen.path.contains(&mount) => Reply::status(201),
        _ => takes(seen),
    })
    .await;
    fs::remove_file(from.path().join(image.layers[0].descriptor.digest.hex())).unwrap();
    let other = Reference::parse(&format!("{}/other:1", fake.host())).unwrap();
    let options = PushOptions { mount_from: vec![other], ..PushOptions::default() };
    push(&fake, from.path(), options, false).await.unwrap();
    assert_eq!(fake.log().iter().filter(|seen| seen.method == "PATCH").count(), 0);
}

/// A list of two images, one of them an artifact with a sort of layer that nobody knows, as a `dir:` folder.
fn list(folder: &Path) -> (TestImage, Vec<u8>, serde_json::Value) {
    let image = image(ManifestFormat::Oci, "amd64", 2, 20_000);
    write_dir(folder, &image);
    let note = br#"{"about":"the other"}"#.to_vec();
    let config =
        br#"{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}"#.to_vec();
    let describe = |kind: &str, data: &[u8]| serde_json::json!({"mediaType": kind, "digest": Digest::sha256(data), "size": data.len()});
    let artifact = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe("application/vnd.oci.image.config.v1+json", &config),
        "layers": [describe("application/vnd.in-toto+json", &note)],
    })
    .to_string()
    .into_bytes();
    for data in [&note, &config] {
        fs::write(folder.join(Digest::sha256(data).hex()), data).unwrap();
    }
    for data in [&image.manifest.data, &artifact] {
        fs::write(folder.join(format!("{}.manifest.json", Digest::sha256(data).hex())), data).unwrap();
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let mut first = describe(kind, &image.manifest.data);
    first["platform"] = serde_json::json!({"os": "linux", "architecture": "amd64"});
    let mut second = describe(kind, &artifact);
    second["platform"] = serde_json::json!({"os": "unknown", "architecture": "unknown"});
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [first, second],
        "annotations": {"kept": "as it is"},
    });
    fs::write(folder.join("manifest.json"), index.to_string()).unwrap();
    (image, artifact, index)
}

#[tokio::test]
async fn a_list_arrives_with_all_that_it_names_and_its_digest() {
    let from = folder();
    let (_, artifact, index) = list(from.path());
    let fake = Fake::start(takes).await;
    let stored = push(&fake, from.path(), PushOptions::default(), true).await.unwrap();
    assert_eq!(stored.digest(), Digest::sha256(index.to_string().as_bytes()));
    let manifests: Vec<Seen> = fake
        .log()
        .into_iter()
        .filter(|seen| seen.method == "PUT" && seen.path.contains("manifests"))
        .collect();
    assert_eq!(manifests.len(), 3);
    assert_eq!(manifests[1].path, format!("/v2/to/manifests/{}", Digest::sha256(&artifact)));
    assert!(manifests[1].body == artifact);
    // The list comes last, and has the name.
    assert_eq!(manifests[2].path, "/v2/to/manifests/1");
    assert!(manifests[2].body == index.to_string().into_bytes());
}

#[tokio::test]
async fn a_list_that_lies_is_refused_before_it_is_there() {
    let from = folder();
    let (image, ..) = list(from.path());
    let name = format!("{}.manifest.json", image.manifest.descriptor.digest.hex());
    for lie in [
        image.manifest.data.clone().into_iter().chain(*b" ").collect::<Vec<u8>>(),
        fs::read(from.path().join("manifest.json")).unwrap(),
    ] {
        fs::write(from.path().join(&name), lie).unwrap();
        let fake = Fake::start(takes).await;
        let error = push(&fake, from.path(), PushOptions::default(), true).await.unwrap_err();
        assert!(error.to_string().contains("digest mismatch"), "{error}");
        assert_eq!(fake.count("manifests"), 0);
    }
}

#[tokio::test]
async fn digests_are_kept_or_nothing_is_sent() {
    let (from, _) = one_layer();
    let fake = Fake::start(takes).await;
    let source = Archive::open(from.path(), from.path()).unwrap().source(0).unwrap();
    let reference = Reference::parse(&format!("{}/to:1", fake.host())).unwrap();
    let options = PushOptions { manifest: Some(ManifestFormat::Oci), ..PushOptions::default() };
    let destination = client().destination(&reference, options).unwrap();
    let copy = CopyOptions {
        platform: Platform::linux("amd64"),
        preserve_digests: true,
        progress: Some(Arc::new(|_| ())),
        ..CopyOptions::default()
    };
    let error = copy_images(&source, &destination, ListSelection::System, &copy).await.unwrap_err();
    assert!(error.to_string().contains("Instructed to preserve digests"), "{error}");
    assert_eq!(fake.log().len(), 0);
}
