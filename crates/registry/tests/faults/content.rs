//! Wrong, broken, endless and foreign content.

use std::time::Duration;

use cove_registry::{CopyOptions, Error, Reference, RegistryClient, RegistryOptions, copy_image};

use crate::common::fake::{Fake, Reply};
use crate::{faulty, good, is_layer, options, pull, test_image, with_password};

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
