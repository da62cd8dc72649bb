//! What a step takes of a context, a stage or an image: found here, written as a tar in `take`.
//!
//! All paths are resolved beneath the root: a link leads to something of the same tree or to nothing.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::fd::AsFd;

use cove_archive::lossy;
use cove_tree::Root;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use crate::chmod::Chmod;
use crate::error::{BuildError, Result};
use crate::ignore::Ignore;
use crate::notes::Notes;
use crate::pattern::{compile, is_pattern};
use crate::take::Taker;

/// Deeper trees are refused rather than followed until descriptors run out.
pub(crate) const MAX_DEPTH: usize = 900;
/// Most things that the patterns of a step may name.
const MAX_ITEMS: usize = 1_000_000;

/// Where a step takes things from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The tree.
    pub root: &'a Root,
    /// What counts as not there.
    pub ignore: &'a Ignore,
}

/// Who owns what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// As it is.
    Kept,
    /// This user and group.
    Given(u32, u32),
}

/// How what is taken is called and owned in an archive.
#[derive(Debug, Clone, Copy)]
pub struct Placing<'a> {
    /// The folder that it is in.
    pub directory: &'a [u8],
    /// The name that a single file gets in place of its own.
    pub file_name: Option<&'a [u8]>,
    /// Who owns it.
    pub ownership: Ownership,
    /// What becomes of permission bits.
    pub chmod: Option<&'a Chmod>,
    /// Whether times are kept; else everything is from 1970.
    pub times: bool,
}

impl Default for Placing<'_> {
    /// Contents of a folder, owned by root and from 1970.
    fn default() -> Self {
        Self { directory: b"", file_name: None, ownership: Ownership::Given(0, 0), chmod: None, times: false }
    }
}

/// What a step takes.
#[derive(Debug)]
pub struct Selection<'a> {
    pub(crate) source: Source<'a>,
    /// Paths in what is taken that are left out.
    pub(crate) exclude: Ignore,
    items: Vec<Item>,
}

#[derive(Debug)]
pub(crate) struct Item {
    /// The path in the tree, all links evaluated, without a slash at its begin.
    pub(crate) path: Vec<u8>,
    /// Its contents are taken, not itself.
    is_directory: bool,
    /// The name that it gets: its own, or with the folders it is in.
    pub(crate) name: Vec<u8>,
}

impl<'a> Selection<'a> {
    /// Finds what paths and patterns name. With `parents` the folders they are in are part of their names, from a `/./`
    /// on where there is one.
    ///
    /// # Errors
    /// One of them names nothing.
    pub fn find(source: Source<'a>, patterns: &[String], exclude: &[String], parents: bool) -> Result<Self> {
        let exclude = Ignore::of(exclude.iter().map(String::as_str))?;
        let mut selection = Self { source, exclude, items: Vec::new() };
        for pattern in patterns {
            selection.add(pattern, parents)?;
        }
        Ok(selection)
    }

    /// Whether it is a single file, which may get another name.
    #[must_use]
    pub fn is_one_file(&self) -> bool {
        matches!(self.items.as_slice(), [item] if !item.is_directory)
    }

