//! What is to be done, looked at before anything changes.

use std::fmt;
use std::path::{Path, PathBuf};

use cove_api::{Error, ErrorKind};
use cove_config::contexts::{ContextEndpoint, NewEndpoint};
use cove_config::{DockerContexts, env};

use super::record::Made;
use crate::command_error::CommandError;
use crate::context::Context;

/// The name of our context.
pub(super) const CONTEXT: &str = "cove";

/// What is asked for besides the context.
pub(super) struct Wanted {
    pub(super) socket: bool,
    pub(super) link: bool,
}

/// Where things are.
pub(super) struct Places {
    /// The file that says what was made.
    pub(super) record: PathBuf,
    /// The socket of the service.
    api: PathBuf,
    /// Where every tool looks for Docker's.
    socket: PathBuf,
    /// The link to this program.
    link: PathBuf,
    /// This program.
    program: PathBuf,
    /// The folders in which units may be that listen for the service, the user's or administrator's own first.
    units: Vec<PathBuf>,
    /// The folders of the search path.
    search: Vec<PathBuf>,
}

impl Places {
    pub(super) fn of(context: &Context) -> Self {
        let directories = &context.directories;
        let rootless = directories.user.rootless;
        let home = directories.user.home.clone().unwrap_or_default();
        let units = if rootless {
            vec![
                home.join(".config/systemd/user"),
                "/etc/systemd/user".into(),
                "/usr/lib/systemd/user".into(),
            ]
        } else {
            vec!["/etc/systemd/system".into(), "/usr/lib/systemd/system".into(), "/lib/systemd/system".into()]
        };
        let search = context.environment.os(env::PATH).map(std::env::split_paths).into_iter().flatten();
        Self {
            record: directories.user_data.join("cove/docker-setup.json"),
            api: directories.api_socket(),
            // /var/run is a link to /run.
            socket: directories.runtime.join("docker.sock"),
            link: if rootless { home.join(".local/bin/docker") } else { "/usr/local/bin/docker".into() },
            program: context.executable.clone(),
            units,
            search: search.collect(),
        }
    }

    fn host(&self) -> String {
        format!("unix://{}", self.api.display())
    }
}

/// One thing to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step(Made);

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Made::Context { host } => write!(out, "context {CONTEXT:?} leads to {host}"),
            Made::Current { before } => {
                let before = before.as_deref().unwrap_or("default");
                write!(out, "the current context is {CONTEXT:?}, before it was {before:?}")
            }
            Made::Link { path, target } => {
                write!(out, "{} is a link to {}", path.display(), target.display())
            }
            Made::File { path, .. } => {
                write!(out, "{} has systemd make that link when it listens", path.display())
            }
        }
    }
}

impl Step {
    pub(super) fn made(&self) -> Made {
        self.0.clone()
    }

    pub(super) fn make(&self, contexts: &DockerContexts) -> Result<(), CommandError> {
        match &self.0 {
            Made::Context { host } => {
                let endpoint = ContextEndpoint { host: host.clone(), skip_tls_verify: false };
                let new = NewEndpoint { endpoint, tls: Vec::new() };
                contexts.create(CONTEXT, "The engine of Cove on this computer", &new)?;
            }
            Made::Current { .. } => contexts.configure(Some(CONTEXT))?,
            Made::Link { path, target } => {
                make_folder_of(path)?;
                symlink(target, path)?;
            }
            Made::File { path, text } => {
                make_folder_of(path)?;
                cove_sys::atomic::write(path, text.as_bytes(), 0o644)?;
            }
        }
        Ok(())
    }
}

fn make_folder_of(path: &Path) -> Result<(), CommandError> {
    Ok(path.parent().map_or(Ok(()), cove_sys::fs::create_dir_all)?)
}

fn symlink(target: &Path, path: &Path) -> Result<(), CommandError> {
    std::os::unix::fs::symlink(target, path)
        .map_err(|error| Error::from(error).context(format!("make the link {}", path.display())).into())
}

fn in_the_way(text: String) -> CommandError {
    Error::new(ErrorKind::AlreadyExists, text).into()
}

