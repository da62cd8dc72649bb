//! From the tree to the types.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::error::{ComposeError, Result};
use crate::model::{EXTENSIONS, Project};
use crate::tree::{Item, Kind, matches};

/// Maps of texts, also written as lists of `KEY=VALUE`.
const TEXTS: [&str; 20] = [
    "services.*.annotations",
    "services.*.labels",
    "services.*.sysctls",
    "services.*.storage_opt",
    "services.*.logging.options",
    "services.*.build.labels",
    "services.*.build.additional_contexts",
    "services.*.deploy.labels",
    "services.*.deploy.resources.reservations.devices.*.options",
    "services.*.gpus.*.options",
    "services.*.networks.*.driver_opts",
    "services.*.volumes.*.volume.labels",
    "networks.*.labels",
    "networks.*.driver_opts",
    "networks.*.ipam.config.*.aux_addresses",
    "volumes.*.labels",
    "volumes.*.driver_opts",
    "secrets.*.labels",
    "secrets.*.driver_opts",
    "configs.*.labels",
];
/// The same where no value is another thing than an empty one.
const VARIABLES: [&str; 4] = [
    "services.*.environment",
    "services.*.build.args",
    "services.*.post_start.*.environment",
    "services.*.pre_stop.*.environment",
];
/// Lists that may be one text.
const LISTS: [&str; 8] = [
    "services.*.dns_search",
    "services.*.tmpfs",
    "services.*.build.cache_from",
    "services.*.build.cache_to",
    "services.*.build.tags",
    "services.*.build.platforms",
    "services.*.develop.watch.*.ignore",
    "services.*.develop.watch.*.include",
];
/// Lines of a shell.
const COMMANDS: [&str; 5] = [
    "services.*.command",
    "services.*.entrypoint",
    "services.*.post_start.*.command",
    "services.*.pre_stop.*.command",
    "services.*.develop.watch.*.exec.command",
];
/// Levels whose keys are names.
const NAMED: [&str; 9] = [
    "services",
    "services.*.depends_on",
    "services.*.networks",
    "services.*.models",
    "volumes",
    "networks",
    "secrets",
    "configs",
    "models",
];

/// What a scalar is in the model.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Bool,
    Int,
    Float,
    Other,
}

fn wanted(path: &[String]) -> Wanted {
    let Some(key) = path.last() else { return Wanted::Other };
    let is = |pattern: &str| matches(path, pattern);
    if NAMED.iter().any(|level| path.len() == level.split('.').count() + 1 && is(&format!("{level}.*"))) {
        return Wanted::Other;
    }
    match key.as_str() {
        "attach" | "no_cache" | "pull" | "privileged" | "init" | "oom_kill_disable" | "read_only"
        | "stdin_open" | "tty" | "use_api_socket" | "create_host_path" | "nocopy" | "disable"
        | "external" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6" | "required"
        | "initial_sync" => Wanted::Bool,
        "restart" if is("services.*.depends_on.*.restart") => Wanted::Bool,
        "cpu_count"
        | "cpu_period"
        | "cpu_quota"
        | "cpu_rt_period"
        | "cpu_rt_runtime"
        | "cpu_shares"
        | "replicas"
        | "parallelism"
        | "max_attempts"
        | "max_replicas_per_node"
        | "retries"
        | "oom_score_adj"
        | "pids_limit"
        | "pids"
        | "scale"
        | "soft"
        | "hard"
        | "weight"
        | "priority"
        | "gw_priority"
        | "context_size" => Wanted::Int,
        "value"
            if is(
                "services.*.deploy.resources.reservations.generic_resources.*.discrete_resource_spec.value",
            ) =>
        {
            Wanted::Int
        }
        "target" if is("services.*.ports.*.target") => Wanted::Int,
        "mode" if is("services.*.volumes.*.tmpfs.mode") => Wanted::Int,
        "count"
            if is("services.*.gpus.*.count")
                || is("services.*.deploy.resources.reservations.devices.*.count") =>
        {
            Wanted::Int
        }
        "cpu_percent" | "cpus" | "max_failure_ratio" => Wanted::Float,
        _ if is("services.*.ulimits.*") || is("services.*.build.ulimits.*") => Wanted::Int,
        _ => Wanted::Other,
    }
}

