//! Which files, which variables, which name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::dotenv;
use crate::error::{ComposeError, Result};

/// Names of files that are looked for.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of files that are laid over those.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What to load, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files (`-f`); `-` is [`Self::stdin`]. None: `COMPOSE_FILE`, else those with the usual names, here or above.
    pub files: Vec<String>,
    /// Whether files with the usual names are also looked for above.
    pub above: bool,
    /// Files of variables (`--env-file`); none: `.env`.
    pub env_files: Vec<String>,
    /// `--project-directory`.
    pub project_directory: Option<String>,
    /// `--project-name`.
    pub project_name: Option<String>,
    /// `--profile`; none: `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// Where the caller is, absolute.
    pub current_dir: PathBuf,
    /// The text of standard input, for `-`.
    pub stdin: Option<String>,
    /// Services that are wanted, with what they depend on; none: all.
    pub services: Vec<String>,
    /// Whether variables are replaced.
    pub interpolate: bool,
    /// Whether what is implied is written out: names, the default network, dependencies of links.
    pub normalize: bool,
    /// Whether paths become absolute.
    pub resolve_paths: bool,
    /// Whether references between parts are checked.
    pub consistency: bool,
    /// Whether `env_file` is read into `environment`.
    pub resolve_environment: bool,
    /// Whether what no service uses is kept.
    pub all_resources: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            above: true,
            env_files: Vec::new(),
            project_directory: None,
            project_name: None,
            profiles: Vec::new(),
            environment: BTreeMap::new(),
            current_dir: PathBuf::from("/"),
            stdin: None,
            services: Vec::new(),
            interpolate: true,
            normalize: true,
            resolve_paths: true,
            consistency: true,
            resolve_environment: true,
            all_resources: false,
        }
    }
}

/// What was found.
pub(super) struct Found {
    /// Absolute paths, or `-`.
    pub(super) files: Vec<String>,
    pub(super) working_dir: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

/// A path beneath a folder, without `.` and `..`.
pub(crate) fn join(folder: &Path, path: &str) -> PathBuf {
    PathBuf::from(crate::short::clean(&folder.join(path).to_string_lossy()))
}

/// Finds the files and reads the variables.
pub(super) fn find(options: &Options) -> Result<Found> {
    let here = &options.current_dir;
    let mut environment = options.environment.clone();
    environment.entry("PWD".to_owned()).or_insert_with(|| here.display().to_string());
    let mut warnings = Vec::new();
    let mut files: Vec<String> = options.files.iter().map(|file| absolute(here, file)).collect();
    variables(options, &folder(options, &files), &mut environment)?;
    if files.is_empty()
        && let Some(list) = environment.get("COMPOSE_FILE").filter(|list| !list.is_empty())
    {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").filter(|separator| !separator.is_empty());
        let separator = separator.map_or(":", String::as_str);
        files = list.split(separator).map(|file| absolute(here, file)).collect();
    }
    if files.is_empty() {
        files = usual(&folder(options, &files), options.above, &mut warnings);
    }
    if files.is_empty() && !options.above {
        let folder = folder(options, &files);
        return Err(ComposeError::not_found(format!(
            "{}: there is no Compose file in this folder",
            folder.display()
        )));
    }
    if files.is_empty() {
        return Err(ComposeError::not_found("no configuration file provided: not found"));
    }
    let working_dir = folder(options, &files);
    variables(options, &working_dir, &mut environment)?;
    Ok(Found { files, working_dir, environment, warnings })
}

fn absolute(here: &Path, file: &str) -> String {
    if file == "-" { file.to_owned() } else { join(here, file).display().to_string() }
}

/// The project's folder.
fn folder(options: &Options, files: &[String]) -> PathBuf {
    match (&options.project_directory, files.iter().find(|file| *file != "-")) {
        (Some(folder), _) => join(&options.current_dir, folder),
        (None, Some(file)) => Path::new(file).parent().unwrap_or(Path::new("/")).to_owned(),
        (None, None) => options.current_dir.clone(),
    }
}

/// Adds the variables of files to those that are not there.
fn variables(options: &Options, folder: &Path, environment: &mut BTreeMap<String, String>) -> Result<()> {
    let files: Vec<PathBuf> = if !options.env_files.is_empty() {
        options.env_files.iter().map(|file| join(&options.current_dir, file)).collect()
    } else if environment.get("COMPOSE_DISABLE_ENV_FILE").is_some_and(|value| truth(value)) {
        Vec::new()
    } else {
        let file = folder.join(".env");
        if file.exists() && !file.is_dir() { vec![file] } else { Vec::new() }
    };
    let mut found = BTreeMap::new();
    for file in files {
        dotenv::read(&file, "", &[environment], &mut found)?;
    }
    for (name, value) in found {
        environment.entry(name).or_insert(value);
    }
    Ok(())
}

fn truth(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true")
}

/// Files with the usual names, here or where that is wanted above.
fn usual(folder: &Path, above: bool, warnings: &mut Vec<String>) -> Vec<String> {
    let mut pick = |folder: &Path, names: &[&str], what: &str| {
        let found: Vec<String> = names
            .iter()
            .map(|name| folder.join(name))
            .filter(|path| path.exists())
            .map(|path| path.display().to_string())
            .collect();
        if found.len() > 1 {
            warnings.push(format!("Found multiple {what} files with supported names: {}", found.join(", ")));
            warnings.push(format!("Using {}", found[0]));
        }
        found.into_iter().next()
    };
    for folder in folder.ancestors().take(if above { usize::MAX } else { 1 }) {
        if let Some(file) = pick(folder, &NAMES, "config") {
            return std::iter::once(file).chain(pick(folder, &OVERRIDES, "override")).collect();
        }
    }
    Vec::new()
}
