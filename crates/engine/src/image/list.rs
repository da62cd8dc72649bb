//! Listing images with their filters.

use std::collections::{BTreeSet, HashMap, HashSet};

use cove_api::{Error, ErrorKind, Filters, ImageListOptions, ImageSummary, Result, StringMap, Timestamp};
use cove_registry::Reference;
use cove_storage::Image;

use crate::engine::Core;
use crate::error::storage;
use crate::filter;
use crate::image::{lists, lookup};

/// Which images are made from which others.
pub(super) struct Family {
    parents: HashMap<String, String>,
    with_children: HashSet<String>,
}

impl Family {
    /// Only unnamed images can be intermediate steps of others, so only they are compared.
    pub(super) fn find(core: &Core, images: &[Image]) -> Result<Self> {
        let mut family = Self { parents: HashMap::new(), with_children: HashSet::new() };
        let unnamed: Vec<&Image> = images.iter().filter(|image| image.names.is_empty()).collect();
        if unnamed.is_empty() {
            return Ok(family);
        }
        let layers: HashMap<String, String> = core
            .store()?
            .layers()
            .map_err(storage)?
            .iter()
            .map(|layer| (layer.id.clone(), layer.parent.clone()))
            .collect();
        for parent in unnamed {
            let Some(top) = parent.top_layer() else { continue };
            for child in images.iter().filter(|child| child.id != parent.id) {
                let Some(child_top) = child.top_layer() else { continue };
                let above = layers.get(child_top).is_some_and(|below| below == top) || child_top == top;
                if above && continues(core, parent, child)? {
                    family.parents.insert(child.id.clone(), parent.id.clone());
                    family.with_children.insert(parent.id.clone());
                }
            }
        }
        Ok(family)
    }

    pub(super) fn has_children(&self, id: &str) -> bool {
        self.with_children.contains(id)
    }

    pub(super) fn parent(&self, id: &str) -> Option<&str> {
        self.parents.get(id).map(String::as_str)
    }
}

/// Whether the child's history begins with the parent's.
fn continues(core: &Core, parent: &Image, child: &Image) -> Result<bool> {
    let (Ok(parent), Ok(child)) = (lookup::document(core, parent), lookup::document(core, child)) else {
        return Ok(false);
    };
    let (parent, child) = (parent.history, child.history);
    Ok(parent.len() < child.len() && !parent.is_empty() && child[..parent.len()] == parent[..])
}

/// Images that are wanted, newest first.
pub(super) fn list(core: &Core, options: &ImageListOptions) -> Result<Vec<ImageSummary>> {
    let store = core.store()?;
    let sized = store.image_sizes().map_err(storage)?;
    let images: Vec<Image> = sized.iter().map(|(image, _)| image.clone()).collect();
    let family = Family::find(core, &images)?;
    let filter = Filter::new(core, &options.filters)?;
    let containers = container_counts(core)?;
    let mut summaries = Vec::new();
    for (image, size) in sized {
        let intermediate = image.names.is_empty() && family.has_children(&image.id);
        if intermediate && !options.all && !options.filters.contains_key("intermediate") {
            continue;
        }
        let count = containers.get(&image.id).copied().unwrap_or(0);
        let dangling = image.names.is_empty() && !family.has_children(&image.id);
        let names = match filter.matches(core, &image, dangling, intermediate, count) {
            // It has been removed meanwhile.
            Err(error) if error.kind == ErrorKind::NotFound && is_gone(core, &image.id)? => continue,
            names => names?,
        };
        let Some(names) = names else { continue };
        // A damaged image is shown all the same, so that it can be removed.
        let document = lookup::document(core, &image).unwrap_or_default();
        let size = size.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0);
        summaries.push(ImageSummary {
            parent_id: family.parent(&image.id).unwrap_or_default().to_owned(),
            repo_tags: names.clone(),
            repo_digests: repo_digests(&image),
            created: document.created.unwrap_or(image.created).as_second(),
            size,
            virtual_size: size,
            labels: document.config().labels,
            containers: count,
            read_only: false,
            dangling,
            arch: document.architecture,
            digest: image.digest.clone(),
            history: image.names_history.clone(),
            is_manifest_list: lists::is_list(core, &image),
            names,
            os: document.os,
            shared_size: 0,
            id: image.id,
        });
    }
    summaries.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    Ok(summaries)
}

fn is_gone(core: &Core, id: &str) -> Result<bool> {
    Ok(!core.store()?.images().map_err(storage)?.iter().any(|image| image.id == id))
}

/// Containers by image: ours and those of other tools.
pub(crate) fn container_counts(core: &Core) -> Result<HashMap<String, i64>> {
    let mut counts: HashMap<String, i64> = HashMap::new();
    for container in core.store()?.containers().map_err(storage)?.iter() {
        *counts.entry(container.image.clone()).or_default() += 1;
    }
    Ok(counts)
}

/// `REPOSITORY@DIGEST` for each repository the image has a name in, sorted.
pub(super) fn repo_digests(image: &Image) -> Vec<String> {
    let mut digests: BTreeSet<String> = BTreeSet::new();
    for name in &image.names {
        let Ok(reference) = Reference::parse(name) else { continue };
        for digest in image.digests() {
            digests.insert(format!("{}@{digest}", reference.name()));
        }
    }
    digests.into_iter().collect()
}

/// All filters of a request, parsed.
struct Filter(Vec<One>);

