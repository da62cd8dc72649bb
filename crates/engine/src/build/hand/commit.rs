//! Images of working containers.

use std::sync::Arc;

use cove_api::{
    BuildOptions, CommitFormat, Error, ImageHistory, Progress, PushOptions, Result, WorkingCommit,
};
use cove_registry::ImageLocation;
use cove_registry::manifest::media_type;
use cove_spec::change;
use cove_storage::NameChange;
use futures_util::StreamExt as _;
use serde_json::Value;

use super::super::commit;
use super::super::state::ImageState;
use super::super::working::Working;
use super::record::{self, Record};
use crate::engine::{Core, blocking};
use crate::error::storage;
use crate::image::{self, lists, names};

/// Makes an image, brings it to where its name says, and answers its id.
pub(super) async fn commit(core: &Arc<Core>, name: &str, options: WorkingCommit) -> Result<String> {
    let place = match ImageLocation::parse(&options.name)? {
        None | Some(ImageLocation::Storage(_)) => None,
        Some(_) => Some(options.name.clone()),
    };
    let (container, access) = (name.to_owned(), options.access.clone());
    let (is_elsewhere, removes, is_listed) = (place.is_some(), options.remove, !options.manifest.is_empty());
    let id = blocking(core, move |core| make(core, &container, &options, is_elsewhere)).await?;
    let Some(place) = place else { return Ok(id) };
    let pushed = push(core, &id, place, access).await;
    let (gone, container, removes) = (id.clone(), name.to_owned(), removes && pushed.is_ok());
    blocking(core, move |core| {
        // It is wanted there and not here.
        let store = core.store()?;
        if !is_listed && store.image(&gone).is_ok_and(|image| image.names.is_empty()) {
            store.delete_image(&gone).map_err(storage)?;
        }
        if removes {
            record::open(core, &container)?.0.delete()?;
        }
        Ok(())
    })
    .await?;
    pushed.map(|()| id)
}

async fn push(
    core: &Arc<Core>,
    id: &str,
    destination: String,
    access: cove_api::RegistryAccess,
) -> Result<()> {
    let options = PushOptions { destination, access, ..PushOptions::default() };
    let mut steps = image::push(core, id, options).await?;
    while let Some(step) = steps.next().await {
        if let Progress::Done(_) = step? {
            return Ok(());
        }
    }
    Err(Error::internal("pushing ended without a report"))
}

fn make(core: &Arc<Core>, name: &str, options: &WorkingCommit, is_elsewhere: bool) -> Result<String> {
    let named = match options.name.as_str() {
        "" => None,
        _ if is_elsewhere => None,
        name => {
            let name = name.strip_prefix("containers-storage:").unwrap_or(name);
            Some(names::normalize(name)?.to_string())
        }
    };
    let list = match options.manifest.as_str() {
        "" => None,
        name => Some(names::normalize(name)?.to_string()),
    };
    if let Some(list) = &list {
        lists::check_list(core, list)?;
    }
    let (working, record) = record::open(core, name)?;
    let build = build_options(&record, options);
    let mut state = record.state(core)?;
    change::apply(&mut state.config, &options.changes)?;
    let gone =
        |entry: &String| options.unset_env.iter().any(|name| entry.split('=').next() == Some(name.as_str()));
    state.config.env.retain(|entry| !gone(entry));
    let id = image_of(core, &working, &record, &build, state)?;
    if let Some(name) = named {
        core.store()?.change_image_names(&id, &[name], NameChange::Add).map_err(storage)?;
    }
    if let Some(list) = list {
        lists::add_images(core, &list, std::slice::from_ref(&id))?;
    }
    // Of one that goes elsewhere the container stays until the image has arrived.
    if options.remove && !is_elsewhere {
        working.delete()?;
    }
    Ok(id)
}

fn build_options(record: &Record, options: &WorkingCommit) -> BuildOptions {
    let noted = record.document.get("annotations").and_then(Value::as_object).into_iter().flatten();
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    let mut annotations: cove_api::StringMap = noted.filter_map(text).collect();
    annotations.extend(options.annotations.clone());
    let own = match record.text("Format") {
        media_type::DOCKER_MANIFEST => CommitFormat::Docker,
        _ => CommitFormat::Oci,
    };
    BuildOptions {
        annotations,
        format: options.format.unwrap_or(own),
        squash: options.squash,
        timestamp: options.timestamp,
        omit_history: options.omit_history,
        ..BuildOptions::default()
    }
}

fn image_of(
    core: &Arc<Core>,
    working: &Working,
    record: &Record,
    build: &BuildOptions,
    mut state: ImageState,
) -> Result<String> {
    if build.squash {
        commit::squash(core, build, &mut state, working)?;
    } else {
        commit::add_layer(core, build, &mut state, working)?;
        state.history.extend(record.added_history());
        let created_by = match record.text("created-by") {
            "" => "/bin/sh",
            text => text,
        };
        let comment = match (record.text("history-comment"), state.base.as_str()) {
            ("", "") => String::new(),
            ("", base) => format!("FROM {base}"),
            (text, _) => text.to_owned(),
        };
        state.history.push(ImageHistory {
            created: Some(commit::now(build)),
            created_by: created_by.to_owned(),
            author: state.author.clone(),
            comment,
            empty_layer: false,
        });
    }
    commit::save(core, build, &mut state, None)
}
