//! The archive that brings files into containers.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cove_archive::{Kind, Member, Writer};
use cove_sys::fs;

/// Writes the files that are there as a tar without a name, each at its place; what has gone meanwhile is left out.
///
/// # Errors
/// A file cannot be read, or no temporary file be written.
pub(super) fn pack(files: &BTreeMap<String, PathBuf>) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let mut tar = Writer::new(BufWriter::new(&mut file));
    for (place, path) in files {
        match one(&mut tar, place.trim_start_matches('/'), path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            Ok(()) => {}
        }
    }
    tar.finish()?.flush()?;
    Ok(file)
}

fn one(tar: &mut Writer<BufWriter<&mut File>>, place: &str, path: &Path) -> io::Result<()> {
    let about = std::fs::symlink_metadata(path)?;
    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mtime = changed.and_then(|time| i64::try_from(time.as_secs()).ok()).unwrap_or(0);
    let name = place.as_bytes();
    let member = Member { mtime, ..Member::new(Kind::File, name, mode(&about)) };
    if about.is_symlink() {
        let target = std::fs::read_link(path)?;
        let link = target.as_os_str().as_encoded_bytes();
        return tar.member(&Member { kind: Kind::Symlink, link, ..member });
    }
    if about.is_dir() {
        return tar.member(&Member { kind: Kind::Directory, ..member });
    }
    if !about.is_file() {
        return Ok(());
    }
    // Of a file that is being written, as much as there was; the next change brings the rest.
    let size = about.len();
    let mut file = fs::File::open(path)?.take(size).chain(io::repeat(0)).take(size);
    tar.member(&Member { size, ..member })?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => tar.data(&buffer[..count])?,
        }
    }
    tar.pad(size)
}

fn mode(about: &Metadata) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o7777;
    #[cfg(not(unix))]
    if about.is_dir() { 0o755 } else { 0o644 }
}

#[cfg(test)]
mod tests {
    use cove_archive::{Reader, Streamed};

    use super::*;

    #[test]
    fn what_is_there_is_packed_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "hello").unwrap();
        fs::create_dir(path("empty")).unwrap();
        let mut files: BTreeMap<String, PathBuf> =
            ["a", "empty", "gone"].map(|name| (format!("/app/{name}"), path(name))).into();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a", path("link")).unwrap();
            files.insert("/app/link".into(), path("link"));
        }
        files.insert("/other/a".into(), path("a"));
        let mut packed = pack(&files).unwrap();
        std::io::Seek::rewind(&mut packed).unwrap();
        let mut reader = Reader::new(Streamed::new(packed));
        let mut seen = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            seen.push((String::from_utf8(entry.header.name.clone()).unwrap(), entry.header.size));
            reader.skip_data().unwrap();
        }
        assert_eq!(seen[0], ("app/a".into(), 5));
        assert!(seen.iter().any(|(name, _)| name.trim_end_matches('/') == "app/empty"));
        assert!(seen.contains(&("other/a".into(), 5)));
        assert!(!seen.iter().any(|(name, _)| name.contains("gone")));
    }
}
