//! `--metadata-file`: what an image that was built is.

use std::io::Write as _;

use cove_api::Engine;
use cove_sys::output::OutputFile;
use serde_json::{Map, Value, json};

use crate::command_error::CommandError;

/// Writes it as BuildKit's clients do.
pub(super) async fn write(
    engine: &dyn Engine,
    id: &str,
    tags: &[String],
    mut file: OutputFile,
) -> Result<(), CommandError> {
    let image = engine.images().inspect(id).await?;
    let config = format!("sha256:{}", image.id);
    let mut facts = Map::new();
    facts.insert("buildx.build.ref".into(), json!(id));
    facts.insert("containerimage.config.digest".into(), json!(config));
    facts.insert("containerimage.digest".into(), json!(image.digest));
    let descriptor = json!({"mediaType": image.manifest_type, "digest": image.digest});
    facts.insert("containerimage.descriptor".into(), descriptor);
    if !tags.is_empty() {
        let names: Vec<&str> = image
            .repo_tags
            .iter()
            .map(String::as_str)
            .filter(|name| tags.iter().any(|tag| named(name, tag)))
            .collect();
        facts.insert("image.name".into(), json!(names.join(",")));
    }
    let text = serde_json::to_vec_pretty(&Value::Object(facts))
        .map_err(|error| CommandError::other(error.to_string()))?;
    file.write_all(&text)?;
    Ok(file.finish()?)
}

/// Whether a whole name is what a user has called it.
fn named(name: &str, tag: &str) -> bool {
    let is =
        |tag: &str| name.strip_suffix(tag).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    is(tag) || is(&format!("{tag}:latest"))
}
