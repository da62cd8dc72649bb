//! From an image in the making to one of the store.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use cove_api::{BuildOptions, CommitFormat, Error, ImageHistory, Result, Timestamp};
use cove_registry::manifest::{Descriptor, LayerCompression, ManifestFormat, layer_media_type, media_type};
use cove_registry::{ImageManifest, Platform};
use cove_storage::{Expectations, ImageOptions, LayerCommit, StagedLayer};
use cove_tree::{Packing, Root};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timespec, Timestamps};
use serde_json::{Map, Value, json};

use super::cache::KEY_NAME;
use super::state::ImageState;
use super::working::Working;
use crate::engine::Core;
use crate::error::storage;

/// The annotation with the time of an image.
const CREATED: &str = "org.opencontainers.image.created";
/// Deepest folder whose times are set.
const MAX_DEPTH: usize = 900;

/// When something is made now.
pub(super) fn now(options: &BuildOptions) -> Timestamp {
    let seconds = options.timestamp.or_else(|| epoch(options));
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_else(Timestamp::now)
}

/// When the sources are from: as the options say, or as builds are told by an argument of that name.
pub(super) fn epoch(options: &BuildOptions) -> Option<i64> {
    let argument = options.build_args.get("SOURCE_DATE_EPOCH");
    options.source_date_epoch.or_else(|| argument.and_then(|text| text.parse().ok()))
}

/// Takes what a working container has changed as a further layer.
pub(super) fn add_layer(
    core: &Arc<Core>,
    options: &BuildOptions,
    state: &mut ImageState,
    working: &Working,
) -> Result<()> {
    settle_times(core, options, working)?;
    let store = core.store()?;
    let changes = store.container_diff_tar(&working.id).map_err(storage)?;
    let staged = store.stage_layer(changes, &Expectations::default()).map_err(storage)?;
    push(core, state, staged)
}

/// Puts everything into one layer.
pub(super) fn squash(
    core: &Arc<Core>,
    options: &BuildOptions,
    state: &mut ImageState,
    working: &Working,
) -> Result<()> {
    settle_times(core, options, working)?;
    let staged = working.with_root(|path| whole(core, path))?;
    state.layers.clear();
    state.history.clear();
    state.history.push(ImageHistory { created: Some(now(options)), ..ImageHistory::default() });
    push(core, state, staged)
}

fn push(core: &Arc<Core>, state: &mut ImageState, staged: StagedLayer) -> Result<()> {
    let parent = state.layers.last().map(|layer| layer.id.clone());
    let commit = LayerCommit { staged, id: None, parent, compressed_digest: None, compressed_size: None };
    state.layers.push(core.store()?.commit_layer(commit).map_err(storage)?);
    Ok(())
}

/// A layer with nothing in it, for an image that would have none.
fn add_empty_layer(core: &Arc<Core>, state: &mut ImageState) -> Result<()> {
    let staged = core.store()?.stage_layer(&[0_u8; 1024][..], &Expectations::default()).map_err(storage)?;
    push(core, state, staged)
}

fn whole(core: &Arc<Core>, path: &Path) -> Result<StagedLayer> {
    let root = Root::open(path)?;
    let (mut reader, writer) = std::io::pipe()?;
    std::thread::scope(|scope| {
        let packed = scope.spawn(move || -> Result<()> {
            let mut out = BufWriter::with_capacity(256 << 10, writer);
            let packing = Packing {
                name: b"",
                with_root: false,
                skip: &[],
                owners: &|uid, gid| (uid, gid),
                unreadable: false,
                follow: true,
            };
            cove_tree::pack(&root, b"/", &packing, &mut out)?;
            Ok(out.flush()?)
        });
        let staged = core.store()?.stage_layer(&mut reader, &Expectations::default()).map_err(storage);
        // Whoever still writes has nobody to read it.
        let _ = std::io::copy(&mut reader.by_ref(), &mut std::io::sink());
        packed.join().unwrap_or_else(|_| Err(Error::internal("the thread that packs panicked")))?;
        staged
    })
}

