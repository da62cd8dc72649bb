//! What is converted.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cove_api::{ContainerSpec, Engine, PodSpec, VolumeCreateOptions};
use cove_convert::{Application, Container, Losses, read};
use cove_quadlet::{Kind, Loaded, MAX_FILE, Remark, UnitFile, load, load_file, split_bundle};

use super::Options;
use super::commands::Own;
use crate::command_error::CommandError;
use crate::context::Context;

/// Longest text, in bytes.
const LONGEST: u64 = 8 << 20;
/// Standard input.
const STDIN: &str = "-";

/// A form that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A script of command lines.
    Run,
    /// A Compose file.
    Compose,
    /// Kubernetes YAML.
    Kube,
    /// Unit files.
    Quadlet,
    /// A container that exists.
    Container,
    /// A pod that exists.
    Pod,
}

impl Form {
    /// The form of that name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "run" => Self::Run,
            "compose" => Self::Compose,
            "kube" => Self::Kube,
            "quadlet" => Self::Quadlet,
            "container" => Self::Container,
            "pod" => Self::Pod,
            _ => return None,
        })
    }
}

/// What is converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A command line.
    Line(Vec<String>),
    /// A file, a folder, a name.
    Place(Form, String),
    /// A file whose form is still to be found out.
    Unknown(String),
}

