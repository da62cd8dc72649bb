//! What an image is built of, from the command line's folder, standard input, or neither.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cove_api::{BuildContext, BuildText, ByteStream, Error, OtherContext};
use cove_archive::{Kind, Member, Writer};
use cove_build::{Ignore, Location, Placing, Selection, Source, read_bounded, usual_file, usual_rules};
use cove_config::Environment;
use cove_tree::Root;
use futures_util::{StreamExt as _, stream};

use super::args::Args;
use super::preprocess::preprocessed;
use super::values::{agent, other_context, secret};
use crate::command_error::CommandError;
use crate::commands::common::stdin_stream;
use crate::context::Context;

/// How much of standard input says whether it is an archive.
const HEAD: usize = 64 << 10;
/// Largest build file that is fetched, in bytes.
const MAX_FETCHED: usize = 8 << 20;
/// Bytes of the archive that are sent at once.
const PIECE: usize = 256 << 10;

/// The context, and the names of its build files in the archive.
pub(super) async fn gather(
    context: &Context,
    args: &Args,
) -> Result<(Vec<String>, BuildContext), CommandError> {
    let place = Place::of(args)?;
    let with_variables;
    let environment = match args.variables.is_empty() {
        true => &context.environment,
        false => {
            let own = args.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            with_variables = Environment::new(context.environment.iter().chain(own));
            &with_variables
        }
    };
    let ignore = match args.ignorefile.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => Some(text_of(path)?),
        None => None,
    };
    let secrets = args.secret.iter().map(|text| secret(text, environment)).collect::<Result<_, _>>()?;
    let agents = args.ssh.iter().map(|text| agent(text, environment)).collect::<Result<_, _>>()?;
    let others = args.build_context.iter().map(|text| other_context(text)).collect::<Result<Vec<_>, _>>()?;
    let fetched = fetched_files(&args.file).await?;
    let stdin = args.stdin.then(stdin_stream);
    let mut given =
        BuildContext { ignore, secrets, agents, others, stdin, ..BuildContext::of_archive(empty()) };
    match place {
        Place::Stdin => {
            if args.file.iter().any(|file| file == "-") {
                return Err(CommandError::other("standard input cannot be both context and build file"));
            }
            from_stdin(args, given)
        }
        Place::Address(address) => {
            given.remote = address;
            // Those that are no files of this machine are files of what is fetched.
            let own = args.file.iter().all(|file| file == "-" || is_address(file));
            let names = match own && !args.file.is_empty() {
                true => {
                    let folder = Path::new("/");
                    let files = args.file.iter().map(|file| named(file, folder, &fetched, args));
                    given.files = files.collect::<Result<_, _>>()?;
                    beside(given.files.len())
                }
                false => args.file.clone(),
            };
            given.archive = packed(Beside::of(&given, &names), None);
            Ok((names, given))
        }
        Place::Folder(folder) => {
            let root = Root::open(&folder)?;
            given.files = match args.file.is_empty() {
                true => vec![usual_file(&root)?.ok_or_else(|| no_build_file(&folder))?],
                false => {
                    let files = args.file.iter().map(|file| named(file, &folder, &fetched, args));
                    files.collect::<Result<_, _>>()?
                }
            };
            let names = beside(given.files.len());
            given.archive = packed(Beside::of(&given, &names), Some(folder.clone()));
            given.directory = Some(folder);
            Ok((names, given))
        }
    }
}

/// Where the context is.
enum Place {
    Folder(PathBuf),
    Address(String),
    Stdin,
}

impl Place {
    fn of(args: &Args) -> Result<Self, CommandError> {
        let local = args.file.iter().find(|file| *file != "-" && !is_address(file));
        let word = match (args.words.first(), local) {
            (Some(word), _) => word.clone(),
            // The folder that the build file is in.
            (None, Some(file)) => match Path::new(file).parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_string_lossy().into_owned(),
                _ => ".".to_owned(),
            },
            (None, None) => ".".to_owned(),
        };
        if word == "-" {
            return Ok(Self::Stdin);
        }
        if !Path::new(&word).exists() && Location::parse(&word).map_err(Error::from)?.is_some() {
            return Ok(Self::Address(word));
        }
        let folder = cove_sys::fs::canonicalize(std::path::absolute(&word)?)?;
        match folder.is_dir() {
            true => Ok(Self::Folder(folder)),
            false => Err(CommandError::other(format!("context must be a directory: {word:?}"))),
        }
    }
}

fn is_address(file: &str) -> bool {
    file.starts_with("http://") || file.starts_with("https://")
}

fn no_build_file(folder: &Path) -> CommandError {
    CommandError::other(format!(
        "no Containerfile or Dockerfile specified or found in context directory, {}: no such file or directory",
        folder.display()
    ))
}

/// The build files that are named by their addresses.
async fn fetched_files(files: &[String]) -> Result<BTreeMap<String, BuildText>, CommandError> {
    let mut fetched = BTreeMap::new();
    for file in files.iter().filter(|file| is_address(file)) {
        let mut pieces = cove_registry::download(file).await.map_err(Error::from)?;
        let mut text = Vec::new();
        while let Some(piece) = pieces.next().await {
            text.extend_from_slice(&piece.map_err(Error::from)?);
            if text.len() > MAX_FETCHED {
                return Err(CommandError::other(format!(
                    "{file}: it is larger than {} MiB",
                    MAX_FETCHED >> 20
                )));
            }
        }
        fetched.insert(file.clone(), BuildText { name: file.clone(), text });
    }
    Ok(fetched)
}

