//! What becomes of an application: one text, or a file for each unit.

use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

use cove_convert::write::{self, Facts, File};
use cove_convert::{Application, Losses};
use cove_sys::output::{Existing, OutputFile};

use crate::command_error::CommandError;
use crate::context::Context;

/// What an application is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A script of commands.
    Run,
    /// A Compose file.
    Compose,
    /// Kubernetes YAML.
    Kube,
    /// Unit files.
    Quadlet,
}

impl FromStr for Target {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        Ok(match text {
            "run" => Self::Run,
            "compose" => Self::Compose,
            "kube" => Self::Kube,
            "quadlet" => Self::Quadlet,
            other => {
                return Err(CommandError::other(format!(
                    "{other:?} is no form to convert into: use run, compose, kube or quadlet"
                )));
            }
        })
    }
}

impl Target {
    /// The files; one without a name but for unit files.
    pub(crate) fn files(self, application: &Application, losses: &mut Losses) -> Vec<File> {
        let is_file = |path: &str| cove_sys::fs::metadata(path).is_ok_and(|found| !found.is_dir());
        let text = match self {
            Self::Run => write::run(application, losses),
            Self::Compose => write::compose(application, losses),
            Self::Kube => write::kube(application, &Facts { is_file: &is_file }, losses),
            Self::Quadlet => return write::quadlet(application, losses),
        };
        vec![File { name: String::new(), text }]
    }
}

/// Writes them: to standard output, or where the user says.
///
/// # Errors
/// A file is there already, or cannot be written; then none of them is left.
pub(crate) fn put(
    context: &Context,
    target: Target,
    files: &[File],
    path: Option<&Path>,
) -> Result<(), CommandError> {
    let Some(path) = path else { return context.printer.text(&whole(target, files)) };
    let is_bundle = path.extension().is_some_and(|extension| extension == "quadlets");
    if target != Target::Quadlet || is_bundle {
        return finish(vec![open(path, &whole(target, files))?]);
    }
    if cove_sys::fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
        return Err(CommandError::other(format!(
            "{} is a file: unit files are written into a folder, or into one file whose name ends in .quadlets",
            path.display()
        )));
    }
    cove_sys::fs::create_dir_all(path)?;
    // All are there, or none.
    let opened = files.iter().map(|file| open(&path.join(&file.name), &file.text));
    finish(opened.collect::<Result<_, _>>()?)
}

fn open(path: &Path, text: &str) -> Result<OutputFile, CommandError> {
    let write = || {
        let mut file = OutputFile::create(path, Existing::Refuse)?;
        file.write_all(text.as_bytes())?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CommandError::other(format!("{} is there already: move it away, or name another", path.display()))
        }
        _ => CommandError::from(error),
    })
}

fn finish(files: Vec<OutputFile>) -> Result<(), CommandError> {
    for file in files {
        file.finish()?;
    }
    Ok(())
}

/// One text of all: unit files as a bundle, each with its name.
fn whole(target: Target, files: &[File]) -> String {
    let named = |file: &File| {
        let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
        format!("# FileName={stem}\n{}", file.text)
    };
    match target {
        Target::Quadlet => files.iter().map(named).collect::<Vec<_>>().join("---\n"),
        _ => files.iter().map(|file| file.text.as_str()).collect(),
    }
}