impl Source {
    /// What the words mean.
    ///
    /// # Errors
    /// A form is none, or a command line stands where none is taken.
    pub(crate) fn of(text: &str, form: Option<&str>, line: Vec<String>) -> Result<Self, CommandError> {
        let given = form
            .map(|name| {
                Form::of(name).ok_or_else(|| {
                    CommandError::other(format!("{name:?} is no form: use run, compose, kube or quadlet"))
                })
            })
            .transpose()?;
        if text == "run" && given.is_none_or(|form| form == Form::Run) && !line.is_empty() {
            return Ok(Self::Line(line));
        }
        if !line.is_empty() {
            return Err(CommandError::other("a command line is only taken with run as FROM"));
        }
        if let Some(form) = given {
            return Ok(Self::Place(form, text.to_owned()));
        }
        match text.split_once(':').and_then(|(form, rest)| Some((Form::of(form)?, rest))) {
            Some((_, "")) => {
                Err(CommandError::other(format!("nothing is named behind the colon of {text:?}")))
            }
            Some((form, rest)) => Ok(Self::Place(form, rest.to_owned())),
            None if text == STDIN => {
                Err(CommandError::other("the form of standard input has to be said: --from compose"))
            }
            None if text == "run" => Err(CommandError::other(
                "a command line is needed behind two dashes: cove convert run compose -- podman run -d nginx",
            )),
            None => Ok(Self::Unknown(text.to_owned())),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not there, or is not of its form.
    pub(crate) async fn read(
        self,
        context: &Context,
        options: &Options,
        losses: &mut Losses,
    ) -> Result<Application, CommandError> {
        let commands = Own { context };
        let (form, place) = match self {
            Self::Line(words) => return Ok(read::line(&words, &commands, losses)?),
            Self::Place(form, place) => (form, place),
            Self::Unknown(place) => (guess(&place)?, place),
        };
        if form != Form::Compose && !options.profile.is_empty() {
            return Err(CommandError::other("--profile is for Compose files only"));
        }
        match form {
            Form::Run => Ok(read::script(&text(&place)?, &commands, losses)?),
            Form::Compose => compose(context, &place, options, losses),
            Form::Kube => {
                let folder = match place.as_str() {
                    STDIN => std::env::current_dir()?,
                    file => std::path::absolute(file)?.parent().map(Path::to_owned).unwrap_or_default(),
                };
                Ok(read::kube(&text(&place)?, folder.to_str(), losses)?)
            }
            Form::Quadlet => Ok(read::quadlet(&units(&place)?, &commands, losses)?),
            Form::Container => container(context.engine().await?, &place).await,
            Form::Pod => pod(context.engine().await?, &place).await,
        }
    }
}

fn text(place: &str) -> Result<String, CommandError> {
    if place == STDIN {
        let mut text = String::new();
        std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LONGEST {
            return Err(CommandError::other(format!("standard input is longer than {LONGEST} bytes")));
        }
        return Ok(text);
    }
    cove_sys::read::bounded_text(Path::new(place), LONGEST)?
        .ok_or_else(|| CommandError::other(format!("{place}: no such file")))
}

/// The form of a file by its name, else by its keys.
fn guess(place: &str) -> Result<Form, CommandError> {
    let path = Path::new(place);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if path.is_dir() || Kind::of(&file_name(path)).is_some() || extension == "quadlets" {
        return Ok(Form::Quadlet);
    }
    if extension == "sh" {
        return Ok(Form::Run);
    }
    let text = text(place)?;
    let begins = |key: &str| text.lines().any(|line| line.trim_start_matches("- ").starts_with(key));
    match (begins("kind:"), begins("services:") || begins("include:")) {
        (true, false) => Ok(Form::Kube),
        (false, true) => Ok(Form::Compose),
        _ => Err(CommandError::other(format!(
            "{place}: it cannot be told what it is: say compose:{place}, kube:{place}, quadlet:{place} or run:{place}"
        ))),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn compose(
    context: &Context,
    place: &str,
    options: &Options,
    losses: &mut Losses,
) -> Result<Application, CommandError> {
    let variables = context.environment.iter();
    let wanted = cove_compose::Options {
        files: vec![place.to_owned()],
        profiles: options.profile.clone(),
        environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        current_dir: std::env::current_dir()?,
        stdin: if place == STDIN { Some(text(place)?) } else { None },
        all_resources: true,
        ..cove_compose::Options::default()
    };
    let loaded = cove_compose::load(&wanted).map_err(|error| CommandError::other(error.to_string()))?;
    for warning in &loaded.warnings {
        context.printer.error_line(&format!("Warning: {warning}"));
    }
    Ok(read::compose(&loaded.project, losses)?)
}

/// Units of a folder, of a bundle, or one alone.
fn units(place: &str) -> Result<Vec<Loaded>, CommandError> {
    let path = PathBuf::from(place);
    if place != STDIN && path.is_dir() {
        let mut faults = Vec::new();
        let units = load(&[path], &mut |remark| {
            if let Remark::Fault(text) = remark {
                faults.push(text);
            }
        });
        return match faults.first() {
            Some(fault) => Err(CommandError::other(fault)),
            None if units.is_empty() => {
                Err(CommandError::other(format!("{place}: there are no unit files in it")))
            }
            None => Ok(units),
        };
    }
    if let Some(kind) = Kind::of(&file_name(&path)) {
        return Ok(vec![Loaded { kind, file: load_file(&path)? }]);
    }
    let text = text(place)?;
    if text.len() as u64 > MAX_FILE {
        return Err(CommandError::other(format!("{place}: larger than {MAX_FILE} bytes")));
    }
    let mut units = Vec::new();
    for (name, text) in split_bundle(&text)? {
        // Its name is one of a unit, as the bundle was read.
        let Some(kind) = Kind::of(&name) else { continue };
        units.push(Loaded { kind, file: UnitFile::parse(Path::new(&name), &text)? });
    }
    Ok(units)
}

async fn request(engine: &dyn Engine, name: &str) -> Result<ContainerSpec, CommandError> {
    let value = engine.units().spec(name, false).await?;
    serde_json::from_value(value)
        .map_err(|error| CommandError::other(format!("the request of {name}: {error}")))
}

/// A container with the networks and volumes that it names.
async fn container(engine: &dyn Engine, name: &str) -> Result<Application, CommandError> {
    // A pod of that name is another thing.
    engine.containers().inspect(name, false).await?;
    let spec = request(engine, name).await?;
    let networks = networks(engine, spec.networks.keys()).await?;
    let volumes = volumes(engine, spec.volumes.iter().map(|volume| &volume.name)).await?;
    Ok(read::container(spec, networks, volumes))
}

async fn pod(engine: &dyn Engine, name: &str) -> Result<Application, CommandError> {
    let inspect = engine.pods().inspect(name).await?;
    let value = engine.units().spec(&inspect.name, false).await?;
    let spec: PodSpec = serde_json::from_value(value)
        .map_err(|error| CommandError::other(format!("the request of {name}: {error}")))?;
    let mut application = Application { name: spec.name.clone(), ..Application::default() };
    for network in networks(engine, spec.networks.keys()).await? {
        let key = network.name.clone();
        application.add_network(cove_convert::Network { key, network, is_external: false });
    }
    for member in inspect.containers.iter().filter(|member| member.id != inspect.infra_container_id) {
        let mut own = request(engine, &member.id).await?;
        own.pod.clone_from(&spec.name);
        for options in volumes(engine, own.volumes.iter().map(|volume| &volume.name)).await? {
            if !application.volumes.iter().any(|known| known.options.name == options.name) {
                let key = options.name.clone();
                application.add_volume(cove_convert::Volume { key, options, is_external: false });
            }
        }
        application.add(Container { is_named: true, spec: own, ..Container::default() });
    }
    application.add_pod(spec);
    Ok(application)
}

/// The networks that are described: those by name that are not everybody's.
async fn networks(
    engine: &dyn Engine,
    names: impl Iterator<Item = &String>,
) -> Result<Vec<cove_api::Network>, CommandError> {
    let mut found = Vec::new();
    for name in names.filter(|name| !matches!(name.as_str(), "default" | "podman")) {
        found.push(engine.networks().inspect(name).await?.network);
    }
    Ok(found)
}

async fn volumes(
    engine: &dyn Engine,
    names: impl Iterator<Item = &String>,
) -> Result<Vec<VolumeCreateOptions>, CommandError> {
    let mut found = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let volume = engine.volumes().inspect(name).await?;
        found.push(VolumeCreateOptions {
            name: volume.name,
            driver: volume.driver,
            labels: volume.labels,
            options: volume.options,
            uid: Some(volume.uid).filter(|id| *id != 0),
            gid: Some(volume.gid).filter(|id| *id != 0),
            ignore_if_exists: true,
        });
    }
    Ok(found)
}
