//! Stages one layer file into a scratch store and says how long it took: `stage STORE_DIRECTORY FILE…`.

use std::time::Instant;

use cove_storage::{Expectations, OverlayOptions, Store, StoreOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = std::path::PathBuf::from(arguments.next().ok_or("usage: stage STORE_DIRECTORY FILE…")?);
    let store = Store::open(&StoreOptions {
        graph_root: root.join("graph"),
        run_root: root.join("run"),
        driver: None,
        overlay: OverlayOptions::default(),
        rootless: false,
    })?;
    for path in arguments {
        let start = Instant::now();
        let file = cove_sys::fs::File::open(&path)?;
        let staged = store.stage_layer(file, &Expectations::default())?;
        println!(
            "{path}: {} bytes, {} in {:?}",
            staged.extracted().diff_size,
            staged.diff_id(),
            start.elapsed()
        );
    }
    Ok(())
}
