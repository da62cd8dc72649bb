//! Against Debian's docker-registry with TLS and a password, filled and read by skopeo.
#![allow(missing_docs)]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{image, run, write_dir};
use cove_config::Credentials;
use cove_registry::{
    Archive, ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyEvent, CopyOptions, Digest, LayerForm,
    LayerPacking, ManifestFormat, Platform, PushOptions, Reference, RegistryClient, RegistryOptions,
    copy_image,
};
use cove_sys::fs;
use cove_test_support::Registry;

struct Real(Registry);

impl Real {
    fn start() -> Option<Self> {
        Registry::start().map(Self)
    }

    fn path(&self) -> &Path {
        self.0.folder()
    }

    fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.0.address())
    }

    fn skopeo(&self, arguments: &[&str]) -> String {
        let certs = self.0.cert_dir().display().to_string();
        let credentials = format!("{}:{}", Registry::USER, Registry::PASSWORD);
        let all: Vec<&str> = arguments
            .iter()
            .map(|argument| match *argument {
                "CERTS" => certs.as_str(),
                "CREDENTIALS" => credentials.as_str(),
                other => other,
            })
            .collect();
        run("skopeo", &all)
    }

    fn options(&self, password: &str) -> RegistryOptions {
        let password = password.to_owned();
        RegistryOptions {
            certificate_dirs: vec![self.path().join("certs.d")],
            credentials: Arc::new(move |_: &str| {
                Ok(Some(Credentials::new(Registry::USER.into(), password.clone(), None)))
            }),
            ..RegistryOptions::default()
        }
    }
}

