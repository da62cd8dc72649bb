//! A registry that misbehaves: every fault ends in a clear error or is overcome, and nothing wrong is kept.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod content;
mod credentials;
mod reach;

use std::sync::Arc;
use std::time::Duration;

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
