//! Makes an image of tar files: `import STORE_DIRECTORY NAME LAYER…`.

use cove_storage::{Digest, Expectations, ImageOptions, LayerCommit, OverlayOptions, Store, StoreOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: import STORE_DIRECTORY NAME LAYER…";
    let root = std::path::PathBuf::from(arguments.next().ok_or(usage)?);
    let name = arguments.next().ok_or(usage)?;
    let store = Store::open(&StoreOptions {
        graph_root: root.join("graph"),
        run_root: root.join("run"),
        driver: None,
        overlay: OverlayOptions::default(),
        rootless: false,
    })?;
    let mut parent = None;
    let (mut diff_ids, mut blobs) = (Vec::new(), Vec::new());
    for path in arguments {
        let staged = store.stage_layer(cove_sys::fs::File::open(&path)?, &Expectations::default())?;
        let layer = store.commit_layer(LayerCommit {
            staged,
            id: None,
            parent,
            compressed_digest: None,
            compressed_size: None,
        })?;
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
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string();
    let config_digest = Digest::sha256(config.as_bytes());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest,
            "size": config.len(),
        },
        "layers": blobs,
    })
    .to_string();
    let digest = Digest::sha256(manifest.as_bytes());
    let (image, _) = store.create_image(ImageOptions {
        id: config_digest.hex().to_owned(),
        names: vec![name],
        top_layer: parent,
        digest: Some(digest.clone()),
        created: None,
        metadata: "{}".into(),
        data: vec![
            (config_digest.to_string(), config.into_bytes()),
            (format!("manifest-{digest}"), manifest.clone().into_bytes()),
            ("manifest".into(), manifest.into_bytes()),
        ],
    })?;
    println!("{}", image.id);
    Ok(())
}
