//! Putting files into artifacts and getting them out.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use cove_api::{
    Artifact, ArtifactAddOptions, ArtifactExtractOptions, ByteStream, Error, ErrorKind, Result, StringMap,
    Timestamp,
};
use cove_archive::Writer;
use cove_registry::Digest;
use cove_registry::manifest::{Descriptor, media_type};
use serde_json::{Value, json};

use super::store::{ArtifactStore, Entry, Put, find, whole_name};
use crate::engine::{Core, blocking};
use crate::file_type;

const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Adds a file and answers the artifact's digest.
pub(super) fn add(core: &Core, options: &ArtifactAddOptions, data: impl Read) -> Result<String> {
    if options.append && !options.artifact_type.is_empty() {
        return Err(Error::invalid("append option is not compatible with type option"));
    }
    if options.append && options.replace {
        return Err(Error::invalid("append and replace options are mutually exclusive"));
    }
    let name = whole_name(&options.name)?.to_string();
    let annotations = options.annotation_map()?;
    check_title(annotations.get(TITLE).unwrap_or(&options.file_name))?;
    let store = ArtifactStore::open(core)?;
    {
        let _lock = store.lock()?;
        begun(&store, &name, options, &annotations)?;
    }
    // Not under the lock, since nobody knows how long the file takes to come.
    let put = store.put(data, None)?;
    let lock = store.lock()?;
    let entries = store.entries()?;
    let made = begun(&store, &name, options, &annotations).and_then(|(mut manifest, former)| {
        if !store.has(&Descriptor::new("", put.digest.clone(), put.size)) {
            let gone = format!("{name}: what was added went with another artifact meanwhile: add it again");
            return Err(Error::internal(gone));
        }
        let layer = layer(options, annotations, &put);
        match manifest["layers"].as_array_mut() {
            Some(layers) => layers.push(layer),
            None => manifest["layers"] = json!([layer]),
        }
        let text = manifest.to_string();
        store.put(&b"{}"[..], None)?;
        store.put(text.as_bytes(), None)?;
        let kind = manifest["artifactType"].as_str().unwrap_or_default();
        let entry = Entry::new(&name, text.as_bytes(), kind);
        let digest = entry.digest.to_string();
        let mut kept: Vec<Entry> = entries.iter().filter(|other| other.name != name).cloned().collect();
        kept.push(entry);
        store.write(&lock, &kept)?;
        store.clear(&lock, &kept, former.as_slice());
        Ok(digest)
    });
    if made.is_err() {
        store.collect(&lock, &entries, &[put.digest])?;
    }
    made
}

/// The manifest that the file comes into, and the artifact that goes with this.
fn begun(
    store: &ArtifactStore,
    name: &str,
    options: &ArtifactAddOptions,
    annotations: &StringMap,
) -> Result<(Value, Option<Entry>)> {
    let entries = store.entries()?;
    let known = match find(&entries, name) {
        Ok(index) => Some(entries[index].clone()),
        Err(error) if error.kind == ErrorKind::NotFound && !options.append => None,
        Err(error) => return Err(error),
    };
    if !options.append {
        if known.is_some() && !options.replace {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("{name}: artifact already exists")));
        }
        return Ok((new_manifest(options, annotations), known));
    }
    let Some(known) = known else { return Err(super::store::missing(name)) };
    let artifact = store.artifact(&known)?;
    let title = annotations.get(TITLE).unwrap_or(&options.file_name);
    if artifact.files().any(|file| file["annotations"][TITLE] == title.as_str()) {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("{title}: file already exists in artifact"),
        ));
    }
    Ok((artifact.manifest, Some(known)))
}

fn new_manifest(options: &ArtifactAddOptions, annotations: &StringMap) -> Value {
    let mut config = json!(Descriptor::of(EMPTY, b"{}"));
    config["data"] = json!("e30=");
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST });
    if !options.artifact_type.is_empty() {
        manifest["artifactType"] = json!(options.artifact_type);
    }
    manifest["config"] = config;
    manifest["layers"] = json!([]);
    manifest["annotations"] = json!(annotations);
    manifest["annotations"][CREATED] = json!(Timestamp::now().to_string());
    manifest
}

fn layer(options: &ArtifactAddOptions, mut annotations: StringMap, put: &Put) -> Value {
    let kind = match options.file_type.as_str() {
        "" => file_type::guess(Path::new(&options.file_name), &put.beginning),
        given => given,
    };
    annotations.entry(TITLE.to_owned()).or_insert_with(|| options.file_name.clone());
    let mut layer = Descriptor::new(kind, put.digest.clone(), put.size);
    layer.annotations = annotations.into_iter().collect();
    json!(layer)
}

