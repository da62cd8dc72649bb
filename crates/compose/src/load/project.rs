//! The project as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{Loading, Place};
use super::find::{Found, Options, find};
use super::{check, decode, normalise};
use crate::dotenv;
use crate::error::{ComposeError, Result};
use crate::interpolate::{Variable, Variables};
use crate::model::{Content, Project, Service};
use crate::tree::Item;

/// A project, and what there was to say about its files.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// Warnings, one line each.
    pub warnings: Vec<String>,
}

struct Read {
    root: Item,
    name: String,
    found: Found,
}

fn read(options: &Options) -> Result<Read> {
    let found = find(options)?;
    let mut loading = Loading { options, warnings: Vec::new(), read: 0 };
    let mut environment = found.environment.clone();
    let name = name(options, &found)?;
    environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let place = Place { working_dir: &found.working_dir, environment: &environment, included: &[] };
    let mut root = loading.files(&found.files, &place)?;
    normalise::listed_environment(&mut root, &environment);
    if options.normalize {
        normalise::normalise(&mut root, &name, &environment);
    }
    let mut found = Found { environment, ..found };
    found.warnings.append(&mut loading.warnings);
    Ok(Read { root, name, found })
}

/// The name: as asked for, of the environment, of the files, of the folder.
fn name(options: &Options, found: &Found) -> Result<String> {
    let asked = options.project_name.as_ref().filter(|name| !name.is_empty());
    let variable = found.environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
    if let Some(name) = asked.or(variable) {
        if normal(name) != *name {
            return Err(ComposeError::new(format!(
                "invalid project name {name:?}: must consist only of lowercase alphanumeric characters, hyphens, and \
                 underscores as well as start with a letter or number"
            )));
        }
        return Ok(name.clone());
    }
    let mut written = String::new();
    for file in &found.files {
        let text = if file == "-" {
            options.stdin.clone().unwrap_or_default()
        } else {
            dotenv::read_file(Path::new(file))?
        };
        for document in crate::tree::read(&file.as_str().into(), &text)? {
            if let Some(name) = document.get("name").and_then(Item::printed).filter(|name| !name.is_empty()) {
                written = name;
            }
        }
    }
    if options.interpolate {
        let mut variables = Variables { sources: vec![&found.environment], missing: Vec::new() };
        written = variables.substitute(&written)?;
    }
    let folder = found.working_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = if written.is_empty() { normal(&folder) } else { normal(&written) };
    if name.is_empty() {
        return Err(ComposeError::new("project name must not be empty"));
    }
    Ok(name)
}

