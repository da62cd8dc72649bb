//! `cove compose scale`

use std::collections::BTreeMap;

use cove_project::run::{self, UpOptions};

use super::bring::Bring;
use super::line::line;
use super::progress::Progress;
use super::up::{alone, ignores_orphans, sink};
use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Set how many containers services have
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services, each with its number
    #[arg(value_name = "SERVICE=NUMBER")]
    words: Vec<String>,
    /// Without what the services depend on
    #[arg(long)]
    no_deps: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SERVICE=NUMBER...");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    let scale: BTreeMap<String, u32> =
        args.words.iter().map(|word| number(word)).collect::<Result<_, _>>()?;
    let services: Vec<String> = scale.keys().cloned().collect();
    let line = line(context)?;
    let mut project = line.project(context, &services)?;
    if args.no_deps {
        alone(&mut project, &services);
    }
    let options = UpOptions {
        services,
        scale,
        ignore_orphans: ignores_orphans(context),
        env_files: line.env_files.clone(),
        at_once: Some(line.at_once(context)),
        ..UpOptions::default()
    };
    let engine = context.engine().await?;
    run::check(engine, &project, &options.scale).await?;
    // As with docker-compose nothing is built for it.
    let bring = Bring { no_build: true, ..Bring::default() };
    bring.bring(context, engine, &project, &Progress::of(context, line)).await?;
    run::up(engine, &project, &options, &sink(context, line)).await?;
    Ok(0)
}

fn number(word: &str) -> Result<(String, u32), CommandError> {
    let wrong = |why: &str| CommandError::other(format!("invalid scale specifier: {why}{word}"));
    let (name, number) = word
        .split_once('=')
        .filter(|(name, number)| !name.is_empty() && !number.is_empty())
        .ok_or_else(|| wrong(""))?;
    let number = number.parse().map_err(|_| wrong("can't parse replica value as int: "))?;
    Ok((name.to_owned(), number))
}
