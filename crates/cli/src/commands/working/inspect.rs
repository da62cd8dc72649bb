//! `cove build-container inspect`

use serde_json::{Map, Value};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::print_inspected;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Report, to_json, to_value};

/// Show all about a working container or an image
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "CONTAINER|IMAGE")]
    words: Vec<String>,
    /// Output by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// What is meant: container or image; without it an image where there is no such container
    #[arg(long, short, value_name = "KIND")]
    r#type: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER|IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 1)?;
    let name = &args.words[0];
    let engine = context.engine().await?;
    let found = match args.r#type.as_deref() {
        None | Some("container") => engine.working().inspect(name).await,
        Some("image") => Err(cove_api::Error::not_found("")),
        Some(other) => {
            return Err(CommandError::other(format!(
                "the only recognized types are \"container\" and \"image\": {other:?}"
            )));
        }
    };
    let document = match found {
        Ok(found) => found.document,
        Err(error)
            if error.kind == cove_api::ErrorKind::NotFound && args.r#type.as_deref() != Some("container") =>
        {
            let image = engine.images().inspect(name).await?;
            print_inspected(context, vec![to_value(&image)], args.format.as_deref())?;
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    match args.format.as_deref() {
        None | Some("") => context.printer.document(&to_json(&to_value(&document), 4))?,
        Some(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(vec![to_value(&with_go_names(document))], None)?)?;
        }
    }
    Ok(0)
}

/// The parts whose names in JSON are other ones than those that templates use.
fn with_go_names(mut document: Value) -> Value {
    for part in ["OCIv1", "Docker"] {
        if let Some(Value::Object(image)) = document.get_mut(part) {
            let named = std::mem::take(image).into_iter().map(|(key, value)| (go_name(&key), value));
            *image = named.collect::<Map<String, Value>>();
        }
    }
    document
}

fn go_name(key: &str) -> String {
    match key {
        "os" => "OS".into(),
        "rootfs" => "RootFS".into(),
        "os.version" => "OSVersion".into(),
        "os.features" => "OSFeatures".into(),
        key => {
            let mut letters = key.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
        }
    }
}
