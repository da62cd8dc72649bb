//! `cove build-container config`

use cove_api::{WorkingChange, WorkingReplacement};
use cove_spec::health;

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Change what the image in the making says of itself
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container
    #[arg(value_name = "CONTAINER")]
    words: Vec<String>,
    /// Note the change in the image's history
    #[arg(long)]
    add_history: bool,
    /// Annotation of the manifest, NAME=VALUE; NAME- takes one away, "-" all
    #[arg(long, short, value_name = "ANNOTATION")]
    annotation: Vec<String>,
    /// Architecture
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Who makes it
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
    /// The command: words, or a list in JSON
    #[arg(long, value_name = "COMMAND")]
    cmd: Option<String>,
    /// How it was made, for the history
    #[arg(long, value_name = "TEXT")]
    created_by: Option<String>,
    /// The entry point: a line for the shell, or a list in JSON
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Variable, NAME=VALUE; NAME- takes one away, "-" all
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Command of the health check: CMD …, CMD-SHELL …, NONE
    #[arg(long, value_name = "COMMAND")]
    healthcheck: Option<String>,
    /// Pause between health checks
    #[arg(long, value_name = "DURATION")]
    healthcheck_interval: Option<String>,
    /// Failures after which it is not healthy
    #[arg(long, value_name = "NUMBER")]
    healthcheck_retries: Option<u32>,
    /// Time in which failures do not count
    #[arg(long, value_name = "DURATION")]
    healthcheck_start_period: Option<String>,
    /// Longest time a health check may take
    #[arg(long, value_name = "DURATION")]
    healthcheck_timeout: Option<String>,
    /// A word on it, for the history
    #[arg(long, value_name = "TEXT")]
    history_comment: Option<String>,
    /// Label, NAME=VALUE; NAME- takes one away, "-" all
    #[arg(long, short, value_name = "LABEL")]
    label: Vec<String>,
    /// Instruction for builds on this image; an empty one takes all away
    #[arg(long, value_name = "INSTRUCTION")]
    onbuild: Vec<String>,
    /// Operating system
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// What the operating system must have; with a trailing "-" it does not
    #[arg(long, value_name = "FEATURE")]
    os_feature: Vec<String>,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Port, NUMBER[/PROTOCOL]; PORT- takes one away, "-" all
    #[arg(long, short, value_name = "PORT")]
    port: Vec<String>,
    /// The shell of commands
    #[arg(long, value_name = "SHELL")]
    shell: Option<String>,
    /// The signal that ends it
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// The user
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
    /// Volume; PATH- takes one away, "-" all
    #[arg(long, short, value_name = "PATH")]
    volume: Vec<String>,
    /// The working directory
    #[arg(long, value_name = "PATH")]
    workingdir: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 1)?;
    let healthcheck = healthcheck(&args)?;
    let replace = WorkingReplacement {
        cmd: args.cmd.as_deref().map(words).transpose()?,
        entrypoint: args.entrypoint.as_deref().map(entrypoint),
        user: args.user,
        working_dir: args.workingdir,
        stop_signal: args.stop_signal,
        shell: args.shell.as_deref().map(words).transpose()?,
        healthcheck,
    };
    let change = WorkingChange {
        author: args.author,
        arch: args.arch,
        os: args.os,
        variant: args.variant,
        os_version: args.os_version,
        os_features: args.os_feature,
        created_by: args.created_by,
        history_comment: args.history_comment,
        annotations: args.annotation,
        labels: args.label,
        env: args.env,
        ports: args.port,
        volumes: args.volume,
        on_build: args.onbuild,
        replace,
        add_history: args.add_history,
    };
    context.engine().await?.working().configure(&args.words[0], change).await?;
    Ok(0)
}

/// A list in JSON, or words as a shell parts them.
fn words(text: &str) -> Result<Vec<String>, CommandError> {
    if let Ok(list) = serde_json::from_str(text) {
        return Ok(list);
    }
    shlex::split(text).ok_or_else(|| CommandError::other(format!("{text:?} has a quote that does not end")))
}

/// A list in JSON, or a line for the shell.
fn entrypoint(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(list) => list,
        Err(_) if text.is_empty() => Vec::new(),
        Err(_) => vec!["/bin/sh".into(), "-c".into(), text.to_owned()],
    }
}

fn healthcheck(args: &Args) -> Result<Option<serde_json::Value>, CommandError> {
    let command = args.healthcheck.as_deref().map(|text| match text.split_once(' ') {
        Some(("CMD-SHELL", rest)) => rest.to_owned(),
        Some(("CMD", rest)) => match serde_json::from_str::<Vec<String>>(rest) {
            Ok(_) => rest.to_owned(),
            Err(_) => serde_json::json!(shlex::split(rest).unwrap_or_default()).to_string(),
        },
        _ if text == "NONE" => "none".to_owned(),
        _ => text.to_owned(),
    });
    let texts = health::CheckTexts {
        command: command.as_deref(),
        interval: args.healthcheck_interval.as_deref(),
        timeout: args.healthcheck_timeout.as_deref(),
        start_period: args.healthcheck_start_period.as_deref(),
        retries: args.healthcheck_retries,
    };
    let check = health::check(&texts)?;
    let value = check.map(serde_json::to_value).transpose();
    value.map_err(|error| CommandError::other(format!("--healthcheck: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_or_lists() {
        assert_eq!(words("a 'b c'").unwrap(), ["a", "b c"]);
        assert_eq!(words(r#"["a", "b c"]"#).unwrap(), ["a", "b c"]);
        assert!(words("a '").is_err());
        assert_eq!(entrypoint("a b"), ["/bin/sh", "-c", "a b"]);
        assert_eq!(entrypoint(r#"["a"]"#), ["a"]);
        assert!(entrypoint("").is_empty());
    }
}
