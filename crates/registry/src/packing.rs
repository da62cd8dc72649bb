//! Layers in another form than they came in.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use cove_api::{CopyLayers, ImageCopyOptions, PushCompression};
use cove_archive::{is_chunked, unpacked, write_chunked};

use crate::error::{Error, Result};
use crate::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type};

/// How layers are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerPacking {
    /// gzip or Zstandard.
    pub compression: LayerCompression,
    /// The compressor's own measure; its usual one for `None`.
    pub level: Option<i32>,
    /// Zstandard in the form zstd:chunked, with a table of the files.
    pub chunked: bool,
}

impl Default for LayerPacking {
    fn default() -> Self {
        Self { compression: LayerCompression::Gzip, level: None, chunked: false }
    }
}

impl LayerPacking {
    /// Refuses a level that is none of the compressor's.
    ///
    /// # Errors
    /// It is none.
    pub fn check(self) -> Result<()> {
        let highest = if self.compression == LayerCompression::Zstd { 20 } else { 9 };
        match self.level.filter(|level| !(1..=highest).contains(level)) {
            Some(level) => Err(Error::image(
                "layers",
                format!("compression level {level} is not between 1 and {highest}"),
            )),
            None => Ok(()),
        }
    }

    /// Whether a layer is packed like that.
    fn is_of(self, layer: &Descriptor) -> bool {
        layer.layer_compression() == Some(self.compression)
            && (!self.chunked || is_chunked(&layer.annotations))
    }

    /// Answers annotations for the layer's descriptor.
    fn write(self, reader: &mut dyn Read, output: &mut dyn Write) -> io::Result<BTreeMap<String, String>> {
        let level = self.level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
        if self.chunked {
            return write_chunked(reader, output, level);
        }
        if self.compression == LayerCompression::Zstd {
            let mut encoder = zstd::Encoder::new(output, level)?;
            io::copy(reader, &mut encoder)?;
            encoder.finish().map(drop)?;
        } else {
            let level = self.level.and_then(|level| u32::try_from(level).ok());
            let level = level.map_or_else(flate2::Compression::default, flate2::Compression::new);
            let mut encoder = flate2::write::GzEncoder::new(output, level);
            io::copy(reader, &mut encoder)?;
            encoder.finish().map(drop)?;
        }
        Ok(BTreeMap::new())
    }
}

/// What a destination makes of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerForm {
    /// They stay as they are.
    AsIs,
    /// Plain ones are packed, the others stay.
    Packed(LayerPacking),
    /// All are packed like that.
    Repacked(LayerPacking),
    /// All become plain tars.
    Plain,
}

impl LayerForm {
    /// What is to be done with a layer; `None` where it stays. What is no known layer always stays.
    pub(crate) fn change(self, layer: &Descriptor) -> Option<Change> {
        let compression = layer.layer_compression()?;
        let is_plain = compression == LayerCompression::None;
        match self {
            Self::AsIs => None,
            Self::Packed(packing) => is_plain.then_some(Change::Pack(packing)),
            Self::Repacked(packing) => (!packing.is_of(layer)).then_some(Change::Pack(packing)),
            Self::Plain => (!is_plain).then_some(Change::Unpack),
        }
    }

    /// Whether a layer in this form is what a plain one would become.
    pub(crate) fn would_make(self, layer: &Descriptor) -> bool {
        match self {
            Self::AsIs | Self::Plain => layer.layer_compression() == Some(LayerCompression::None),
            Self::Packed(packing) | Self::Repacked(packing) => packing.is_of(layer),
        }
    }

    /// The form that a copy is asked to give layers; `None` is what the destination is used to.
    ///
    /// # Errors
    /// The level is none of the compressor's, or there is one for layers that are not packed.
    pub fn asked(options: &ImageCopyOptions) -> Result<Option<Self>> {
        let compression = match options.compression {
            None | Some(PushCompression::Gzip) => LayerCompression::Gzip,
            Some(PushCompression::Zstd | PushCompression::ZstdChunked) => LayerCompression::Zstd,
        };
        let chunked = options.compression == Some(PushCompression::ZstdChunked);
        let packing = LayerPacking { compression, level: options.compression_level, chunked };
        packing.check()?;
        Ok(match options.layers {
            Some(CopyLayers::AsIs) => Some(Self::AsIs),
            Some(CopyLayers::Plain) => Some(Self::Plain),
            Some(CopyLayers::Packed) => Some(Self::Packed(packing)),
            Some(CopyLayers::Repacked) => Some(Self::Repacked(packing)),
            None if options.preserve_digests => Some(Self::AsIs),
            // A form that is asked for is what all layers get; a level alone is for those that are packed anyway.
            None if options.compression.is_some() => Some(Self::Repacked(packing)),
            None => packing.level.map(|_| Self::Packed(packing)),
        })
    }

