//! `cove quadlet from`

use crate::command_error::{CommandError, CommandResult};
use crate::commands::convert::{Form, Options, Source, Target, convert};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// What the words mean.
const WORDS: &str = "\
FORM and WHAT are container NAME, pod NAME, compose FILE, kube FILE or run SCRIPT; a command line stands behind two \
dashes. It is what cove convert does with quadlet as TO.

Examples:
  cove quadlet from compose compose.yaml -o ~/.config/containers/systemd
  cove quadlet from run -- podman run -d --name web -p 8080:80 nginx";

/// Write unit files for a container, a pod, a Compose file, Kubernetes YAML or a command line
#[derive(Debug, clap::Args)]
#[command(after_help = WORDS)]
pub(crate) struct Args {
    /// The form, and what is converted
    #[arg(value_name = "FORM WHAT")]
    words: Vec<String>,
    /// A command line to convert
    #[arg(last = true, value_name = "COMMAND LINE")]
    line: Vec<String>,
    #[command(flatten)]
    options: Options,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] FORM WHAT [-- COMMAND LINE...]", Convert);

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.options.from.is_some() {
        return Err(CommandError::other("--from is for cove convert: the form is the first word here"));
    }
    let source = match args.words.as_slice() {
        [form] if form == "run" && !args.line.is_empty() => Source::Line(args.line),
        [form, what] if args.line.is_empty() => match Form::of(form) {
            None | Some(Form::Quadlet) => {
                return Err(CommandError::other(format!(
                    "{form:?} is no form: use container, pod, compose, kube or run"
                )));
            }
            Some(form) => Source::Place(form, what.clone()),
        },
        _ => {
            return Err(CommandError::other(
                "a form and what is converted are needed, such as compose compose.yaml, or run -- podman run -d nginx",
            ));
        }
    };
    convert(context, source, Target::Quadlet, &args.options).await
}
