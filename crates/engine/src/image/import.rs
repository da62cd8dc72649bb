//! Making an image of one layer from a tar of a file system.

use cove_api::{Error, ImageConfig, ImportOptions, Result, Timestamp};
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
use cove_registry::{ImageManifest, Platform};
use cove_storage::{Compression, Expectations, ImageOptions, LayerCommit};
use serde_json::json;

use crate::engine::Core;
use crate::error::storage;
use crate::image::names;

/// Makes the image and answers its id. Blocks.
pub(super) fn import(
    core: &Core,
    archive: impl std::io::Read + Send,
    options: &ImportOptions,
) -> Result<String> {
    let config = config_from(&options.changes)?;
    let reference =
        if options.reference.is_empty() { None } else { Some(names::normalize(&options.reference)?) };
    let store = core.store()?;
    let expectations = Expectations { hash_compressed: true, ..Expectations::default() };
    let staged = store.stage_layer(archive, &expectations).map_err(storage)?;
    let extracted = staged.extracted();
    let diff_id = extracted.diff_id.clone();
    let as_it_came = extracted.compressed_digest.clone().unwrap_or_else(|| diff_id.clone());
    let (compression, digest, size) = match extracted.compression {
        Compression::None => (LayerCompression::None, as_it_came, extracted.compressed_size),
        Compression::Gzip => (LayerCompression::Gzip, as_it_came, extracted.compressed_size),
        Compression::Zstd => (LayerCompression::Zstd, as_it_came, extracted.compressed_size),
        // Manifests have no media type for these: the layer is known by its plain tar alone.
        Compression::Xz | Compression::Bzip2 => {
            (LayerCompression::None, diff_id.clone(), extracted.diff_size)
        }
    };
    let host = Platform::host();
    let pick = |given: &str, own: &str| if given.is_empty() { own.to_owned() } else { given.to_owned() };
    let variant = if options.arch.is_empty() && options.variant.is_empty() {
        host.variant.clone()
    } else {
        options.variant.clone()
    };
    let now = Timestamp::now();
    let mut document = json!({
        "created": now,
        "architecture": pick(&options.arch, &host.architecture),
        "os": pick(&options.os, &host.os),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
        "history": [{
            "created": now,
            "created_by": format!("/bin/sh -c #(nop) ADD file:{} in / ", digest.hex()),
            "comment": options.message,
        }],
    });
    if !variant.is_empty() {
        document["variant"] = json!(variant);
    }
    let document = serde_json::to_vec(&document).map_err(|error| Error::internal(error.to_string()))?;
    let config = Descriptor::of(media_type::OCI_CONFIG, &document);
    let id = config.digest.hex().to_owned();
    let layer = Descriptor::new(layer_media_type(ManifestFormat::Oci, compression), digest.clone(), size);
    let manifest = ImageManifest::build(ManifestFormat::Oci, config.clone(), vec![layer]).to_raw();
    let committed = store
        .commit_layer(LayerCommit {
            staged,
            id: None,
            parent: None,
            compressed_digest: Some(digest),
            compressed_size: Some(size),
        })
        .map_err(storage)?;
    let manifest_digest = manifest.digest();
    store
        .create_image(ImageOptions {
            id: id.clone(),
            names: reference.iter().map(ToString::to_string).collect(),
            top_layer: Some(committed.id),
            created: Some(now),
            metadata: "{}".into(),
            data: vec![
                ("manifest".into(), manifest.bytes.to_vec()),
                (format!("manifest-{manifest_digest}"), manifest.bytes.to_vec()),
                (config.digest.to_string(), document),
            ],
            digest: Some(manifest_digest),
        })
        .map_err(storage)?;
    let shown = reference.map_or_else(|| id.clone(), |reference| reference.to_string());
    core.events.write("image", "import", &id, [("name".to_owned(), shown)].into());
    Ok(id)
}

/// The configuration that instructions such as `CMD /bin/sh` or `ENV A=B` make.
fn config_from(changes: &[String]) -> Result<ImageConfig> {
    let mut config = ImageConfig::default();
    for change in changes {
        let change = change.trim();
        let bad = |why: &str| Error::invalid(format!("invalid change {change:?} - {why}"));
        // `ENV A=B` and `ENV=A=B` are the same.
        let end = change.find([' ', '=', '\t']).ok_or_else(|| bad("must be formatted as KEY VALUE"))?;
        let (key, value) = (&change[..end], change[end + 1..].trim());
        if value.is_empty() {
            return Err(bad("must be formatted as KEY VALUE"));
        }
        match key.to_ascii_uppercase().as_str() {
            "USER" => config.user = value.to_owned(),
            "EXPOSE" => {
                for port in value.split_whitespace() {
                    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
                    let number: u16 = number.parse().map_err(|_| bad("it names no port"))?;
                    config.exposed_ports.insert(format!("{number}/{protocol}"), json!({}));
                }
            }
            "ENV" => {
                let (name, value) = match value.split_once('=') {
                    Some(pair) => pair,
                    None => value.split_once(' ').unwrap_or((value, "")),
                };
                config.env.retain(|known| known.split('=').next() != Some(name));
                config.env.push(format!("{name}={}", unquoted(value)));
            }
            "ENTRYPOINT" => config.entrypoint = command(value),
            "CMD" => config.cmd = command(value),
            "VOLUME" => {
                for path in list(value) {
                    config.volumes.insert(path, json!({}));
                }
            }
            "WORKDIR" => config.working_dir = value.to_owned(),
            "LABEL" => {
                let (name, value) =
                    value.split_once('=').ok_or_else(|| bad("a label must be formatted as NAME=VALUE"))?;
                config.labels.insert(unquoted(name), unquoted(value));
            }
            "STOPSIGNAL" => {
                cove_api::signal::parse(value)?;
                config.stop_signal = value.to_owned();
            }
            "ONBUILD" => config.on_build.push(value.to_owned()),
            _ => return Err(bad("unknown instruction")),
        }
    }
    Ok(config)
}

fn unquoted(text: &str) -> String {
    let trimmed = text.trim();
    trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(trimmed).to_owned()
}

/// A JSON list, or words for a shell.
fn command(value: &str) -> Vec<String> {
    serde_json::from_str(value).unwrap_or_else(|_| vec!["/bin/sh".into(), "-c".into(), value.to_owned()])
}

fn list(value: &str) -> Vec<String> {
    serde_json::from_str(value).unwrap_or_else(|_| value.split_whitespace().map(ToOwned::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_parsed() {
        let changes = [
            "CMD=/bin/bash",
            "ENTRYPOINT [\"a\",\"b\"]",
            "ENV A=\"b c\"",
            "LABEL x=y",
            "EXPOSE 80 53/udp",
            "VOLUME /a /b",
            "WORKDIR /w",
            "STOPSIGNAL SIGINT",
            "USER me",
        ]
        .map(ToOwned::to_owned);
        let config = config_from(&changes).unwrap();
        assert_eq!(config.cmd, ["/bin/sh", "-c", "/bin/bash"]);
        assert_eq!(config.entrypoint, ["a", "b"]);
        assert_eq!(config.env, ["A=b c"]);
        assert_eq!(config.exposed_ports.keys().collect::<Vec<_>>(), ["53/udp", "80/tcp"]);
        assert_eq!(config.volumes.len(), 2);
        for bad in ["NONSENSE x", "CMD", "EXPOSE x", "LABEL x", "STOPSIGNAL x"] {
            assert!(config_from(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
