//! `cove system reset`

use crate::args::at_most;
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Remove everything: containers, images, networks, volumes, machines, and all files about them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let engine = context.engine().await?;
    if !args.force {
        let info = engine.system().info().await?;
        context.printer.text(&warning(&info.store))?;
        let answer = crate::terminal::ask("Are you sure you want to continue? [y/N] ")?;
        if !answer.trim().to_lowercase().starts_with('y') {
            return Ok(0);
        }
    }
    engine.system().reset().await?;
    let mut failures = Failures::default();
    #[cfg(unix)]
    remove_machines(context, &mut failures).await;
    failures.finish()
}

/// What goes.
fn warning(store: &serde_json::Map<String, serde_json::Value>) -> String {
    let place = |key: &str| store.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    format!(
        "WARNING! This will remove:\n        - all containers\n        - all pods\n        - all images\n        \
         - all networks\n        - all secrets\n        - all build cache\n        - all machines\n        - all volumes\n        \
         - the files of the engine in the graphRoot directory: {:?}\n        \
         - the files of the engine in the runRoot directory: {:?}\n",
        place("graphRoot"),
        place("runRoot")
    )
}

/// Removes every machine, also one that runs.
#[cfg(unix)]
async fn remove_machines(context: &Context, failures: &mut Failures) {
    use crate::commands::machine;
    let machines = machine::machines(context);
    let names = match machines.list().await {
        Ok(listed) => listed.into_iter().map(|machine| machine.name),
        Err(error) => return failures.push(error),
    };
    for name in names {
        if let Some(name) = failures.note(name.parse()) {
            failures.note(machines.remove(&name, true, false).await);
        }
    }
}
