//! What happens while images are copied, as users see it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cove_api::{BlobPhase, BlobProgress, Progress};

use crate::copy::{CopyEvent, CopyProgress};

/// Turns the events of a copy into lines and blobs' steps, which `tell` gets.
pub fn steps<R: 'static>(tell: impl Fn(Progress<R>) + Send + Sync + 'static) -> CopyProgress {
    let sizes: Mutex<HashMap<String, u64>> = Mutex::default();
    Arc::new(move |event| {
        for step in steps_of(event, &sizes) {
            tell(step);
        }
    })
}

fn steps_of<R>(event: CopyEvent, sizes: &Mutex<HashMap<String, u64>>) -> Vec<Progress<R>> {
    let mut sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
    let blob = |digest: String, current: Option<u64>, phase| {
        let total = sizes.get(&digest).copied().unwrap_or(0);
        Progress::Blob(BlobProgress { digest, current: current.unwrap_or(total), total, phase })
    };
    let line = |text: &str| Progress::Message(text.to_owned());
    vec![match event {
        CopyEvent::ManifestResolved { layers, .. } => {
            sizes.extend(layers.into_iter().map(|(digest, size)| (digest.to_string(), size)));
            line("Getting image source signatures")
        }
        CopyEvent::LayerStarted { digest, .. } => blob(digest.to_string(), Some(0), BlobPhase::Copying),
        CopyEvent::LayerProgress { digest, bytes } => {
            blob(digest.to_string(), Some(bytes), BlobPhase::Copying)
        }
        CopyEvent::LayerReused { digest } => blob(digest.to_string(), None, BlobPhase::Exists),
        CopyEvent::LayerDone { digest } => blob(digest.to_string(), None, BlobPhase::Done),
        CopyEvent::ConfigDone { digest } => line(&format!("Copying config {digest}")),
        CopyEvent::ManifestDone { .. } => line("Writing manifest to image destination"),
        CopyEvent::ListResolved { images, copied } => {
            return vec![
                line("Getting image list signatures"),
                line(&format!("Copying {copied} images generated from {images} images in list")),
            ];
        }
        CopyEvent::InstanceStarted { digest, number, count } => {
            line(&format!("Copying image {digest} ({number}/{count})"))
        }
        CopyEvent::ListStarted => line("Writing manifest list to image destination"),
    }]
}
