//! The engine as a whole: what it keeps on the disk, and what of it goes.

use std::collections::BTreeSet;

use cove_api::{Engine, ImageRemoveOptions, RemoveOptions, Result, VolumeRemoveOptions};

use crate::Failure;
use crate::core::Core;
use crate::task::Task;
use crate::view::{UnusedRow, Usage};

/// What is on the disk.
pub(crate) async fn usage(core: &Core) -> std::result::Result<Usage, Failure> {
    let mut usage: Usage = core.engine()?.system().disk_usage().await?.into();
    let shared = core.lock();
    // What is in a pod goes with the pod.
    let pods: BTreeSet<&String> =
        shared.state.rows.pods.rows().flat_map(|pod| &pod.members).map(|member| &member.id).collect();
    usage.unused.retain(|row| row.kind != "container" || !pods.contains(&row.id));
    drop(pods);
    drop(shared);
    Ok(usage)
}

/// Removes what nothing uses, without force: what has come into use since the list stays. Goes on past errors.
pub(crate) async fn prune(engine: &dyn Engine, rows: Vec<UnusedRow>, task: &Task) -> Result<()> {
    let mut failed = Ok(());
    let mut freed = 0_i64;
    let mut gone = 0_u32;
    // Containers first: what they used is unused then.
    let order = |row: &UnusedRow| ["container", "volume", "image"].iter().position(|kind| *kind == row.kind);
    let mut rows = rows;
    rows.sort_by_key(order);
    for row in rows {
        task.message(row.names.first().unwrap_or(&row.id).clone());
        match remove(engine, &row).await {
            Ok(()) => {
                freed = freed.saturating_add(row.size);
                gone += 1;
            }
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    task.freed(gone, freed);
    failed
}

async fn remove(engine: &dyn Engine, row: &UnusedRow) -> Result<()> {
    match row.kind.as_str() {
        "container" => {
            let options = RemoveOptions { volumes: true, ..RemoveOptions::default() };
            let reports = engine.containers().remove(&row.id, options).await?;
            match reports.into_iter().find_map(|report| report.error) {
                Some(message) => Err(cove_api::Error::internal(message)),
                None => Ok(()),
            }
        }
        "volume" => engine.volumes().remove(&row.id, VolumeRemoveOptions::default()).await,
        "image" => {
            // Without force each name goes by itself, and the last one takes the image.
            let names = if row.names.is_empty() { vec![row.id.clone()] } else { row.names.clone() };
            let report = engine.images().remove(names, ImageRemoveOptions::default()).await?;
            report.failure().map_or(Ok(()), Err)
        }
        other => Err(cove_api::Error::invalid(format!("there is no kind {other:?}"))),
    }
}
