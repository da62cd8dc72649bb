//! `cove secret rm`

use cove_api::{ErrorKind, SecretInspectOptions, SecretListOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove secrets
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids
    #[arg(value_name = "SECRET")]
    secrets: Vec<String>,
    /// Every secret
    #[arg(long, short)]
    all: bool,
    /// Missing secrets are no error
    #[arg(long, short)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SECRET [SECRET...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.all != args.secrets.is_empty() {
        return Err(CommandError::other(format!(
            "`{}` requires one argument, or the --all flag",
            context.command_name()
        )));
    }
    let secrets = context.engine().await?.secrets();
    let names = if args.all {
        let all = secrets.list(SecretListOptions::default()).await?;
        all.into_iter().map(|secret| secret.id).collect()
    } else {
        args.secrets
    };
    let mut failures = Failures::default();
    for name in &names {
        // The whole id is what is printed.
        let removed = match secrets.inspect(name, SecretInspectOptions::default()).await {
            Ok(secret) => secrets.remove(&secret.id).await.map(|()| secret.id),
            Err(error) => Err(error),
        };
        match removed {
            Ok(id) => context.printer.line(&id)?,
            Err(error) if args.ignore && error.kind == ErrorKind::NotFound => {}
            Err(error) => failures.push(error),
        }
    }
    failures.finish()
}
