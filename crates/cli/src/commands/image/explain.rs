//! `cove image explain`

use cove_api::{ExplainedCandidate, ExplainedPlace, ImageExplanation, PullOptions, PullPolicy};

use super::pull::PlatformArgs;
use crate::args::registry::RegistryArgs;
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, is_json, to_json, to_value};
use crate::render::{human_size_spaced, short_id};

/// Say where the name of an image leads and why, without pulling it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name, as it would be pulled
    #[arg(value_name = "IMAGE")]
    name: String,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    let [os, arch, variant] = args.platform.parts()?;
    let access = args.registry.access()?;
    let policy = PullPolicy::Always;
    let options = PullOptions { policy, os, arch, variant, access, ..PullOptions::default() };
    let explanation = context.engine().await?.images().explain(&args.name, options).await?;
    match args.format.as_deref() {
        None | Some("") => {
            for line in lines(&explanation) {
                context.printer.line(&line)?;
            }
        }
        Some(format) if is_json(format) => context.printer.document(&to_json(&to_value(&explanation), 4))?,
        Some(format) => {
            let report = Report::user("explain", format)?;
            context.printer.text(&report.render(vec![to_value(&explanation)], None)?)?;
        }
    }
    Ok(0)
}

fn lines(explanation: &ImageExplanation) -> Vec<String> {
    let mut lines = vec![explanation.name.clone()];
    let mut say = |word: &str, text: &str| lines.push(format!("  {word:<12}{text}"));
    say("here:", &here(explanation));
    say("resolution:", &explanation.resolution);
    say("platform:", &explanation.platform);
    let policy = match explanation.policy_file.as_str() {
        "" => "there is no policy.json: everything is accepted",
        file => file,
    };
    say("policy:", policy);
    let mut answered = false;
    for (position, candidate) in explanation.candidates.iter().enumerate() {
        lines.push(format!("{}. {}", position + 1, candidate.reference));
        lines.extend(of_candidate(candidate, answered).into_iter().map(|line| format!("     {line}")));
        answered |= !candidate.image_id.is_empty();
    }
    lines
}

fn here(explanation: &ImageExplanation) -> String {
    match (explanation.local_id.as_str(), explanation.local_name.as_str()) {
        ("", _) => "no".to_owned(),
        (id, "") => short_id(id).to_owned(),
        (id, name) => format!("{} as {name}", short_id(id)),
    }
}

fn of_candidate(candidate: &ExplainedCandidate, answered: bool) -> Vec<String> {
    let mut lines: Vec<String> = candidate.places.iter().map(place).collect();
    if !candidate.refused.is_empty() {
        lines.push(format!("refused: {}", candidate.refused));
        return lines;
    }
    if !candidate.asked {
        let why = if answered { "not asked, since the one before has it" } else { "not asked" };
        lines.push(why.to_owned());
        return lines;
    }
    if !candidate.answered.is_empty() {
        let kind = if candidate.is_list { "list" } else { "image" };
        lines.push(format!("{} answers: {kind} {}", candidate.answered, candidate.digest));
    }
    if !candidate.error.is_empty() {
        lines.push(format!("error: {}", candidate.error));
    }
    if !candidate.image_id.is_empty() {
        if candidate.is_list {
            lines.push(format!("for this platform: image {}", candidate.image_digest));
        }
        let size = human_size_spaced(i64::try_from(candidate.size).unwrap_or(i64::MAX));
        lines.push(format!(
            "id {}, {} layers, {size} packed",
            short_id(&candidate.image_id),
            candidate.layers
        ));
    }
    lines
}

fn place(place: &ExplainedPlace) -> String {
    let kind = if place.mirror { "mirror" } else { "from" };
    let insecure = if place.insecure { " (certificates are not checked)" } else { "" };
    format!("{kind} {}{insecure}", place.reference)
}
