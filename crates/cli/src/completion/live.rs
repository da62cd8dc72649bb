//! Names of what is there.

use cove_api::{
    ContainerState, Engine, ImageListOptions, ListOptions, NetworkListOptions, PodListOptions,
    SecretListOptions, VolumeListOptions,
};

use super::{Directive, Value};
use crate::context::Context;
use crate::render::short_id;

/// The words that may begin with `typed`, and what else the shell may offer, for the argument that a usage line calls
/// `name`. What cannot be asked has no words.
pub(crate) async fn names(
    context: &Context,
    name: &str,
    path: &[&str],
    typed: &str,
) -> (Vec<String>, Directive) {
    let verb = path.last().copied().unwrap_or_default();
    let words = match (name, path.first().copied()) {
        ("CONTAINER", _) => containers(context, verb, typed).await,
        ("IMAGE" | "LIST", _) => images(context, typed).await,
        ("NETWORK", _) => networks(context).await,
        ("POD", _) => pods(context, typed).await,
        ("SECRET", _) => secrets(context).await,
        ("VOLUME", _) => volumes(context).await,
        ("NAME", None) | ("NAME", Some("inspect")) => everything(context, typed).await,
        #[cfg(unix)]
        ("NAME", Some("machine")) if !matches!(verb, "init" | "import") => machines(context).await,
        ("NAME" | "OLD", Some("system")) if verb != "add" => connections(context),
        #[cfg(target_os = "linux")]
        ("QUADLET", _) => crate::commands::quadlet::names(context, verb).await,
        ("FROM", Some("convert")) => {
            let words = of_forms(context, typed).await;
            let more = if words.is_empty() { Directive::Default } else { Directive::Nothing };
            return (words, more);
        }
        ("TO", Some("convert")) => ["run", "compose", "kube", "quadlet"].map(str::to_owned).to_vec(),
        ("FORM", _) => ["container", "pod", "compose", "kube", "run"].map(str::to_owned).to_vec(),
        ("REGISTRY", _) => registries(context).await,
        #[cfg(unix)]
        (service, Some("compose")) if service.starts_with("SERVICE") => {
            crate::commands::compose::services(context).await
        }
        ("SHELL", _) => super::SHELLS.map(str::to_owned).to_vec(),
        ("COMMAND" | "ARG" | "FILE" | "PATH" | "URI" | "CONTEXT" | "WHAT", _) => {
            return (Vec::new(), Directive::Default);
        }
        _ => Vec::new(),
    };
    (words, Directive::Nothing)
}

impl Value {
    /// The words that the value may be.
    pub(crate) async fn words(&self, context: &Context, typed: &str) -> (Vec<String>, Directive) {
        let (option, value) = match self {
            Self::Words(words) => return (words.clone(), Directive::Nothing),
            Self::Named { option, value } => (option.as_str(), value.as_str()),
        };
        let fixed: &[&str] = match option {
            "restart" => &["no", "always", "on-failure", "unless-stopped"],
            "pull" | "policy" => &["always", "missing", "newer", "never"],
            "format" => &["json"],
            "log-level" => &["trace", "debug", "info", "warn", "error", "fatal"],
            "log-driver" => &["k8s-file", "none", "passthrough"],
            "cgroup-manager" => &["systemd", "cgroupfs"],
            "events-backend" => &["file", "none"],
            "ipc" | "pid" | "uts" | "cgroupns" | "userns" => &["host", "private", "container:"],
            "signal" | "stop-signal" => {
                &["TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "WINCH"]
            }
            _ => &[],
        };
        if !fixed.is_empty() {
            return (fixed.iter().map(|&word| word.to_owned()).collect(), Directive::Nothing);
        }
        let words = match option {
            "network" | "net" => networks(context).await,
            "pod" => pods(context, typed).await,
            "secret" => secrets(context).await,
            "volumes-from" => containers(context, "", typed).await,
            "connection" => connections(context),
            _ => match value {
                "DIR" | "FOLDER" => return (Vec::new(), Directive::Folders),
                "FILE" | "PATH" | "VOLUME" | "URL" => return (Vec::new(), Directive::Default),
                _ => Vec::new(),
            },
        };
        (words, Directive::Nothing)
    }
}

/// The engine, where it can be had.
async fn engine(context: &Context) -> Option<&dyn Engine> {
    context.engine().await.ok()
}

/// Names, and ids once something of one is typed; only of containers that the command is of use for.
async fn containers(context: &Context, verb: &str, typed: &str) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let options = ListOptions { all: true, ..ListOptions::default() };
    let rows = engine.containers().list(options).await.unwrap_or_default();
    let fits = |state: ContainerState| match verb {
        "start" | "init" => state.can_start(),
        "attach" | "exec" | "kill" | "stop" | "pause" | "top" => state.is_alive(),
        "unpause" => state == ContainerState::Paused,
        _ => true,
    };
    let mut words = Vec::new();
    for row in rows.into_iter().filter(|row| fits(row.state)) {
        if !typed.is_empty() && row.id.starts_with(typed) {
            words.push(short_id(&row.id).to_owned());
        }
        words.extend(row.names);
    }
    words
}

