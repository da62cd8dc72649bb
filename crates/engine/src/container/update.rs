//! Changing a container that is there.

use std::sync::Arc;

use cove_api::{ContainerSpec, ContainerState, ContainerUpdate, Error, Resources, Result};
use cove_runtime::oci::Limits;

use crate::container::lookup::Locked;
use crate::container::state::improper;
use crate::container::{block, health, resolve, settings, update_health, validate};
use crate::engine::Core;
use crate::state::{ContainerConfig, ContainerRow};

/// Changes limits, environment, and when it is started again. The kernel comes first: what it refuses is not kept.
pub(super) fn update(core: &Arc<Core>, name: &str, update: &ContainerUpdate) -> Result<String> {
    let Locked { mut row, lock: _lock } = core.locked_container(name)?;
    if row.state == ContainerState::Removing {
        return Err(improper(format!("container {} is being removed, cannot update", row.id)));
    }
    let database = core.database()?;
    let mut request = database.request(&row.id)?;
    let before = row.config.clone();
    limits(core, &mut row, &mut request, update)?;
    variables(&mut row, &mut request, update)?;
    update_health::change(&mut row, &mut request, update)?;
    if let Some(restart) = &update.restart {
        restart.policy.clone_into(&mut request.restart_policy);
        request.restart_tries = (restart.tries > 0).then_some(restart.tries);
        row.config.restart = resolve::restart_policy(&request)?;
    }
    let runs = row.state.is_alive() || row.state == ContainerState::Initialized;
    if has_other_limits(&row, &before) {
        // Also refuses what this machine cannot keep.
        let resources = cove_runtime::oci::resources(&row.config.settings, core.cgroup())?;
        if runs {
            let oci = core.oci_runtime(&row.config.runtime)?;
            core.runtime()?.update(&oci, &row.id, &resources)?;
        }
    }
    if runs && row.config.env != before.env {
        // What further processes in it get; each start makes the file anew.
        let bundle = core.container_run_dir(&row.id);
        cove_runtime::oci::update_bundle(&bundle, &changed(&before.env, &row.config.env))?;
    }
    if runs && row.config.health != before.health {
        health::apply(core, &row)?;
    }
    database.save_config(&row.id, &row.config, &request)?;
    core.tell("update", &row);
    Ok(row.id)
}

/// Whether its cgroup is to be changed; what each process may use is set at its start.
fn has_other_limits(row: &ContainerRow, before: &ContainerConfig) -> bool {
    let of_cgroup =
        |config: &ContainerConfig| Limits { rlimits: Vec::new(), ..config.settings.limits.clone() };
    of_cgroup(&row.config) != of_cgroup(before)
}

/// The limits that are named; all others stay as they are.
fn limits(
    core: &Core,
    row: &mut ContainerRow,
    request: &mut ContainerSpec,
    update: &ContainerUpdate,
) -> Result<()> {
    let wanted = update.resources();
    if wanted != Resources::default() {
        request.resource_limits = Some(merged(request.resource_limits.take(), &wanted)?);
    }
    update.put_devices(request);
    if !update.r_limits.is_empty() {
        request.r_limits.clone_from(&update.r_limits);
    }
    validate::validate(&mut request.clone())?;
    let kept = row.config.settings.limits.clone();
    let mut spec = request.clone();
    block::resolve(&mut spec)?;
    let new = settings::settings(&spec, &row.config.image, &core.options.containers)?.limits;
    // The defaults are those of its creation.
    row.config.settings.limits = Limits {
        default_rlimits: kept.default_rlimits,
        default_pids: kept.default_pids,
        oom_score_adj: kept.oom_score_adj,
        ..new
    };
    Ok(())
}

/// The limits of before with the new ones over them, by their documents: a limit that is absent there is not asked for.
pub(super) fn merged(before: Option<Resources>, new: &Resources) -> Result<Resources> {
    let text = |error: serde_json::Error| Error::internal(error.to_string());
    let mut all = serde_json::to_value(before.unwrap_or_default()).map_err(text)?;
    overlay(&mut all, serde_json::to_value(new).map_err(text)?);
    serde_json::from_value(all).map_err(text)
}

fn overlay(below: &mut serde_json::Value, above: serde_json::Value) {
    match (below, above) {
        (serde_json::Value::Object(below), serde_json::Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

/// Sets and drops variables.
fn variables(row: &mut ContainerRow, request: &mut ContainerSpec, update: &ContainerUpdate) -> Result<()> {
    let name_of = |entry: &str| entry.split_once('=').map_or(entry, |(name, _)| name).to_owned();
    for entry in &update.env {
        let Some((name, value)) = entry.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::invalid(format!(
                "invalid environment variable {entry:?}: NAME=VALUE is expected"
            )));
        };
        if entry.contains('\0') {
            return Err(Error::invalid(format!("invalid environment variable {name:?}: it has a zero byte")));
        }
        let env = &mut row.config.env;
        match env.iter_mut().find(|known| name_of(known) == name) {
            Some(known) => entry.clone_into(known),
            None => env.push(entry.clone()),
        }
        request.env.insert(name.to_owned(), value.to_owned());
        request.unsetenv.retain(|unset| unset != name);
    }
    for name in &update.unset_env {
        row.config.env.retain(|known| name_of(known) != *name);
        match name.as_str() {
            "HOME" => row.config.implied_env.home = false,
            "HOSTNAME" => row.config.implied_env.hostname = false,
            _ => {}
        }
        request.env.remove(name);
        if !request.unsetenv.contains(name) {
            request.unsetenv.push(name.clone());
        }
    }
    Ok(())
}

/// Which variables are other than before, and to what: nothing for those that went.
fn changed(before: &[String], after: &[String]) -> Vec<(String, Option<String>)> {
    let name_of = |entry: &String| entry.split_once('=').map_or(entry.as_str(), |(name, _)| name).to_owned();
    let gone = before.iter().map(name_of).filter(|name| !after.iter().any(|entry| name_of(entry) == *name));
    let set = after.iter().filter(|entry| !before.contains(entry));
    let set = set.map(|entry| (name_of(entry), Some(entry.clone())));
    gone.map(|name| (name, None)).chain(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{CpuLimits, MemoryLimits, PidsLimit};

    #[test]
    fn what_is_not_named_stays() {
        let before = Resources {
            memory: Some(MemoryLimits { limit: Some(10), swap: Some(20), ..MemoryLimits::default() }),
            pids: Some(PidsLimit { limit: 7 }),
            ..Resources::default()
        };
        let new = Resources {
            memory: Some(MemoryLimits { limit: Some(11), ..MemoryLimits::default() }),
            cpu: Some(CpuLimits { shares: Some(5), ..CpuLimits::default() }),
            ..Resources::default()
        };
        let merged = merged(Some(before), &new).unwrap();
        let memory = merged.memory.unwrap();
        assert_eq!((memory.limit, memory.swap, merged.pids.unwrap().limit), (Some(11), Some(20), 7));
        assert_eq!(merged.cpu.unwrap().shares, Some(5));
    }

    #[test]
    fn variables_that_differ() {
        let list = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<String>>();
        let found = changed(&list(&["A=1", "B=2", "C=3"]), &list(&["A=1", "C=4", "D=5"]));
        let wanted = [("B", None), ("C", Some("C=4".to_owned())), ("D", Some("D=5".to_owned()))]
            .map(|(name, entry)| (name.to_owned(), entry));
        assert_eq!(found, wanted);
    }
}
