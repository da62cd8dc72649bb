//! Archives as tools write them, and as attackers do.
#![allow(missing_docs)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Blob, TestImage, gzip, image, run, write_dir, write_layout};
use cove_registry::{
    Archive, ArchiveFormat, ArchiveOptions, ArchiveWriter, CopyOptions, CopyReport, Descriptor, Digest,
    Error, ImageDestination, Layer, LayerCompression, ManifestFormat, Platform, Reference, copy_image,
    manifest::{layer_media_type, media_type},
};
use cove_sys::fs;
use cove_test_support::{Member, Need, met};
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cove-registry-archive-").tempdir().unwrap()
}

/// A tar of files.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let members: Vec<Member<'_>> = members.iter().map(|(name, data)| Member::file(name, data)).collect();
    cove_test_support::tar(&members)
}

/// A symbolic link without the end of an archive.
fn symlink(name: &str, target: &str) -> Vec<u8> {
    cove_test_support::tar(&[Member::link(name, b'2', target)])[..512].to_vec()
}

fn options(format: ArchiveFormat, spool: &Path) -> ArchiveOptions {
    ArchiveOptions::new(format, spool)
}

fn copy_options() -> CopyOptions {
    CopyOptions { platform: Platform::linux("amd64"), ..CopyOptions::default() }
}

/// Copies the image out of `path`, into a docker-archive.
async fn load(path: &Path, name: Option<&str>) -> Result<CopyReport, Error> {
    let out = folder();
    let archive = Archive::open(path, out.path())?;
    let source = archive.source(archive.find(name)?)?;
    let writer =
        ArchiveWriter::create(&out.path().join("out"), false, options(ArchiveFormat::Docker, out.path()))?;
    let report = copy_image(&source, &writer.destination(), &copy_options()).await?;
    writer.finish()?;
    Ok(report)
}

struct Parts {
    config: Vec<u8>,
    layers: Vec<Vec<u8>>,
}

fn parts(count: usize) -> Parts {
    let layers: Vec<Vec<u8>> = (0..count)
        .map(|number| tar(&[(&format!("f{number}"), &common::noise(5000, number as u64))]))
        .collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::sha256(layer).to_string()).collect();
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    Parts { config: config.to_string().into_bytes(), layers }
}

