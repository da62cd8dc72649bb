//! The engine's files as a whole: looking for damage, bringing up to date, starting over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cove_api::{
    ContainerState, Error, ErrorKind, Filters, RemoveOptions, Result, SystemCheckOptions, SystemCheckReport,
};
use cove_storage::CheckOptions;
use cove_sys::fs;

use crate::container::{remove_container, stop_container};
use crate::engine::{Core, remove_directory};
use crate::error::{joined, storage};
use crate::lock::ObjectLock;
use crate::secret;

/// How old a layer may be that nothing needs, where nobody says otherwise.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whoever removes by force waits for no stop signal.
fn by_force() -> RemoveOptions {
    RemoveOptions { force: true, volumes: true, timeout: Some(0), depend: true, ignore: true }
}

/// Looks for damage, and repairs it where that is asked for.
pub(crate) fn check(core: &Arc<Core>, options: &SystemCheckOptions) -> Result<SystemCheckReport> {
    let age = match options.unreferenced_layer_max_age.as_str() {
        "" => AGE,
        // As Go has it, a bare zero is a span, too.
        "0" => Duration::ZERO,
        text => cove_api::time::duration(text)?,
    };
    let store = core.store()?;
    let damage = store.check(&CheckOptions { quick: options.quick, age }).map_err(storage)?;
    let mut report = SystemCheckReport {
        errors: !damage.is_none(),
        layers: damage.layers.clone(),
        images: damage.images.clone(),
        containers: damage.containers.clone(),
        ..SystemCheckReport::default()
    };
    if options.repair_lossy {
        for id in damage.containers.keys() {
            let name = store.container(id).ok().and_then(|container| container.names.first().cloned());
            match remove_container(core, id, &by_force()) {
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => report.removed_containers.insert(id.clone(), name.unwrap_or_default()),
            };
        }
    }
    if options.repair || options.repair_lossy {
        let names: BTreeMap<String, Vec<String>> = store
            .images()
            .map_err(storage)?
            .iter()
            .map(|image| (image.id.clone(), image.names.clone()))
            .collect();
        let (images, layers) = store.repair(&damage).map_err(storage)?;
        report.removed_layers = layers;
        report.removed_images =
            images.into_iter().map(|id| (id.clone(), names.get(&id).cloned().unwrap_or_default())).collect();
    }
    Ok(report)
}

/// Removes all containers, networks, volumes and images, then the files of store and engine. What cannot be removed
/// hinders nothing else.
pub(crate) fn reset(core: &Arc<Core>) -> Result<()> {
    let mut errors = Vec::new();
    let mut note = |result: Result<()>| match result {
        Err(error) if error.kind != ErrorKind::NotFound => errors.push(error),
        _ => {}
    };
    match core.database().and_then(|database| Ok(database.containers()?)) {
        Ok(rows) => rows.iter().for_each(|row| note(remove_container(core, &row.id, &by_force()))),
        Err(error) => note(Err(error)),
    }
    let networks = core.networks().and_then(|networks| Ok(networks.list(&Filters::default())?));
    match networks {
        Ok(networks) => {
            let default = crate::network::default_name(core);
            for network in networks.iter().filter(|network| network.name != default) {
                note(core.networks().and_then(|networks| Ok(networks.remove(&network.name).map(drop)?)));
            }
        }
        Err(error) => note(Err(error)),
    }
    note(core.store().and_then(|store| store.destroy().map_err(storage)));
    note(remove_directory(&secret::folder(core)));
    note(crate::volume::remove_all(core));
    note(remove_directory(&core.options.state_dir()));
    note(end_namespaces(core));
    note(remove_directory(&core.options.run_dir()));
    for root in [&core.options.storage.graph_root, &core.options.storage.run_root] {
        // Files of others keep it.
        let _ = fs::remove_dir(root);
    }
    joined(errors)
}

/// Stops what runs, brings every record up to date and gives it another OCI runtime; answers the ids of the stopped ones.
pub(crate) fn migrate(core: &Arc<Core>, runtime: Option<&str>) -> Result<Vec<String>> {
    let runtime = match runtime.filter(|name| !name.is_empty()) {
        Some(name) => Some(core.oci_runtime(name)?.path.display().to_string()),
        None => None,
    };
    let mut stopped = Vec::new();
    // To read a record of an older version is to bring it up to date.
    for mut row in core.database()?.containers()? {
        core.refresh(&mut row)?;
        if row.state.is_alive() || row.state == ContainerState::Initialized {
            match stop_container(core, &row.id) {
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                result => result?,
            }
            stopped.push(row.id.clone());
        }
        if let Some(runtime) = &runtime {
            set_runtime(core, &row.id, runtime)?;
        }
    }
    end_namespaces(core)?;
    Ok(stopped)
}

fn set_runtime(core: &Arc<Core>, id: &str, runtime: &str) -> Result<()> {
    let mut locked = match core.locked_container(id) {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
        locked => locked?,
    };
    if locked.row.config.runtime == runtime {
        return Ok(());
    }
    let database = core.database()?;
    let mut request = database.request(id)?;
    runtime.clone_into(&mut request.oci_runtime);
    runtime.clone_into(&mut locked.row.config.runtime);
    Ok(database.save_config(id, &locked.row.config, &request)?)
}

/// Gives up the namespaces that the user's commands share, so that the next one makes them by today's ranges.
fn end_namespaces(core: &Core) -> Result<()> {
    if core.options.rootless {
        cove_runtime::rootless::leave(&core.options.directories.run_root.join("cove"))?;
    }
    Ok(())
}

/// Removes the lock files that nobody holds: whoever locks a container next makes its file anew.
pub(crate) fn renumber(core: &Core) -> Result<()> {
    let directory = core.options.run_dir().join("locks");
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        match ObjectLock::try_acquire(&directory, name) {
            Some(lock) => lock.remove(),
            None => {
                return Err(Error::new(
                    ErrorKind::InUse,
                    format!("container {name} is locked by another command: try again when it has ended"),
                ));
            }
        }
    }
    Ok(())
}