/// Saves the image; the key is that of the step that made it.
pub(super) fn save(
    core: &Arc<Core>,
    options: &BuildOptions,
    state: &mut ImageState,
    key: Option<&str>,
) -> Result<String> {
    if state.layers.is_empty() {
        add_empty_layer(core, state)?;
        if state.history.iter().all(|step| step.empty_layer) {
            match state.history.last_mut() {
                Some(step) => step.empty_layer = false,
                None => {
                    state.history.push(ImageHistory { created: Some(now(options)), ..Default::default() })
                }
            }
        }
    }
    let created = now(options);
    let document = serde_json::to_vec(&document(options, state, created)).map_err(internal)?;
    let format = match options.format {
        CommitFormat::Oci => ManifestFormat::Oci,
        CommitFormat::Docker => ManifestFormat::Docker,
    };
    let config_type = match format {
        ManifestFormat::Oci => media_type::OCI_CONFIG,
        ManifestFormat::Docker => media_type::DOCKER_CONFIG,
    };
    let config = Descriptor::of(config_type, &document);
    let layer_type = layer_media_type(format, LayerCompression::None);
    let layers = state.layers.iter().map(|layer| {
        let digest = layer.diff_digest.parse().map_err(|_| Error::internal("a layer without a digest"))?;
        Ok(Descriptor::new(layer_type, digest, u64::try_from(layer.diff_size).unwrap_or_default()))
    });
    let manifest = ImageManifest::build(format, config.clone(), layers.collect::<Result<Vec<_>>>()?);
    let manifest = manifest.with_annotations(&annotations(options, state, created)).to_raw();
    let digest = manifest.digest();
    let mut data = vec![
        ("manifest".to_owned(), manifest.bytes.to_vec()),
        (format!("manifest-{digest}"), manifest.bytes.to_vec()),
        (config.digest.to_string(), document),
    ];
    data.extend(key.map(|key| (KEY_NAME.to_owned(), key.as_bytes().to_vec())));
    let id = config.digest.hex().to_owned();
    let image = ImageOptions {
        id: id.clone(),
        names: Vec::new(),
        top_layer: state.layers.last().map(|layer| layer.id.clone()),
        created: Some(created),
        metadata: "{}".into(),
        data,
        digest: Some(digest),
    };
    core.store()?.create_image(image).map_err(storage)?;
    state.id = Some(id.clone());
    Ok(id)
}

/// The annotations of a manifest, which only those of OCI have.
fn annotations(options: &BuildOptions, state: &ImageState, created: Timestamp) -> BTreeMap<String, String> {
    if options.format == CommitFormat::Docker {
        return BTreeMap::new();
    }
    let mut all = state.annotations.clone();
    match options.created_annotation {
        true => drop(all.insert(CREATED.into(), created.to_string())),
        // That of the base is not this one's.
        false => drop(all.remove(CREATED)),
    }
    all.extend(options.annotations.clone());
    all
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

/// The configuration document: the base's, but for what is said anew.
fn document(options: &BuildOptions, state: &ImageState, created: Timestamp) -> Map<String, Value> {
    let mut document = state.document.clone();
    let host = Platform::host();
    document.entry("architecture").or_insert_with(|| host.architecture.into());
    document.entry("os").or_insert_with(|| host.os.into());
    document.insert("created".into(), json!(created));
    document.remove("author");
    if !state.author.is_empty() {
        document.insert("author".into(), state.author.as_str().into());
    }
    // Of a container that is no more; what was true of the base's need not be true of this one.
    for key in ["comment", "container", "container_config", "id", "parent", "Size"] {
        document.remove(key);
    }
    document.insert("config".into(), config_value(state));
    let digests: Vec<&str> = state.layers.iter().map(|layer| layer.diff_digest.as_str()).collect();
    document.insert("rootfs".into(), json!({"type": "layers", "diff_ids": digests}));
    match options.omit_history {
        true => drop(document.remove("history")),
        false => drop(document.insert("history".into(), json!(state.history))),
    }
    document
}

/// The part for the run time, with what this version does not know as it was.
fn config_value(state: &ImageState) -> Value {
    const KNOWN: [&str; 12] = [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "OnBuild",
        "Shell",
        "Healthcheck",
    ];
    let mut value = state.document.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    value.retain(|key, _| !KNOWN.contains(&key.as_str()));
    if let Ok(Value::Object(config)) = serde_json::to_value(&state.config) {
        value.extend(config);
    }
    value.into()
}

/// What the container has changed gets the time that is asked for.
fn settle_times(core: &Core, options: &BuildOptions, working: &Working) -> Result<()> {
    let (seconds, is_latest) = match (options.timestamp, epoch(options)) {
        (Some(seconds), _) => (seconds, false),
        (None, Some(seconds)) if options.rewrite_timestamp => (seconds, true),
        _ => return Ok(()),
    };
    let (changed, _) = core.store()?.container_directories(&working.id).map_err(storage)?;
    set_times(&changed, seconds, is_latest)
}

/// Everything below a folder of the store gets that time, or with `is_latest` only what is later.
fn set_times(folder: &Path, seconds: i64, is_latest: bool) -> Result<()> {
    let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(folder.display());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::open(folder, flags, Mode::empty()).map_err(at)?;
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    level_times(&top, &times, is_latest, 0).map_err(at)?;
    let stat = rustix::fs::fstat(&top).map_err(at)?;
    match is_latest && stat.st_mtime <= seconds {
        true => Ok(()),
        false => rustix::fs::futimens(&top, &times).map_err(at),
    }
}

fn level_times(
    directory: &impl std::os::fd::AsFd,
    times: &Timestamps,
    is_latest: bool,
    depth: usize,
) -> std::result::Result<(), rustix::io::Errno> {
    if depth > MAX_DEPTH {
        return Err(rustix::io::Errno::NAMETOOLONG);
    }
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = rustix::fs::openat(directory, name, flags, Mode::empty())?;
            level_times(&below, times, is_latest, depth + 1)?;
        }
        // What is below may have changed a folder's time, but not to a later one than its own before.
        if !is_latest || stat.st_mtime > times.last_modification.tv_sec {
            rustix::fs::utimensat(directory, name, times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    Ok(())
}
