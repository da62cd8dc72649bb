//! Makes the window's permissions from the list of its commands.

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(&["rpc", "subscribe", "open_link"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        panic!("{error:#}");
    }
}