/// What is not there yet of all that is wanted.
///
/// # Errors
/// Something else is in the way: a context of that name, Docker's own socket or program.
pub(super) fn plan(
    contexts: &DockerContexts,
    places: &Places,
    wanted: &Wanted,
) -> Result<Vec<Step>, CommandError> {
    let mut steps = Vec::new();
    let host = places.host();
    match contexts.get(CONTEXT) {
        Ok(found) if found.endpoint().is_some_and(|endpoint| endpoint.host == host) => {}
        Err(cove_config::Error::ContextNotFound { .. }) => steps.push(Step(Made::Context { host })),
        Ok(found) => {
            let leads = found.endpoint().map_or_else(|| "nowhere".to_owned(), |endpoint| endpoint.host);
            return Err(in_the_way(format!(
                "there is a context {CONTEXT:?} that leads to {leads}, not to {host}: remove it first (docker context rm {CONTEXT})"
            )));
        }
        Err(error) => return Err(error.into()),
    }
    let before = contexts.configured()?;
    if before.as_deref() != Some(CONTEXT) {
        steps.push(Step(Made::Current { before }));
    }
    if wanted.socket {
        steps.extend(link_to(&places.socket, &places.api, "Docker's own daemon may be listening there: stop and disable docker.socket and docker.service, or take the file away")?);
        let folder = places.units.iter().find(|folder| folder.join("cove.socket").exists());
        // Runtime folders are empty after a reboot; systemd makes the link again where it listens.
        if folder.is_some()
            && let Some(own) = places.units.first()
        {
            let path = own.join("cove.socket.d/docker.conf");
            let text = format!("[Socket]\nSymlinks={}\n", places.socket.display());
            match cove_sys::fs::read_to_string(&path) {
                Ok(found) if found == text => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    steps.push(Step(Made::File { path, text }));
                }
                _ => {
                    return Err(in_the_way(format!(
                        "{}: it is there already, and says something else",
                        path.display()
                    )));
                }
            }
        }
    }
    if wanted.link {
        steps.extend(link_to(
            &places.link,
            &places.program,
            "Docker's own program may be installed: remove it first, or do without --link",
        )?);
    }
    Ok(steps)
}

/// The step by which a link is there; nothing where it is.
fn link_to(path: &Path, target: &Path, advice: &str) -> Result<Option<Step>, CommandError> {
    match cove_sys::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Some(Step(Made::Link { path: path.to_owned(), target: target.to_owned() })))
        }
        Err(error) => Err(error.into()),
        Ok(_) if cove_sys::fs::read_link(path).is_ok_and(|found| found == target) => Ok(None),
        Ok(_) => Err(in_the_way(format!(
            "{} is there already, and no link to {}: {advice}",
            path.display(),
            target.display()
        ))),
    }
}

/// What the user should know besides.
pub(super) fn advice(context: &Context, places: &Places, wanted: &Wanted) -> Vec<String> {
    let mut advice = Vec::new();
    for variable in [env::DOCKER_HOST, env::DOCKER_CONTEXT] {
        if context.environment.get(variable).is_some_and(|value| !value.is_empty()) {
            advice.push(format!("{variable} is set, and comes before the current context: unset it"));
        }
    }
    if !places.api.exists() {
        advice.push(format!(
            "nobody listens at {} yet: run '{} system service --time 0', or enable systemd's cove.socket",
            places.api.display(),
            context.program
        ));
    }
    let unit_of = |folder: &PathBuf| folder.join("cove.socket").exists();
    if wanted.socket && !places.units.iter().any(unit_of) {
        advice.push(format!(
            "{} is gone after a reboot: systemd has no cove.socket here",
            places.socket.display()
        ));
    } else if wanted.socket {
        advice.push(
            "systemd makes the link once it has read its units again: systemctl daemon-reload".to_owned(),
        );
    }
    if wanted.link {
        let first = places.search.iter().map(|folder| folder.join("docker")).find(|path| path.exists());
        match first {
            Some(first) if first == places.link => {}
            Some(first) => {
                advice.push(format!("{} comes before {} in PATH", first.display(), places.link.display()))
            }
            None => advice.push(format!("{} is in no folder of PATH", places.link.display())),
        }
    }
    advice
}
