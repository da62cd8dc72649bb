//! `cove image scp`
//!
//! Two engines, each behind a command that saves or loads, and a pipe between them. The commands are ours here, and over
//! ssh whatever of `cove` and `podman` there is.

use std::process::{Child, Command, Stdio};

use cove_config::connections::Connections;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Copy an image from one engine to another, over ssh
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, with HOST:: before it where it is not here
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where to: HOST::[NAME], a name of a connection or USER@HOST before the colons, or USER@localhost for another user
    #[arg(value_name = "DESTINATION")]
    destination: Vec<String>,
    /// What the image is sent as: docker-archive or oci-archive
    #[arg(long, value_name = "FORMAT", default_value = "docker-archive")]
    format: String,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [HOST::]IMAGE [HOST::[IMAGE]]", Plain);

/// What `save` ends with where nobody reads.
const CLOSED_PIPE: i32 = 141;

/// An engine, and an image in it.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    end: End,
    /// Empty where the name stays.
    image: String,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// This one.
    Here,
    /// That of another user of this machine.
    User(String),
    /// One behind ssh, by name of a connection or as ssh takes it.
    Host(String),
}

impl Place {
    fn parse(text: &str) -> Self {
        let Some((host, image)) = text.split_once("::") else {
            return Self { end: End::Here, image: text.to_owned() };
        };
        let end = match host.strip_suffix("@localhost") {
            Some(user) => End::User(user.to_owned()),
            None if host.is_empty() || host == "localhost" => End::Here,
            None => End::Host(host.to_owned()),
        };
        Self { end, image: image.to_owned() }
    }
}

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.destination, 1)?;
    let source = Place::parse(&args.source);
    let destination = match args.destination.first() {
        Some(text) => Place::parse(text),
        None => Place { end: End::Here, image: String::new() },
    };
    check(&source, &destination)?;
    if !matches!(args.format.as_str(), "docker-archive" | "oci-archive") {
        return Err(CommandError::other(format!(
            "{:?} is not a valid value for --format: must be one of docker-archive, oci-archive",
            args.format
        )));
    }
    let quiet: &[&str] = if args.quiet { &["--quiet"] } else { &[] };
    let save = [&["save", "--format", &args.format], quiet, &[source.image.as_str()]].concat();
    let load = [&["load"], quiet].concat();
    let mut saving = command(context, &source.end, &save)?;
    let mut saving = started(saving.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let archive = saving.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let loaded = command(context, &destination.end, &load).and_then(|mut loading| {
        let loading = started(loading.stdin(archive))?;
        finished(loading, "loading the image")
    });
    // Where loading has failed the pipe is closed, and that ends saving: the reason is the other one then.
    let saved = saving.wait()?;
    let pipe_closed = loaded.is_err() && saved.code().is_none_or(|code| code == CLOSED_PIPE);
    if !saved.success() && !pipe_closed {
        return Err(CommandError::other(format!("saving the image failed: {saved}")));
    }
    loaded?;
    if !destination.image.is_empty() {
        let tag = ["tag", &source.image, &destination.image];
        finished(started(&mut command(context, &destination.end, &tag)?)?, "naming the image")?;
    }
    Ok(0)
}

fn check(source: &Place, destination: &Place) -> Result<(), CommandError> {
    if source.image.is_empty() {
        return Err(CommandError::other("no image named: say which, such as quay.io/org/name or HOST::name"));
    }
    if source.end == destination.end {
        return Err(CommandError::other(
            "cannot copy an image to the engine it is in: name a host, such as HOST::",
        ));
    }
    for image in [&source.image, &destination.image] {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        if image.starts_with('-') || !image.bytes().all(is_plain) {
            return Err(CommandError::other(format!("{image:?}: invalid reference format")));
        }
    }
    Ok(())
}

/// A command of an engine.
fn command(context: &Context, end: &End, words: &[&str]) -> Result<Command, CommandError> {
    match end {
        End::Here => {
            let mut command = Command::new(&context.executable);
            let root = &context.global.root;
            for (option, value) in [("--url", &root.url), ("--connection", &root.connection)] {
                if let Some(value) = value {
                    command.arg(option).arg(value);
                }
            }
            command.args(context.global.shared.to_arguments()).args(words);
            Ok(command)
        }
        End::User(user) => as_user(context, user, words),
        End::Host(host) => over_ssh(context, host, words),
    }
}

