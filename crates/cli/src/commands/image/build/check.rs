//! `--check`: what is suspicious in a build file, without building it.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{BuildContext, Error};
use cove_build::{BuildFile, Facts, Ignore, excerpt, usual_rules};
use cove_tree::Root;

use super::args::Args;
use crate::command_error::{CommandError, CommandResult};
use crate::context::Context;

/// Says what is suspicious; the exit code is 1 where something is.
pub(super) async fn check(context: &Context, args: &Args, build: &BuildContext) -> CommandResult {
    let Some(first) = build.files.first() else {
        return Err(CommandError::other("--check needs a build file of this machine"));
    };
    let text = build.files.iter().map(|file| file.text.clone()).collect::<Vec<_>>().join(&b'\n');
    let named = |error: cove_build::BuildError| Error::from(error).context(&first.name);
    let file = BuildFile::parse(&text).map_err(named)?;
    let ignore = rules(build)?;
    let mut environments = BTreeMap::new();
    for stage in &file.stages {
        let image = &stage.from.image;
        if image != "scratch" && !image.contains('$') && !environments.contains_key(image) {
            // What is not here is not fetched for this: its variables are not known then.
            let known = context.engine().await?.images().inspect(image).await.ok();
            let names = known.map(|image| -> BTreeSet<String> {
                let names = image.config.env.iter().filter_map(|entry| entry.split('=').next());
                names.map(ToOwned::to_owned).collect()
            });
            environments.insert(image.clone(), names);
        }
    }
    let given: BTreeSet<&str> = args.build_arg.iter().filter_map(|text| text.split('=').next()).collect();
    let facts = Facts {
        environment: &|image| environments.get(image).cloned().flatten(),
        ignores: &|path| ignore.ignores(path.as_bytes()),
        given: &|name| given.contains(name),
    };
    let found = cove_build::check(&file, &facts);
    let printer = &context.printer;
    match found.len() {
        0 => printer.line("Check complete, no warnings found.")?,
        1 => printer.line("Check complete, 1 warning has been found!")?,
        count => printer.line(&format!("Check complete, {count} warnings have been found!"))?,
    }
    for warning in &found {
        printer.line("")?;
        printer.line(&format!("WARNING: {}", warning.rule))?;
        printer.line(&warning.text)?;
        printer.line(&format!("{}:{}", first.name, warning.line))?;
        printer.line("--------------------")?;
        for line in excerpt(&text, warning.line) {
            printer.line(&line)?;
        }
        printer.line("--------------------")?;
    }
    Ok(u8::from(!found.is_empty()))
}

/// The rules of what is ignored of a folder.
fn rules(build: &BuildContext) -> Result<Ignore, CommandError> {
    let found = match (&build.ignore, &build.directory) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(folder)) => {
            usual_rules(&Root::open(folder)?, build.files.first().map_or("", |file| &file.name))?
        }
        (None, None) => None,
    };
    Ok(found.map(|text| Ignore::of_text(&text)).transpose()?.unwrap_or_default())
}
