//! What a build takes from elsewhere: files of the web, and repositories through the installed git.

use std::path::Path;
use std::time::Duration;

use cove_api::{Error, ErrorKind, Result};
use cove_build::{Repository, is_commit};
use cove_registry::{Digest, DigestAlgorithm, Hasher};
use futures_util::StreamExt as _;
use rustix::fs::{Mode, OFlags, Timespec, Timestamps};
use std::io::Write as _;
use tokio::io::AsyncReadExt as _;

use super::context::Unpacked;
use super::report::Teller;
use crate::engine::Core;

/// Largest file that is fetched, in bytes.
const MAX_FILE: u64 = 16 << 30;
/// Longest time that git gets for one thing.
const GIT_TIME: Duration = Duration::from_secs(3600);
/// How much of git's answers is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;
/// Variables by which a git that runs this program means its own repository (`git rev-parse --local-env-vars`).
const GIT_OTHERS: [&str; 13] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_TEMPLATE_DIR",
];
/// Configuration of every git: nothing of a repository is run.
const GIT_CONFIGURATION: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.sshCommand=ssh -o BatchMode=yes",
    "init.templateDir=",
    "init.defaultBranch=main",
    "protocol.file.allow=never",
    "protocol.ext.allow=never",
    "advice.detachedHead=false",
];

/// A file that was fetched, in a folder of its own.
pub(super) struct WebFile {
    pub(super) folder: Unpacked,
    /// Its name there.
    pub(super) name: String,
    /// SHA-256 of what is in it.
    pub(super) digest: Digest,
}

/// Fetches a file; it must have the digest where one is given. Its name is that of the address, or `otherwise`.
pub(super) fn web_file(
    core: &Core,
    teller: &Teller,
    address: &str,
    expected: Option<&Digest>,
    otherwise: Option<&str>,
) -> Result<WebFile> {
    let folder = Unpacked::new(core)?;
    let work = received(&folder.folder, address, expected, otherwise);
    let (name, digest) =
        attended(teller, work).map_err(|error| error.context(format!("fetching {address}")))?;
    Ok(WebFile { folder, name, digest })
}

async fn received(
    folder: &Path,
    address: &str,
    expected: Option<&Digest>,
    otherwise: Option<&str>,
) -> Result<(String, Digest)> {
    let mut coming = cove_registry::download_guarded(address).await?;
    let name = coming.name.or_else(|| otherwise.map(ToOwned::to_owned));
    let name = name.ok_or_else(|| Error::invalid("its address ends with no name of a file"))?;
    let too_large = || Error::invalid(format!("it is larger than {} GiB", MAX_FILE >> 30));
    if coming.length.is_some_and(|length| length > MAX_FILE) {
        return Err(too_large());
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder.join(&name), flags, Mode::RUSR | Mode::WUSR);
    let mut file = std::fs::File::from(file.map_err(std::io::Error::from)?);
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut other = expected.map(|digest| Hasher::new(digest.algorithm()));
    let mut size = 0;
    while let Some(piece) = coming.pieces.next().await {
        let piece = piece.map_err(Error::from)?;
        size += piece.len() as u64;
        if size > MAX_FILE {
            return Err(too_large());
        }
        hasher.update(&piece);
        if let Some(other) = &mut other {
            other.update(&piece);
        }
        file.write_all(&piece)?;
    }
    if coming.length.is_some_and(|length| length != size) {
        return Err(Error::new(ErrorKind::Unavailable, "it ended before its end"));
    }
    if let (Some(expected), Some(other)) = (expected, other) {
        let is = other.finish();
        if is != *expected {
            return Err(Error::invalid(format!("its digest is {is}, not {expected}")));
        }
    }
    let time = Timespec { tv_sec: coming.modified.unwrap_or(0), tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::futimens(&file, &times).map_err(std::io::Error::from)?;
    Ok((name, hasher.finish()))
}

/// Waits for something as long as somebody wants the build.
fn attended<T>(teller: &Teller, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Handle::current().block_on(async {
        tokio::select! {
            done = work => done,
            () = teller.closed() => {
                Err(teller.check().err().unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "the build was given up")))
            }
        }
    })
}

/// The installed git, for one build.
pub(super) struct Git<'a> {
    teller: &'a Teller,
    program: std::path::PathBuf,
}

impl<'a> Git<'a> {
    pub(super) fn new(core: &Core, teller: &'a Teller) -> Result<Self> {
        let program =
            core.helper("git").map_err(|error| error.context("a repository needs the program git"))?;
        Ok(Self { teller, program })
    }