fn as_user(context: &Context, user: &str, words: &[&str]) -> Result<Command, CommandError> {
    if user.is_empty() || user.starts_with('-') {
        return Err(CommandError::other(format!("{user:?} is no name of a user")));
    }
    // A session of its own, so that the user's own folders are found.
    let mut command = if context.directories.user.uid == 0 {
        let mut command = Command::new("runuser");
        command.args(["-u", user, "--", "env", "-u", "XDG_RUNTIME_DIR", "-u", "XDG_CONFIG_HOME"]);
        command.args(["-u", "XDG_DATA_HOME", "sh", "-c", "cd; HOME=~ exec \"$@\"", "sh"]);
        command
    } else {
        let mut command = Command::new("sudo");
        command.args(["--user", user, "--set-home", "--"]);
        command
    };
    command.arg(&context.executable).args(words);
    Ok(command)
}

fn over_ssh(context: &Context, host: &str, words: &[&str]) -> Result<Command, CommandError> {
    let mut command = Command::new("ssh");
    let file = context.directories.connections_file(&context.environment);
    let known = Connections::new(file, &context.conf).list()?;
    match known.iter().find(|connection| connection.name == host) {
        Some(connection) => {
            let wrong = || {
                CommandError::other(format!(
                    "connection {host:?} leads to {:?}, which is not ssh",
                    connection.destination.uri
                ))
            };
            let (place, port) = ssh_place(&connection.destination.uri).ok_or_else(wrong)?;
            if let Some(port) = port {
                command.args(["-p", &port]);
            }
            if !connection.destination.identity.is_empty() {
                command.args(["-i", &connection.destination.identity]);
            }
            command.args(["--", &place]);
        }
        None if host.starts_with('-') => {
            return Err(CommandError::other(format!("{host:?} is no name of a host")));
        }
        None => {
            command.args(["--", host]);
        }
    }
    // The words are checked: none needs quotes.
    let words = words.join(" ");
    command.arg(format!(
        "if command -v cove >/dev/null 2>&1; then exec cove {words}; else exec podman {words}; fi"
    ));
    Ok(command)
}

/// `USER@HOST` and the port of an `ssh://` address.
fn ssh_place(uri: &str) -> Option<(String, Option<String>)> {
    let rest = uri.strip_prefix("ssh://")?;
    let place = rest.split('/').next().filter(|place| !place.is_empty() && !place.starts_with('-'))?;
    let (user, host) = match place.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, place),
    };
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, Some(port.to_owned()).filter(|port| !port.is_empty()))
        }
        _ => (host, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let place = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
    Some((place, port))
}

fn started(command: &mut Command) -> Result<Child, CommandError> {
    command
        .spawn()
        .map_err(|error| CommandError::other(format!("{}: {error}", command.get_program().to_string_lossy())))
}

fn finished(mut child: Child, what: &str) -> Result<(), CommandError> {
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(CommandError::other(format!("{what} failed: {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |end, image: &str| Place { end, image: image.into() };
        for (text, expected) in [
            ("quay.io/a:1", place(End::Here, "quay.io/a:1")),
            ("me@box::a", place(End::Host("me@box".into()), "a")),
            ("box::", place(End::Host("box".into()), "")),
            ("ann@localhost::", place(End::User("ann".into()), "")),
            ("localhost::a", place(End::Here, "a")),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses() {
        let place = |uri: &str| ssh_place(uri);
        assert_eq!(
            place("ssh://core@127.0.0.1:2222/run/x.sock"),
            Some(("core@127.0.0.1".into(), Some("2222".into())))
        );
        assert_eq!(place("ssh://box"), Some(("box".into(), None)));
        assert_eq!(place("ssh://a@[::1]:22/x"), Some(("a@::1".into(), Some("22".into()))));
        assert_eq!((place("unix:///x"), place("ssh:///x"), place("ssh://-oX/y")), (None, None, None));
    }

    #[test]
    fn what_cannot_be_copied() {
        let refused = |source: &str, destination: &str| {
            check(&Place::parse(source), &Place::parse(destination)).is_err()
        };
        assert!(refused("a", "b") && refused("box::", "x::") && refused("a;reboot", "box::"));
        assert!(refused("a", "box::$(x)") && refused("box::-v", ""));
        assert!(!refused("a", "box::b:1") && !refused("box::a", ""));
    }
}
