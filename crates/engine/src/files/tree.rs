//! The layers of an image as a tree, for people.

use std::fmt::Write as _;

use cove_api::Result;
use cove_storage::{Image, Layer};

use crate::engine::Core;
use crate::error::storage;
use crate::image::lookup;

/// The layers of an image, the lowest first, or all that is built on its topmost.
pub(super) fn tree(core: &Core, name: &str, what_requires: bool) -> Result<String> {
    let image = lookup::find(core, name)?.image;
    let store = core.store()?;
    let images = store.images().map_err(storage)?;
    let size = store.image_size(&image.id).map_err(storage)?;
    let mut text = format!(
        "Image ID: {}\nTags:     [{}]\nSize:     {}\n",
        short(&image.id),
        image.names.join(" "),
        decimal(size)
    );
    let Some(top) = image.top_layer() else { return Ok(text + "No Image Layers\n") };
    text.push_str("Image Layers\n");
    if what_requires {
        let layers = store.layers().map_err(storage)?;
        children(&mut text, &layers, &images, top, "");
        return Ok(text);
    }
    let chain = store.image_layers(&image.id).map_err(storage)?;
    for (index, layer) in chain.iter().enumerate() {
        let branch = if index + 1 == chain.len() { "└── " } else { "├── " };
        let _ = writeln!(text, "{branch}{}", shown(layer, &images));
    }
    Ok(text)
}

/// What is built on a layer, indented below it.
fn children(text: &mut String, layers: &[Layer], images: &[Image], parent: &str, indent: &str) {
    // No image has more layers than that; a damaged table may have a circle.
    const DEEPEST: usize = 4 * 500;
    if indent.len() > DEEPEST {
        return;
    }
    let below: Vec<&Layer> = layers.iter().filter(|layer| layer.parent() == Some(parent)).collect();
    for (index, layer) in below.iter().enumerate() {
        let last = index + 1 == below.len();
        let (branch, bar) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let _ = writeln!(text, "{indent}{branch}{}", shown(layer, images));
        children(text, layers, images, &layer.id, &format!("{indent}{bar}"));
    }
}

fn shown(layer: &Layer, images: &[Image]) -> String {
    let names: Vec<&str> = images
        .iter()
        .filter(|image| image.top_layer() == Some(layer.id.as_str()))
        .flat_map(|image| image.names.iter().map(String::as_str))
        .collect();
    let size = decimal(u64::try_from(layer.diff_size).unwrap_or_default());
    let mut text = format!("ID: {} Size: {size:>7}", short(&layer.id));
    if !names.is_empty() {
        let _ = write!(text, " Top Layer of: [{}]", names.join(" "));
    }
    text
}

/// Bytes in units of 1000 with at most four digits.
#[allow(clippy::cast_precision_loss, reason = "a size for people")]
fn decimal(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        _ if unit == 0 => 0,
        value if value >= 100.0 => 1,
        value if value >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
