//! Small images for tests.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod fake;

use std::io::Write;
use std::path::Path;

use cove_registry::{Descriptor, Digest, ImageManifest, ManifestFormat, manifest::media_type};
use cove_sys::fs;
use cove_test_support::{Member, tar};

pub struct Blob {
    pub descriptor: Descriptor,
    pub data: Vec<u8>,
}

pub struct TestImage {
    pub config: Blob,
    pub layers: Vec<Blob>,
    pub manifest: Blob,
}

pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// An image of `layers` layers of about `size` bytes each; the second is packed with zstd where there is one and
/// the family is OCI.
pub fn image(format: ManifestFormat, architecture: &str, layers: usize, size: usize) -> TestImage {
    let mut diff_ids = Vec::new();
    let mut blobs = Vec::new();
    for number in 0..layers {
        let tar = tar(&[Member::file(&format!("file{number}"), &noise(size, number as u64 + 7))]);
        diff_ids.push(Digest::sha256(&tar).to_string());
        let (kind, data) = match (format, number) {
            (ManifestFormat::Docker, _) => (media_type::DOCKER_LAYER_GZIP, gzip(&tar)),
            (ManifestFormat::Oci, 1) => {
                (media_type::OCI_LAYER_ZSTD, zstd::stream::encode_all(tar.as_slice(), 1).unwrap())
            }
            (ManifestFormat::Oci, _) => (media_type::OCI_LAYER_GZIP, gzip(&tar)),
        };
        blobs.push(Blob { descriptor: Descriptor::of(kind, &data), data });
    }
    let config = serde_json::json!({
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": diff_ids.iter().map(|_| serde_json::json!({"created_by": "test"})).collect::<Vec<_>>(),
    })
    .to_string()
    .into_bytes();
    let kind = match format {
        ManifestFormat::Docker => media_type::DOCKER_CONFIG,
        ManifestFormat::Oci => media_type::OCI_CONFIG,
    };
    let config = Blob { descriptor: Descriptor::of(kind, &config), data: config };
    let manifest = ImageManifest::build(
        format,
        config.descriptor.clone(),
        blobs.iter().map(|blob| blob.descriptor.clone()).collect(),
    );
    let raw = manifest.to_raw();
    let manifest =
        Blob { descriptor: Descriptor::of(manifest.media_type(), &raw.bytes), data: raw.bytes.to_vec() };
    TestImage { config, layers: blobs, manifest }
}

impl TestImage {
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config, &self.manifest])
    }
}

/// Writes one image as a `dir:` directory.
pub fn write_dir(folder: &Path, image: &TestImage) {
    fs::create_dir_all(folder).unwrap();
    for blob in image.layers.iter().chain([&image.config]) {
        fs::write(folder.join(blob.descriptor.digest.hex()), &blob.data).unwrap();
    }
    fs::write(folder.join("manifest.json"), &image.manifest.data).unwrap();
    fs::write(folder.join("version"), "Directory Transport Version: 1.1\n").unwrap();
}

/// Writes images as an OCI layout, each under its name.
pub fn write_layout(folder: &Path, images: &[(&str, &TestImage)]) {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let mut manifests = Vec::new();
    for (name, image) in images {
        for blob in image.blobs() {
            fs::write(folder.join("blobs/sha256").join(blob.descriptor.digest.hex()), &blob.data).unwrap();
        }
        let mut entry = image.manifest.descriptor.clone();
        entry.annotations.insert("org.opencontainers.image.ref.name".into(), (*name).into());
        manifests.push(entry);
    }
    let index = serde_json::json!({"schemaVersion": 2, "manifests": manifests});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
