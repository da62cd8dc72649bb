//! `cove image mount`

use cove_api::{ImageListOptions, MountedFiles};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Struct, Value, align, is_json, to_json};

/// Mount the file systems of images, read-only, and show where, or show what is mounted
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; none shows what is mounted
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Every image
    #[arg(long, short)]
    all: bool,
    /// Output as json
    #[arg(long, value_name = "FORMAT", default_value = "", hide_default_value = true)]
    format: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    if !args.images.is_empty() && args.all {
        return Err(CommandError::other(
            "when using the --all switch, you may not pass any image names or IDs",
        ));
    }
    if !args.format.is_empty() && !is_json(&args.format) {
        return Err(CommandError::other(format!("unknown --format argument: {:?}", args.format)));
    }
    let engine = context.engine().await?;
    if args.images.is_empty() && !args.all {
        return show(context, &args.format, &engine.files().image_mounts().await?);
    }
    let single = args.images.len() == 1 && args.format.is_empty();
    let names = if args.all {
        let images = engine.images().list(ImageListOptions::default()).await?;
        // Those that came first come first.
        images.into_iter().rev().map(|image| image.id).collect()
    } else {
        args.images
    };
    let mut failures = Failures::default();
    let mut mounted = Vec::new();
    for name in names {
        mounted.extend(failures.note(engine.files().mount_image(&name).await));
    }
    if single {
        for mount in &mounted {
            context.printer.line(&mount.path)?;
        }
    } else {
        show(context, &args.format, &mounted)?;
    }
    failures.finish()
}

fn show(context: &Context, format: &str, mounts: &[MountedFiles]) -> CommandResult {
    if is_json(format) {
        let rows = mounts.iter().map(|mount| {
            Struct::new("mount")
                .with("id", mount.id.as_str())
                .with("Names", mount.names.iter().take(1).cloned().collect::<Vec<_>>())
                .with("Repositories", mount.names.clone())
                .with("mountpoint", mount.path.as_str())
                .into()
        });
        context.printer.document(&to_json(&Value::List(rows.collect()), 1))?;
        return Ok(0);
    }
    let mut text = String::new();
    for mount in mounts {
        let name = mount.names.first().unwrap_or(&mount.id);
        text.push_str(&format!("{}\t{}\n", cove_api::shown::cell(name), cove_api::shown::cell(&mount.path)));
    }
    context.printer.text(&align(&text))?;
    Ok(0)
}
