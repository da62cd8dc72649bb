//! What an image is built of, from the command line's folder, standard input, or neither.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cove_api::{BuildContext, BuildText, ByteStream, Error};
use cove_archive::Writer;
use cove_build::{Ignore, Ownership, Selection, Source, read_bounded, usual_file, usual_rules};
use cove_tree::Root;
use futures_util::stream;

use super::args::Args;
use super::values::secret;
use crate::command_error::CommandError;
use crate::commands::common::stdin_stream;
use crate::context::Context;

/// How much of standard input says whether it is an archive.
const HEAD: usize = 64 << 10;
/// Bytes of the archive that are sent at once.
const PIECE: usize = 256 << 10;

/// The context, and the names of its build files in the archive.
pub(super) fn gather(context: &Context, args: &Args) -> Result<(Vec<String>, BuildContext), CommandError> {
    let word = args.words.first().map_or(".", String::as_str);
    if ["http://", "https://", "git://", "git@", "ssh://"].iter().any(|scheme| word.starts_with(scheme)) {
        return Err(CommandError::other(format!("the context {word:?} is not supported: it is no folder")));
    }
    let secrets =
        args.secret.iter().map(|text| secret(text, &context.environment)).collect::<Result<_, _>>()?;
    let ignore = match args.ignorefile.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => Some(text_of(path)?),
        None => None,
    };
    if word == "-" {
        if args.file.iter().any(|file| file == "-") {
            return Err(CommandError::other("standard input cannot be both context and build file"));
        }
        return from_stdin(args, ignore, secrets);
    }
    let folder = std::path::absolute(word)?;
    let folder = cove_sys::fs::canonicalize(&folder)?;
    if !folder.is_dir() {
        return Err(CommandError::other(format!("context must be a directory: {word:?}")));
    }
    let root = Root::open(&folder)?;
    let files = match args.file.is_empty() {
        true => vec![usual_file(&root)?.ok_or_else(|| {
            CommandError::other(format!(
                "no Containerfile or Dockerfile specified or found in context directory, {}: no such file or directory",
                folder.display()
            ))
        })?],
        false => args.file.iter().map(|file| named(file, &folder)).collect::<Result<_, _>>()?,
    };
    let names = beside(files.len());
    let archive = packed(folder.clone(), files.clone(), names.clone(), ignore.clone());
    let context = BuildContext::of_archive(archive);
    Ok((names, BuildContext { directory: Some(folder), files, ignore, secrets, ..context }))
}

/// How build files are called in the archive, where they are no part of the context.
fn beside(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{}{number}", BuildContext::BESIDE)).collect()
}

fn text_of(path: &str) -> Result<BuildText, CommandError> {
    let text = read_bounded(cove_sys::fs::File::open(path)?, path)?;
    Ok(BuildText { name: path.to_owned(), text })
}

/// A build file by its path, or by its path in the context.
fn named(file: &str, folder: &Path) -> Result<BuildText, CommandError> {
    if file == "-" {
        let text = read_bounded(std::io::stdin().lock(), "standard input")?;
        return Ok(BuildText { name: "Containerfile".into(), text });
    }
    let inside = folder.join(file);
    let path = [PathBuf::from(file), inside.clone()].into_iter().find(|path| path.exists());
    let Some(path) = path else {
        return Err(CommandError::other(format!(
            "the specified Containerfile or Dockerfile does not exist, {}: no such file or directory",
            inside.display()
        )));
    };
    if path.is_dir() {
        return Err(CommandError::other(format!(
            "containerfile: {:?} cannot be path to a directory",
            path.display().to_string()
        )));
    }
    let mut text = text_of(&path.to_string_lossy())?;
    text.name = file.to_owned();
    Ok(text)
}

/// Standard input: a tar, or a build file alone.
fn from_stdin(
    args: &Args,
    ignore: Option<BuildText>,
    secrets: Vec<cove_api::BuildSecret>,
) -> Result<(Vec<String>, BuildContext), CommandError> {
    let mut head = Vec::new();
    std::io::stdin().lock().take(HEAD as u64).read_to_end(&mut head)?;
    if cove_tree::is_archive(&head) {
        use futures_util::StreamExt as _;
        let begin: ByteStream = Box::pin(stream::iter([Ok(Bytes::from(head))]));
        let archive: ByteStream = Box::pin(begin.chain(stdin_stream()));
        let context = BuildContext { ignore, secrets, ..BuildContext::of_archive(archive) };
        return Ok((args.file.clone(), context));
    }
    let mut rest = head.as_slice().chain(std::io::stdin().lock());
    let text = read_bounded(&mut rest, "standard input")?;
    let file = BuildText { name: "Containerfile".into(), text };
    let names = beside(1);
    let archive = archive_of(names.clone(), vec![file.clone()]);
    let context = BuildContext::of_archive(archive);
    Ok((names, BuildContext { files: vec![file], ignore, secrets, ..context }))
}

/// A tar of build files alone.
fn archive_of(names: Vec<String>, files: Vec<BuildText>) -> ByteStream {
    written(move |out| {
        add_files(&names, &files, out)?;
        Ok(out.write_all(&[0; 1024])?)
    })
}

/// A tar of a folder without what is ignored, and of the build files; packed when somebody reads it.
fn packed(
    folder: PathBuf,
    files: Vec<BuildText>,
    names: Vec<String>,
    ignore: Option<BuildText>,
) -> ByteStream {
    written(move |out| {
        let root = Root::open(&folder)?;
        let rules = match &ignore {
            Some(text) => Some(text.clone()),
            None => usual_rules(&root, files.first().map_or("", |file| &file.name))?,
        };
        let rules = rules.map(|text| Ignore::of_text(&text)).transpose()?.unwrap_or_default();
        let source = Source { root: &root, ignore: &rules };
        let selection = Selection::find(source, &[".".to_owned()], &[], false).map_err(Error::from)?;
        selection.write(b"", None, Ownership::Given(0, 0), None, true, out).map_err(Error::from)?;
        add_files(&names, &files, out)?;
        if let Some(name) = names.first() {
            // What is packed is what the rules keep. They must not hold once more, nor others of the context.
            Writer::new(&mut *out).file(&format!("{name}.containerignore"), b"")?;
        }
        Ok(out.write_all(&[0; 1024])?)
    })
}

fn add_files(names: &[String], files: &[BuildText], out: &mut dyn Write) -> Result<(), Error> {
    let mut tar = Writer::new(out);
    for (name, file) in names.iter().zip(files) {
        tar.file(name, &file.text)?;
    }
    Ok(())
}

/// A stream of what `write` writes, which begins with the first read.
fn written(write: impl FnOnce(&mut dyn Write) -> Result<(), Error> + Send + 'static) -> ByteStream {
    struct Pieces(tokio::sync::mpsc::Sender<Result<Bytes, Error>>);
    impl Write for Pieces {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(data)));
            sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let begun = async move {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::task::spawn_blocking(move || {
            let mut out = std::io::BufWriter::with_capacity(PIECE, Pieces(sender.clone()));
            let result = write(&mut out).and_then(|()| Ok(out.flush()?));
            if let Err(error) = result {
                let _ = sender.blocking_send(Err(error));
            }
        });
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
    };
    use futures_util::FutureExt as _;
    Box::pin(begun.flatten_stream())
}