/// A name that a file of an artifact may have: it becomes one of a directory's.
fn check_title(title: &str) -> Result<()> {
    let is_plain = !title.is_empty() && !matches!(title, "." | "..") && !title.contains(['/', '\\', '\0']);
    if is_plain { Ok(()) } else { Err(Error::invalid(format!("{title:?}: artifact blob title invalid"))) }
}

/// A file on its way out.
struct Wanted {
    name: String,
    digest: Digest,
    size: u64,
}

/// The files of an artifact as a tar.
pub(super) async fn extract(
    core: &Arc<Core>,
    name: &str,
    options: ArtifactExtractOptions,
) -> Result<ByteStream> {
    if !options.digest.is_empty() && !options.title.is_empty() {
        return Err(Error::invalid("cannot specify both digest and title"));
    }
    let name = name.to_owned();
    let (store, wanted) = blocking(core, move |core| {
        let store = ArtifactStore::open(core)?;
        let artifact = {
            let _lock = store.lock_existing()?;
            let entries = store.entries()?;
            store.artifact(&entries[find(&entries, &name)?])?
        };
        let wanted = wanted(&artifact, &options)?;
        Ok((store, wanted))
    })
    .await?;
    Ok(crate::stream::written(move |out| {
        let mut tar = Writer::new(out);
        for file in wanted {
            let mut data = store.open_blob(&file.digest)?.take(file.size);
            tar.file_from(&file.name, file.size, &mut data)?;
        }
        tar.finish()?;
        Ok(())
    }))
}

fn wanted(artifact: &Artifact, options: &ArtifactExtractOptions) -> Result<Vec<Wanted>> {
    let mut found = Vec::new();
    for file in artifact.files() {
        let layer: Descriptor = serde_json::from_value(file.clone())
            .map_err(|_| Error::internal(format!("artifact {}: its manifest is damaged", artifact.digest)))?;
        let title = layer.annotations.get(TITLE).cloned().unwrap_or_default();
        let by_digest = !options.digest.is_empty();
        if (by_digest && layer.digest.to_string() != options.digest)
            || (!options.title.is_empty() && title != options.title)
        {
            continue;
        }
        let name =
            if title.is_empty() || by_digest { layer.digest.to_string().replace(':', "-") } else { title };
        check_title(&name)?;
        found.push(Wanted { name, digest: layer.digest, size: layer.size });
    }
    let (what, value) =
        if options.digest.is_empty() { ("title", &options.title) } else { ("digest", &options.digest) };
    match (found.len(), value.is_empty()) {
        (0, true) => return Err(Error::invalid("the artifact has no blobs, nothing to extract")),
        (0, false) => return Err(Error::not_found(format!("no blob with the {what} {value:?}"))),
        (2.., false) => return Err(Error::invalid(format!("more than one match for the {what} {value:?}"))),
        _ => {}
    }
    if let ([one], true) = (found.as_mut_slice(), options.exclude_title) {
        one.name.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> Artifact {
        let layer = |title: &str, data: &[u8]| {
            let mut layer = Descriptor::of("text/plain", data);
            layer.annotations.insert(TITLE.into(), title.into());
            layer
        };
        Artifact {
            manifest: json!({ "layers": [layer("a", b"1"), layer("b", b"2"), layer("b", b"3")] }),
            ..Artifact::default()
        }
    }

    #[test]
    fn files_are_chosen_by_title_or_digest() {
        let names = |options: &ArtifactExtractOptions| -> Result<Vec<String>> {
            Ok(wanted(&artifact(), options)?.into_iter().map(|file| file.name).collect())
        };
        let title = |title: &str| ArtifactExtractOptions { title: title.into(), ..Default::default() };
        assert_eq!(names(&ArtifactExtractOptions::default()).unwrap(), ["a", "b", "b"]);
        assert_eq!(names(&title("a")).unwrap(), ["a"]);
        assert!(names(&title("b")).is_err() && names(&title("c")).is_err());
        let digest = Digest::sha256(b"3").to_string();
        let by_digest = ArtifactExtractOptions { digest: digest.clone(), ..Default::default() };
        assert_eq!(names(&by_digest).unwrap(), [digest.replace(':', "-")]);
    }

    #[test]
    fn titles_lead_nowhere() {
        for title in ["../a", "/etc/passwd", "..", ".", "", "a\\b"] {
            assert!(check_title(title).is_err(), "{title}");
        }
        check_title("a b.txt").unwrap();
    }
}
