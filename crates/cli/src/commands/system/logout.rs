//! `cove logout`

use cove_config::auth;
use cove_config::registries::Registries;

use super::login::{PlaceArgs, open};
use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Forget the credentials for a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry
    #[arg(value_name = "REGISTRY")]
    registries: Vec<String>,
    /// All registries
    #[arg(long, short)]
    all: bool,
    #[command(flatten)]
    places: PlaceArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [REGISTRY]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.registries, 1)?;
    for path in args.places.authfile.iter().chain(&args.places.compat_auth_file) {
        if !path.exists() {
            return Err(CommandError::other(format!(
                "credential file is not accessible: stat {}: no such file or directory",
                path.display()
            )));
        }
    }
    let (store, registries): (_, Registries) = open(context, &args.places)?;
    if args.all {
        if !args.registries.is_empty() {
            return Err(CommandError::other("--all takes no arguments"));
        }
        store.remove_all()?;
        context.printer.line("Removed login credentials for all registries")?;
        return Ok(0);
    }
    let key = match args.registries.first() {
        Some(text) => auth::registry_key(text)?,
        None => registries
            .unqualified_search
            .first()
            .cloned()
            .ok_or_else(|| CommandError::other("please provide a registry to log out from"))?,
    };
    store.remove(&key).map_err(|error| match error {
        cove_config::Error::NotLoggedIn { .. } => CommandError::other(format!("not logged into {key}")),
        error => error.into(),
    })?;
    context.printer.line(&format!("Removed login credentials for {key}"))?;
    Ok(0)
}
