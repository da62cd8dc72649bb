//! Compose's own options, before the command; and the project that they name.

use std::io::Read as _;

use cove_compose::model::Project;
use cove_compose::{ComposeError, Loaded, Options, load};

use crate::command_error::CommandError;
use crate::context::Context;

/// Longest text on standard input, in bytes.
const LONGEST: u64 = 8 << 20;

/// How steps are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Style {
    /// As `plain`
    Auto,
    /// A line for each
    Plain,
    /// An object for each
    Json,
    /// Not at all
    Quiet,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ansi {
    /// Never
    Never,
    /// Always
    Always,
    /// On a terminal
    Auto,
}

/// Compose's own options.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Line {
    /// A Compose file, or - for standard input
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<String>,
    /// The project's name
    #[arg(short, long, value_name = "NAME")]
    pub(super) project_name: Option<String>,
    /// A profile whose services are taken, too
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(super) profiles: Vec<String>,
    /// A file of variables
    #[arg(long = "env-file", value_name = "FILE")]
    pub(super) env_files: Vec<String>,
    /// The folder that relative paths begin at
    #[arg(long, value_name = "FOLDER")]
    pub(super) project_directory: Option<String>,
    /// Keep networks, volumes, secrets and configs that no service uses
    #[arg(long)]
    pub(super) all_resources: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN")]
    pub(super) ansi: Option<Ansi>,
    /// How steps are told
    #[arg(long, value_name = "STYLE")]
    pub(super) progress: Option<Style>,
    /// Do so many things at a time; -1 for no limit
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(super) parallel: Option<i64>,
    /// Print the version
    #[arg(short = 'v', long)]
    pub(super) version: bool,
    /// Not done
    #[arg(long, hide = true)]
    compatibility: bool,
    /// Not done
    #[arg(long, hide = true)]
    dry_run: bool,
    /// Not done
    #[arg(long, hide = true)]
    verbose: bool,
}

/// The project that is meant: its files, or only its name where that is enough.
#[derive(Debug)]
pub(super) struct Scope {
    /// Its name.
    pub(super) name: String,
    /// What its files say, where they were read.
    pub(super) project: Option<Project>,
}

impl Line {
    /// Refuses what is not done.
    ///
    /// # Errors
    /// Such an option is there.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        for (asked, name) in [
            (self.compatibility, "--compatibility"),
            (self.dry_run, "--dry-run"),
            (self.verbose, "--verbose (use cove --log-level=debug compose)"),
        ] {
            if asked {
                return Err(not_supported(name));
            }
        }
        match self.parallel {
            Some(0) => Err(CommandError::other(
                "invalid argument \"0\" for \"--parallel\" flag: nothing would be done",
            )),
            _ => Ok(()),
        }
    }

    /// How many things are done at a time.
    pub(super) fn at_once(&self, context: &Context) -> usize {
        let variable =
            || context.environment.get("COMPOSE_PARALLEL_LIMIT").and_then(|text| text.parse().ok());
        let number = self.parallel.or_else(variable).unwrap_or(-1);
        usize::try_from(number).ok().filter(|number| *number > 0).unwrap_or(usize::MAX)
    }

    /// Whether what goes to standard output is coloured.
    pub(super) fn colours(&self, context: &Context) -> bool {
        let variable = || context.environment.get("COMPOSE_ANSI");
        match (self.ansi, variable()) {
            (Some(Ansi::Never), _) | (None, Some("never")) => false,
            (Some(Ansi::Always), _) | (None, Some("always")) => true,
            _ => context.printer.out_is_coloured(),
        }
    }

    /// What the loader is told, for a command on these services.
    ///
    /// # Errors
    /// Standard input or the folder cannot be read.
    pub(super) fn options(&self, context: &Context, services: &[String]) -> Result<Options, CommandError> {
        let stdin = if self.files.iter().any(|file| file == "-") {
            let mut text = String::new();
            std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
            Some(text)
        } else {
            None
        };
        let variables = &context.environment;
        let env_files = match variables.get("COMPOSE_ENV_FILES") {
            Some(names) if self.env_files.is_empty() => names.split(',').map(str::to_owned).collect(),
            _ => self.env_files.clone(),
        };
        Ok(Options {
            files: self.files.clone(),
            env_files,
            project_directory: self.project_directory.clone(),
            project_name: self.project_name.clone(),
            profiles: self.profiles.clone(),
            environment: variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            current_dir: std::env::current_dir()?,
            stdin,
            services: services.to_vec(),
            all_resources: self.all_resources,
            ..Options::default()
        })
    }

    /// Reads the project whole, and warns.
    ///
    /// # Errors
    /// A file is missing or wrong, or has not one of the services.
    pub(super) fn project(&self, context: &Context, services: &[String]) -> Result<Project, CommandError> {
        loaded(context, &self.options(context, services)?)
    }

    /// The project of a command that can do without files: with a name alone they are not read.
    ///
    /// # Errors
    /// As [`loaded`], and there is no name in the environment either.
    pub(super) fn scope(&self, context: &Context, services: &[String]) -> Result<Scope, CommandError> {
        if let (true, Some(name)) =
            (self.files.is_empty(), self.project_name.as_ref().filter(|name| !name.is_empty()))
        {
            return Ok(Scope { name: name.clone(), project: None });
        }
        // What is there was made already: the values of its env_file do not matter.
        let options = Options { resolve_environment: false, ..self.options(context, services)? };
        match loaded(context, &options) {
            Ok(project) => Ok(Scope { name: project.name.clone(), project: Some(project) }),
            Err(error) => {
                match context.environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty()) {
                    Some(name) => Ok(Scope { name: name.to_owned(), project: None }),
                    None => Err(error),
                }
            }
        }
    }
}

/// What stands before the command; every command of compose is run with it.
pub(super) fn line(context: &Context) -> Result<&Line, CommandError> {
    context.compose.get().ok_or_else(|| CommandError::other("not a command of compose"))
}

/// An option that is not done.
pub(super) fn not_supported(name: &str) -> CommandError {
    elsewhere(&format!("{name} is not supported"))
}

/// Something that is not done, as `message` says, and where it may be.
pub(super) fn elsewhere(message: &str) -> CommandError {
    CommandError::other(format!(
        "{message}: name a compose program that has it with {}",
        cove_config::env::PODMAN_COMPOSE_PROVIDER
    ))
}

/// Reads a project, and warns.
///
/// # Errors
/// A file is missing or wrong, or has not one of the services.
pub(super) fn loaded(context: &Context, options: &Options) -> Result<Project, CommandError> {
    let Loaded { project, warnings } = load(options).map_err(failed)?;
    warn(context, &warnings);
    Ok(project)
}

/// Shows what there is to say about files.
pub(super) fn warn(context: &Context, warnings: &[String]) {
    for warning in warnings {
        context.printer.error_line(&format!("Warning: {warning}"));
    }
}

/// An error of the loader.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: ComposeError) -> CommandError {
    CommandError::other(error.to_string())
}
