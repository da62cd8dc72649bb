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
        let _ = same!(bed, images, documents(name));
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
    for term in ["quay.io/a b", BROKEN] {
        let options = PullOptions { arch: Some("arm64".into()), access: access(), ..PullOptions::default() };
        let _ = same!(bed, images, explain(term, options.clone()));
        let _ = same!(bed, images, resolve(term));
        let _ = same!(bed, images, distribution(term, access()));
        let credentials = access().credentials.unwrap_or_default();
        let _ = same!(bed, images, check_login(term, credentials.clone()));
        let options = SearchOptions { limit: 3, filters: filters(), ..SearchOptions::default() };
        let _ = same!(bed, images, search(term, options.clone()));
        let options = SearchOptions { list_tags: true, ..SearchOptions::default() };
        let _ = same!(bed, images, search(term, options.clone()));
    }
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
    let files = Engine::images(&bed.client).root_files("quay.io/a/files").await.unwrap();
    let length: usize = files.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum();
    assert_eq!(length, 1024);
    assert!(bed.engine.calls().contains(&"files quay.io/a/files".to_owned()));
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
        registries: std::collections::BTreeMap::new(),
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
async fn copies() {
    let bed = Bed::new().await;
    let options = ImageCopyOptions {
        selection: ListSelection::All,
        format: Some(PushFormat::Oci),
        layers: Some(CopyLayers::Repacked),
        compression: Some(PushCompression::Zstd),
        compression_level: Some(7),
        preserve_digests: true,
        additional_tags: vec!["a/b:1".into(), "c:2".into()],
        os: Some("linux".into()),
        arch: Some("arm64".into()),
        variant: Some("v8".into()),
        parallel: Some(3),
        access: access(),
        ..ImageCopyOptions::default()
    };
    let (from, to) = ("containers-storage:a b", "docker://quay.io/a/b:1");
    for options in [options, ImageCopyOptions::default()] {
        let _ = Images::copy(&bed.engine, from, to, options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::images(&bed.client).copy(from, to, options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::push_progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    // What names files of the engine's host, or is not for it to decide.
    let nothing = ImageCopyOptions { policy: CopyPolicy::Nothing, ..ImageCopyOptions::default() };
    let anonymous = ImageCopyOptions { anonymous: true, ..ImageCopyOptions::default() };
    for (to, options) in [("dir:/x", ImageCopyOptions::default()), (to, nothing), (to, anonymous)] {
        let refused = Engine::images(&bed.client).copy(from, to, options).await.err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Unsupported);
    }
    assert!(bed.engine.calls().is_empty());
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
        let _ = Images::push(&bed.engine, "quay.io/a/b:1", options.clone()).await.unwrap();
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
async fn artifacts() {
    let bed = Bed::new().await;
    same!(bed, artifacts, list()).unwrap();
    for name in ["quay.io/a/b:1", BROKEN] {
        let _ = same!(bed, artifacts, inspect(name));
        let _ = same!(bed, artifacts, pull(name, access()));
        let _ = same!(bed, artifacts, push(name, access()));
        let options = ArtifactAddOptions {
            name: name.into(),
            file_name: "a b".into(),
            file_type: "text/x".into(),
            annotations: vec!["a=b,c".into(), "d=e".into()],
            artifact_type: "x/y".into(),
            append: true,
            replace: true,
        };
        let data = || -> ByteStream { Box::pin(stream::iter([Ok(Bytes::from(vec![b'x'; 9_000_000]))])) };
        let _ = same!(bed, artifacts, add(options.clone(), data()));
        let options =
            ArtifactRemoveOptions { all: true, artifacts: vec![name.into(), "b".into()], ignore: true };
        let _ = same!(bed, artifacts, remove(options.clone()));
        let options =
            ArtifactExtractOptions { digest: "sha256:a".into(), title: "t".into(), exclude_title: true };
        if name != BROKEN {
            let there = Engine::artifacts(&bed.client).extract(name, options.clone()).await.unwrap();
            assert_eq!(there.map(Result::unwrap).collect::<Vec<_>>().await.concat(), b"tar");
            assert_eq!(bed.engine.calls(), [format!("artifact extract {name} {options:?}")]);
        }
    }
}

#[tokio::test]
async fn lists_of_images() {
    let bed = Bed::new().await;
    let change = ManifestModifyOptions {
        operation: Some(ManifestOperation::Update),
        images: vec!["quay.io/a/b:1".into()],
        all: true,
        annotation: vec!["a=b c".into()],
        annotations: StringMap::from([("d".into(), "e&f".into())]),
        arch: "arm64".into(),
        features: vec!["sse4".into()],
        os: "linux".into(),
        os_features: vec!["x".into()],
        os_version: "1".into(),
        variant: "v8".into(),
        index_annotation: vec!["g=h".into()],
        subject: "quay.io/s".into(),
        access: RegistryAccess { retry: None, retry_delay: None, ..access() },
        ..ManifestModifyOptions::default()
    };
    for name in ["quay.io/a/list:1", "sha256:abc", BROKEN] {
        let options = ManifestCreateOptions {
            images: vec!["a".into(), "quay.io/b:1".into()],
            all: true,
            amend: true,
            annotation: vec!["a=b&c".into()],
            ..ManifestCreateOptions::default()
        };
        let _ = same!(bed, manifests, create(name, options.clone()));
        let _ = same!(bed, manifests, create(name, ManifestCreateOptions::default()));
        let _ = same!(bed, manifests, exists(name));
        let _ = same!(bed, manifests, inspect(name, access()));
        let _ = same!(bed, manifests, modify(name, change.clone()));
        let _ = same!(bed, manifests, remove(name, ManifestRemoveOptions { ignore: true }));
    }
    for destination in ["quay.io/a/b:2", "docker://localhost:5000/c"] {
        let options = PushOptions {
            destination: destination.into(),
            all: Some(false),
            add_compression: vec![PushCompression::Zstd],
            access: access(),
            ..PushOptions::default()
        };
        let _ = Manifests::push(&bed.engine, "quay.io/a/list:1", options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::manifests(&bed.client).push("quay.io/a/list:1", options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::push_progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    let change = ManifestModifyOptions { files: vec!["/f".into()], ..ManifestModifyOptions::default() };
    let error = Engine::manifests(&bed.client).modify("a", change).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
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
        ..PullOptions::default()
    };
    for options in [options, PullOptions::default()] {
        let _ = Images::pull(&bed.engine, "quay.io/a/b:1", options.clone()).await.unwrap();
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
