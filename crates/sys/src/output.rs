//! Files that a command writes because the user named them: `save -o`, `--cidfile`, `--out` and their like.
//!
//! Nothing that is there is lost by a command that fails, a link is never followed to a file, and of what this
//! process did not make nothing is removed.

use std::io::{self, Seek as _, Write};
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::fs;

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Whatever has that name is an error: of several commands at once, one wins.
    Refuse,
    /// A regular file (or a link to one) is replaced when the new one is complete; pipes, devices and what stands
    /// behind `/dev/stdout` are written to.
    Replace,
}

/// A file in the making. Dropped before [`OutputFile::finish`], it leaves things as they were.
#[derive(Debug)]
pub struct OutputFile {
    file: fs::File,
    step: Step,
}

/// What is to be done at the end.
#[derive(Debug)]
enum Step {
    /// Nothing: it is no regular file, or complete.
    Nothing,
    /// The file has its place: on failure it is removed, where it is still this one.
    Remove(PathBuf),
    /// The file has another name: it is renamed, or removed on failure.
    Rename { staged: PathBuf, path: PathBuf },
}

impl OutputFile {
    /// Opens a file to be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where the name is taken and that is refused; any failure of the file system.
    pub fn create(path: &Path, existing: Existing) -> io::Result<Self> {
        if existing == Existing::Refuse {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).open(path)?;
            return Ok(Self { file, step: Step::Remove(path.to_owned()) });
        }
        if is_written_through(path) {
            let file = fs::OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, step: Step::Nothing });
        }
        let before = fs::metadata(path).ok();
        if before.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                format!("{} is a directory", path.display()),
            ));
        }
        let staged = atomic::temporary_name(path);
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&staged)?;
        let output = Self { file, step: Step::Rename { staged, path: path.to_owned() } };
        if let Some(before) = before {
            output.file.set_permissions(before.permissions())?;
        }
        Ok(output)
    }

    /// The file is complete: it gets its name.
    ///
    /// # Errors
    /// It cannot be written or renamed; then it is removed.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.name()
    }

    /// Leaves a hole: zeros that take no room on the disk.
    ///
    /// # Errors
    /// It is no regular file, or cannot be as large.
    pub fn hole(&mut self, length: u64) -> io::Result<()> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        let end = self.file.stream_position()?.checked_add(length).ok_or_else(too_large)?;
        self.file.set_len(end)?;
        self.file.seek(io::SeekFrom::Start(end)).map(drop)
    }

    /// The file gets its name at once, and is then written by whoever has the handle.
    ///
    /// # Errors
    /// As [`OutputFile::finish`].
    pub fn into_file(mut self) -> io::Result<fs::File> {
        self.name()?;
        self.file.try_clone()
    }

    fn name(&mut self) -> io::Result<()> {
        if let Step::Rename { staged, path } = &self.step {
            fs::rename(staged, path)?;
        }
        self.step = Step::Nothing;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        // The failure that led here is the one to report.
        match &self.step {
            Step::Nothing => {}
            Step::Rename { staged, .. } => drop(fs::remove_file(staged)),
            Step::Remove(path) if is_same(&self.file, path) => drop(fs::remove_file(path)),
            Step::Remove(_) => {}
        }
    }
}

/// Whether what has that name is no regular file, or one that this process has open already, such as `/dev/stdout`.
fn is_written_through(path: &Path) -> bool {
    let Ok(own) = fs::symlink_metadata(path) else { return false };
    if own.is_symlink() {
        let stands_for_a_stream = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
        let target = fs::metadata(path);
        return stands_for_a_stream || target.is_ok_and(|target| !target.is_file() && !target.is_dir());
    }
    !own.is_file() && !own.is_dir()
}

#[cfg(unix)]
fn is_same(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(named)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}
#[cfg(not(unix))]
fn is_same(_: &fs::File, _: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    /// A folder that goes with the test.
    struct Folder(PathBuf);
    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("cove-output-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_existing_file_is_refused_and_kept() {
        let folder = Folder::new("refuse");
        let path = folder.0.join("cid");
        fs::write(&path, "theirs").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.0.join("link")).unwrap();
        for name in ["cid", "link", "."] {
            let error = OutputFile::create(&folder.0.join(name), Existing::Refuse).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(folder.names(), ["cid", "link"]);
    }

    #[test]
    fn of_four_at_once_one_wins() {
        let folder = Folder::new("race");
        let path = folder.0.join("cid");
        let winners: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| OutputFile::create(&path, Existing::Refuse).ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1);
    }

    #[test]
    fn what_was_made_goes_on_failure_and_nothing_else() {
        let folder = Folder::new("failure");
        let path = folder.0.join("file");
        drop(OutputFile::create(&path, Existing::Refuse).unwrap());
        assert!(folder.names().is_empty());
        let output = OutputFile::create(&path, Existing::Refuse).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(output);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        let mut output = OutputFile::create(&path, Existing::Replace).unwrap();
        output.write_all(b"half").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        drop(output);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        assert_eq!(folder.names(), ["file"]);
    }

    #[test]
    fn files_and_links_are_replaced_when_complete() {
        let folder = Folder::new("replace");
        let [file, target, link] = ["file", "target", "link"].map(|name| folder.0.join(name));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink("target", &link).unwrap();
        for path in [&file, &link] {
            let mut output = OutputFile::create(path, Existing::Replace).unwrap();
            output.write_all(b"new").unwrap();
            output.finish().unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), "new");
            assert!(fs::symlink_metadata(path).unwrap().is_file());
        }
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(folder.names(), ["file", "link", "target"]);
        let error = OutputFile::create(&folder.0, Existing::Replace).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn devices_are_written_and_stay() {
        let mut output = OutputFile::create(Path::new("/dev/full"), Existing::Replace).unwrap();
        assert_eq!(output.write_all(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(output);
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
        let folder = Folder::new("device");
        let link = folder.0.join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let mut output = OutputFile::create(&link, Existing::Replace).unwrap();
        output.write_all(b"x").unwrap();
        output.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
