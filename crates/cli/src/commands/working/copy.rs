//! `cove build-container copy` and `add`

use std::path::{Path, PathBuf};

use cove_api::WorkingCopy;

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

pub(crate) mod add {
    //! `cove build-container add`

    use super::{CommandResult, Context, Leaf, Shared, leaf};

    /// Copy files into a working container, and unpack archives
    #[derive(Debug, clap::Args)]
    pub(crate) struct Args {
        #[command(flatten)]
        shared: Shared,
    }

    /// The command.
    pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER SOURCE [SOURCE...] [DESTINATION]");

    async fn run(context: &Context, args: Args) -> CommandResult {
        super::copy(context, args.shared, true).await
    }
}

/// Copy files into a working container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    shared: Shared,
}

// What both have.
#[derive(Debug, Clone, Default, clap::Args)]
struct Shared {
    /// The container, what is copied, and where to; with one source alone the working directory
    #[arg(value_name = "CONTAINER SOURCE... [DESTINATION]")]
    words: Vec<String>,
    /// Note it in the image's history
    #[arg(long)]
    add_history: bool,
    /// Mode of the files
    #[arg(long, value_name = "MODE")]
    chmod: Option<String>,
    /// Whose the files become, USER[:GROUP]
    #[arg(long, value_name = "OWNER")]
    chown: Option<String>,
    /// Folder that the sources are in, and that no link leads out of
    #[arg(long, value_name = "DIR")]
    contextdir: Option<String>,
    /// Pattern of what is left out
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Image or working container that the sources are in
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Say nothing of what was copied
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER SOURCE [SOURCE...] [DESTINATION]");

async fn run(context: &Context, args: Args) -> CommandResult {
    copy(context, args.shared, false).await
}

async fn copy(context: &Context, args: Shared, unpack: bool) -> CommandResult {
    at_least(&args.words, 2)?;
    let (container, rest) = (&args.words[0], &args.words[1..]);
    let (sources, destination) = match rest.split_last() {
        Some((destination, sources)) if !sources.is_empty() => (sources, destination.clone()),
        _ => (rest, String::new()),
    };
    let is_url =
        |source: &&String| ["http://", "https://", "git@", "git://"].iter().any(|it| source.starts_with(it));
    if let Some(source) = sources.iter().find(is_url) {
        return Err(CommandError::other(format!("copying of {source} is not supported: it is no file")));
    }
    if args.contextdir.is_some() && args.from.is_some() {
        return Err(CommandError::other("--contextdir and --from cannot be used together"));
    }
    let is_here = args.contextdir.is_none() && args.from.is_none();
    let sources = sources.iter().map(|source| match is_here {
        true => Ok(std::path::absolute(source)?.to_string_lossy().into_owned() + trailing(source)),
        false => Ok(source.clone()),
    });
    let files = WorkingCopy {
        sources: sources.collect::<Result<_, CommandError>>()?,
        directory: match &args.contextdir {
            Some(folder) => std::path::absolute(folder)?,
            None => PathBuf::from("/"),
        },
        destination,
        from: args.from.unwrap_or_default(),
        chown: args.chown,
        chmod: args.chmod,
        exclude: args.exclude,
        unpack,
        add_history: args.add_history,
    };
    let digest = context.engine().await?.working().copy(container, files).await?;
    if !args.quiet {
        context.printer.line(&digest)?;
    }
    Ok(0)
}

/// What [`std::path::absolute`] leaves out of a path's end.
fn trailing(source: &str) -> &'static str {
    match source.ends_with("/.") || Path::new(source) == Path::new(".") {
        true => "/.",
        false => "",
    }
}
