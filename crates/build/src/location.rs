//! Addresses that a build takes things from: files of the web and repositories of git.

use crate::apply::join;
use crate::error::{BuildError, Result};

/// Something that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An `http` or `https` address of a file.
    Web(String),
    /// A repository.
    Git(Repository),
}

/// A repository of git, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// As git takes it.
    pub url: String,
    /// Branch, tag or commit; empty is what the repository names itself.
    pub reference: String,
    /// The folder in it, without slashes at its ends; empty is all.
    pub folder: String,
}

impl Location {
    /// Reads an address; [`None`] for everything else, such as a path.
    ///
    /// # Errors
    /// It names a branch or a folder that there cannot be.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let lower = text.to_ascii_lowercase();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| lower.starts_with(prefix));
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let path = address.split(['?']).next().unwrap_or(address);
        let is_git = starts(&["git://", "git@", "ssh://"])
            || (starts(&["http://", "https://"]) && path.trim_end_matches('/').ends_with(".git"));
        if is_git {
            return Ok(Some(Self::Git(Repository::new(address, fragment)?)));
        }
        if starts(&["github.com/"]) {
            return Ok(Some(Self::Git(Repository::new(&format!("https://{address}"), fragment)?)));
        }
        Ok(starts(&["http://", "https://"]).then(|| Self::Web(address.to_owned())))
    }

    /// The same for a source of a step, where what has no scheme is a path of the context.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn of_source(text: &str) -> Result<Option<Self>> {
        match text.to_ascii_lowercase().starts_with("github.com/") {
            true => Ok(None),
            false => Self::parse(text),
        }
    }
}

impl Repository {
    fn new(url: &str, fragment: &str) -> Result<Self> {
        let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
        let bad = |character: char| {
            character.is_whitespace() || character.is_control() || "~^:?*[\\".contains(character)
        };
        if reference.starts_with('-') || reference.contains(bad) || reference.contains("..") {
            return Err(BuildError::new(format!("{reference:?} is no branch, tag or commit of git")));
        }
        if url.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(BuildError::new(format!("{url:?} is no address of a repository")));
        }
        let folder = join("/", folder).trim_start_matches('/').to_owned();
        Ok(Self { url: url.to_owned(), reference: reference.to_owned(), folder })
    }

    /// Whether the reference is a whole commit, which never means something else.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        is_commit(&self.reference)
    }
}

/// Whether a text is the whole name of a commit.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        let git = |url: &str, reference: &str, folder: &str| {
            Some(Location::Git(Repository {
                url: url.into(),
                reference: reference.into(),
                folder: folder.into(),
            }))
        };
        for (text, expected) in [
            ("a/b", None),
            (".", None),
            ("-", None),
            ("/srv/x.git", None),
            ("httpd.conf", None),
            ("github.community/x", None),
            ("https://h/x.tar", Some(Location::Web("https://h/x.tar".into()))),
            ("HTTP://h/x", Some(Location::Web("HTTP://h/x".into()))),
            ("https://h/x.git", git("https://h/x.git", "", "")),
            ("https://h/x.git#main", git("https://h/x.git", "main", "")),
            ("https://h/x.git#main:sub/dir/", git("https://h/x.git", "main", "sub/dir")),
            ("https://h/x.git#:sub", git("https://h/x.git", "", "sub")),
            ("https://h/x.git#:../../etc", git("https://h/x.git", "", "etc")),
            ("git://h:99/x#v1", git("git://h:99/x", "v1", "")),
            ("git@h:o/x.git#v1", git("git@h:o/x.git", "v1", "")),
            ("ssh://git@h/x", git("ssh://git@h/x", "", "")),
            ("github.com/o/x#b", git("https://github.com/o/x", "b", "")),
        ] {
            assert_eq!(Location::parse(text).unwrap(), expected, "{text}");
        }
        for bad in ["git://h/x#-upload-pack=x", "git://h/x#a b", "git://h/x#a..b", "git://h/x y"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
        assert!(is_commit(&"a".repeat(40)) && !is_commit("main"));
    }
}