enum One {
    Before(Timestamp),
    Since(Timestamp),
    Dangling(bool),
    Intermediate(bool),
    Containers(bool),
    Id(Vec<String>),
    Digest(Vec<String>),
    Label(Vec<String>, bool),
    ReadOnly(bool),
    Reference(Vec<String>),
    NotReference(Vec<String>),
    Manifest(bool),
}

impl Filter {
    fn new(core: &Core, filters: &Filters) -> Result<Self> {
        let created = |values: &[String]| -> Result<Timestamp> {
            let mut newest: Option<Timestamp> = None;
            for value in values {
                let moment = match lookup::find(core, value) {
                    Ok(found) => {
                        // A list has none.
                        let document = lookup::document(core, &found.image).ok();
                        document.and_then(|document| document.created).unwrap_or(found.image.created)
                    }
                    Err(error) if error.kind == cove_api::ErrorKind::NotFound => {
                        filter::time("since", std::slice::from_ref(value)).map_err(|_| error)?
                    }
                    Err(error) => return Err(error),
                };
                newest = Some(newest.map_or(moment, |known| known.max(moment)));
            }
            newest.ok_or_else(|| Error::invalid("the filter needs an image"))
        };
        let parse = |key: &str, values: &[String]| -> Result<One> {
            Ok(match key {
                "before" => One::Before(created(values)?),
                "since" | "after" => One::Since(created(values)?),
                "until" => One::Before(filter::time(key, values)?),
                "dangling" => One::Dangling(filter::truth(key, values)?),
                "intermediate" => One::Intermediate(filter::truth(key, values)?),
                "containers" => One::Containers(filter::truth(key, values)?),
                "id" => One::Id(values.to_vec()),
                "digest" => {
                    if let Some(bad) = values.iter().find(|value| !value.starts_with("sha256:")) {
                        return Err(Error::invalid(format!("invalid value {bad:?} for digest filter")));
                    }
                    One::Digest(values.to_vec())
                }
                "label" => One::Label(values.to_vec(), true),
                "label!" => One::Label(values.to_vec(), false),
                "readonly" => One::ReadOnly(filter::truth(key, values)?),
                "reference" => One::Reference(values.to_vec()),
                "reference!" => One::NotReference(values.to_vec()),
                "manifest" => One::Manifest(filter::truth(key, values)?),
                other => {
                    return Err(Error::invalid(format!(
                        "invalid image filter {other:?}: must be in the format \"filter=value or filter!=value\""
                    )));
                }
            })
        };
        filters.iter().map(|(key, values)| parse(key, values)).collect::<Result<_>>().map(Self)
    }

    /// The names to show, where the image passes.
    fn matches(
        &self,
        core: &Core,
        image: &Image,
        dangling: bool,
        intermediate: bool,
        containers: i64,
    ) -> Result<Option<Vec<String>>> {
        let mut names = image.names.clone();
        for one in &self.0 {
            let created = || -> Timestamp {
                lookup::document(core, image)
                    .ok()
                    .and_then(|document| document.created)
                    .unwrap_or(image.created)
            };
            let passes = match one {
                One::Before(moment) => created() < *moment,
                One::Since(moment) => created() > *moment,
                One::Dangling(wanted) => dangling == *wanted,
                One::Intermediate(wanted) => intermediate == *wanted,
                One::Containers(wanted) => (containers > 0) == *wanted,
                One::Id(ids) => {
                    ids.iter().any(|id| image.id.starts_with(id.strip_prefix("sha256:").unwrap_or(id)))
                }
                One::Digest(digests) => digests
                    .iter()
                    .any(|wanted| image.digests().iter().any(|digest| digest.starts_with(wanted.as_str()))),
                One::Label(labels, wanted) => {
                    let own = match lists::is_list(core, image) {
                        true => StringMap::default(),
                        false => lookup::document(core, image)?.config().labels,
                    };
                    let all = labels.iter().all(|label| match label.split_once('=') {
                        Some((name, value)) => own.get(name).is_some_and(|found| found == value),
                        None => own.contains_key(label),
                    });
                    all == *wanted
                }
                One::ReadOnly(wanted) => !*wanted,
                One::Manifest(wanted) => lists::is_list(core, image) == *wanted,
                One::Reference(patterns) => {
                    let found = patterns.iter().any(|pattern| reference_matches(core, image, pattern));
                    // One whole name asks for that name alone.
                    if let [one] = patterns.as_slice()
                        && found
                        && names.contains(one)
                    {
                        names.retain(|name| name == one);
                    }
                    found
                }
                One::NotReference(patterns) => {
                    !patterns.iter().any(|pattern| reference_matches(core, image, pattern))
                }
            };
            if !passes {
                return Ok(None);
            }
        }
        Ok(Some(names))
    }
}

/// Whether one of the image's names matches a name or shell pattern, with or without registry and tag.
fn reference_matches(core: &Core, image: &Image, pattern: &str) -> bool {
    if !pattern.contains(['*', '?', '['])
        && lookup::find(core, pattern).is_ok_and(|found| found.image.id == image.id)
    {
        return true;
    }
    image.names.iter().any(|name| {
        let bare = name.split('@').next().unwrap_or(name);
        let without_tag = match bare.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => bare,
        };
        [name.as_str(), bare, without_tag].iter().any(|full| {
            // Every ending that begins at a slash may be meant.
            let starts = std::iter::once(0).chain(full.match_indices('/').map(|(index, _)| index + 1));
            starts.into_iter().any(|start| filter::shell_match(pattern, &full[start..]))
        })
    })
}