fn write(folder: &Path, name: &str, data: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, data).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn layouts_of_docker_save_old_and_new() {
    let folder = folder();
    let Parts { config, layers } = parts(3);
    let expected = Digest::sha256(&config);
    // Old: a folder for each layer, an equal layer as a link.
    let manifest = json!([{"Config": "c.json", "RepoTags": ["busybox:1"], "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]);
    let manifest = manifest.to_string();
    let mut data = tar(&[
        ("a/layer.tar", &layers[0]),
        ("real/layer.tar", &layers[1]),
        ("./c/layer.tar", &layers[2]),
        ("c.json", &config),
        ("manifest.json", manifest.as_bytes()),
    ]);
    data.truncate(data.len() - 1024);
    data.extend(symlink("b/layer.tar", "../real/layer.tar"));
    data.resize(data.len() + 1024, 0);
    let path = write(folder.path(), "old.tar", &data);
    assert_eq!(load(&path, None).await.unwrap().config_digest, expected);
    assert_eq!(load(&path, Some("docker.io/library/busybox:1")).await.unwrap().config_digest, expected);
    assert!(matches!(load(&path, Some("busybox:2")).await, Err(Error::NotInArchive { .. })));
    // New: blobs by digest, packed.
    let packed: Vec<_> = layers.iter().map(|layer| gzip(layer)).collect();
    let names: Vec<_> =
        packed.iter().map(|layer| format!("blobs/sha256/{}", Digest::sha256(layer).hex())).collect();
    let config_name = format!("blobs/sha256/{}", expected.hex());
    let manifest = json!([{"Config": config_name, "RepoTags": null, "Layers": names}]).to_string();
    let mut members: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(packed.iter().map(Vec::as_slice)).collect();
    members.push((&config_name, &config));
    members.push(("manifest.json", manifest.as_bytes()));
    members.push(("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#));
    let path = write(folder.path(), "new.tar", &tar(&members));
    assert_eq!(load(&path, None).await.unwrap().config_digest, expected);
    // The whole archive packed.
    let packed = write(folder.path(), "new.tar.gz", &gzip(&tar(&members)));
    assert_eq!(load(&packed, None).await.unwrap().config_digest, expected);
    let zstd = zstd::stream::encode_all(tar(&members).as_slice(), 1).unwrap();
    let packed = write(folder.path(), "new.tar.zst", &zstd);
    assert_eq!(load(&packed, Some("@0")).await.unwrap().config_digest, expected);
    let xz = write(folder.path(), "new.tar.xz", b"\xfd7zXZ\0\0\0\0\0\0");
    assert!(load(&xz, None).await.unwrap_err().to_string().contains("new.tar.xz"));
    // Packed with what manifests have no media type for: the layers become plain.
    if !met(&[Need::Packers]) {
        return;
    }
    for program in ["xz", "bzip2"] {
        let pack = |name: &str, data: &[u8]| {
            let path = write(folder.path(), name, data);
            let output = std::process::Command::new(program).arg("-kc").arg(&path).output().expect(program);
            assert!(output.status.success(), "{program}");
            output.stdout
        };
        let whole = pack("whole", &tar(&members));
        let path = write(folder.path(), &format!("whole.{program}"), &whole);
        assert_eq!(load(&path, None).await.unwrap().config_digest, expected, "{program}");
        let packed: Vec<_> = layers.iter().map(|layer| pack("layer", layer)).collect();
        let manifest = json!([{"Config": "c.json", "Layers": ["0", "1", "2"]}]).to_string();
        let data = tar(&[
            ("0", &packed[0]),
            ("1", &packed[1]),
            ("2", &packed[2]),
            ("c.json", &config),
            ("manifest.json", manifest.as_bytes()),
        ]);
        let path = write(folder.path(), &format!("layers.{program}"), &data);
        assert_eq!(load(&path, None).await.unwrap().config_digest, expected, "{program}");
        let cut = write(folder.path(), &format!("cut.{program}"), &whole[..whole.len() - 20]);
        let error = load(&cut, None).await.unwrap_err().to_string();
        assert!(error.contains(&format!("cut.{program}")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_images_in_one_archive() {
    let folder = folder();
    let (one, two) =
        (image(ManifestFormat::Oci, "amd64", 2, 4000), image(ManifestFormat::Oci, "amd64", 3, 4000));
    write_layout(&folder.path().join("layout"), &[("a.example/one:1", &one), ("two", &two)]);
    let layout = Archive::open(&folder.path().join("layout"), folder.path()).unwrap();
    assert_eq!(layout.len(), 2);
    assert_eq!(layout.names(1)[0].to_string(), "localhost/two:latest");
    for format in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
        let path = folder.path().join(format!("{format:?}"));
        let writer = ArchiveWriter::create(&path, false, options(format, folder.path())).unwrap();
        for position in 0..2 {
            let options = CopyOptions { names: layout.names(position).to_vec(), ..copy_options() };
            copy_image(&layout.source(position).unwrap(), &writer.destination(), &options).await.unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path, folder.path()).unwrap();
        assert_eq!(archive.format(), format);
        assert_eq!(archive.len(), 2);
        assert_eq!(archive.find(Some("localhost/two")).unwrap(), 1);
        assert_eq!(archive.names(0), [Reference::parse("a.example/one:1").unwrap()]);
        assert_eq!(
            load(&path, Some("a.example/one:1")).await.unwrap().config_digest,
            one.config.descriptor.digest
        );
        assert!(load(&path, None).await.is_err());
        let again = std::fs::metadata(&path).unwrap();
        assert!(again.is_file());
    }
    // A directory layout grows, and a name moves to the newer image.
    for (position, _) in [(0, ()), (1, ())] {
        let target = folder.path().join("grown");
        let writer =
            ArchiveWriter::create(&target, true, options(ArchiveFormat::Oci, folder.path())).unwrap();
        let names = vec![Reference::parse("a.example/same:1").unwrap()];
        let options = CopyOptions { names, ..copy_options() };
        copy_image(&layout.source(position).unwrap(), &writer.destination(), &options).await.unwrap();
        writer.finish().unwrap();
    }
    let report = load(&folder.path().join("grown"), Some("a.example/same:1")).await.unwrap();
    assert_eq!(report.config_digest, two.config.descriptor.digest);
}

/// Runs `work` with a runtime of one thread, and fails where it hangs, even if that thread is stuck.
fn in_time<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work());
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(30)).expect("it hangs, or failed as said above");
}

/// Hands on what is written, and waits where nobody takes it.
struct Handing(mpsc::Sender<Bytes>);

impl Write for Handing {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.blocking_send(Bytes::copy_from_slice(data)).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_layer_that_is_being_written() {
    in_time(|| async {
        let Parts { layers, .. } = parts(2);
        let kind = layer_media_type(ManifestFormat::Docker, LayerCompression::None);
        let descriptors: Vec<_> = layers.iter().map(|layer| Descriptor::of(kind, layer)).collect();
        let diff_ids: Vec<_> = descriptors.iter().map(|descriptor| descriptor.digest.clone()).collect();
        let layer = |index: usize| Layer {
            index,
            descriptor: &descriptors[index],
            diff_id: Some(&diff_ids[index]),
            diff_ids: &diff_ids,
        };
        let (sender, mut written) = mpsc::channel(64);
        let options = options(ArchiveFormat::Docker, Path::new("/nonexistent"));
        let writer = ArchiveWriter::to_writer(Box::new(Handing(sender)), "out", options).unwrap();
        let destination = writer.destination();
        let (arrives, arriving) = mpsc::unbounded_channel();
        let data = stream::unfold(arriving, |mut arriving| async {
            arriving.recv().await.map(|piece| (Ok(piece), arriving))
        });
        let (first, second) = (layer(0), layer(1));
        let ask = async {
            // The first layer's header is written, and its data has not come.
            written.recv().await.unwrap();
            assert!(destination.try_reuse(&second).await.unwrap().is_none());
            arrives.send(Bytes::from(layers[0].clone())).unwrap();
            drop(arrives);
        };
        let (stored, ()) = tokio::join!(destination.put_layer(&first, Box::pin(data)), ask);
        assert_eq!(stored.unwrap().descriptor, descriptors[0]);
        assert!(destination.try_reuse(&first).await.unwrap().is_some());
    });
}

#[test]
fn an_archive_may_be_taken_by_the_thread_that_has_it_written() {
    in_time(|| async {
        let folder = folder();
        let image = image(ManifestFormat::Docker, "amd64", 5, 100_000);
        write_dir(&folder.path().join("dir"), &image);
        let source = Archive::open(&folder.path().join("dir"), folder.path()).unwrap().source(0).unwrap();
        for format in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
            let (sender, mut written) = mpsc::channel::<Bytes>(1);
            let taken = tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(piece) = written.recv().await {
                    taken.extend_from_slice(&piece);
                }
                taken
            });
            let options = options(format, folder.path());
            let writer = ArchiveWriter::to_writer(Box::new(Handing(sender)), "out", options).unwrap();
            let report = copy_image(&source, &writer.destination(), &copy_options()).await.unwrap();
            tokio::task::spawn_blocking(move || writer.finish()).await.unwrap().unwrap();
            let path = write(folder.path(), "out.tar", &taken.await.unwrap());
            assert_eq!(load(&path, None).await.unwrap().config_digest, report.config_digest);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_are_refused() {
    let folder = folder();
    let Parts { config, layers } = parts(1);
    let archive = |item: serde_json::Value, extra: &[u8]| {
        let manifest = json!([item]).to_string();
        let mut data =
            tar(&[("c.json", &config), ("l.tar", &layers[0]), ("manifest.json", manifest.as_bytes())]);
        data.truncate(data.len() - 1024);
        data.extend_from_slice(extra);
        data.resize(data.len() + 1024, 0);
        data
    };
    let mut truncated = archive(json!({"Config": "c.json", "Layers": ["l.tar"]}), b"");
    truncated.truncate(3000);
    let mut wrong = parts(1);
    wrong.layers[0][600] ^= 1;
    let manifest = json!([{"Config": "c.json", "Layers": ["l.tar"]}]).to_string();
    let wrong_layer = tar(&[
        ("c.json", &wrong.config),
        ("l.tar", &wrong.layers[0]),
        ("manifest.json", manifest.as_bytes()),
    ]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("text", b"no archive at all".to_vec()),
        ("zeros", vec![0; 4096]),
        ("gzip of nothing", gzip(b"")),
        ("broken gzip", gzip(&vec![7; 100_000])[..40].to_vec()),
        ("outside", archive(json!({"Config": "../../etc/passwd", "Layers": ["l.tar"]}), b"")),
        ("absolute", archive(json!({"Config": "/etc/passwd", "Layers": ["l.tar"]}), b"")),
        ("link out", archive(json!({"Config": "c.json", "Layers": ["x"]}), &symlink("x", "/etc/passwd"))),
        ("link round", archive(json!({"Config": "c.json", "Layers": ["x"]}), &symlink("x", "x"))),
        ("missing layer", archive(json!({"Config": "c.json", "Layers": ["none"]}), b"")),
        ("too few layers", archive(json!({"Config": "c.json", "Layers": []}), b"")),
        ("too many layers", archive(json!({"Config": "c.json", "Layers": ["l.tar", "l.tar"]}), b"")),
        (
            "bad tag",
            archive(json!({"Config": "c.json", "RepoTags": ["UPPER:\u{1b}"], "Layers": ["l.tar"]}), b""),
        ),
        ("config is a layer", archive(json!({"Config": "l.tar", "Layers": ["l.tar"]}), b"")),
        ("truncated", truncated),
        ("wrong layer", wrong_layer),
        ("manifest is no list", tar(&[("manifest.json", b"{}")])),
        ("large manifest", tar(&[("manifest.json", &vec![b' '; 5 << 20])])),
        ("layout without index", tar(&[("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)])),
    ];
    for (name, data) in cases {
        let path = write(folder.path(), "case.tar", &data);
        let start = Instant::now();
        let error = match load(&path, None).await {
            Ok(_) => panic!("{name} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(start.elapsed() < Duration::from_secs(30), "{name}");
        assert!(!error.contains('\u{1b}') && !error.contains("root:"), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_layouts_are_refused() {
    let index = |entry: serde_json::Value| json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
    let good = image(ManifestFormat::Oci, "amd64", 2, 3000);
    let kind = media_type::OCI_MANIFEST;
    for (name, text) in [
        (
            "traversal",
            index(json!({"mediaType": kind, "digest": "sha256:../../../../etc/passwd", "size": 3})),
        ),
        ("missing", index(json!({"mediaType": kind, "digest": Digest::sha256(b"none"), "size": 3}))),
        ("no digest", index(json!({"mediaType": kind, "size": 3}))),
        ("negative", index(json!({"mediaType": kind, "digest": Digest::sha256(b"none"), "size": -3}))),
        ("no list", "[]".into()),
        ("old", r#"{"schemaVersion":1,"manifests":[]}"#.into()),
    ] {
        let folder = folder();
        write_layout(folder.path(), &[("x", &good)]);
        fs::write(folder.path().join("index.json"), text).unwrap();
        assert!(load(folder.path(), None).await.is_err(), "{name}");
    }
    // Tampered content, and a pipe in place of a blob.
    let folder = folder();
    write_layout(folder.path(), &[("x", &good)]);
    let blob = |digest: &Digest| folder.path().join("blobs/sha256").join(digest.hex());
    let manifest = blob(&good.manifest.descriptor.digest);
    fs::write(&manifest, [good.manifest.data.as_slice(), b" "].concat()).unwrap();
    assert!(matches!(load(folder.path(), None).await, Err(Error::DigestMismatch { .. })));
    fs::write(&manifest, &good.manifest.data).unwrap();
    load(folder.path(), None).await.unwrap();
    let layer = blob(&good.layers[0].descriptor.digest);
    fs::remove_file(&layer).unwrap();
    run("mkfifo", &[&layer.display().to_string()]);
    let start = Instant::now();
    assert!(load(folder.path(), None).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(20));
    // A `dir:` that names its blobs outside itself.
    let other = self::folder();
    write_dir(other.path(), &good);
    let manifest = json!([{"Config": "../secret", "Layers": []}]).to_string();
    fs::write(other.path().join("manifest.json"), manifest).unwrap();
    assert!(load(other.path(), None).await.unwrap_err().to_string().contains("outside"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_gives_the_wanted_platform() {
    let folder = folder();
    let images: Vec<TestImage> = ["amd64", "arm64", "s390x"]
        .into_iter()
        .map(|architecture| image(ManifestFormat::Oci, architecture, 1, 1000))
        .collect();
    let entries: Vec<_> = images
        .iter()
        .zip(["amd64", "arm64", "s390x"])
        .map(|(image, architecture)| {
            let mut entry = image.manifest.descriptor.clone();
            entry.platform = Some(Platform::linux(architecture));
            entry
        })
        .collect();
    let index =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries}).to_string();
    let index = Blob {
        descriptor: Descriptor::of(media_type::OCI_INDEX, index.as_bytes()),
        data: index.into_bytes(),
    };
    let named: Vec<(&str, &TestImage)> = images.iter().map(|image| ("x", image)).collect();
    write_layout(folder.path(), &named);
    fs::write(folder.path().join("blobs/sha256").join(index.descriptor.digest.hex()), &index.data).unwrap();
    let top = json!({"schemaVersion": 2, "manifests": [index.descriptor]}).to_string();
    fs::write(folder.path().join("index.json"), top).unwrap();
    let archive = Archive::open(folder.path(), folder.path()).unwrap();
    let source = archive.source(0).unwrap();
    for (image, architecture) in images.iter().zip(["amd64", "arm64", "s390x"]) {
        let resolved = cove_registry::resolve(&source, &Platform::linux(architecture)).await.unwrap();
        assert_eq!(resolved.parsed.config.digest, image.config.descriptor.digest);
        assert_eq!(resolved.index.unwrap().digest(), index.descriptor.digest);
    }
    let error = cove_registry::resolve(&source, &Platform::linux("riscv64")).await.unwrap_err().to_string();
    assert!(error.contains("no image found in image index") && error.contains("linux/arm64"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_loads_what_is_saved() {
    if !met(&[Need::Root, Need::Podman]) {
        return;
    }
    let folder = folder();
    let here = |name: &str| folder.path().join(name).display().to_string();
    let good = image(ManifestFormat::Docker, "amd64", 3, 3000);
    write_dir(&folder.path().join("dir"), &good);
    let source = Archive::open(&folder.path().join("dir"), folder.path()).unwrap().source(0).unwrap();
    for format in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
        let path = folder.path().join(format!("{format:?}.tar"));
        let writer = ArchiveWriter::create(&path, false, options(format, folder.path())).unwrap();
        let name =
            Reference::parse(&format!("localhost/{}:1", format!("{format:?}").to_lowercase())).unwrap();
        let options = CopyOptions { names: vec![name.clone()], ..copy_options() };
        copy_image(&source, &writer.destination(), &options).await.unwrap();
        writer.finish().unwrap();
        let (root, runroot) = (here("root"), here("runroot"));
        let podman = |arguments: &[&str]| {
            let all =
                [&["--root", &root, "--runroot", &runroot, "--storage-driver", "vfs"], arguments].concat();
            run("podman", &all)
        };
        let said = podman(&["load", "-i", &path.display().to_string()]);
        assert!(said.contains(&name.to_string()), "{said}");
        let id = podman(&["image", "inspect", "--format", "{{.Id}}", &name.to_string()]);
        assert_eq!(id.trim(), good.config.descriptor.digest.hex());
        let saved = here(&format!("{format:?}-podman.tar"));
        let kind = if format == ArchiveFormat::Docker { "docker-archive" } else { "oci-archive" };
        podman(&["save", "--format", kind, "-o", &saved, &name.to_string()]);
        let archive = Archive::open(Path::new(&saved), folder.path()).unwrap();
        assert_eq!(archive.names(0), [name]);
        assert_eq!(load(Path::new(&saved), None).await.unwrap().config_digest, good.config.descriptor.digest);
    }
}
