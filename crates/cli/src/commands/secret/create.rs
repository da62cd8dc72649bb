//! `cove secret create`

use std::io::Read;

use bytes::Bytes;
use cove_api::{MAX_SECRET, SecretCreateOptions};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult, chain};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Keep a file, or standard input, as a secret
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name, and the file: - is standard input
    #[arg(value_name = "NAME FILE")]
    words: Vec<String>,
    /// Who keeps it: file, pass or shell
    #[arg(long, short, value_name = "DRIVER")]
    driver: Option<String>,
    /// Option of the driver, KEY=VALUE
    #[arg(long, value_name = "OPTION", value_delimiter = ',')]
    driver_opts: Vec<String>,
    /// Take it from the environment variable of that name instead of a file
    #[arg(long)]
    env: bool,
    /// Label, KEY=VALUE
    #[arg(long, short, value_name = "LABEL")]
    label: Vec<String>,
    /// Replace the secret of that name
    #[arg(long)]
    replace: bool,
    /// Leave the secret of that name as it is
    #[arg(long)]
    ignore: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] NAME FILE|-");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    if args.ignore && args.replace {
        return Err(CommandError::other("cannot use --ignore and --replace flags together"));
    }
    let (name, source) = (&args.words[0], &args.words[1]);
    let data = if args.env { variable(context, source)? } else { file(source)? };
    let options = SecretCreateOptions {
        name: name.clone(),
        driver: args.driver.unwrap_or_default(),
        driveropts: cove_spec::environment::options(
            args.driver_opts.iter().map(String::as_str),
            "driver option",
        )?,
        labels: cove_spec::environment::labels(args.label.iter().map(String::as_str))?,
        replace: args.replace,
        ignore: args.ignore,
    };
    let id = context.engine().await?.secrets().create(data, options).await?;
    context.printer.line(&id)?;
    Ok(0)
}

fn variable(context: &Context, name: &str) -> Result<Bytes, CommandError> {
    match context.environment.get(name).filter(|value| !value.is_empty()) {
        Some(value) => Ok(value.to_owned().into()),
        None => Err(CommandError::other(format!(
            "cannot create store secret data: environment variable {name} is not set"
        ))),
    }
}

fn file(path: &str) -> Result<Bytes, CommandError> {
    let mut data = Vec::new();
    // One byte more than is allowed, so that the engine refuses what is too long.
    let most = MAX_SECRET as u64 + 1;
    if matches!(path, "-" | "/dev/stdin") {
        std::io::stdin().lock().take(most).read_to_end(&mut data)?;
    } else {
        let file = cove_sys::fs::File::open(path)
            .map_err(|error| CommandError::other(format!("open {path}: {}", chain(&error))))?;
        file.take(most).read_to_end(&mut data)?;
    }
    Ok(data.into())
}
