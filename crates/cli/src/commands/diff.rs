//! `cove diff`, of containers and images alike.

use cove_api::{Change, ChangeKind, ChangesOptions, DiffType};

use crate::command_error::{CommandError, CommandResult};
use crate::commands::container;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Value, is_json, to_json};

/// Show what changed in the file system of a container or an image
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Container or image, then perhaps what it is compared with
    #[arg(value_name = "CONTAINER|IMAGE [CONTAINER|IMAGE]")]
    words: Vec<String>,
    #[command(flatten)]
    output: Output,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER|IMAGE [CONTAINER|IMAGE]");

// How changes are shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// Output as json
    #[arg(long, value_name = "FORMAT", default_value = "", hide_default_value = true)]
    format: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    diff(context, args.words, args.latest, DiffType::All, &args.output).await
}

/// Shows the changes of what the words name.
pub(crate) async fn diff(
    context: &Context,
    mut words: Vec<String>,
    latest: bool,
    diff_type: DiffType,
    output: &Output,
) -> CommandResult {
    if latest && !words.is_empty() {
        return Err(CommandError::other("--latest and containers cannot be used together"));
    }
    crate::args::at_most(&words, 2)?;
    if !latest && words.is_empty() {
        let options =
            if diff_type == DiffType::Image { "name or id" } else { "name, id, or the \"--latest\" flag" };
        return Err(CommandError::other(format!("{:?} requires a {options}", context.command_name())));
    }
    if !output.format.is_empty() && !is_json(&output.format) {
        return Err(CommandError::other("only supported value for '--format' is 'json'"));
    }
    let engine = context.engine().await?;
    if latest {
        words.push(container::latest(engine).await?);
    }
    let parent = words.get(1).cloned().unwrap_or_default();
    let name = words[0].trim_start_matches('/');
    let changes = engine.files().changes(name, ChangesOptions { parent, diff_type }).await?;
    if output.format.is_empty() {
        for change in &changes {
            context.printer.line(&format!("{} {}", change.kind.letter(), change.path))?;
        }
        return Ok(0);
    }
    context.printer.document(&to_json(&document(&changes), 5))?;
    Ok(0)
}

/// Paths by what became of them; what there is none of is left out.
fn document(changes: &[Change]) -> Value {
    let mut document = Struct::new("diff");
    for (key, kind) in
        [("changed", ChangeKind::Modified), ("added", ChangeKind::Added), ("deleted", ChangeKind::Deleted)]
    {
        let paths: Vec<String> =
            changes.iter().filter(|change| change.kind == kind).map(|change| change.path.clone()).collect();
        if !paths.is_empty() {
            document.set(key, paths);
        }
    }
    document.into()
}