/// Names as they are, without a registry, and without a tag; ids once two letters of one are typed.
async fn images(context: &Context, typed: &str) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let rows = engine.images().list(ImageListOptions::default()).await.unwrap_or_default();
    let mut words = Vec::new();
    for row in rows {
        if typed.len() > 1 && row.id.starts_with(typed) {
            words.push(short_id(&row.id).to_owned());
        }
        for name in row.repo_tags {
            // After the first letter also each shorter way to say it.
            let starts = name.match_indices('/').map(|(at, _)| at + 1).filter(|_| !typed.is_empty());
            words.extend(starts.map(|at| name[at..].to_owned()));
            words.push(name);
        }
    }
    words
}

/// What exists, behind its form; nothing for files.
async fn of_forms(context: &Context, typed: &str) -> Vec<String> {
    let (form, names) = match typed.split_once(':') {
        Some(("container", _)) => ("container", containers(context, "", "").await),
        Some(("pod", _)) => ("pod", pods(context, "").await),
        _ => return Vec::new(),
    };
    names.into_iter().map(|name| format!("{form}:{name}")).collect()
}

async fn networks(context: &Context) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let rows = engine.networks().list(NetworkListOptions::default()).await.unwrap_or_default();
    rows.into_iter().map(|row| row.name).collect()
}

async fn volumes(context: &Context) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let rows = engine.volumes().list(VolumeListOptions::default()).await.unwrap_or_default();
    rows.into_iter().map(|row| row.name).collect()
}

async fn pods(context: &Context, typed: &str) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let rows = engine.pods().list(PodListOptions::default()).await.unwrap_or_default();
    let mut words = Vec::new();
    for row in rows {
        if !typed.is_empty() && row.id.starts_with(typed) {
            words.push(short_id(&row.id).to_owned());
        }
        words.push(row.name);
    }
    words
}

async fn secrets(context: &Context) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let rows = engine.secrets().list(SecretListOptions::default()).await.unwrap_or_default();
    rows.into_iter().map(|row| row.spec.name).collect()
}

async fn everything(context: &Context, typed: &str) -> Vec<String> {
    let mut words = containers(context, "", typed).await;
    words.extend(images(context, typed).await);
    words.extend(pods(context, typed).await);
    words.extend(networks(context).await);
    words.extend(volumes(context).await);
    words
}

async fn registries(context: &Context) -> Vec<String> {
    let Some(engine) = engine(context).await else { return Vec::new() };
    let info = engine.system().info().await.unwrap_or_default();
    let search = info.registries.get("search").and_then(serde_json::Value::as_array).cloned();
    let search = search.unwrap_or_default();
    search.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn connections(context: &Context) -> Vec<String> {
    let file = context.directories.connections_file(&context.environment);
    let connections = cove_config::connections::Connections::new(file, &context.conf);
    connections.list().unwrap_or_default().into_iter().map(|connection| connection.name).collect()
}

#[cfg(unix)]
async fn machines(context: &Context) -> Vec<String> {
    let machines = crate::commands::machine::machines(context).list().await.unwrap_or_default();
    machines.into_iter().map(|machine| machine.name).collect()
}
