//! `cove history`

use cove_api::ImageHistoryRow;
use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::exactly;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json};
use crate::render::{human_size, short_id};

/// Show the steps an image was made by
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the image
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Sizes and times for people
    #[arg(long, short = 'H', default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    human: bool,
    /// Whole ids and commands
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.images, 1)?;
    let steps = context.engine().await?.images().history(&args.images[0]).await?;
    if args.format.as_deref().is_some_and(is_json) {
        let rows = steps.iter().map(json_row).collect();
        context.printer.document(&to_json(&Value::List(rows), 4))?;
        return Ok(0);
    }
    let id = |step: &ImageHistoryRow| {
        let hex = step.id.strip_prefix("sha256:").unwrap_or(&step.id);
        let hex = if hex.is_empty() { "<missing>" } else { hex };
        if args.no_trunc { hex.to_owned() } else { short_id(hex).to_owned() }
    };
    if args.quiet {
        for step in &steps {
            context.printer.line(&id(step))?;
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows = steps
        .iter()
        .map(|step| {
            let time = Timestamp::from_second(step.created).unwrap_or(Timestamp::UNIX_EPOCH);
            let created = if args.human { ago(time, now) } else { time.to_string() };
            let size = if args.human { human_size(step.size, 3) } else { step.size.to_string() };
            let by = if args.no_trunc { step.created_by.clone() } else { cut(&step.created_by, 45) };
            Struct::new("images.historyReporter")
                .with("ID", id(step))
                .with("Created", created.clone())
                .with("CreatedSince", created)
                .with("CreatedAt", time.to_string())
                .with("CreatedBy", by)
                .with("Size", size)
                .with("Comment", step.comment.as_str())
                .with("Tags", step.tags.clone())
                .into()
        })
        .collect();
    let report = match &args.format {
        Some(format) => Report::user("history", format)?,
        None => Report::own("history", "{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}")?,
    };
    context.printer.text(&report.render(rows, Some(Headers(&[("CreatedBy", "CREATED BY")])))?)?;
    Ok(0)
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(3)).collect::<String>() + "..."
}

fn json_row(step: &ImageHistoryRow) -> Value {
    let hex = step.id.strip_prefix("sha256:").unwrap_or(&step.id);
    let mut row = Struct::new("history")
        .with("id", hex)
        .with("created", Timestamp::from_second(step.created).unwrap_or(Timestamp::UNIX_EPOCH))
        .with("CreatedBy", step.created_by.as_str());
    if !step.tags.is_empty() {
        row.set("tags", step.tags.clone());
    }
    row.set("size", step.size).set("comment", step.comment.as_str());
    row.into()
}
