//! `cove context export`

use std::io::Write as _;
use std::path::Path;

use cove_api::{Error, ErrorKind};
use cove_archive::{Kind, Member, Writer};
use cove_sys::output::{Existing, OutputFile};

use crate::args::{at_least, at_most};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write a context with its keys to a tar archive
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The context, and the archive ("-" is standard output); without it NAME.dockercontext
    #[arg(value_name = "NAME [FILE]")]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("NAME [FILE|-]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 2)?;
    let name = args.words[0].as_str();
    let contexts = super::contexts(context)?;
    let found = contexts.get(name)?;
    let document = serde_json::to_vec(&found.document)
        .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    let archive = packed(&document, &contexts.tls(&found)?)?;
    let own = format!("{name}.dockercontext");
    let path = args.words.get(1).map_or(own.as_str(), String::as_str);
    if path == "-" {
        if context.printer.out_is_terminal() {
            return Err(CommandError::other(
                "cowardly refusing to export to a terminal, specify a file path",
            ));
        }
        context.printer.bytes(&archive)?;
        return Ok(0);
    }
    // A file that is there may be all that is left of a key.
    let written = OutputFile::create(Path::new(path), Existing::Refuse).and_then(|mut file| {
        only_for_the_user(Path::new(path))?;
        file.write_all(&archive)?;
        file.finish()
    });
    written.map_err(|error| super::of_file(path, error))?;
    context.printer.error_line(&format!("Written file {path:?}"));
    Ok(0)
}

/// Keys are nobody else's business.
fn only_for_the_user(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    cove_sys::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// As Docker's program packs it: the document, then the TLS files of each endpoint.
fn packed(document: &[u8], tls: &[(String, Vec<u8>)]) -> Result<Vec<u8>, CommandError> {
    let mut archive = Vec::new();
    let mut writer = Writer::new(&mut archive);
    let mut file = |name: &str, mode, data: &[u8]| -> std::io::Result<()> {
        let size = data.len() as u64;
        writer.member(&Member { size, ..Member::new(Kind::File, name.as_bytes(), mode) })?;
        writer.data(data)?;
        writer.pad(size)
    };
    file("meta.json", 0o644, document)?;
    for (name, data) in tls {
        file(&format!("tls/docker/{name}"), 0o600, data)?;
    }
    writer.finish()?;
    Ok(archive)
}