/// How build files are called in the archive, where they are no part of the context.
fn beside(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{}{number}", BuildContext::FILE)).collect()
}

fn text_of(path: &str) -> Result<BuildText, CommandError> {
    let text = read_bounded(cove_sys::fs::File::open(path)?, path)?;
    Ok(BuildText { name: path.to_owned(), text })
}

/// A build file by its path, its path in the context, or its address.
fn named(
    file: &str,
    folder: &Path,
    fetched: &BTreeMap<String, BuildText>,
    args: &Args,
) -> Result<BuildText, CommandError> {
    if let Some(text) = fetched.get(file) {
        return Ok(text.clone());
    }
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
    if path.extension().is_some_and(|extension| extension == "in") {
        text.text = preprocessed(&text, folder, &args.cpp_flag)?;
    }
    Ok(text)
}

/// Standard input: a tar, or a build file alone.
fn from_stdin(args: &Args, mut given: BuildContext) -> Result<(Vec<String>, BuildContext), CommandError> {
    let mut head = Vec::new();
    std::io::stdin().lock().take(HEAD as u64).read_to_end(&mut head)?;
    if cove_tree::is_archive(&head) {
        let names = args.file.clone();
        let beside = Beside::of(&given, &[]);
        given.archive = written(move |out| {
            // All that follows the first end of an archive would be passed over.
            beside.write(out)?;
            let mut plain = cove_archive::unpacked(head.as_slice().chain(std::io::stdin().lock()))?;
            std::io::copy(&mut plain, out)?;
            Ok(())
        });
        return Ok((names, given));
    }
    let mut rest = head.as_slice().chain(std::io::stdin().lock());
    let text = read_bounded(&mut rest, "standard input")?;
    given.files = vec![BuildText { name: "Containerfile".into(), text }];
    let names = beside(1);
    given.archive = packed(Beside::of(&given, &names), None);
    Ok((names, given))
}

/// What is in an archive besides the context, for an engine that is not here.
struct Beside {
    /// The first build file as the user calls it, which may have rules of its own.
    first: String,
    files: Vec<(String, Vec<u8>)>,
    folders: Vec<(String, PathBuf)>,
    ignore: Option<BuildText>,
}

impl Beside {
    /// Of all that is given; the build files have these names.
    fn of(given: &BuildContext, names: &[String]) -> Self {
        let files = names.iter().cloned().zip(given.files.iter().map(|file| file.text.clone()));
        let secrets = given.secrets.iter().enumerate();
        let secrets = secrets.map(|(place, one)| (BuildContext::packed_secret(place), one.data.clone()));
        let others = given.others.iter().enumerate();
        let folders = others.filter_map(|(place, (_, other))| match other {
            OtherContext::Folder(path) => Some((BuildContext::packed_context(place), path.clone())),
            _ => None,
        });
        Self {
            first: given.files.first().map(|file| file.name.clone()).unwrap_or_default(),
            files: files.chain(secrets).collect(),
            folders: folders.collect(),
            ignore: given.ignore.clone(),
        }
    }

    /// Writes it, with the rules of what is ignored where some are given.
    fn write(&self, out: &mut dyn Write) -> Result<(), Error> {
        let rules = self.ignore.iter().map(|rules| (BuildContext::RULES, &rules.text));
        let files = self.files.iter().map(|(name, text)| (name.as_str(), text));
        for (name, text) in files.chain(rules) {
            Writer::new(&mut *out).file(name, text)?;
        }
        for (name, folder) in &self.folders {
            let root = Root::open(folder)?;
            let rules = usual_rules(&root, "")?;
            let directory = name.as_bytes();
            let header = Member::new(Kind::Directory, directory, 0o755);
            Writer::new(&mut *out).member(&header)?;
            write_folder(&root, rules, directory, out)?;
        }
        Ok(())
    }
}

/// Writes what the rules keep of a folder.
fn write_folder(
    root: &Root,
    rules: Option<BuildText>,
    directory: &[u8],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let rules = rules.map(|text| Ignore::of_text(&text)).transpose()?.unwrap_or_default();
    let source = Source { root, ignore: &rules };
    let selection = Selection::find(source, &[".".to_owned()], &[], false).map_err(Error::from)?;
    let placing = Placing { directory, times: true, ..Placing::default() };
    selection.write(&placing, out).map_err(Error::from)
}

/// A stream of nothing.
fn empty() -> ByteStream {
    Box::pin(stream::empty())
}

/// A tar of a folder without what is ignored, and of what is besides; packed when somebody reads it.
fn packed(beside: Beside, folder: Option<PathBuf>) -> ByteStream {
    written(move |out| {
        if let Some(folder) = &folder {
            let root = Root::open(folder)?;
            let rules = match &beside.ignore {
                Some(text) => Some(text.clone()),
                None => usual_rules(&root, &beside.first)?,
            };
            write_folder(&root, rules, b"", out)?;
        }
        // What is packed is what the rules keep. They must not hold once more, nor others of the context.
        let none = BuildText { name: String::new(), text: Vec::new() };
        Beside { ignore: folder.as_ref().map(|_| none).or(beside.ignore.clone()), ..beside }.write(out)?;
        Ok(out.write_all(&[0; 1024])?)
    })
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
