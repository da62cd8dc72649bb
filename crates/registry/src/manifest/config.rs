//! The image configuration.

use cove_archive::Digest;
use serde::Deserialize;

use crate::error::{Error, Result};

/// The parts of an image configuration that copying needs.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ImageConfig {
    /// Processor architecture, in Go's name.
    #[serde(default)]
    pub architecture: String,
    /// Operating system, in Go's name.
    #[serde(default)]
    pub os: String,
    /// Variant of the architecture.
    #[serde(default)]
    pub variant: String,
    /// The layers by the digest of their plain tars.
    pub rootfs: RootFs,
}

/// The `rootfs` of an image configuration.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RootFs {
    /// Digests of the plain tars, lowest layer first.
    #[serde(default)]
    pub diff_ids: Option<Vec<Digest>>,
}

impl ImageConfig {
    /// Parses `data` and checks that it has one diff id per layer.
    ///
    /// # Errors
    /// [`Error::InvalidImage`].
    pub fn parse(data: &[u8], layers: usize, image: &str) -> Result<Self> {
        let config: Self = serde_json::from_slice(data)
            .map_err(|error| Error::image(image, format!("invalid image configuration: {error}")))?;
        let count = config.diff_ids().len();
        if count != layers {
            return Err(Error::image(
                image,
                format!(
                    "the manifest has {layers} layers but the image configuration has {count} (rootfs.diff_ids)"
                ),
            ));
        }
        Ok(config)
    }

    /// Digests of the plain tars, lowest layer first.
    pub fn diff_ids(&self) -> &[Digest] {
        self.rootfs.diff_ids.as_deref().unwrap_or_default()
    }
}
