//! `--output`: where the files of the image go, or the image as an archive.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_api::{ArchiveFormat, Engine, SaveOptions};
use cove_sys::output::{Existing, OutputFile};
use cove_tree::{Root, Unpacking};

use super::args::Args;
use crate::command_error::CommandError;
use crate::commands::common::drain;
use crate::commands::untar::read_blocking;
use crate::context::Context;

/// What becomes of the image besides being in the store.
pub(super) enum Output {
    /// Nothing.
    Store,
    /// Its files go into a folder.
    Folder(PathBuf),
    /// Its files go into a tar, or the image into an archive.
    File(Contents, Target),
}

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    Files,
    Image(ArchiveFormat),
}

/// Where it goes.
pub(super) enum Target {
    Stdout,
    File(OutputFile),
}

/// An output as it is written.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    kind: String,
    destination: String,
}

impl Written {
    fn parse(text: &str) -> Result<Self, CommandError> {
        if text == "-" {
            return Ok(Self { kind: "tar".into(), destination: "-".into() });
        }
        if !text.contains('=') {
            return Ok(Self { kind: "local".into(), destination: text.into() });
        }
        let bad = |why: &str| CommandError::other(format!("invalid build output option {text:?}: {why}"));
        let (mut kind, mut destination) = (None, None);
        for field in text.split(',') {
            let (name, value) = field.split_once('=').ok_or_else(|| bad("a field without a value"))?;
            let place = match name {
                "type" => &mut kind,
                "dest" => &mut destination,
                _ => return Err(bad(&format!("unrecognized key {name:?}"))),
            };
            if place.replace(value.to_owned()).is_some() {
                return Err(bad(&format!("duplicate key {name:?}")));
            }
        }
        let kind = kind.unwrap_or_else(|| "local".into());
        match kind.as_str() {
            "local" | "tar" | "oci" | "docker" | "image" => {}
            _ => return Err(bad(&format!("invalid type {kind:?}: local, tar, oci, docker or image"))),
        }
        let destination = destination.unwrap_or_default();
        match (kind.as_str(), destination.as_str()) {
            ("local" | "tar" | "oci", "") => Err(bad("missing required key \"dest\"")),
            ("local", "-") => Err(bad("only one of a tar and an archive goes to standard output")),
            ("image", destination) if !destination.is_empty() => Err(bad("an image has no \"dest\"")),
            _ => Ok(Self { kind, destination }),
        }
    }
}

impl Output {
    /// Reads the option and opens the file that it names.
    pub(super) fn open(context: &Context, args: &Args) -> Result<Self, CommandError> {
        let text = match args.output.as_slice() {
            [] => return Ok(Self::Store),
            [text] => text,
            _ => return Err(CommandError::other("only one --output is supported")),
        };
        let Written { kind, destination } = Written::parse(text)?;
        let contents = match kind.as_str() {
            "local" => {
                let folder = PathBuf::from(destination);
                if folder.exists() && !folder.is_dir() {
                    return Err(CommandError::other(format!("{} is no folder", folder.display())));
                }
                return Ok(Self::Folder(folder));
            }
            "image" => return Ok(Self::Store),
            // As Docker's clients have it: into the store.
            "docker" if destination.is_empty() => return Ok(Self::Store),
            "tar" => Contents::Files,
            "oci" => Contents::Image(ArchiveFormat::OciArchive),
            _ => Contents::Image(ArchiveFormat::DockerArchive),
        };
        if destination == "-" {
            if context.printer.out_is_terminal() {
                return Err(CommandError::other("refusing to write an archive to a terminal: redirect it"));
            }
            return Ok(Self::File(contents, Target::Stdout));
        }
        let file = OutputFile::create(Path::new(&destination), Existing::Replace)?;
        Ok(Self::File(contents, Target::File(file)))
    }

    /// Whether standard output is the archive's, so that nothing else may be written to it.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::File(_, Target::Stdout))
    }

    /// Writes what was built.
    pub(super) async fn write(
        self,
        context: &Context,
        engine: &dyn Engine,
        id: &str,
    ) -> Result<(), CommandError> {
        let (contents, target) = match self {
            Self::Store => return Ok(()),
            Self::Folder(folder) => return unpack(context, engine, id, folder).await,
            Self::File(contents, target) => (contents, target),
        };
        let pieces = match contents {
            Contents::Files => engine.images().root_files(id).await?,
            Contents::Image(format) => {
                let options = SaveOptions { format, ..SaveOptions::default() };
                engine.images().save(vec![id.to_owned()], options).await?
            }
        };
        match target {
            Target::Stdout => drain(pieces, |piece| context.printer.bytes(piece)).await,
            Target::File(mut file) => {
                drain(pieces, |piece| file.write_all(piece).map_err(CommandError::from)).await?;
                Ok(file.finish()?)
            }
        }
    }
}

/// Puts the files of an image into a folder. Of an ordinary user they are his, and devices stay away.
async fn unpack(
    context: &Context,
    engine: &dyn Engine,
    id: &str,
    folder: PathBuf,
) -> Result<(), CommandError> {
    cove_sys::fs::create_dir_all(&folder)?;
    let root = Root::open(&folder)?;
    let is_root = rustix::process::geteuid().is_root() && !context.directories.user.rootless;
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let archive = engine.images().root_files(id).await?;
    read_blocking(archive, move |reader| {
        let unpacking = Unpacking {
            directory: b"",
            keep_directory: true,
            rename: &[],
            owner: (!is_root).then_some(own),
            owners: &|uid, gid| (uid, gid),
            overwrite: true,
            privileged: is_root,
        };
        cove_tree::unpack(&root, &unpacking, reader)
            .map_err(|error| cove_api::Error::from(error).context("writing the files of the image").into())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read() {
        for (text, expected) in [
            ("-", Some(("tar", "-"))),
            ("out", Some(("local", "out"))),
            ("type=tar,dest=-", Some(("tar", "-"))),
            ("dest=out", Some(("local", "out"))),
            ("type=oci,dest=x.tar", Some(("oci", "x.tar"))),
            ("type=docker", Some(("docker", ""))),
            ("type=image", Some(("image", ""))),
            ("type=local", None),
            ("type=local,dest=-", None),
            ("type=tar", None),
            ("type=registry,dest=x", None),
            ("type=tar,type=tar,dest=x", None),
            ("type=tar,dest=x,bogus=y", None),
            ("type=tar,dest", None),
        ] {
            let written = Written::parse(text).ok();
            let written =
                written.as_ref().map(|written| (written.kind.as_str(), written.destination.as_str()));
            assert_eq!(written, expected, "{text}");
        }
    }
}
