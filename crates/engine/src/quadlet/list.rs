//! Listing: unit files with the states of their services.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cove_api::{Error, QuadletListOptions, QuadletSummary, Result};
use cove_quadlet::{Kind, Loaded, known_units, load_whole};
use cove_sys::systemd::UnitState;
use regex::Regex;

use super::places::{UnitFiles, asking, file_name, wrong};
use crate::engine::Core;
use crate::filter::regular;

/// Those that the filters let pass.
pub(super) fn list(core: &Core, options: &QuadletListOptions) -> Result<Vec<QuadletSummary>> {
    let filters = filters(options)?;
    let mut rows = rows(&UnitFiles::open(core)?)?;
    // Of one thing any pattern may fit, and of each thing one must.
    rows.retain(|row| {
        filters.iter().all(|(key, patterns)| patterns.iter().any(|one| one.is_match(field(row, key))))
    });
    Ok(rows)
}

fn rows(units: &UnitFiles) -> Result<Vec<QuadletSummary>> {
    let mut applications = HashMap::new();
    for (application, files) in units.installed.applications().map_err(|error| wrong(&error))? {
        applications.extend(files.into_iter().map(|file| (file, application.clone())));
    }
    let mut rows: Vec<QuadletSummary> = units.all().iter().map(|path| row(path, &units.folders)).collect();
    let names: Vec<String> =
        rows.iter().filter(|row| row.status.is_empty()).map(|row| row.unit_name.clone()).collect();
    let states = units.systemd.states(&names).map_err(|error| asking(&error))?;
    for row in &mut rows {
        row.app = applications.get(&row.name).cloned().unwrap_or_default();
        if row.status.is_empty() {
            row.status =
                states.get(&row.unit_name).map_or_else(|| UnitState::default().shown(), UnitState::shown);
        }
    }
    Ok(rows)
}

fn row(path: &Path, folders: &[PathBuf]) -> QuadletSummary {
    let mut row = QuadletSummary {
        name: file_name(path),
        path: path.display().to_string(),
        ..QuadletSummary::default()
    };
    match service(path, folders) {
        Ok((unit, pod)) => (row.unit_name, row.pod) = (unit, pod),
        Err(error) => row.status = error.to_string(),
    }
    row
}

/// The service that a unit file becomes, and the pod that it names.
pub(super) fn service(path: &Path, folders: &[PathBuf]) -> cove_quadlet::Result<(String, String)> {
    let name = file_name(path);
    let kind = Kind::of(&name).ok_or_else(|| cove_quadlet::Error::Kind(name.clone()))?;
    let file = load_whole(path, folders, &mut |remark| tracing::debug!("{remark}"))?;
    let pod = file.text(Kind::Container.section(), "Pod").unwrap_or_default().to_owned();
    let known = known_units([&Loaded { kind, file }]);
    Ok((known.into_values().next().map(|known| known.service_file()).unwrap_or_default(), pod))
}

/// The patterns by what they are about.
fn filters(options: &QuadletListOptions) -> Result<Vec<(&str, Vec<Regex>)>> {
    let mut filters = Vec::new();
    for (key, patterns) in &options.filters {
        if !["name", "status", "pod"].contains(&key.as_str()) {
            return Err(Error::invalid(format!("{key} is not a valid filter")));
        }
        let patterns = patterns.iter().map(|pattern| regular(key, pattern)).collect::<Result<_>>()?;
        filters.push((key.as_str(), patterns));
    }
    Ok(filters)
}

fn field<'a>(row: &'a QuadletSummary, key: &str) -> &'a str {
    match key {
        "name" => &row.name,
        "status" => &row.status,
        _ => &row.pod,
    }
}
