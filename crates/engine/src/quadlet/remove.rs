//! Removing: units with all of their applications.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cove_api::{Error, ErrorKind, QuadletRemoveOptions, QuadletRemoveReport, QuadletSelection, Result};
use cove_quadlet::{Application, Kind};

use super::list::service;
use super::places::{UnitFiles, asking, file_name, wrong};
use crate::engine::Core;

/// What is removed together.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Together {
    /// The application.
    application: Option<String>,
    /// Its units.
    units: Vec<PathBuf>,
    /// Its other files.
    files: Vec<String>,
}

/// Removes what is selected.
pub(super) fn remove(
    core: &Core,
    selection: &QuadletSelection,
    options: QuadletRemoveOptions,
) -> Result<QuadletRemoveReport> {
    if selection.quadlets.is_empty() && !selection.all {
        return Err(Error::invalid("must provide at least 1 quadlet to remove or set all=true"));
    }
    let units = UnitFiles::open(core)?;
    let names = match selection.all {
        true => units.all().iter().map(|path| file_name(path)).collect(),
        false => selection.quadlets.clone(),
    };
    let mut report = QuadletRemoveReport::default();
    for (together, name) in selected(&units, names, options.ignore, &mut report)? {
        if let Err(error) = remove_together(&units, &together, options.force, &mut report.removed) {
            report.errors.insert(name, error.message);
        }
    }
    if options.reload_systemd {
        units.reload()?;
    }
    Ok(report)
}

/// What the names stand for, each once, by one of the names.
fn selected(
    units: &UnitFiles,
    names: Vec<String>,
    ignore: bool,
    report: &mut QuadletRemoveReport,
) -> Result<BTreeMap<Together, String>> {
    let applications = units.installed.applications().map_err(|error| wrong(&error))?;
    let mut selected = BTreeMap::new();
    for name in names {
        match find(units, &applications, &name) {
            Ok(found) => {
                selected.insert(found, name);
            }
            Err(error) if ignore && error.kind == ErrorKind::NotFound => report.removed.push(name),
            Err(error) => {
                report.errors.insert(name, error.message);
            }
        }
    }
    Ok(selected)
}

fn find(units: &UnitFiles, applications: &BTreeMap<String, Vec<String>>, name: &str) -> Result<Together> {
    if Application::is_name(name) {
        let files = applications
            .get(name)
            .ok_or_else(|| Error::not_found(format!("there is no application {name}")))?;
        return Ok(whole(units, name, files));
    }
    let path = units.find(name)?;
    // Only what is in the folder of installed files is part of an application.
    let own = applications.iter().find(|(_, files)| files.iter().any(|file| file == name));
    match own.filter(|_| units.installed.holds(&path)) {
        Some((application, files)) => Ok(whole(units, application, files)),
        None => Ok(Together { units: vec![path], ..Together::default() }),
    }
}

fn whole(units: &UnitFiles, application: &str, files: &[String]) -> Together {
    let (own, files): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| Kind::of(file).is_some());
    let own = own.iter().map(|unit| units.installed.folder().join(unit)).collect();
    Together { application: Some(application.to_owned()), units: own, files }
}

/// Stops what runs and removes the files, the units first and the list of them last.
fn remove_together(
    units: &UnitFiles,
    together: &Together,
    force: bool,
    removed: &mut Vec<String>,
) -> Result<()> {
    // A file that cannot be read has no service.
    let services = together.units.iter().filter_map(|path| service(path, &units.folders).ok());
    let services: Vec<String> = services.map(|(service, _)| service).collect();
    for (service, state) in units.systemd.states(&services).map_err(|error| asking(&error))? {
        if !state.is_active() {
            continue;
        }
        if !force {
            let message = format!(
                "quadlet {service} is running and force is not set, refusing to remove: quadlet running"
            );
            return Err(Error::new(ErrorKind::InUse, message));
        }
        units.systemd.stop(&service).map_err(|error| asking(&error))?;
    }
    for path in &together.units {
        let name = file_name(path);
        match cove_sys::fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other?,
        }
        units.installed.remove_assets(&name).map_err(|error| wrong(&error))?;
        removed.push(name);
    }
    match &together.application {
        Some(application) => {
            units.installed.remove(application, &together.files).map_err(|error| wrong(&error))
        }
        None => Ok(()),
    }
}
