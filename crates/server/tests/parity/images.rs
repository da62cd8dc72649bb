//! Images: every method, archives both ways, and registries.

use bytes::Bytes;
use cove_api::*;
use cove_test_support::{BROKEN, sample};
use futures_util::{StreamExt as _, stream};

use crate::client::{filters, same};
use crate::service::Bed;

#[tokio::test]
async fn images() {
    let bed = Bed::new().await;
    for name in ["quay.io/a/b:1", "sha256:abc", "a@sha256:abc", BROKEN] {
        let _ = same!(bed, images, inspect(name));
        let _ = same!(bed, images, history(name));
        let _ = same!(bed, images, exists(name));
        let _ = same!(bed, images, tag(name, "localhost:5000/c/d:tag"));
        let _ = same!(bed, images, tag(name, "localhost:5000/c/d"));
        let _ = same!(bed, images, untag(name, vec!["localhost:5000/c/d:1".into()]));
        let _ = same!(bed, images, untag(name, vec![]));
        let all = ImageRemoveOptions {
            all: true,
            force: true,
            ignore: true,
            no_prune: true,
            ..ImageRemoveOptions::default()
        };
        let _ = same!(bed, images, remove(vec![name.into(), "other".into()], all.clone()));
        let _ = same!(bed, images, remove(vec![name.into()], ImageRemoveOptions::default()));
    }
    same!(bed, images, list(ImageListOptions { all: true, filters: filters() })).unwrap();
    let all = ImagePruneOptions { all: true, filters: filters(), ..ImagePruneOptions::default() };
    same!(bed, images, prune(all.clone())).unwrap();
}

#[tokio::test]
async fn archives() {
    let bed = Bed::new().await;
    // More than the limit of JSON bodies.
    let archive =
        || -> ByteStream { Box::pin(stream::iter((0..100).map(|_| Ok(Bytes::from(vec![b'x'; 100_000]))))) };
    same!(bed, images, load(archive())).unwrap();
    let options = ImportOptions {
        changes: vec!["CMD [\"a\", \"b\"]".into(), "ENV A=b".into()],
        message: "two words".into(),
        reference: "localhost/x:1".into(),
        os: "linux".into(),
        arch: "arm64".into(),
        variant: "v8".into(),
    };
    same!(bed, images, import(archive(), options.clone())).unwrap();
    same!(bed, images, import(archive(), ImportOptions::default())).unwrap();
    let names = vec!["quay.io/a/b:1".to_owned(), "other".to_owned()];
    for options in [
        SaveOptions { format: ArchiveFormat::OciArchive, multi: true, ..SaveOptions::default() },
        SaveOptions { format: ArchiveFormat::DockerArchive, multi: true, ..SaveOptions::default() },
    ] {
        let expected = format!("save {names:?} {options:?}");
        let pieces = Engine::images(&bed.client).save(names.clone(), options).await.unwrap();
        let length: usize =
            pieces.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum();
        assert_eq!(length, 100_008);
        assert!(bed.engine.calls().contains(&expected), "{expected}");
    }
    assert!(Engine::images(&bed.client).save(vec![BROKEN.into()], SaveOptions::default()).await.is_err());
    // An archive that breaks off must not look whole.
    if let Ok(pieces) = Engine::images(&bed.client).save(vec!["half".into()], SaveOptions::default()).await {
        assert!(pieces.collect::<Vec<_>>().await.last().unwrap().is_err());
    }
    // One that fails at once says why.
    let error = Engine::images(&bed.client).save(vec!["nothing".into()], SaveOptions::default()).await;
    assert_eq!(error.err(), Some(Error::internal("the layer is gone")));
    // Neither must an upload.
    let broken: ByteStream =
        Box::pin(stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::internal("the disk is gone"))]));
    assert!(Engine::images(&bed.client).load(broken).await.is_err());
}

/// How a registry is reached, with all that crosses to a service.
fn access() -> RegistryAccess {
    RegistryAccess {
        credentials: Some(Credentials {
            username: "ü".into(),
            password: "p:w?>".into(),
            ..Credentials::default()
        }),
        auth_file: None,
        cert_dir: None,
        tls_verify: Some(false),
        retry: Some(2),
        retry_delay: Some(7),
    }
}

#[tokio::test]
async fn pushes() {
    let bed = Bed::new().await;
    let options = PushOptions {
        destination: "quay.io/a/b:2".into(),
        format: Some(PushFormat::Oci),
        compression: Some(PushCompression::Zstd),
        compression_level: Some(7),
        force_compression: true,
        remove_signatures: true,
        access: access(),
        ..PushOptions::default()
    };
    for options in [options, PushOptions::default()] {
        let _ = bed.engine.push("quay.io/a/b:1", options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::images(&bed.client).push("quay.io/a/b:1", options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::push_progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    let events = Engine::images(&bed.client).push("half", PushOptions::default()).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last, Err(Error::new(ErrorKind::Unauthorized, "denied")));
    let here = RegistryAccess { auth_file: Some("/f".into()), ..RegistryAccess::default() };
    let options = PushOptions { access: here, ..PushOptions::default() };
    assert_eq!(
        Engine::images(&bed.client).push("a", options).await.err().unwrap().kind,
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn pulls() {
    let bed = Bed::new().await;
    let options = PullOptions {
        policy: PullPolicy::Newer,
        os: Some("linux".into()),
        arch: Some("arm64".into()),
        variant: Some("v8".into()),
        all_tags: true,
        access: access(),
    };
    for options in [options, PullOptions::default()] {
        let _ = bed.engine.pull("quay.io/a/b:1", options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::images(&bed.client).pull("quay.io/a/b:1", options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    let events = Engine::images(&bed.client).pull("half", PullOptions::default()).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last, Err(Error::new(ErrorKind::Unauthorized, "denied")));
    assert!(Engine::images(&bed.client).pull(BROKEN, PullOptions::default()).await.is_err());
}