    /// How many files and folders were named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The single files, by their paths in the tree.
    pub fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter(|item| !item.is_directory).map(|item| item.path.as_slice())
    }

    /// The selection without the files at these paths.
    #[must_use]
    pub fn without(mut self, files: &[Vec<u8>]) -> Self {
        self.items.retain(|item| item.is_directory || !files.contains(&item.path));
        self
    }

    fn add(&mut self, pattern: &str, parents: bool) -> Result<()> {
        let (pivot, pattern) = match pattern.split_once("/./") {
            Some((before, rest)) if parents => (before.matches('/').count() + 1, format!("{before}/{rest}")),
            _ => (0, pattern.to_owned()),
        };
        let cleaned = crate::apply::join("/", &pattern);
        let mut found = vec![Vec::new()];
        for part in cleaned.split('/').filter(|part| !part.is_empty()) {
            found = self.expand(found, part)?;
        }
        let mut filtered = 0;
        let before = self.items.len();
        for path in found {
            match self.item(&path, parents, pivot) {
                Ok(Some(item)) => self.items.push(item),
                Ok(None) => filtered += 1,
                Err(error) if is_pattern(&pattern) && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("copier: stat", &path, error)),
            }
            if self.items.len() > MAX_ITEMS {
                return Err(BuildError::new(format!("{pattern:?} names more than {MAX_ITEMS} files")));
            }
        }
        if self.items.len() == before {
            let why = match filtered {
                0 => format!("no items matching glob {pattern:?} copied: no such file or directory"),
                count => format!(
                    "no items matching glob {pattern:?} copied ({count} filtered out by the ignore file): no such file or directory"
                ),
            };
            return Err(BuildError::new(why));
        }
        Ok(())
    }

    /// All that a part of a pattern names in these folders.
    fn expand(&self, folders: Vec<Vec<u8>>, part: &str) -> Result<Vec<Vec<u8>>> {
        if !is_pattern(part) {
            return Ok(folders.into_iter().map(|folder| joined(&folder, part.as_bytes())).collect());
        }
        let pattern = compile(part)?;
        let mut found = Vec::new();
        for folder in folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let Ok(directory) = self.source.root.find(&folder, flags) else { continue };
            let names = names_of(&directory).map_err(|error| failed("list", &folder, error.into()))?;
            let names = names.iter().filter(|name| pattern.is_match(name.to_bytes()));
            found.extend(names.map(|name| joined(&folder, name.to_bytes())));
            if found.len() > MAX_ITEMS {
                return Err(BuildError::new(format!("{part:?} names more than {MAX_ITEMS} files")));
            }
        }
        Ok(found)
    }

    /// What is at a path; [`None`] where it is ignored.
    fn item(&self, path: &[u8], parents: bool, pivot: usize) -> io::Result<Option<Item>> {
        let ignore = self.source.ignore;
        let hidden = !path.is_empty() && ignore.ignores(path);
        if hidden && !ignore.has_exceptions() {
            return Ok(None);
        }
        let look = self.source.root.look(path)?;
        let Some(stat) = look.stat else { return Err(io::ErrorKind::NotFound.into()) };
        let is_directory = FileType::from_raw_mode(stat.st_mode).is_dir();
        if hidden && !(is_directory && self.keeps_something(path, 0)?) {
            return Ok(None);
        }
        let resolved = look.path.strip_prefix(b"/").unwrap_or(&look.path).to_vec();
        // What a link leads to is ignored as well where it is.
        if !is_directory && !resolved.is_empty() && ignore.ignores(&resolved) {
            return Ok(None);
        }
        let name = match parents {
            true => path.splitn(pivot + 1, |byte| *byte == b'/').last().unwrap_or_default().to_vec(),
            false if is_directory => Vec::new(),
            false => path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec(),
        };
        if !is_directory && !self.exclude.is_empty() && self.exclude.ignores(&name) {
            return Ok(None);
        }
        Ok(Some(Item { path: resolved, is_directory, name }))
    }

    /// Whether the rules keep anything of a folder that they ignore.
    fn keeps_something(&self, folder: &[u8], depth: usize) -> io::Result<bool> {
        if depth > MAX_DEPTH {
            return Ok(false);
        }
        let Ok(directory) =
            self.source.root.find(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)
        else {
            return Ok(false);
        };
        for name in names_of(&directory)? {
            let path = joined(folder, name.to_bytes());
            let stat = rustix::fs::statat(&directory, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(stat.st_mode).is_dir();
            if !self.source.ignore.ignores(&path)
                || (is_directory && self.keeps_something(&path, depth + 1)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the rules leave out anything of the folders that were named.
    ///
    /// # Errors
    /// One cannot be listed.
    pub fn hides_something(&self) -> Result<bool> {
        for item in self.items.iter().filter(|item| item.is_directory) {
            if self.hides_below(&item.path, 0).map_err(|error| failed("list", &item.path, error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn hides_below(&self, folder: &[u8], depth: usize) -> io::Result<bool> {
        if depth > MAX_DEPTH {
            return Ok(true);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let directory = self.source.root.find(folder, flags)?;
        for name in names_of(&directory)? {
            let path = joined(folder, name.to_bytes());
            if self.source.ignore.ignores(&path) {
                return Ok(true);
            }
            let stat = rustix::fs::statat(&directory, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode).is_dir() && self.hides_below(&path, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes it as entries of a tar without its end.
    ///
    /// # Errors
    /// Something cannot be read, or writing failed.
    pub fn write(&self, placing: &Placing<'_>, out: &mut dyn Write) -> Result<()> {
        self.taken(placing, Taker::new(self, placing, out, None))
    }

    /// The same, and notes what was taken, however it is placed.
    ///
    /// # Errors
    /// As [`Selection::write`].
    pub fn write_noted(&self, placing: &Placing<'_>, out: &mut dyn Write, notes: &mut Notes) -> Result<()> {
        self.taken(placing, Taker::new(self, placing, out, Some(notes)))
    }

    /// Notes what would be taken.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn note(&self, notes: &mut Notes) -> Result<()> {
        self.write_noted(&Placing::default(), &mut io::sink(), notes)
    }

    fn taken(&self, placing: &Placing<'_>, mut taker: Taker<'_>) -> Result<()> {
        let directory = placing.directory;
        for item in &self.items {
            match (item.is_directory, placing.file_name) {
                (true, _) => taker.tree(item, &joined(directory, &item.name))?,
                (false, Some(name)) => taker.file(item, &joined(directory, name))?,
                (false, None) => taker.file(item, &joined(directory, &item.name))?,
            }
        }
        Ok(())
    }
}

pub(crate) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_vec(),
        (_, true) => folder.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

pub(crate) fn failed(action: &str, path: &[u8], error: io::Error) -> BuildError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    BuildError::new(format!("{action}: {:?}: {why}", format!("/{}", lossy(path))))
}

/// The names in a folder, sorted.
pub(crate) fn names_of(directory: impl AsFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names that a selection has in its archive.
    fn names(
        folder: &std::path::Path,
        ignore: &str,
        patterns: &[&str],
        parents: bool,
    ) -> Result<Vec<String>> {
        let root = Root::open(folder).unwrap();
        let ignore = Ignore::parse(ignore)?;
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let source = Source { root: &root, ignore: &ignore };
        let selection = Selection::find(source, &patterns, &[], parents)?;
        let mut tar = Vec::new();
        selection.write(&Placing { directory: b"d", ..Placing::default() }, &mut tar)?;
        tar.extend([0; 1024]);
        let mut reader = cove_archive::Reader::new(cove_archive::Streamed::new(tar.as_slice()));
        let mut names = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            names.push(lossy(&entry.header.name));
            reader.skip_data().unwrap();
        }
        Ok(names)
    }

    #[test]
    fn folders_give_their_contents_and_files_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        cove_test_files(path);
        let all = |ignore: &str, patterns: &[&str]| names(path, ignore, patterns, false).unwrap();
        assert_eq!(all("", &["a"]), ["d/one", "d/sub/", "d/sub/two"]);
        assert_eq!(all("", &["a/one", "b.txt"]), ["d/one", "d/b.txt"]);
        assert_eq!(all("", &["*.txt"]), ["d/b.txt", "d/c.txt"]);
        assert_eq!(all("a/sub", &["a"]), ["d/one"]);
        assert_eq!(
            all("a\n!a/sub/two", &["."]),
            ["d/a/", "d/a/sub/", "d/a/sub/two", "d/b.txt", "d/c.txt", "d/out"]
        );
        assert_eq!(all("", &["../../b.txt"]), ["d/b.txt"]);
        assert_eq!(names(path, "", &["a/sub/two"], true).unwrap(), ["d/a/sub/two"]);
        assert_eq!(names(path, "", &["a/./sub/two"], true).unwrap(), ["d/sub/two"]);
        for (ignore, pattern) in
            [("", "nothing"), ("", "*.none"), ("*.txt", "b.txt"), ("", "out/passwd"), ("", "out")]
        {
            let error = names(path, ignore, &[pattern], false).unwrap_err().message;
            assert!(error.contains("no such file or directory"), "{pattern}: {error}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's own files")]
    fn notes_tell_what_is_taken_and_not_how_it_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        cove_test_files(path);
        let root = Root::open(path).unwrap();
        let ignore = Ignore::default();
        let noted = |pattern: &str, placing: &Placing<'_>| {
            let source = Source { root: &root, ignore: &ignore };
            let selection = Selection::find(source, &[pattern.to_owned()], &[], false).unwrap();
            let mut notes = Notes::default();
            selection.write_noted(placing, &mut io::sink(), &mut notes).unwrap();
            notes.finish()
        };
        let plain = Placing::default();
        let chmod = Chmod::parse("600").unwrap();
        let elsewhere = Placing {
            directory: b"x/y",
            file_name: Some(b"z"),
            ownership: Ownership::Given(7, 7),
            chmod: Some(&chmod),
            times: true,
        };
        for pattern in ["a", "b.txt", "*"] {
            assert_eq!(noted(pattern, &plain), noted(pattern, &elsewhere), "{pattern}");
        }
        let before = noted("a", &plain);
        std::fs::hard_link(path.join("a/one"), path.join("a/other")).unwrap();
        let linked = noted("a", &plain);
        assert_ne!(before, linked);
        std::fs::write(path.join("a/one"), "changed").unwrap();
        assert_ne!(linked, noted("a", &plain));
        assert_ne!(noted("b.txt", &plain), noted("c.txt", &plain));
    }

    #[allow(clippy::disallowed_methods, reason = "a test's own files")]
    fn cove_test_files(path: &std::path::Path) {
        std::fs::create_dir_all(path.join("a/sub")).unwrap();
        for name in ["a/one", "a/sub/two", "b.txt", "c.txt"] {
            std::fs::write(path.join(name), name).unwrap();
        }
        // Leads out, where nothing is.
        symlink("/etc", path.join("out")).unwrap();
    }
}
