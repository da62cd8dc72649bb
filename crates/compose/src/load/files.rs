//! Files into one tree: variables, `extends`, `include`, merging, long forms, absolute paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check;
use super::find::{Options, join};
use crate::dotenv;
use crate::error::{ComposeError, Result};
use crate::interpolate::Variables;
use crate::merge::{Resets, merge, unique};
use crate::short::{clean, lengthen};
use crate::tree::{Entries, Item, Kind, matches, read};

/// Most files that one project may read.
const MOST_FILES: usize = 1000;
/// Most services that extend each other, and most files that include each other, one after the other.
const LONGEST_CHAIN: usize = 100;

/// A loading in progress.
pub(super) struct Loading<'a> {
    pub(super) options: &'a Options,
    pub(super) warnings: Vec<String>,
    pub(super) read: usize,
}

/// Where a file's texts mean.
pub(super) struct Place<'a> {
    pub(super) working_dir: &'a Path,
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Files that included this one.
    pub(super) included: &'a [String],
}

impl Loading<'_> {
    fn text(&mut self, file: &str) -> Result<String> {
        self.read += 1;
        if self.read > MOST_FILES {
            return Err(ComposeError::new(format!("the project has more than {MOST_FILES} files")));
        }
        if file == "-" {
            return self
                .options
                .stdin
                .clone()
                .ok_or_else(|| ComposeError::new("standard input was not read"));
        }
        dotenv::read_file(Path::new(file))
    }

    /// The documents of a file, with variables replaced.
    fn documents(&mut self, file: &str, environment: &BTreeMap<String, String>) -> Result<Vec<Item>> {
        let text = self.text(file)?;
        let mut documents = read(&Arc::from(file), &text)?;
        if self.options.interpolate {
            let mut variables = Variables { sources: vec![environment], missing: Vec::new() };
            for document in &mut documents {
                interpolate(document, &mut variables, &mut Vec::new())?;
            }
            for name in variables.missing {
                let warning = format!("The {name:?} variable is not set. Defaulting to a blank string.");
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
        }
        Ok(documents)
    }

    /// All files, one over the other.
    pub(super) fn files(&mut self, files: &[String], place: &Place<'_>) -> Result<Item> {
        let mut whole: Option<Item> = None;
        for file in files {
            for mut document in self.documents(file, place.environment)? {
                if document.as_map().is_none() {
                    return document.fail("", "top-level object must be a mapping");
                }
                let resets = Resets::take(&mut document);
                self.extend(&mut document, &resets, file, place)?;
                if let Some(whole) = &mut whole {
                    resets.apply(whole);
                }
                self.include(&mut document, file, place)?;
                let mut merged = match whole.take() {
                    None => document,
                    Some(base) => merge(base, document, &mut Vec::new())?,
                };
                unique(&mut merged, &mut Vec::new());
                crate::schema::validate(&merged)?;
                if merged.as_map_mut().and_then(|entries| entries.remove("version")).is_some() {
                    self.warnings.push(format!(
                        "{file}: the attribute `version` is obsolete, it will be ignored, please remove it to avoid \
                         potential confusion"
                    ));
                }
                lengthen(&mut merged, !self.options.interpolate)?;
                unique(&mut merged, &mut Vec::new());
                whole = Some(merged);
            }
        }
        let mut whole = whole.ok_or_else(|| ComposeError::new("empty compose file"))?;
        check::defaults(&mut whole);
        check::values(&whole)?;
        if self.options.resolve_paths || !place.included.is_empty() {
            resolve(&mut whole, place.working_dir, self.options, &mut Vec::new())?;
        }
        Ok(whole)
    }

    /// Resolves `extends` of all services of a document.
    fn extend(&mut self, document: &mut Item, resets: &Resets, file: &str, place: &Place<'_>) -> Result<()> {
        let Some(services) = document.get("services").cloned() else { return Ok(()) };
        let Some(entries) = services.as_map() else {
            return services.fail("services", "it must be a mapping");
        };
        let mut extended = Entries::new();
        for name in entries.keys() {
            let here = Base { services: entries, file, folder: place.working_dir, resets: Some(resets) };
            let service = self.extended(name, &here, place, &mut Vec::new())?;
            extended.insert(name.clone(), service);
        }
        if let Some(root) = document.as_map_mut() {
            root.insert("services".to_owned(), services.with(Kind::Map(extended)));
        }
        Ok(())
    }

    fn extended(
        &mut self,
        name: &str,
        here: &Base<'_>,
        place: &Place<'_>,
        seen: &mut Vec<(String, String)>,
    ) -> Result<Item> {
        let path = format!("services.{name}");
        let Some(service) = here.services.get(name) else {
            return Err(ComposeError::new(format!("service {name:?} not found in {}", here.file)));
        };
        let Some(extends) = service.get("extends") else { return Ok(service.clone()) };
        let (wanted, other) = match &extends.kind {
            Kind::Text(wanted) => (wanted.clone(), None),
            _ => {
                let text = |key| extends.get(key).and_then(Item::as_text).map(str::to_owned);
                let Some(wanted) = text("service") else {
                    return extends.fail(&path, "extends.service is required");
                };
                (wanted, text("file"))
            }
        };
        let key = (here.file.to_owned(), name.to_owned());
        if seen.contains(&key) {
            let chain: Vec<String> = seen.iter().map(|(file, name)| format!("{name} in {file}")).collect();
            return extends
                .fail(&path, format!("Circular reference: {} extends {name}", chain.join(" extends ")));
        }
        if seen.len() >= LONGEST_CHAIN {
            return extends.fail(&path, format!("more than {LONGEST_CHAIN} services extend each other"));
        }
        seen.push(key);
        let mut base = match other {
            None => {
                if !here.services.contains_key(&wanted) {
                    return extends.fail(
                        &path,
                        format!(
                            "cannot extend service {name:?} in {}: service {wanted:?} not found",
                            here.file
                        ),
                    );
                }
                self.extended(&wanted, here, place, seen)?
            }
            Some(other) => {
                let there = join(here.folder, &other);
                let file = there.display().to_string();
                let folder = there.parent().unwrap_or(Path::new("/")).to_owned();
                let (services, resets) = self
                    .services_of(&file, &folder, place.environment)
                    .map_err(|error| error.at(&extends.file, extends.line, format!("{path}.extends")))?;
                if !services.contains_key(&wanted) {
                    return extends.fail(
                        &path,
                        format!("cannot extend service {name:?}: service {wanted:?} not found in {file}"),
                    );
                }
                let there = Base { services: &services, file: &file, folder: &folder, resets: Some(&resets) };
                self.extended(&wanted, &there, place, seen)?
            }
        };
        if let Some(resets) = here.resets {
            resets.apply_to_service(name, &mut base);
        }
        seen.pop();
        let mut over = service.clone();
        if let Some(entries) = over.as_map_mut() {
            entries.remove("extends");
        }
        if base.is_null() {
            return Ok(over);
        }
        merge(base, over, &mut vec!["services".to_owned(), name.to_owned()])
    }

    /// The services of a file that others extend, with paths of their own folder.
    fn services_of(
        &mut self,
        file: &str,
        folder: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<(Entries, Resets)> {
        let mut whole: Option<Item> = None;
        let mut all = Resets::default();
        for mut document in self.documents(file, environment)? {
            all = Resets::take(&mut document);
            lengthen(&mut document, !self.options.interpolate)?;
            whole = Some(match whole {
                None => document,
                Some(base) => merge(base, document, &mut Vec::new())?,
            });
        }
        let mut whole =
            whole.ok_or_else(|| ComposeError::new(format!("{file}: there is no services section")))?;
        // Where the file that is extended lies decides, not where the path is read from; `extends` of its own is left.
        resolve(&mut whole, folder, self.options, &mut Vec::new())?;
        match whole.as_map_mut().and_then(|root| root.remove("services")).map(|services| services.kind) {
            Some(Kind::Map(services)) => Ok((services, all)),
            _ => Err(ComposeError::new(format!("{file}: there is no services section"))),
        }
    }

    /// Takes what `include` names into a document.
    fn include(&mut self, document: &mut Item, file: &str, place: &Place<'_>) -> Result<()> {
        let Some(list) = document.as_map_mut().and_then(|root| root.remove("include")) else { return Ok(()) };
        let Some(items) = list.as_list() else { return list.fail("include", "it must be a list") };
        let mut included = place.included.to_vec();
        included.push(file.to_owned());
        if included.len() > LONGEST_CHAIN {
            return list.fail("include", format!("more than {LONGEST_CHAIN} files include each other"));
        }
        for item in items {
            let texts = |key: &str| -> Vec<String> {
                match item.get(key) {
                    Some(value) => match value.as_list() {
                        Some(list) => list.iter().filter_map(Item::printed).collect(),
                        None => value.printed().into_iter().collect(),
                    },
                    None => Vec::new(),
                }
            };
            let paths: Vec<String> = match item.as_text() {
                Some(path) => vec![path.to_owned()],
                None => texts("path"),
            };
            let paths: Vec<String> =
                paths.iter().map(|path| join(place.working_dir, path).display().to_string()).collect();
            let Some(first) = paths.first() else { return item.fail("include", "path is required") };
            if let Some(cycle) = paths.iter().find(|path| included.contains(path)) {
                let chain = included.join("\n include ");
                return item.fail("include", format!("include cycle detected:\n{chain}\n include {cycle}"));
            }
            let folder: PathBuf = match texts("project_directory").first() {
                Some(folder) => join(place.working_dir, folder),
                None => Path::new(first).parent().unwrap_or(Path::new("/")).to_owned(),
            };
            let mut env_files: Vec<PathBuf> =
                texts("env_file").iter().map(|path| join(place.working_dir, path)).collect();
            if env_files.is_empty() && folder.join(".env").is_file() {
                env_files.push(folder.join(".env"));
            }
            let mut found = BTreeMap::new();
            for env_file in env_files {
                dotenv::read(&env_file, "", &[place.environment], &mut found)
                    .map_err(|error| error.at(&item.file, item.line, "include"))?;
            }
            let mut environment = place.environment.clone();
            for (name, value) in found {
                environment.entry(name).or_insert(value);
            }
            let inner = Place { working_dir: &folder, environment: &environment, included: &included };
            let mut imported =
                self.files(&paths, &inner).map_err(|error| error.at(&item.file, item.line, "include"))?;
            super::normalise::listed_environment(&mut imported, &environment);
            import(document, imported)?;
        }
        Ok(())
    }
}

/// Where a service's `extends` is looked for.
struct Base<'a> {
    services: &'a Entries,
    file: &'a str,
    folder: &'a Path,
    resets: Option<&'a Resets>,
}

