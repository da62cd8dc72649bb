//! `cove quadlet rm`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cove_api::{Error, ErrorKind};
use cove_quadlet::{Application, Kind};

use super::{Quadlets, file_name, list};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove unit files with all of their applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of units, or of applications as the list shows them
    #[arg(value_name = "QUADLET")]
    names: Vec<String>,
    /// Every one
    #[arg(long, short)]
    all: bool,
    /// Also those whose services run, which are stopped
    #[arg(long, short)]
    force: bool,
    /// Missing ones are no error
    #[arg(long, short)]
    ignore: bool,
    /// Have systemd read its units again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reload_systemd: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] QUADLET [QUADLET...]", Plain);

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

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.names.is_empty() && !args.all {
        return Err(CommandError::other("at least one quadlet file must be selected"));
    }
    let quadlets = Quadlets::open(context)?;
    let mut failures = Failures::default();
    let names = match args.all {
        true => quadlets.all().iter().map(|path| file_name(path)).collect(),
        false => args.names,
    };
    for together in selected(context, &quadlets, &names, args.ignore, &mut failures)? {
        failures.note(remove(context, &quadlets, &together, args.force));
    }
    if args.reload_systemd.unwrap_or(true) {
        failures.note(quadlets.reload());
    }
    failures.finish()
}

/// What the names stand for, each once.
fn selected(
    context: &Context,
    quadlets: &Quadlets,
    names: &[String],
    ignore: bool,
    failures: &mut Failures,
) -> Result<BTreeSet<Together>, CommandError> {
    let applications = quadlets.installed.applications()?;
    let mut selected = BTreeSet::new();
    for name in names {
        match find(quadlets, &applications, name) {
            Ok(found) => {
                selected.insert(found);
            }
            Err(error) if ignore && error.kind() == Some(ErrorKind::NotFound) => {
                context.printer.line(name)?
            }
            Err(error) => failures.push(about(name, error)),
        }
    }
    Ok(selected)
}

fn about(name: &str, error: CommandError) -> CommandError {
    CommandError::other(format!("unable to remove Quadlet {name}: {}", error.messages().join(": ")))
}

fn find(
    quadlets: &Quadlets,
    applications: &BTreeMap<String, Vec<String>>,
    name: &str,
) -> Result<Together, CommandError> {
    if Application::is_name(name) {
        let files = applications.get(name).ok_or_else(|| {
            CommandError::from(Error::new(ErrorKind::NotFound, format!("there is no application {name}")))
        })?;
        return Ok(whole(quadlets, name, files));
    }
    let path = quadlets.find(name)?;
    // Only what is in the folder of installed files is part of an application.
    let own = applications.iter().find(|(_, files)| files.iter().any(|file| file == name));
    match own.filter(|_| quadlets.installed.holds(&path)) {
        Some((application, files)) => Ok(whole(quadlets, application, files)),
        None => Ok(Together { units: vec![path], ..Together::default() }),
    }
}

fn whole(quadlets: &Quadlets, application: &str, files: &[String]) -> Together {
    let (units, files): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| Kind::of(file).is_some());
    let units = units.iter().map(|unit| quadlets.installed.folder().join(unit)).collect();
    Together { application: Some(application.to_owned()), units, files }
}

/// Stops what runs and removes the files, the units first and the list of them last.
fn remove(
    context: &Context,
    quadlets: &Quadlets,
    together: &Together,
    force: bool,
) -> Result<(), CommandError> {
    // A file that cannot be read has no service.
    let services = together.units.iter().filter_map(|path| list::service(path, &quadlets.folders).ok());
    let services: Vec<String> = services.map(|(service, _)| service).collect();
    for (service, state) in quadlets.systemd.states(&services).map_err(super::asking)? {
        if !state.is_active() {
            continue;
        }
        if !force {
            let message = format!(
                "quadlet {service} is running and force is not set, refusing to remove: quadlet running"
            );
            return Err(Error::new(ErrorKind::InUse, message).into());
        }
        quadlets.systemd.stop(&service).map_err(super::asking)?;
    }
    for path in &together.units {
        let name = file_name(path);
        match cove_sys::fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(about(&name, error.into())),
            Ok(()) => {}
        }
        quadlets.installed.remove_assets(&name)?;
        context.printer.line(&name)?;
    }
    match &together.application {
        Some(application) => Ok(quadlets.installed.remove(application, &together.files)?),
        None => Ok(()),
    }
}
