//! Scratch stores, hand-made archives, and running other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cove_storage::{
    Digest, Expectations, Image, ImageOptions, LayerCommit, OverlayOptions, Store, StoreOptions,
};

/// A scratch store; everything of it is removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let id = &cove_storage::random_id().unwrap()[..8];
        let path = PathBuf::from(format!("/tmp/cove-it-{name}-{id}"));
        cove_sys::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            graph_root: self.0.join("graph"),
            run_root: self.0.join("run"),
            driver: None,
            overlay: OverlayOptions::default(),
            rootless: false,
        }
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.options()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mounts = cove_sys::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let root = self.0.to_string_lossy().into_owned();
        for path in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if path.starts_with(&root) {
                let _ = Command::new("umount").arg("-l").arg(path).status();
            }
        }
        let _ = cove_sys::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program and shows what it said when it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = output(program, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// Stages and commits one layer.
pub(crate) fn add_layer(store: &Store, parent: Option<&str>, archive: &[u8]) -> cove_storage::Layer {
    let staged = store.stage_layer(archive, &Expectations::default()).unwrap();
    let commit = LayerCommit {
        staged,
        id: None,
        parent: parent.map(str::to_owned),
        compressed_digest: None,
        compressed_size: None,
    };
    store.commit_layer(commit).unwrap()
}

/// Makes an image of archives, as a pull would.
pub(crate) fn add_image(store: &Store, name: &str, archives: &[Vec<u8>]) -> Image {
    let mut parent: Option<String> = None;
    let mut diff_ids = Vec::new();
    let mut blobs = Vec::new();
    for archive in archives {
        let layer = add_layer(store, parent.as_deref(), archive);
        diff_ids.push(layer.diff_digest.clone());
        blobs.push(serde_json::json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer.diff_digest,
            "size": layer.diff_size,
        }));
        parent = Some(layer.id);
    }
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-02T03:04:05Z",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [],
    })
    .to_string();
    let config_digest = Digest::sha256(config.as_bytes());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest.as_str(),
            "size": config.len(),
        },
        "layers": blobs,
    })
    .to_string();
    let manifest_digest = Digest::sha256(manifest.as_bytes());
    let options = ImageOptions {
        id: config_digest.hex().to_owned(),
        names: vec![name.to_owned()],
        top_layer: parent,
        digest: Some(manifest_digest.clone()),
        created: Some("2024-01-02T03:04:05Z".parse().unwrap()),
        metadata: "{}".into(),
        data: vec![
            (config_digest.to_string(), config.into_bytes()),
            (format!("manifest-{manifest_digest}"), manifest.clone().into_bytes()),
            ("manifest".into(), manifest.into_bytes()),
        ],
    };
    store.create_image(options).unwrap().0
}
