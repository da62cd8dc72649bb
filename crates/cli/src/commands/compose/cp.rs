//! `cove compose cp`

use cove_project::FoundContainer;

use super::here::{Here, index};
use super::progress::Progress;
use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::container::cp::{Manner, into, out};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// The bit of Go's `FileMode` that symbolic links have.
const SYMLINK: u32 = 1 << 27;

/// Copy files between the containers of a service and this machine
///
/// From a service its first container is meant, to a service all of them. "-" in place of a path on this machine is a tar
/// on standard input or output.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is copied, then where to
    #[arg(value_name = "[SERVICE:]PATH [SERVICE:]PATH")]
    words: Vec<String>,
    /// Also those of run
    #[arg(long)]
    all: bool,
    /// What comes into a container belongs to its user
    #[arg(long, short)]
    archive: bool,
    /// Copy what a symbolic link leads to
    #[arg(long, short = 'L')]
    follow_link: bool,
    /// Only the container with this number
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    index: u32,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE:]SRC_PATH [SERVICE:]DEST_PATH");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    for (word, what) in args.words.iter().zip(["source", "destination"]) {
        if word.is_empty() {
            return Err(CommandError::other(format!("{what} can not be empty")));
        }
    }
    let (from, to) = (end(&args.words[0]), end(&args.words[1]));
    let (service, takes_out) = match (from.0, to.0) {
        (Some(service), None) => (service, true),
        (None, Some(service)) => (service, false),
        (Some(_), Some(_)) => return Err(CommandError::other("copying between services is not supported")),
        (None, None) => {
            return Err(CommandError::other("unknown copy direction: neither end is SERVICE:PATH"));
        }
    };
    let here = Here::of(context, &[]).await?;
    let mut containers = meant(&here, &args, service)?;
    if takes_out {
        containers.truncate(1);
    } else if from.1 == "-" && containers.len() > 1 {
        return Err(CommandError::other(format!(
            "standard input can be read once, and service {service:?} has {} containers: name one with --index",
            containers.len()
        )));
    }
    let files = here.engine.files();
    if !args.follow_link {
        let is_link = match takes_out {
            true => files
                .path_stat(&containers[0].row.id, from.1)
                .await
                .is_ok_and(|stat| stat.mode & SYMLINK != 0),
            false => std::fs::symlink_metadata(from.1).is_ok_and(|data| data.is_symlink()),
        };
        if is_link {
            return Err(CommandError::other(format!(
                "{} is a symbolic link, and copying the link itself is not supported: copy what it leads to with --follow-link",
                from.1
            )));
        }
    }
    let progress = Progress::of(context, here.line);
    let manner = Manner { chown: args.archive, overwrite: false };
    for one in containers {
        let text = match takes_out {
            true => format!("copy {}:{} to {}", one.name, from.1, to.1),
            false => format!("copy {} to {}:{}", from.1, one.name, to.1),
        };
        progress.event(&one.name, &text, "Copying");
        match takes_out {
            true => out(context, files, manner, &one.row.id, (from.1, to.1)).await?,
            false => into(files, manner, &one.row.id, (to.1, from.1)).await?,
        }
        progress.event(&one.name, &text, "Copied");
    }
    Ok(0)
}

/// An end: the service, where it is one's, and the path.
fn end(word: &str) -> (Option<&str>, &str) {
    match word.split_once(':') {
        Some((service, path)) if !word.starts_with(['/', '.']) => (Some(service), path),
        _ => (None, word),
    }
}

/// The containers of the service, by name.
fn meant<'a>(
    here: &'a Here<'_>,
    args: &Args,
    service: &str,
) -> Result<Vec<&'a FoundContainer>, CommandError> {
    let all = here.found.containers.iter().filter(|one| one.service == service);
    if let Some(number) = index(args.index) {
        let one: Vec<_> = all.filter(|one| !one.one_off && one.number == Some(number)).collect();
        return match one.is_empty() {
            false => Ok(one),
            true => {
                Err(CommandError::other(format!("service {service:?} is not running container #{number}")))
            }
        };
    }
    let found: Vec<_> = all.filter(|one| args.all || !one.one_off).collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(CommandError::other(format!("no container found for service {service:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        for (word, service, path) in [
            ("web:/data", Some("web"), "/data"),
            ("web:data:1", Some("web"), "data:1"),
            ("/data:1", None, "/data:1"),
            ("./web:1", None, "./web:1"),
            ("file", None, "file"),
            ("-", None, "-"),
        ] {
            assert_eq!(end(word), (service, path), "{word}");
        }
    }
}
