//! `cove system check`

use std::collections::BTreeMap;

use cove_api::{SystemCheckOptions, SystemCheckReport};

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Look for damage in the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Remove damaged images, and damaged containers with what they wrote
    #[arg(long, short)]
    force: bool,
    /// How old a layer may be that nothing needs
    #[arg(long, short, value_name = "DURATION", default_value = "24h", hide_default_value = true)]
    max: String,
    /// Leave out what takes long
    #[arg(long, short)]
    quick: bool,
    /// Remove damaged images
    #[arg(long, short)]
    repair: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.max != "0" {
        cove_api::time::duration(&args.max)?;
    }
    let options = SystemCheckOptions {
        quick: args.quick,
        repair: args.repair,
        repair_lossy: args.force,
        unreferenced_layer_max_age: args.max,
    };
    let system = context.engine().await?.system();
    let report = system.check(options.clone()).await?;
    context.printer.text(&text(&report))?;
    if !report.errors {
        return Ok(0);
    }
    if !options.repair && !options.repair_lossy {
        return Err(CommandError::other("damage detected in local storage"));
    }
    let again = SystemCheckOptions { repair: false, repair_lossy: false, ..options };
    if system.check(again).await?.errors {
        return Err(CommandError::other("damage in local storage still present after repair attempt"));
    }
    Ok(0)
}

/// What is wrong, and what was done.
fn text(report: &SystemCheckReport) -> String {
    let mut text = String::new();
    let mut damaged = |what: &str, found: &BTreeMap<String, Vec<String>>| {
        for (id, faults) in found.iter().filter(|(_, faults)| !faults.is_empty()) {
            text.push_str(&format!("Damaged {what} {id}:\n"));
            for fault in faults {
                text.push_str(&format!("\t* {}\n", cove_api::shown::line(fault)));
            }
        }
    };
    damaged("layer", &report.layers);
    damaged("read-only layer", &report.read_only_layers);
    damaged("image", &report.images);
    damaged("read-only image", &report.read_only_images);
    damaged("container", &report.containers);
    let layers = report.removed_layers.iter().map(|id| ("layer", id));
    let images = report.removed_images.keys().map(|id| ("image", id));
    let containers = report.removed_containers.keys().map(|id| ("container", id));
    for (what, id) in layers.chain(images).chain(containers) {
        text.push_str(&format!("Deleted damaged {what}: {id}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told() {
        let report = SystemCheckReport {
            errors: true,
            layers: [("l".into(), vec!["checksum failed".into(), "layer missing".into()])].into(),
            removed_images: [("i".into(), vec![])].into(),
            ..SystemCheckReport::default()
        };
        assert_eq!(
            text(&report),
            "Damaged layer l:\n\t* checksum failed\n\t* layer missing\nDeleted damaged image: i\n"
        );
        assert_eq!(text(&SystemCheckReport::default()), "");
    }
}
