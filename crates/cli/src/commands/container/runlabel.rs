//! `cove container runlabel`

use std::path::Path;
use std::process::{Command, Stdio};

use cove_api::{Engine, ErrorKind, ImageInspect, PullOptions, RemoveOptions};

use crate::args::at_least;
use crate::args::registry::RegistryArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::pull;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Run the command on this host that a label of an image holds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The label, the image, and further arguments for the command
    #[arg(value_name = "LABEL IMAGE [ARG...]")]
    words: Vec<String>,
    /// Only show the command
    #[arg(long)]
    display: bool,
    /// What stands for NAME in the label, in place of the image's name
    #[arg(long, short, value_name = "NAME")]
    name: Option<String>,
    /// What stands for OPT1 in the label
    #[arg(long, value_name = "TEXT", hide = true)]
    opt1: Option<String>,
    /// What stands for OPT2 in the label
    #[arg(long, value_name = "TEXT", hide = true)]
    opt2: Option<String>,
    /// What stands for OPT3 in the label
    #[arg(long, value_name = "TEXT", hide = true)]
    opt3: Option<String>,
    /// No progress of a pull, and no output of the command
    #[arg(long, short)]
    quiet: bool,
    /// First remove the container whose --name is in the command
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LABEL IMAGE [ARG...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 2)?;
    let (label, name) = (args.words[0].trim_start_matches('/'), args.words[1].as_str());
    let engine = context.engine().await?;
    let image = image(context, engine, &args, name).await?;
    let found = image.labels.iter().find(|(key, value)| key.eq_ignore_ascii_case(label) && !value.is_empty());
    let Some((_, text)) = found else {
        return Err(CommandError::other(format!("cannot find the value of label: {label} in image: {name}")));
    };
    let variables = Variables::new(context, &args, &image, name);
    let command = variables.command(text, &args.words[2..])?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(CommandError::other(format!("label {label} of image {name} holds no command")));
    };
    let own = program == "podman" || Path::new(program).file_name().is_some_and(|name| name == "docker");
    let program =
        if own || program == &context.program { context.executable.clone() } else { program.into() };
    if args.display {
        let words = [program.display().to_string()].into_iter().chain(arguments.iter().cloned());
        context.printer.line(&format!("command: {}", words.collect::<Vec<_>>().join(" ")))?;
        return Ok(0);
    }
    if args.replace {
        replace(engine, arguments).await?;
    }
    execute(&program, arguments, args.quiet)
}

/// The image, pulled where it is not in the store.
async fn image(
    context: &Context,
    engine: &dyn Engine,
    args: &Args,
    name: &str,
) -> Result<ImageInspect, CommandError> {
    match engine.images().inspect(name).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            let options = PullOptions { access: args.registry.access()?, ..PullOptions::default() };
            pull::pull(context, engine, name, options, args.quiet).await?;
            Ok(engine.images().inspect(name).await?)
        }
        found => Ok(found?),
    }
}

/// Removes the container that the command is going to make.
async fn replace(engine: &dyn Engine, arguments: &[String]) -> Result<(), CommandError> {
    let place = arguments.iter().position(|argument| argument == "--name");
    let Some(name) = place.and_then(|place| arguments.get(place + 1)) else { return Ok(()) };
    let options = RemoveOptions { force: true, ignore: true, ..RemoveOptions::default() };
    engine.containers().remove(name, options).await?;
    Ok(())
}

fn execute(program: &Path, arguments: &[String], quiet: bool) -> CommandResult {
    let stream = || if quiet { Stdio::null() } else { Stdio::inherit() };
    let status = Command::new(program)
        .args(arguments)
        .env("PODMAN_RUNLABEL_NESTED", "1")
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .status()
        .map_err(|error| CommandError::other(format!("{}: {error}", program.display())))?;
    // A signal's end is 128 and its number, as in a shell.
    let signal = {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal().map(|signal| signal.saturating_add(128))
    };
    let code = status.code().or(signal).unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}

/// What stands for the words that a label may have.
struct Variables {
    image: String,
    name: String,
    others: [(&'static str, String); 5],
}

impl Variables {
    fn new(context: &Context, args: &Args, image: &ImageInspect, asked: &str) -> Self {
        let full = image.names_history.first().or(image.repo_tags.first()).unwrap_or(&image.id).clone();
        let name = args.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| {
            let from = if image.id.starts_with(asked) { full.as_str() } else { asked };
            let last = from.rsplit('/').next().unwrap_or(from);
            last.split(':').next().unwrap_or(last).to_owned()
        });
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let folder = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
        let home = context.environment.get("HOME").unwrap_or_default().to_owned();
        let others = [
            ("OPT1", given(&args.opt1)),
            ("OPT2", given(&args.opt2)),
            ("OPT3", given(&args.opt3)),
            ("PWD", folder),
            ("HOME", home),
        ];
        Self { image: full, name, others }
    }

    /// The words of the command. Values are put in after the label has been split, and so are never more than a word,
    /// but for those of `OPT1` to `OPT3`, which may be several.
    fn command(&self, text: &str, arguments: &[String]) -> Result<Vec<String>, CommandError> {
        let words = shlex::split(text)
            .ok_or_else(|| CommandError::other(format!("the label has an open quotation: {text}")))?;
        let mut command = Vec::new();
        for word in words {
            match self.option(&word) {
                Some(value) => command.extend(shlex::split(value).unwrap_or_default()),
                None => command.push(self.replaced(&word)),
            }
        }
        command.extend(arguments.iter().map(|argument| self.replaced(argument)));
        Ok(command)
    }

    /// The value of `$OPT1` or one of its kin that is a whole word.
    fn option(&self, word: &str) -> Option<&str> {
        let name =
            word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or(word.strip_prefix('$'))?;
        self.others
            .iter()
            .find(|(known, _)| known.starts_with("OPT") && *known == name)
            .map(|(_, value)| value.as_str())
    }

    fn replaced(&self, word: &str) -> String {
        let mut word = word.to_owned();
        for (name, value) in [("NAME", &self.name), ("IMAGE", &self.image)] {
            if word == name {
                return value.clone();
            }
            word = word.replace(&format!("${name}"), value).replace(&format!("${{{name}}}"), value);
            if let Some(start) = word.strip_suffix(name).filter(|start| start.ends_with('=')) {
                word = format!("{start}{value}");
            }
        }
        for (name, value) in &self.others {
            word = word.replace(&format!("${name}"), value).replace(&format!("${{{name}}}"), value);
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_commands() {
        let variables = Variables {
            image: "localhost/app:1".into(),
            name: "app".into(),
            others: [
                ("OPT1", "-p 80".into()),
                ("OPT2", String::new()),
                ("OPT3", String::new()),
                ("PWD", "/work dir".into()),
                ("HOME", "/root".into()),
            ],
        };
        let command = |text: &str| variables.command(text, &["x y".to_owned()]).unwrap().join("|");
        assert_eq!(
            command(
                "podman run $OPT1 ${OPT2} --name NAME -e NAME=NAME -v \"$PWD:/d\" -e A=${NAME}_$HOME IMAGE 'a b'"
            ),
            "podman|run|-p|80|--name|app|-e|NAME=app|-v|/work dir:/d|-e|A=app_/root|localhost/app:1|a b|x y"
        );
        assert!(variables.command("echo 'a", &[]).is_err());
    }
}