    /// The commit that a repository has now for what is asked of it.
    pub(super) fn commit_of(&self, repository: &Repository) -> Result<String> {
        let Repository { url, reference, .. } = repository;
        if repository.is_commit() {
            return Ok(reference.clone());
        }
        let peeled = format!("refs/tags/{reference}^{{}}");
        let wanted = match reference.as_str() {
            "" => vec!["HEAD".to_owned()],
            reference => vec![
                format!("refs/heads/{reference}"),
                peeled,
                format!("refs/tags/{reference}"),
                reference.to_owned(),
            ],
        };
        let mut words = vec!["ls-remote", "-q", "--", url.as_str()];
        words.extend(wanted.iter().map(String::as_str));
        let answer = self.run(Path::new("/"), &words)?;
        let lines: Vec<(&str, &str)> = answer.lines().filter_map(|line| line.split_once('\t')).collect();
        let named = |name: &String| lines.iter().find(|(_, own)| own == name).map(|(commit, _)| *commit);
        wanted.iter().find_map(named).filter(|commit| is_commit(commit)).map(ToOwned::to_owned).ok_or_else(
            || {
                let what = if reference.is_empty() { "HEAD" } else { reference };
                Error::not_found(format!("{url} has no branch, tag or commit {what:?}"))
            },
        )
    }

    /// Puts the files of a commit into an empty folder, with those of its submodules.
    pub(super) fn check_out(&self, url: &str, commit: &str, folder: &Path, keep_git_dir: bool) -> Result<()> {
        self.run(folder, &["init", "-q", "."])?;
        self.run(folder, &["remote", "add", "origin", url])?;
        let one = self.run(folder, &["fetch", "-q", "--depth", "1", "--no-tags", "origin", commit]);
        if let Err(error) = one {
            self.teller.check()?;
            // Not every server gives a commit by its name.
            tracing::debug!("fetching one commit of {url}: {error}");
            self.run(folder, &["fetch", "-q", "--tags", "origin"])?;
        }
        self.run(folder, &["checkout", "-q", "--force", commit])?;
        if cove_sys::fs::symlink_metadata(folder.join(".gitmodules")).is_ok_and(|data| data.is_file()) {
            self.run(folder, &["submodule", "-q", "update", "--init", "--recursive", "--depth", "1"])?;
        }
        if !keep_git_dir {
            cove_sys::fs::remove_dir_all(folder.join(".git"))?;
            return Ok(());
        }
        // Who has asked for it is no part of an image.
        let plain = cove_api::shown::without_credentials(url);
        if plain != url {
            self.run(folder, &["remote", "set-url", "origin", &plain])?;
            self.run(folder, &["submodule", "-q", "sync", "--recursive"])?;
        }
        Ok(())
    }

    fn run(&self, folder: &Path, words: &[&str]) -> Result<String> {
        let shown = words.first().copied().unwrap_or_default();
        let result = attended(self.teller, async {
            match tokio::time::timeout(GIT_TIME, self.answer(folder, words)).await {
                Ok(done) => done,
                Err(_) => Err(Error::new(
                    ErrorKind::Timeout,
                    format!("it did not end within {} minutes", GIT_TIME.as_secs() / 60),
                )),
            }
        });
        result.map_err(|error| error.context(format!("git {shown}")))
    }

    async fn answer(&self, folder: &Path, words: &[&str]) -> Result<String> {
        let mut command = tokio::process::Command::new(&self.program);
        for name in GIT_OTHERS {
            command.env_remove(name);
        }
        for setting in GIT_CONFIGURATION {
            command.args(["-c", setting]);
        }
        command.args(words).current_dir(folder);
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", "http:https:git:ssh");
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = Group(child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())));
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let (out, errors) = tokio::join!(text_of(out), text_of(errors));
        let status = child.wait().await?;
        drop(group);
        match status.success() {
            true => out,
            false => {
                let told = errors?.split_whitespace().collect::<Vec<_>>().join(" ");
                Err(Error::new(ErrorKind::Unavailable, told))
            }
        }
    }
}

/// Git and the programs it has started, which end with it.
struct Group(Option<rustix::process::Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // Of one that has ended nothing is left to end.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

async fn text_of(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> Result<String> {
    let mut data = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_ANSWER + 1).read_to_end(&mut data).await?;
    }
    if data.len() as u64 > MAX_ANSWER {
        return Err(Error::invalid("it answers more than is read"));
    }
    Ok(String::from_utf8_lossy(&data).into_owned())
}