fn archive_options(format: ArchiveFormat, spool: &Path) -> ArchiveOptions {
    ArchiveOptions {
        layers: LayerForm::Packed(LayerPacking::default()),
        ..ArchiveOptions::new(format, spool)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_saves_and_loads() {
    let Some(registry) = Real::start() else { return };
    let folder = registry.path();
    let here = |name: &str| folder.join(name).display().to_string();
    let docker = image(ManifestFormat::Docker, "amd64", 4, 300_000);
    let oci = image(ManifestFormat::Oci, "amd64", 3, 300_000);
    write_dir(&folder.join("docker"), &docker);
    write_dir(&folder.join("oci"), &oci);
    for name in ["docker", "oci"] {
        registry.skopeo(&[
            "copy",
            "--preserve-digests",
            "--dest-cert-dir",
            "CERTS",
            "--dest-creds",
            "CREDENTIALS",
            &format!("dir:{}", here(name)),
            &format!("docker://{}", registry.name(&format!("test/{name}:1"))),
        ]);
    }
    let client = RegistryClient::new(registry.options(Registry::PASSWORD));
    for (name, image) in [("docker", &docker), ("oci", &oci)] {
        let reference = Reference::parse(&registry.name(&format!("test/{name}:1"))).unwrap();
        let source = client.open(&reference).await.unwrap();
        assert_eq!(source.digest(), image.manifest.descriptor.digest);
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = events.clone();
        let options = CopyOptions {
            platform: Platform::linux("amd64"),
            names: vec![reference.clone()],
            progress: Some(Arc::new(move |event| seen.lock().unwrap().push(event))),
            ..CopyOptions::default()
        };
        // To a docker-archive, which podman's tools read.
        let path = folder.join(format!("{name}.tar"));
        let writer =
            ArchiveWriter::create(&path, false, archive_options(ArchiveFormat::Docker, folder)).unwrap();
        let report = copy_image(&source, &writer.destination(), &options).await.unwrap();
        writer.finish().unwrap();
        assert_eq!(report.config_digest, image.config.descriptor.digest);
        assert_eq!(report.source_digest, image.manifest.descriptor.digest);
        let done = events
            .lock()
            .unwrap()
            .iter()
            .filter(|event| matches!(event, CopyEvent::LayerDone { .. }))
            .count();
        assert_eq!(done, image.layers.len());
        let inspected =
            run("skopeo", &["inspect", "--config", "--raw", &format!("docker-archive:{}", path.display())]);
        assert_eq!(Digest::sha256(inspected.trim_end().as_bytes()), image.config.descriptor.digest);
        // Through skopeo's own writer and back, and from a packed stream.
        let again = here(&format!("{name}-skopeo.tar"));
        run(
            "skopeo",
            &[
                "copy",
                &format!("docker-archive:{}", path.display()),
                &format!("docker-archive:{again}:docker.io/library/x:2"),
            ],
        );
        run("gzip", &["-k", &again]);
        let packed = fs::File::open(format!("{again}.gz")).unwrap();
        let archive = Archive::from_reader(Path::new("stdin"), packed, folder).unwrap();
        assert_eq!(archive.names(0)[0].to_string(), "docker.io/library/x:2");
        let source = archive.source(archive.find(Some("x:2")).unwrap()).unwrap();
        let layout = folder.join(format!("{name}-layout.tar"));
        let writer =
            ArchiveWriter::create(&layout, false, archive_options(ArchiveFormat::Oci, folder)).unwrap();
        let options = CopyOptions { progress: None, ..options };
        let report = copy_image(&source, &writer.destination(), &options).await.unwrap();
        writer.finish().unwrap();
        assert_eq!(report.config_digest, image.config.descriptor.digest);
        let inspected =
            run("skopeo", &["inspect", "--config", "--raw", &format!("oci-archive:{}", layout.display())]);
        assert_eq!(Digest::sha256(inspected.trim_end().as_bytes()), image.config.descriptor.digest);
        run(
            "skopeo",
            &[
                "copy",
                &format!("oci-archive:{}", layout.display()),
                &format!("dir:{}", here(&format!("{name}-dir"))),
            ],
        );
        let archive = Archive::open(&folder.join(format!("{name}-dir")), folder).unwrap();
        assert_eq!(archive.format(), ArchiveFormat::Dir);
        let writer = ArchiveWriter::create(
            &folder.join(format!("{name}-dir2")),
            true,
            archive_options(ArchiveFormat::Dir, folder),
        )
        .unwrap();
        copy_image(&archive.source(0).unwrap(), &writer.destination(), &options).await.unwrap();
        writer.finish().unwrap();
        run("skopeo", &["inspect", &format!("dir:{}", here(&format!("{name}-dir2")))]);
    }
    assert_eq!(client.tags(&Reference::parse(&registry.name("test/oci")).unwrap()).await.unwrap(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_packed_plain_and_mounted_layers() {
    let Some(registry) = Real::start() else { return };
    let folder = registry.path();
    let client = RegistryClient::new(registry.options(Registry::PASSWORD));
    let docker = image(ManifestFormat::Docker, "amd64", 4, 300_000);
    write_dir(&folder.join("docker"), &docker);
    let options = CopyOptions { platform: Platform::linux("amd64"), ..CopyOptions::default() };
    let reference = |text: &str| Reference::parse(&registry.name(text)).unwrap();
    let check = |name: &str| {
        let target = format!("docker://{}", registry.name(name));
        let config = registry.skopeo(&[
            "inspect",
            "--config",
            "--raw",
            "--cert-dir",
            "CERTS",
            "--creds",
            "CREDENTIALS",
            &target,
        ]);
        assert_eq!(Digest::sha256(config.trim_end().as_bytes()), docker.config.descriptor.digest);
        // Reads every layer back.
        registry.skopeo(&[
            "copy",
            "--src-cert-dir",
            "CERTS",
            "--src-creds",
            "CREDENTIALS",
            &target,
            &format!("docker-archive:{}", folder.join(name.replace(['/', ':'], "-")).display()),
        ]);
    };
    // As they are.
    let source = Archive::open(&folder.join("docker"), folder).unwrap().source(0).unwrap();
    let destination = client.destination(&reference("a/one:1"), PushOptions::default()).unwrap();
    let report = copy_image(&source, &destination, &options).await.unwrap();
    assert_eq!(report.manifest_digest, docker.manifest.descriptor.digest);
    check("a/one:1");
    // Again: everything is there, in another repository by mounting.
    for name in ["a/one:2", "b/two:1"] {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = events.clone();
        let options = CopyOptions {
            progress: Some(Arc::new(move |event| seen.lock().unwrap().push(event))),
            ..options.clone()
        };
        let push = PushOptions { mount_from: vec![reference("a/one:1")], ..PushOptions::default() };
        let destination = client.destination(&reference(name), push).unwrap();
        copy_image(&source, &destination, &options).await.unwrap();
        let reused = events
            .lock()
            .unwrap()
            .iter()
            .filter(|event| matches!(event, CopyEvent::LayerReused { .. }))
            .count();
        assert_eq!(reused, docker.layers.len(), "{name}");
        check(name);
    }
    // From plain layers, packed on the way, and as OCI.
    let plain = folder.join("plain.tar");
    let writer =
        ArchiveWriter::create(&plain, false, archive_options(ArchiveFormat::Docker, folder)).unwrap();
    copy_image(&source, &writer.destination(), &options).await.unwrap();
    writer.finish().unwrap();
    let source = Archive::open(&plain, folder).unwrap().source(0).unwrap();
    for (name, manifest) in [("c/packed:1", None), ("d/packed:1", Some(ManifestFormat::Oci))] {
        let push = PushOptions { manifest, ..PushOptions::default() };
        let destination = client.destination(&reference(name), push).unwrap();
        copy_image(&source, &destination, &options).await.unwrap();
        check(name);
    }
    let wrong = RegistryClient::new(registry.options("wrong"));
    let destination = wrong.destination(&reference("e/x:1"), PushOptions::default()).unwrap();
    let error = copy_image(&source, &destination, &options).await.unwrap_err();
    assert!(error.to_string().contains("unauthorized"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_wrong() {
    let Some(registry) = Real::start() else { return };
    let error = async |options: RegistryOptions, name: &str| {
        let reference = Reference::parse(&registry.name(name)).unwrap();
        match RegistryClient::new(options).open(&reference).await {
            Ok(_) => panic!("{name} must fail"),
            Err(error) => error.to_string(),
        }
    };
    let text = error(registry.options(Registry::PASSWORD), "no/such:1").await;
    assert!(text.contains("manifest unknown") && text.contains("no/such"), "{text}");
    let text = error(registry.options("wrong"), "no/such:1").await;
    assert!(text.contains("unauthorized") && text.contains("invalid username/password"), "{text}");
    let nobody = RegistryOptions { credentials: Arc::new(|_: &str| Ok(None)), ..registry.options("") };
    let text = error(nobody, "no/such:1").await;
    assert!(text.contains("authentication required"), "{text}");
    let unknown = RegistryOptions { certificate_dirs: Vec::new(), ..registry.options(Registry::PASSWORD) };
    let text = error(unknown.clone(), "no/such:1").await;
    assert!(text.contains("unknown authority"), "{text}");
    let insecure = RegistryOptions { tls_verify: Some(false), ..unknown };
    let text = error(insecure, "no/such:1").await;
    assert!(text.contains("manifest unknown"), "{text}");
    let client = RegistryClient::new(registry.options("x"));
    let host = registry.name("");
    let host = host.trim_end_matches('/');
    client
        .check_login(host, Credentials::new(Registry::USER.into(), Registry::PASSWORD.into(), None))
        .await
        .unwrap();
    let wrong = client
        .check_login(host, Credentials::new(Registry::USER.into(), "no".into(), None))
        .await
        .unwrap_err();
    assert!(wrong.to_string().contains("invalid username/password"), "{wrong}");
}
