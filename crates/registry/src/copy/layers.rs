//! The layers of one image, several at once.

use cove_archive::Digest;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use super::CopyOptions;
use super::event::{CopyEvent, CopyProgress};
use crate::encryption::{self, OpenedLayer, is_encrypted};
use crate::error::{Error, Result};
use crate::image::{BlobStream, ImageDestination, ImageSource, Layer, StoredLayer};
use crate::manifest::{Descriptor, ImageManifest};
use crate::stream::Verified;

/// Copies the layers, several at once; answers how the destination names them, in their order.
pub(super) async fn copy_layers(
    source: &dyn ImageSource,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
    parsed: &ImageManifest,
    diff_ids: &[Digest],
) -> Result<Vec<Descriptor>> {
    let opened = opened_layers(parsed, destination, options, &source.name())?;
    // Boxed, so that the whole future is `Send` for any lifetime and can be spawned.
    let mut jobs: Vec<BoxFuture<'_, Result<(usize, StoredLayer)>>> = Vec::new();
    for (index, outer) in parsed.layers.iter().enumerate() {
        let opened = opened.get(index).and_then(Option::as_ref);
        let descriptor = opened.map_or(outer, |opened| &opened.plain);
        let layer = Layer { index, descriptor, diff_id: diff_ids.get(index), diff_ids };
        let coming = Coming { source, outer, opened };
        let job = copy_layer(coming, destination, layer, options.progress.as_ref());
        jobs.push(job.map_ok(move |stored| (index, stored)).boxed());
    }
    let mut stored: Vec<(usize, StoredLayer)> =
        stream::iter(jobs).buffer_unordered(options.max_parallel.max(1)).try_collect().await?;
    stored.sort_by_key(|(index, _)| *index);
    Ok(stored.into_iter().map(|(_, layer)| layer.descriptor).collect())
}

/// The layers that are encrypted, with their keys, where they are to be opened.
fn opened_layers(
    parsed: &ImageManifest,
    destination: &dyn ImageDestination,
    options: &CopyOptions,
    image: &str,
) -> Result<Vec<Option<OpenedLayer>>> {
    if options.decryption_keys.is_empty() && destination.takes_encrypted() {
        return Ok(Vec::new());
    }
    let open = |layer: &Descriptor| {
        is_encrypted(layer).then(|| encryption::open(layer, &options.decryption_keys, image)).transpose()
    };
    parsed.layers.iter().map(open).collect()
}

/// A layer as its source has it, and what opens it where it is encrypted.
#[derive(Clone, Copy)]
struct Coming<'a> {
    source: &'a dyn ImageSource,
    outer: &'a Descriptor,
    opened: Option<&'a OpenedLayer>,
}

impl Coming<'_> {
    /// The layer's bytes, opened where they were encrypted. What the source sends is verified.
    async fn blob(&self) -> Result<BlobStream> {
        let data = self.source.blob(self.outer).await?;
        let Some(opened) = self.opened else { return Ok(data) };
        let subject = format!("{}: layer {}", self.source.name(), self.outer.digest);
        let nothing = Box::new(|_| ());
        let (data, _) = Verified::new(data, subject, self.outer.digest.clone(), self.outer.size, nothing);
        Ok(encryption::decrypted(Box::pin(data), opened))
    }
}

async fn copy_layer(
    coming: Coming<'_>,
    destination: &dyn ImageDestination,
    layer: Layer<'_>,
    progress: Option<&CopyProgress>,
) -> Result<StoredLayer> {
    let emit = |event: CopyEvent| {
        if let Some(progress) = progress {
            progress(event);
        }
    };
    let digest = &layer.descriptor.digest;
    if !layer.descriptor.urls.is_empty() && destination.takes_foreign_layers() {
        emit(CopyEvent::LayerReused { digest: digest.clone() });
        return Ok(StoredLayer { descriptor: layer.descriptor.clone() });
    }
    if let Some(stored) = destination.try_reuse(&layer).await? {
        emit(CopyEvent::LayerReused { digest: digest.clone() });
        return Ok(stored);
    }
    emit(CopyEvent::LayerStarted { digest: digest.clone(), size: layer.descriptor.size });
    let subject = format!("{}: layer {digest}", coming.source.name());
    let stored = loop {
        let on_bytes = progress_counter(progress.cloned(), digest.clone());
        let (stream, outcome) = Verified::new(
            coming.blob().await?,
            subject.clone(),
            digest.clone(),
            layer.descriptor.size,
            on_bytes,
        );
        match destination.put_layer(&layer, Box::pin(stream)).await {
            Ok(_) if !outcome.is_verified() => {
                return Err(outcome.take_error().unwrap_or_else(|| {
                    Error::image(subject, "the destination did not read the layer to its end")
                }));
            }
            Ok(stored) => break stored,
            // The destination only sees a failed read; the stream knows why.
            Err(error) => match outcome.take_error() {
                Some(own) => return Err(own),
                None if destination.tries_again(&layer) => {
                    tracing::debug!(%digest, %error, "sending the layer again");
                }
                None => return Err(error),
            },
        }
    };
    emit(CopyEvent::LayerDone { digest: digest.clone() });
    Ok(stored)
}

/// Reports at most every 64 KiB, because a display cannot use more.
fn progress_counter(progress: Option<CopyProgress>, digest: Digest) -> Box<dyn FnMut(u64) + Send> {
    const STEP: u64 = 64 << 10;
    let (mut bytes, mut reported) = (0, 0);
    Box::new(move |count| {
        bytes += count;
        if let Some(progress) = &progress
            && bytes - reported >= STEP
        {
            reported = bytes;
            progress(CopyEvent::LayerProgress { digest: digest.clone(), bytes });
        }
    })
}
