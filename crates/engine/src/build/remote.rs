//! Sources of `ADD` that are no paths: addresses of the web and repositories of git.

use cove_api::{Error, Result};
use cove_build::{BuildError, Copying, Ignore, Location, Repository, Source};
use cove_registry::Digest;
use cove_tree::Root;
use serde_json::{Value, json};

use super::context::Unpacked;
use super::fetch::{Git, WebFile, web_file};
use super::report::Teller;
use crate::engine::Core;

/// A source that is fetched.
pub(super) enum Remote {
    /// A file.
    Web {
        address: String,
        /// What it must have.
        checksum: Option<Digest>,
        /// The file, where it was needed to know what it is.
        file: Option<WebFile>,
        /// Its name where its address has none.
        otherwise: Option<&'static str>,
    },
    /// The files of a commit.
    Git { repository: Repository, commit: String, keep_git_dir: bool },
}

/// Where something that was fetched is.
pub(super) struct Fetched {
    /// Taken away when it is dropped.
    _folder: Unpacked,
    root: Root,
    ignore: Ignore,
    /// What of it is copied.
    pub(super) pattern: String,
    /// It is a folder, whose contents are copied.
    pub(super) is_tree: bool,
}

impl Fetched {
    pub(super) fn source(&self) -> Source<'_> {
        Source { root: &self.root, ignore: &self.ignore }
    }
}

impl Remote {
    /// Looks at a source; [`None`] for a path. Where an address has no name for its file, it is called `otherwise`.
    pub(super) fn find(
        core: &Core,
        teller: &Teller,
        text: &str,
        copying: &Copying,
        otherwise: Option<&'static str>,
    ) -> Result<Option<Self>> {
        let checksum = copying.checksum.as_deref();
        match Location::of_source(text)? {
            None => Ok(None),
            Some(Location::Web(address)) => {
                if copying.keep_git_dir {
                    return Err(only("--keep-git-dir", "git repositories"));
                }
                let checksum: Option<Digest> = checksum
                    .map(|text| text.parse().map_err(|error| Error::invalid(format!("--checksum: {error}"))))
                    .transpose()?;
                // One whose digest is known need not be there to be found among what was built.
                let file = match &checksum {
                    Some(_) => None,
                    None => Some(web_file(core, teller, &address, None, otherwise)?),
                };
                Ok(Some(Self::Web { address, checksum, file, otherwise }))
            }
            Some(Location::Git(repository)) => {
                let commit = Git::new(core, teller)?.commit_of(&repository)?;
                if let Some(expected) = checksum
                    && !(expected.len() >= 7 && commit.starts_with(expected))
                {
                    return Err(Error::invalid(format!(
                        "--checksum: the commit is {commit}, not {expected}"
                    )));
                }
                Ok(Some(Self::Git { repository, commit, keep_git_dir: copying.keep_git_dir }))
            }
        }
    }

    /// What a cache must know of it.
    pub(super) fn inputs(&self) -> Value {
        match self {
            Self::Web { address, checksum, file, .. } => {
                let digest = checksum.as_ref().or(file.as_ref().map(|file| &file.digest));
                json!([address, digest.map(Digest::as_str)])
            }
            Self::Git { repository, commit, keep_git_dir } => {
                json!([repository.url, commit, repository.folder, keep_git_dir])
            }
        }
    }

    /// Makes sure that it is there.
    pub(super) fn fetched(self, core: &Core, teller: &Teller) -> Result<Fetched> {
        match self {
            Self::Web { address, checksum, file, otherwise } => {
                let file = match file {
                    Some(file) => file,
                    None => web_file(core, teller, &address, checksum.as_ref(), otherwise)?,
                };
                let root = Root::open(&file.folder.folder)?;
                let pattern = escaped(&file.name);
                Ok(Fetched { _folder: file.folder, root, ignore: Ignore::default(), pattern, is_tree: false })
            }
            Self::Git { repository, commit, keep_git_dir } => {
                let folder = Unpacked::new(core)?;
                Git::new(core, teller)?.check_out(&repository.url, &commit, &folder.folder, keep_git_dir)?;
                let root = Root::open(&folder.folder)?;
                let pattern = format!("{}/.", escaped(&repository.folder));
                Ok(Fetched { _folder: folder, root, ignore: Ignore::default(), pattern, is_tree: true })
            }
        }
    }
}

/// A name that means no pattern.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn only(option: &str, kinds: &str) -> Error {
    BuildError::new(format!("{option} is only for sources that are {kinds}")).into()
}
