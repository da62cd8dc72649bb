//! What several commands share.

use bytes::{Bytes, BytesMut};
use cove_api::{ByteStream, Filters};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::command_error::CommandError;
use crate::context::Context;
use crate::format::{Report, Value, is_json, to_json};

/// Bytes read at once from an archive.
const PIECE: usize = 256 << 10;

/// Filters from `key=value` options; `fault` makes the complaint about one without `=`.
pub(crate) fn filters(texts: &[String], fault: impl Fn(&str) -> String) -> Result<Filters, CommandError> {
    let mut filters = Filters::new();
    for text in texts {
        let (key, value) = text.split_once('=').ok_or_else(|| CommandError::other(fault(text)))?;
        filters.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(filters)
}

/// The id in a file that the engine wrote: its first line. `what` is what Podman calls the file.
///
/// # Errors
/// It cannot be read, or is empty.
pub(crate) fn id_in(path: &str, what: &str) -> Result<String, CommandError> {
    let text = cove_sys::fs::read_to_string(path).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        CommandError::other(format!("reading {what}: open {path}: {reason}"))
    })?;
    match text.lines().next().map(str::trim) {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(CommandError::other(format!("reading {what}: {path}: name or ID cannot be empty"))),
    }
}

/// The complaint about a filter, as most commands word it.
pub(crate) fn filter_fault(text: &str) -> String {
    format!("invalid filter {text:?}: must be in the format \"filter=value\"")
}

/// Prints what `inspect` found: a JSON array, or a line for each by a template.
pub(crate) fn print_inspected(
    context: &Context,
    found: Vec<Value>,
    format: Option<&str>,
) -> Result<(), CommandError> {
    match format {
        None | Some("") => context.printer.document(&to_json(&Value::List(found), 5)),
        Some(format) if is_json(format) => context.printer.document(&to_json(&Value::List(found), 5)),
        Some(format) => {
            let report = Report::user("inspect", format)?;
            context.printer.text(&report.render(found, None)?)
        }
    }
}

/// Standard input as a stream, for archives.
pub(crate) fn stdin_stream() -> ByteStream {
    byte_stream(tokio::io::stdin())
}

/// A file as a stream.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn file_stream(path: &str) -> Result<ByteStream, CommandError> {
    let file = cove_sys::fs::File::open(path)?;
    Ok(byte_stream(tokio::fs::File::from_std(file.into_file())))
}

/// What a file has, or an `http` or `https` address.
///
/// # Errors
/// It cannot be opened or fetched.
pub(crate) async fn file_or_url_stream(place: &str) -> Result<ByteStream, CommandError> {
    if !place.starts_with("http://") && !place.starts_with("https://") {
        return file_stream(place);
    }
    let pieces = cove_registry::download(place).await.map_err(cove_api::Error::from)?;
    Ok(Box::pin(futures_util::TryStreamExt::map_err(pieces, cove_api::Error::from)))
}

/// The pieces that a reader gives.
pub(crate) fn byte_stream<R: AsyncRead + Unpin + Send + 'static>(reader: R) -> ByteStream {
    Box::pin(stream::try_unfold(reader, |mut reader| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = reader.read_buf(&mut piece).await.map_err(cove_api::Error::from)?;
        Ok((read > 0).then(|| (piece.freeze(), reader)))
    }))
}

/// Writes every piece of a stream to `write`.
pub(crate) async fn drain(
    mut pieces: ByteStream,
    mut write: impl FnMut(&Bytes) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    use futures_util::StreamExt;
    while let Some(piece) = pieces.next().await {
        write(&piece?)?;
    }
    Ok(())
}

/// `key=value` pairs, sorted, with commas.
pub(crate) fn joined_pairs(pairs: &cove_api::StringMap) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Asks whether to remove what is named, unless `force`.
pub(crate) fn confirmed<'a>(
    context: &Context,
    force: bool,
    what: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<bool, CommandError> {
    if force {
        return Ok(true);
    }
    context.printer.line(&format!("WARNING! This will remove {what}"))?;
    for name in names {
        context.printer.line(name)?;
    }
    let answer = crate::terminal::ask("Are you sure you want to continue? [y/N] ")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