    /// The family of manifests for such layers, where `asked` was asked for. Zstandard is OCI's: a Docker manifest
    /// would name it by a media type that nobody registered.
    ///
    /// # Errors
    /// Docker's is asked for, and the layers are to be packed with Zstandard.
    pub fn family(self, asked: Option<ManifestFormat>) -> Result<Option<ManifestFormat>> {
        let (Self::Packed(packing) | Self::Repacked(packing)) = self else { return Ok(asked) };
        match (packing.compression, asked) {
            (LayerCompression::Zstd, Some(ManifestFormat::Docker)) => {
                Err(Error::image("zstd", "its layers need an OCI manifest: leave --format v2s2 out"))
            }
            (LayerCompression::Zstd, None) => Ok(Some(ManifestFormat::Oci)),
            (_, asked) => Ok(asked),
        }
    }
}

/// What is done with one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Pack(LayerPacking),
    Unpack,
}

impl Change {
    /// Writes the layer that `reader` gives, packed or not, in its new form. Reads to the very end: what stands behind a
    /// packed stream is part of the blob, and its verification comes last. Answers annotations for its descriptor.
    pub(crate) fn apply(
        self,
        reader: &mut dyn Read,
        output: &mut dyn Write,
    ) -> io::Result<BTreeMap<String, String>> {
        let annotations = {
            let mut plain = unpacked(&mut *reader)?;
            match self {
                Self::Pack(packing) => packing.write(&mut plain, output)?,
                Self::Unpack => io::copy(&mut plain, output).map(|_| BTreeMap::new())?,
            }
        };
        io::copy(reader, &mut io::sink())?;
        Ok(annotations)
    }

    /// The same without what would tell which files are in the layer: for one that is encrypted.
    pub(crate) fn opaque(self) -> Self {
        match self {
            Self::Pack(packing) => Self::Pack(LayerPacking { chunked: false, ..packing }),
            Self::Unpack => Self::Unpack,
        }
    }

    /// The media type of a layer in its new form.
    pub(crate) fn media_type(self, layer: &Descriptor) -> &'static str {
        let format = match layer.media_type.starts_with("application/vnd.oci.") {
            true => ManifestFormat::Oci,
            false => ManifestFormat::Docker,
        };
        let compression = match self {
            Self::Pack(packing) => packing.compression,
            Self::Unpack => LayerCompression::None,
        };
        layer_media_type(format, compression)
    }
}

#[cfg(test)]
mod tests {
    use cove_archive::Digest;

    use super::*;
    use crate::manifest::media_type;

    #[test]
    fn layers_change_as_the_form_says() {
        let gzip = LayerPacking::default();
        let zstd = LayerPacking { compression: LayerCompression::Zstd, level: Some(3), chunked: false };
        let layer = |kind: &str| Descriptor::new(kind, Digest::sha256(b""), 0);
        let plain = layer(media_type::OCI_LAYER);
        let packed = layer(media_type::OCI_LAYER_GZIP);
        let other = layer("application/vnd.in-toto+json");
        for (form, of_plain, of_packed) in [
            (LayerForm::AsIs, None, None),
            (LayerForm::Packed(zstd), Some(Change::Pack(zstd)), None),
            (LayerForm::Repacked(zstd), Some(Change::Pack(zstd)), Some(Change::Pack(zstd))),
            (LayerForm::Repacked(gzip), Some(Change::Pack(gzip)), None),
            (LayerForm::Plain, None, Some(Change::Unpack)),
        ] {
            assert_eq!(form.change(&plain), of_plain, "{form:?}");
            assert_eq!(form.change(&packed), of_packed, "{form:?}");
            assert_eq!(form.change(&other), None, "{form:?}");
        }
        // Zstandard alone is no table of files.
        let chunked = LayerPacking { chunked: true, ..zstd };
        let of_zstd = layer(media_type::OCI_LAYER_ZSTD);
        assert_eq!(LayerForm::Repacked(zstd).change(&of_zstd), None);
        assert_eq!(LayerForm::Repacked(chunked).change(&of_zstd), Some(Change::Pack(chunked)));
        assert!(!LayerForm::Packed(chunked).would_make(&of_zstd));
        assert_eq!(Change::Pack(chunked).opaque(), Change::Pack(zstd));
        assert_eq!(LayerForm::Packed(zstd).family(None).unwrap(), Some(ManifestFormat::Oci));
        assert_eq!(LayerForm::Packed(gzip).family(None).unwrap(), None);
        assert!(LayerForm::Repacked(zstd).family(Some(ManifestFormat::Docker)).is_err());
    }

    #[test]
    fn layers_are_repacked_and_read_to_their_end() {
        let mut gzip = Vec::new();
        Change::Pack(LayerPacking::default()).apply(&mut &b"some layer"[..], &mut gzip).unwrap();
        // Several members are one stream.
        Change::Pack(LayerPacking::default()).apply(&mut &b" and more"[..], &mut gzip).unwrap();
        let mut rest: &[u8] = &gzip;
        let mut zstd = Vec::new();
        let packing = LayerPacking { compression: LayerCompression::Zstd, level: None, chunked: false };
        Change::Pack(packing).apply(&mut rest, &mut zstd).unwrap();
        assert!(rest.is_empty());
        let mut plain = Vec::new();
        Change::Unpack.apply(&mut zstd.as_slice(), &mut plain).unwrap();
        assert_eq!(plain, b"some layer and more");
    }
}
