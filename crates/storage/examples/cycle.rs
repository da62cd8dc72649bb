//! Times the life of a container's storage: `cycle STORE_DIRECTORY`.

use std::time::Instant;

use cove_storage::{
    ContainerMountOptions, ContainerOptions, Digest, Expectations, ImageOptions, LayerCommit, OverlayOptions,
    Store, StoreOptions,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::path::PathBuf::from(std::env::args().nth(1).ok_or("usage: cycle STORE_DIRECTORY")?);
    let options = StoreOptions {
        graph_root: root.join("graph"),
        run_root: root.join("run"),
        driver: None,
        overlay: OverlayOptions::default(),
        rootless: false,
    };
    let store = Store::open(&options)?;
    let staged = store.stage_layer([0; 1024].as_slice(), &Expectations::default())?;
    let layer = store.commit_layer(LayerCommit {
        staged,
        id: None,
        parent: None,
        compressed_digest: None,
        compressed_size: None,
    })?;
    let id = Digest::sha256(b"x").hex().to_owned();
    store.create_image(ImageOptions {
        id: id.clone(),
        top_layer: Some(layer.id),
        ..ImageOptions::default()
    })?;
    for volatile in [false, true] {
        for _ in 0..5 {
            let start = Instant::now();
            let store = Store::open(&options)?;
            let opened = start.elapsed();
            let container = store.create_container(ContainerOptions {
                image: Some(id.clone()),
                volatile,
                ..ContainerOptions::default()
            })?;
            let created = start.elapsed();
            store.mount_container(&container.id, &ContainerMountOptions::default())?;
            let mounted = start.elapsed();
            store.unmount_container(&container.id, true)?;
            let unmounted = start.elapsed();
            store.delete_container(&container.id)?;
            println!(
                "volatile {volatile}: open {opened:?} create {:?} mount {:?} unmount {:?} delete {:?}",
                created - opened,
                mounted - created,
                unmounted - mounted,
                start.elapsed() - unmounted
            );
        }
    }
    Ok(())
}
