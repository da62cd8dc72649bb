//! `cove context import`

use std::io::Read as _;

use cove_api::{Error, ErrorKind};
use cove_archive::{Kind, Reader, Streamed, clean_name, unpacked};
use serde_json::{Map, Value};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Longest archive, in bytes, packed or not.
const LONGEST: u64 = 10 << 20;

/// Make a context of an archive that export has written
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The new context's name, and the archive ("-" is standard input)
    #[arg(value_name = "NAME FILE")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME FILE|-", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let (name, path) = (args.words[0].as_str(), args.words[1].as_str());
    let contexts = super::contexts(context)?;
    contexts.check_new(name)?;
    let mut archive = Vec::new();
    let read = match path {
        "-" => std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut archive),
        path => {
            cove_sys::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut archive))
        }
    };
    read.map_err(|error| super::of_file(path, error))?;
    if archive.len() as u64 > LONGEST {
        return Err(wrong(path, format!("it has more than {LONGEST} bytes")));
    }
    if archive.starts_with(b"PK\x03\x04") {
        return Err(CommandError::from(Error::unsupported(format!(
            "{path}: zip files are not read: only tar archives"
        ))));
    }
    let (document, tls) = unpack(&archive).map_err(|reason| wrong(path, reason))?;
    contexts.add(name, document, &tls)?;
    context.printer.line(name)?;
    context.printer.error_line(&format!("Successfully imported context {name:?}"));
    Ok(0)
}

fn wrong(path: &str, reason: String) -> CommandError {
    CommandError::from(Error::new(
        ErrorKind::InvalidArgument,
        format!("{path}: it is no exported context: {reason}"),
    ))
}

type Unpacked = (Map<String, Value>, Vec<(String, Vec<u8>)>);

/// The document and the TLS files in an archive. What does not belong there is refused.
fn unpack(archive: &[u8]) -> Result<Unpacked, String> {
    let plain = unpacked(archive).map_err(|error| error.to_string())?.take(LONGEST + 1);
    let mut reader = Reader::new(Streamed::new(plain));
    let (mut document, mut tls) = (None, Vec::new());
    while let Some(entry) = reader.next().map_err(|error| error.to_string())? {
        let name = clean_name(&entry.header.name).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).into_owned();
        if entry.header.kind == Kind::Directory {
            continue;
        }
        if entry.header.kind != Kind::File || entry.header.size > LONGEST {
            return Err(format!("{name:?} is no plain file, or too large"));
        }
        let mut data = Vec::new();
        loop {
            let piece = reader.peek().map_err(|error| error.to_string())?;
            let length = piece.len();
            if length == 0 {
                break;
            }
            data.extend_from_slice(piece);
            reader.consume(length).map_err(|error| error.to_string())?;
        }
        match name.as_str() {
            "meta.json" => document = Some(data),
            "tls/docker/ca.pem" | "tls/docker/cert.pem" | "tls/docker/key.pem" => {
                tls.push((name.rsplit('/').next().unwrap_or_default().to_owned(), data));
            }
            _ => return Err(format!("unexpected file {name:?}")),
        }
    }
    let document = document.ok_or("there is no meta.json in it")?;
    match serde_json::from_slice(&document) {
        Ok(Value::Object(document)) => Ok((document, tls)),
        _ => Err("meta.json is no JSON object".to_owned()),
    }
}