fn in_texts(path: &[String]) -> bool {
    path.iter().any(|part| part.starts_with("x-"))
        || TEXTS.iter().chain(&VARIABLES).any(|pattern| {
            let depth = pattern.split('.').count();
            path.len() > depth && matches(&path[..depth], pattern)
        })
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// What a text is where its place takes a number or a truth.
pub(super) fn cast(text: String, path: &[String], at: &Item) -> Result<Kind> {
    if in_texts(path) {
        return Ok(Kind::Text(text));
    }
    let fail = |what: &str| {
        at.fail(&path.join("."), format!("failed to cast to expected type: invalid {what}: {text}"))
    };
    match wanted(path) {
        Wanted::Bool => truth(&text).map_or_else(|| fail("boolean"), |truth| Ok(Kind::Bool(truth))),
        Wanted::Int if path.last().is_some_and(|key| key == "count") => Ok(Kind::Text(text)),
        Wanted::Int => text.parse().map_or_else(|_| fail("integer"), |number| Ok(Kind::Int(number))),
        Wanted::Float => text.parse().map_or_else(|_| fail("number"), |number| Ok(Kind::Float(number))),
        Wanted::Other => Ok(Kind::Text(text)),
    }
}

/// Reads a whole tree.
pub(super) fn project(root: &Item) -> Result<Project> {
    let value = value(root, &mut Vec::new())?;
    Project::deserialize(value).map_err(|error| {
        let mut wrong = ComposeError::new(error.to_string());
        wrong.file = Some(root.file.clone());
        wrong
    })
}

fn value(item: &Item, path: &mut Vec<String>) -> Result<Value> {
    let is = |patterns: &[&str]| patterns.iter().any(|pattern| matches(path, pattern));
    let shown = || path.join(".");
    if is(&TEXTS) {
        return Ok(texts(item, |_| Value::String(String::new())));
    }
    if is(&VARIABLES) {
        return Ok(texts(item, |_| Value::Null));
    }
    if is(&LISTS)
        && let Some(text) = item.printed()
    {
        return Ok(Value::Array(vec![text.into()]));
    }
    if is(&COMMANDS)
        && let Some(text) = item.as_text()
    {
        return match command_words(text) {
            Some(words) => Ok(words.into()),
            None => item.fail(&shown(), "invalid command line string"),
        };
    }
    if is(&["services.*.healthcheck.test"])
        && let Some(text) = item.as_text()
    {
        return Ok(serde_json::json!(["CMD-SHELL", text]));
    }
    if is(&["services.*.provider.options.*"]) && item.as_list().is_none() {
        return Ok(serde_json::json!([item.printed()]));
    }
    if is(&["services.*.build.ssh"])
        && let Some(entries) = item.as_map()
    {
        let keys = entries.iter().map(|(id, path)| match path.printed() {
            Some(path) => format!("{id}={path}"),
            None => id.clone(),
        });
        return Ok(keys.collect());
    }
    match &item.kind {
        Kind::Map(entries) => {
            let named = is(&NAMED);
            let mut object = Map::new();
            let mut extensions = Map::new();
            for (key, item) in entries {
                if !named && key.starts_with("x-") {
                    extensions.insert(key.clone(), item.to_json());
                    continue;
                }
                // `options` of ipam is for other tools.
                if matches(path, "networks.*.ipam") && key == "options" {
                    continue;
                }
                path.push(key.clone());
                let inner = value(item, path)?;
                path.pop();
                let nothing = inner.is_null() && !named && !matches!(key.as_str(), "command" | "entrypoint");
                if !nothing {
                    object.insert(key.clone(), inner);
                }
            }
            if !extensions.is_empty() {
                object.insert(EXTENSIONS.to_owned(), extensions.into());
            }
            Ok(object.into())
        }
        Kind::List(items) => {
            let mut list = Vec::new();
            for item in items {
                path.push("[]".to_owned());
                list.push(value(item, path)?);
                path.pop();
            }
            Ok(list.into())
        }
        _ => scalar(item, path),
    }
}

fn scalar(item: &Item, path: &[String]) -> Result<Value> {
    let fail = |what: &str| {
        let text = item.printed().unwrap_or_default();
        item.fail(&path.join("."), format!("invalid {what}: {text}"))
    };
    let key = path.last().map_or("", String::as_str);
    // Sizes and modes are read by their types.
    let sized = matches!(
        key,
        "mem_limit"
            | "mem_reservation"
            | "memswap_limit"
            | "mem_swappiness"
            | "shm_size"
            | "memory"
            | "size"
            | "rate"
            | "mode"
    );
    match (wanted(path), &item.kind) {
        (Wanted::Bool, Kind::Text(text)) => {
            truth(text).map_or_else(|| fail("boolean"), |truth| Ok(truth.into()))
        }
        (Wanted::Int, Kind::Text(text)) if text.eq_ignore_ascii_case("all") && key == "count" => {
            Ok((-1).into())
        }
        (Wanted::Int, Kind::Text(text)) => {
            text.parse::<i64>().map_or_else(|_| fail("integer"), |number| Ok(number.into()))
        }
        #[allow(clippy::cast_possible_truncation)]
        (Wanted::Int, Kind::Float(number)) => Ok((*number as i64).into()),
        (Wanted::Float, Kind::Text(text)) => {
            text.parse::<f64>().map_or_else(|_| fail("number"), |number| Ok(number.into()))
        }
        (Wanted::Other, Kind::Int(_) | Kind::Float(_) | Kind::Bool(_)) if !sized => {
            Ok(item.printed().unwrap_or_default().into())
        }
        #[allow(clippy::cast_possible_truncation)]
        (Wanted::Other, Kind::Float(number)) => Ok((*number as i64).into()),
        _ => Ok(item.to_json()),
    }
}

fn texts(item: &Item, absent: fn(&Item) -> Value) -> Value {
    let mut object = Map::new();
    match &item.kind {
        Kind::Map(entries) => {
            for (key, item) in entries {
                let value = item.printed().map_or_else(|| absent(item), Value::String);
                object.insert(key.clone(), value);
            }
        }
        Kind::List(items) => {
            for item in items {
                let Some(text) = item.printed() else { continue };
                match text.split_once('=') {
                    Some((key, value)) => object.insert(key.to_owned(), value.into()),
                    None => object.insert(text.clone(), absent(item)),
                };
            }
        }
        _ => {}
    }
    object.into()
}

/// The words of a command line: quotes and backslashes, no variables; [`None`] where a quote does not end.
#[must_use]
pub fn command_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(characters.next()?),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            // Where a shell would begin another command, the line ends.
            (None, ';' | '&' | '|' | '<' | '>') => {
                words.extend(word.take());
                return Some(words);
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word);
    Some(words)
}
