//! `cove quadlet install`

use std::path::Path;

use cove_api::{QuadletFile, QuadletInstallOptions, QuadletUpload};
use cove_quadlet::{Application, Installed, Source};
use futures_util::StreamExt as _;

use super::file_name;
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::file_or_url_stream;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Largest file that is fetched, in bytes.
const MAX_FETCHED: usize = 64 << 20;

/// Install unit files, a folder of them or a bundle (.quadlets) as an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The unit, bundle or folder, by path or address, then files that belong to it
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Have systemd read its units again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reload_systemd: Option<bool>,
    /// Replace files that are there
    #[arg(long, short)]
    replace: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] PATH [PATH...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    let Some(first) = args.paths.first() else {
        return Err(CommandError::other("must provide at least one argument"));
    };
    let application = application(first)?;
    let mut failures = Failures::default();
    let mut files: Vec<(String, QuadletFile)> = Vec::new();
    for path in &args.paths {
        let places = if Path::new(path).is_dir() && path == first {
            let files = Installed::files_of(Path::new(path))?;
            files.iter().map(|file| file.display().to_string()).collect()
        } else {
            vec![path.clone()]
        };
        for place in places {
            match sources(&place).await {
                Err(error) => failures.push(named(&place, error)),
                Ok(sources) => {
                    for Source { name, data } in sources {
                        let file = QuadletFile { name, data: data.into() };
                        match files.iter().find(|(_, known)| known.name == file.name) {
                            Some((other, _)) => {
                                let message = format!("{other:?} has a file {:?}, too", file.name);
                                failures.push(named(&place, CommandError::other(message)));
                            }
                            None => files.push((place.clone(), file)),
                        }
                    }
                }
            }
        }
    }
    if files.is_empty() {
        return failures.finish();
    }
    let upload = files.iter().map(|(_, file)| file.clone()).collect();
    let options = QuadletInstallOptions {
        replace: args.replace,
        reload_systemd: args.reload_systemd.unwrap_or(true),
        application: application.plain_name().to_owned(),
    };
    let engine = context.engine().await?;
    let mut report = engine.quadlets().install(QuadletUpload::Files(upload), options).await?;
    for (place, file) in &files {
        match report.quadlet_errors.remove(&file.name) {
            Some(error) => failures.push(named(place, CommandError::other(error))),
            None => {
                let target = report.installed_quadlets.get(&file.name);
                target.map_or(Ok(()), |target| context.printer.line(target))?;
            }
        }
    }
    failures.finish()
}

/// What the files that are installed together belong to: the first of them says it.
fn application(first: &str) -> Result<Application, CommandError> {
    let path = Path::new(first);
    Ok(match is_url(first) {
        true => Application::of_file(&url_name(first))?,
        false if path.is_dir() => Application::of_folder(path)?,
        false if path.exists() => Application::of_file(&file_name(path))?,
        false => {
            let message = format!("unable to stat Quadlet path {first}: no such file or directory");
            return Err(CommandError::other(message));
        }
    })
}

fn named(place: &str, error: CommandError) -> CommandError {
    CommandError::other(format!("quadlet {place:?} failed to install: {}", error.messages().join(": ")))
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

/// The last part of an address's path.
fn url_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The files that a place has: one, or those of a bundle.
async fn sources(place: &str) -> Result<Vec<Source>, CommandError> {
    if !is_url(place) {
        let path = Path::new(place);
        if path.is_dir() {
            return Err(CommandError::other(format!(
                "quadlet to install {:?} is not a file",
                file_name(path)
            )));
        }
        return Ok(Source::read(path)?);
    }
    let mut pieces = file_or_url_stream(place).await?;
    let mut data = Vec::new();
    while let Some(piece) = pieces.next().await {
        data.extend_from_slice(&piece?);
        if data.len() > MAX_FETCHED {
            return Err(CommandError::other(format!("{place} has more than {MAX_FETCHED} bytes")));
        }
    }
    Ok(Source::named(url_name(place), data)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_addresses() {
        let cases = [
            ("https://example.com/a/web.container", "web.container"),
            ("https://example.com/web.container?raw=1#x/y", "web.container"),
            ("https://example.com/", ""),
        ];
        for (url, name) in cases {
            assert_eq!(url_name(url), name, "{url}");
        }
    }
}