/// Adds what was included; a name may be there twice only where both are the same.
fn import(document: &mut Item, imported: Item) -> Result<()> {
    let at = document.with(Kind::Null);
    let Kind::Map(imported) = imported.kind else { return Ok(()) };
    let Some(root) = document.as_map_mut() else { return Ok(()) };
    for (kind, from) in imported {
        if !matches!(kind.as_str(), "services" | "volumes" | "networks" | "secrets" | "configs" | "models") {
            continue;
        }
        let to = root.entry(kind.clone()).or_insert_with(|| at.with(Kind::Map(Entries::new())));
        if to.is_null() {
            to.kind = Kind::Map(Entries::new());
        }
        let (Some(to), Kind::Map(from)) = (to.as_map_mut(), from.kind) else { continue };
        for (name, item) in from {
            match to.get(&name) {
                Some(known) if *known != item => {
                    return item.fail(&format!("{kind}.{name}"), "it conflicts with an imported resource");
                }
                Some(_) => {}
                None => {
                    to.insert(name, item);
                }
            }
        }
    }
    Ok(())
}

fn interpolate(item: &mut Item, variables: &mut Variables<'_>, path: &mut Vec<String>) -> Result<()> {
    match &mut item.kind {
        Kind::Text(text) => {
            let value = variables
                .substitute(text)
                .map_err(|error| error.at(&item.file, item.line, path.join(".")))?;
            item.kind = super::decode::cast(value, path, item)?;
        }
        Kind::List(items) => {
            for item in items {
                path.push("[]".to_owned());
                interpolate(item, variables, path)?;
                path.pop();
            }
        }
        Kind::Map(entries) => {
            for (key, item) in entries {
                path.push(key.clone());
                interpolate(item, variables, path)?;
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

/// Paths that begin at the project's folder.
const PATHS: [&str; 9] = [
    "services.*.build.ssh.*",
    "services.*.env_file.*.path",
    "services.*.label_file.*",
    "services.*.extends.file",
    "services.*.develop.watch.*.path",
    "services.*.volumes.*.source",
    "configs.*.file",
    "secrets.*.file",
    "volumes.*.driver_opts.device",
];
/// Contexts of builds: folders or addresses.
const CONTEXTS: [&str; 2] = ["services.*.build.context", "services.*.build.additional_contexts.*"];

/// Makes relative paths absolute.
fn resolve(item: &mut Item, folder: &Path, options: &Options, path: &mut Vec<String>) -> Result<()> {
    match &mut item.kind {
        Kind::Map(entries) => {
            let is_bind = entries.get("type").and_then(Item::as_text) == Some("bind");
            if matches(path, "services.*.volumes.*") {
                if !is_bind {
                    return Ok(());
                }
                if !entries.contains_key("source") {
                    return item.fail(
                        &path.join("."),
                        "invalid mount config for type \"bind\": field Source must not be empty",
                    );
                }
            }
            if matches(path, "volumes.*") {
                let option = |key| entries.get("driver_opts").and_then(|opts| opts.get(key)?.as_text());
                if entries.get("driver").and_then(Item::as_text) != Some("local")
                    || option("o") != Some("bind")
                {
                    return Ok(());
                }
            }
            for (key, item) in entries {
                path.push(key.clone());
                resolve(item, folder, options, path)?;
                path.pop();
            }
        }
        Kind::List(items) => {
            for item in items {
                path.push("[]".to_owned());
                resolve(item, folder, options, path)?;
                path.pop();
            }
        }
        Kind::Text(text) => {
            let is = |patterns: &[&str]| patterns.iter().any(|pattern| matches(path, pattern));
            let context = is(&CONTEXTS);
            if !context && !is(&PATHS) {
                return Ok(());
            }
            let remote = ["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:"];
            if context && (text.contains("://") || remote.iter().any(|prefix| text.starts_with(prefix))) {
                return Ok(());
            }
            if let Some(rest) = text.strip_prefix('~')
                && let Some(home) = options.environment.get("HOME")
            {
                *text = clean(&format!("{home}/{rest}"));
            }
            let windows = text.as_bytes().get(1) == Some(&b':') || text.starts_with("\\\\");
            if !text.is_empty() && !text.starts_with('/') && !windows {
                *text = join(folder, text).display().to_string();
            }
        }
        _ => {}
    }
    Ok(())
}