fn normal(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// Loads a project.
///
/// # Errors
/// A file is missing or wrong; the error names it, the line and the key.
pub fn load(options: &Options) -> Result<Loaded> {
    let Read { root, name, found } = read(options)?;
    let mut project = decode::project(&root)?;
    project.name = name;
    project.working_dir = found.working_dir.display().to_string();
    project.compose_files = found.files;
    project.environment = found.environment;
    project.profiles = profiles(options, &project.environment);
    for content in project.secrets.values_mut().chain(project.configs.values_mut()) {
        let Content { environment, value, .. } = content;
        *value = project.environment.get(environment).cloned();
    }
    enable(&mut project);
    if options.consistency {
        check::project(&mut project)?;
    }
    if options.resolve_environment {
        for service in project.services.values_mut() {
            self::environment(service, &project.environment)?;
        }
    }
    for service in project.services.values_mut() {
        labels(service)?;
    }
    select(&mut project, &options.services, options.consistency)?;
    if !options.all_resources {
        needed(&mut project);
    }
    Ok(Loaded { project, warnings: found.warnings })
}

/// Reads the files into one tree, without types: what `--no-interpolate` shows.
///
/// # Errors
/// As [`load`].
pub fn tree(options: &Options) -> Result<(serde_json::Value, Vec<String>)> {
    let Read { root, found, .. } = read(options)?;
    Ok((root.to_json(), found.warnings))
}

/// The variables that the files name.
///
/// # Errors
/// As [`load`].
pub fn variables(options: &Options) -> Result<BTreeMap<String, Variable>> {
    let Read { root, found: read, .. } = read(&Options { interpolate: false, ..options.clone() })?;
    let mut found = BTreeMap::new();
    texts(&root.to_json(), &mut |text| crate::interpolate::named(text, &mut found, 0));
    for (name, variable) in &mut found {
        variable.value = read.environment.get(name).cloned();
    }
    Ok(found)
}

fn texts(value: &serde_json::Value, each: &mut dyn FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => each(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        serde_json::Value::Object(entries) => entries.values().for_each(|item| texts(item, each)),
        _ => {}
    }
}

fn profiles(options: &Options, environment: &BTreeMap<String, String>) -> Vec<String> {
    if !options.profiles.is_empty() {
        return options.profiles.clone();
    }
    let list = environment.get("COMPOSE_PROFILES").map_or("", String::as_str);
    list.split(',').map(|profile| profile.trim().to_owned()).filter(|profile| !profile.is_empty()).collect()
}

/// Leaves the services of active profiles.
fn enable(project: &mut Project) {
    let mut all = std::mem::take(&mut project.disabled_services);
    all.append(&mut project.services);
    for (name, service) in all {
        let active = service.profiles.is_empty()
            || project.profiles.iter().any(|profile| profile == "*" || service.profiles.contains(profile));
        if active { &mut project.services } else { &mut project.disabled_services }.insert(name, service);
    }
}

/// Leaves the named services and what they depend on.
fn select(project: &mut Project, names: &[String], consistency: bool) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    for name in names {
        if !project.services.contains_key(name) {
            let Some(service) = project.disabled_services.get(name) else {
                return Err(ComposeError::not_found(format!("no such service: {name}")));
            };
            project.profiles.extend(service.profiles.clone());
        }
    }
    enable(project);
    let mut kept = BTreeSet::new();
    let mut left: Vec<String> = names.to_vec();
    while let Some(name) = left.pop() {
        let Some(service) = project.services.get(&name) else {
            if consistency && project.disabled_services.contains_key(&name) {
                continue;
            }
            return Err(ComposeError::not_found(format!("no such service: {name}")));
        };
        if kept.insert(name) {
            left.extend(service.depends_on.keys().cloned());
        }
    }
    let all = std::mem::take(&mut project.services);
    for (name, mut service) in all {
        if kept.contains(&name) {
            service.depends_on.retain(|name, _| kept.contains(name));
            project.services.insert(name, service);
        } else {
            project.disabled_services.insert(name, service);
        }
    }
    Ok(())
}

fn environment(service: &mut Service, known: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in &mut service.environment {
        if value.is_none() {
            *value = known.get(name).cloned();
        }
    }
    let own: BTreeMap<String, String> =
        service.environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    let mut found = BTreeMap::new();
    for file in std::mem::take(&mut service.env_file) {
        let path = Path::new(&file.path);
        if !file.required && !path.exists() {
            continue;
        }
        dotenv::read(path, &file.format, &[known, &own], &mut found).map_err(|mut error| {
            error.message = format!("services.{}.env_file: {}", service.name, error.message);
            error
        })?;
    }
    for (name, value) in found {
        service.environment.entry(name).or_insert(Some(value));
    }
    Ok(())
}

fn labels(service: &mut Service) -> Result<()> {
    let mut found = BTreeMap::new();
    for file in std::mem::take(&mut service.label_file) {
        let earlier = found.clone();
        dotenv::read(Path::new(&file), "", &[&earlier], &mut found)?;
    }
    for (name, value) in found {
        service.labels.entry(name).or_insert(value);
    }
    Ok(())
}

/// Leaves what services use.
fn needed(project: &mut Project) {
    let services = &project.services;
    let uses = |test: &dyn Fn(&Service) -> bool| services.values().any(test);
    project.networks.retain(|key, _| uses(&|service| service.networks.contains_key(key)));
    project.volumes.retain(|key, _| {
        uses(&|service| service.volumes.iter().any(|mount| mount.r#type == "volume" && mount.source == *key))
    });
    project.secrets.retain(|key, _| {
        uses(&|service| {
            let build = service.build.iter().flat_map(|build| &build.secrets);
            service.secrets.iter().chain(build).any(|secret| secret.source == *key)
        })
    });
    project
        .configs
        .retain(|key, _| uses(&|service| service.configs.iter().any(|config| config.source == *key)));
    project.models.retain(|key, _| uses(&|service| service.models.contains_key(key)));
}
