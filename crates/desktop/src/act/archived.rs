//! Files and folders out of an archive that is read as it comes.

use std::io::{Read, Write};
use std::path::Path;

use cove_api::{Error, Result};
use cove_archive::{Entry, Header, Kind, Member, Reader, Streamed, Writer, clean_name};

use crate::act::files::create;
use crate::task::Task;
use crate::view::StepState;

/// Zeros that are written at once.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
/// Most of a file in an archive that may be holes, in bytes: there they are written as zeros, and whoever made the file may
/// have meant to fill a disk.
const MOST_HOLES: u64 = 1 << 30;

/// What a file is made of.
enum Piece<'a> {
    Data(&'a [u8]),
    /// Zeros that take no room where the file is.
    Hole(u64),
}

type Archive<R> = Reader<Streamed<R>>;

fn failed(error: cove_archive::Error) -> Error {
    Error::internal(error.to_string())
}

/// Writes what an archive has at a path: a file, or a folder as an archive of its own. Without a path its first file.
pub(super) fn take(input: impl Read, path: Option<&str>, to: &Path, task: &Task) -> Result<()> {
    let mut archive = Reader::new(Streamed::new(input));
    let Some(path) = path else {
        let first = archive.next().map_err(failed)?;
        return file(&mut archive, first, to, task);
    };
    while let Some(entry) = archive.next().map_err(failed)? {
        match beneath(&entry.header, path) {
            Some(rest) if rest.is_empty() && entry.header.kind != Kind::Directory => {
                return file(&mut archive, Some(entry), to, task);
            }
            Some(_) => return folder(&mut archive, entry, path, to, task),
            None => {}
        }
    }
    Err(Error::not_found(format!("{path}: it is not there any more")))
}

fn file<R: Read>(archive: &mut Archive<R>, entry: Option<Entry>, to: &Path, task: &Task) -> Result<()> {
    let entry = entry.filter(|entry| entry.header.kind == Kind::File);
    let entry = entry.ok_or_else(|| Error::unsupported("it is no plain file"))?;
    let size = whole(&entry);
    let mut file = create(to)?;
    let mut written = 0;
    data(archive, &entry, &mut |piece| {
        match piece {
            Piece::Data(bytes) => {
                file.write_all(bytes)?;
                written += bytes.len() as u64;
            }
            Piece::Hole(length) => {
                file.hole(length)?;
                written = written.saturating_add(length);
            }
        }
        task.bytes(written, size);
        Ok(())
    })?;
    Ok(file.finish()?)
}

/// Writes the entries of a folder, of which `entry` is the first, under the folder's own name.
fn folder<R: Read>(archive: &mut Archive<R>, entry: Entry, path: &str, to: &Path, task: &Task) -> Result<()> {
    let own = path.rsplit('/').next().unwrap_or(path).as_bytes();
    let mut tar = Writer::new(create(to)?);
    let mut written = 0;
    let mut next = Some(entry);
    while let Some(entry) = next {
        if let Some(rest) = beneath(&entry.header, path) {
            member(archive, &entry, own, &rest, path, &mut tar, &mut |count| {
                written += count;
                task.bytes(written, 0);
            })?;
        }
        next = archive.next().map_err(failed)?;
    }
    tar.finish()?.finish()?;
    task.step("bytes", StepState::Done);
    Ok(())
}

fn member<R: Read, W: Write>(
    archive: &mut Archive<R>,
    entry: &Entry,
    own: &[u8],
    rest: &[u8],
    path: &str,
    tar: &mut Writer<W>,
    told: &mut dyn FnMut(u64),
) -> Result<()> {
    let header = &entry.header;
    let mut name = [own, rest].join(&b'/');
    if rest.is_empty() {
        name.truncate(own.len());
    }
    if header.kind == Kind::Directory {
        name.push(b'/');
    }
    let mut link = header.link.clone();
    if header.kind == Kind::HardLink {
        // Its data is with the first of its names.
        let first = clean_name(&link).and_then(|link| Some(below(&link, path.as_bytes())?.to_vec()));
        let Some(first) = first else {
            return Err(Error::unsupported(format!(
                "{}: it is another name of {}, which is outside of the folder: export the whole volume",
                String::from_utf8_lossy(&name),
                String::from_utf8_lossy(&link)
            )));
        };
        link = [own, &first].join(&b'/');
    }
    let size = if header.kind == Kind::File { whole(entry) } else { 0 };
    let filled = entry.sparse.as_ref().map_or(size, |sparse| {
        sparse.extents.iter().fold(0_u64, |sum, (_, length)| sum.saturating_add(*length))
    });
    if size.saturating_sub(filled) > MOST_HOLES {
        return Err(Error::unsupported(format!(
            "{}: it has holes of {} bytes: export the whole volume, or take the file alone",
            String::from_utf8_lossy(&name),
            size - filled
        )));
    }
    tar.member(&Member {
        kind: header.kind,
        name: &name,
        link: &link,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        size,
        mtime: header.mtime.0,
        device: (header.major, header.minor),
        xattrs: &header.xattrs,
    })?;
    if size > 0 {
        data(archive, entry, &mut |piece| {
            match piece {
                Piece::Data(bytes) => {
                    tar.data(bytes)?;
                    told(bytes.len() as u64);
                }
                Piece::Hole(length) => zeros(length, &mut |zeros| Ok(tar.data(zeros)?))?,
            }
            Ok(())
        })?;
        tar.pad(size)?;
    }
    Ok(())
}

/// What of an entry's name comes after a path, empty for the path itself; [`None`] where it is elsewhere.
fn beneath(header: &Header, path: &str) -> Option<Vec<u8>> {
    // As the screen has it, where a name that is no UTF-8 has replacements.
    let name = clean_name(&header.name)?;
    if String::from_utf8_lossy(&name) == path {
        return Some(Vec::new());
    }
    let mut parts = name.split(|byte| *byte == b'/');
    let mut left = path.split('/');
    loop {
        match left.next() {
            None => break,
            Some(wanted) if String::from_utf8_lossy(parts.next()?) == wanted => {}
            Some(_) => return None,
        }
    }
    Some(parts.collect::<Vec<_>>().join(&b'/'))
}

fn below<'a>(name: &'a [u8], path: &[u8]) -> Option<&'a [u8]> {
    name.strip_prefix(path)?.strip_prefix(b"/")
}

/// Bytes of a file, its holes included.
fn whole(entry: &Entry) -> u64 {
    entry.sparse.as_ref().map_or(entry.header.size, |sparse| sparse.real_size)
}

/// Hands on the data of a file, and its holes.
fn data<R: Read>(
    archive: &mut Archive<R>,
    entry: &Entry,
    each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    let Some(sparse) = &entry.sparse else { return copy(archive, entry.header.size, each) };
    let mut at = 0;
    for &(offset, length) in &sparse.extents {
        hole(offset.saturating_sub(at), each)?;
        copy(archive, length, each)?;
        at = offset + length;
    }
    hole(sparse.real_size.saturating_sub(at), each)
}

fn hole(length: u64, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<()> {
    if length > 0 { each(Piece::Hole(length)) } else { Ok(()) }
}

fn copy<R: Read>(
    archive: &mut Archive<R>,
    mut left: u64,
    each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    while left > 0 {
        let piece = archive.peek().map_err(failed)?;
        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(Error::internal("the archive ends inside of a file"));
        }
        each(Piece::Data(&piece[..count]))?;
        archive.consume(count).map_err(failed)?;
        left -= count as u64;
    }
    Ok(())
}

fn zeros(mut left: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    while left > 0 {
        let count = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        each(&ZEROS[..count])?;
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Core;
    use crate::source::{EngineSource, Target};

    struct Nobody;

    #[async_trait::async_trait]
    impl EngineSource for Nobody {
        async fn open(&self, _: &Target) -> Result<std::sync::Arc<dyn cove_api::Engine>> {
            Err(Error::not_found("nobody"))
        }
        fn fixed(&self) -> Vec<(Target, String)> {
            Vec::new()
        }
    }

    /// A task to report to.
    async fn task() -> Task {
        let core = Core::new(
            std::sync::Arc::new(Nobody),
            #[cfg(unix)]
            None,
        );
        let (sender, receiver) = tokio::sync::oneshot::channel();
        core.begin("t".to_owned(), true, |task| {
            let _ = sender.send(task);
            async { Ok(()) }
        });
        receiver.await.unwrap()
    }

    fn archive(members: &[(Kind, &str, &str, &str)]) -> Vec<u8> {
        let mut tar = Writer::new(Vec::new());
        for (kind, name, link, data) in members {
            let size = data.len() as u64;
            let member = Member::new(*kind, name.as_bytes(), 0o640);
            tar.member(&Member { link: link.as_bytes(), size, uid: 5, ..member }).unwrap();
            tar.data(data.as_bytes()).unwrap();
            tar.pad(size).unwrap();
        }
        tar.finish().unwrap()
    }

    fn told(path: &Path) -> Vec<(Kind, String, String, u64)> {
        let file = cove_sys::fs::read(path).unwrap();
        let mut archive = Reader::new(Streamed::new(file.as_slice()));
        let mut all = Vec::new();
        while let Some(Entry { header, .. }) = archive.next().unwrap() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(header.kind == Kind::Directory || header.uid == 5);
            all.push((header.kind, text(&header.name), text(&header.link), header.size));
        }
        all
    }

    #[tokio::test]
    async fn a_folder_is_an_archive_of_its_own_and_a_file_is_a_file() {
        let task = task().await;
        let place = tempfile::tempdir().unwrap();
        let tar = archive(&[
            (Kind::File, "./conf", "", "no"),
            (Kind::Directory, "./etc/", "", ""),
            (Kind::Directory, "./etc/conf/", "", ""),
            (Kind::File, "./etc/conf/a", "", "hello"),
            (Kind::HardLink, "./etc/conf/b", "./etc/conf/a", ""),
            (Kind::Symlink, "./etc/conf/c", "../x", ""),
            (Kind::File, "./etc/config", "", "no"),
            (Kind::HardLink, "./etc/out", "./conf", ""),
        ]);
        let to = place.path().join("conf.tar");
        take(tar.as_slice(), Some("etc/conf"), &to, &task).unwrap();
        let text = str::to_owned;
        assert_eq!(
            told(&to)[1..],
            [
                (Kind::File, text("conf/a"), String::new(), 5),
                (Kind::HardLink, text("conf/b"), text("conf/a"), 0),
                (Kind::Symlink, text("conf/c"), text("../x"), 0),
            ]
        );
        let again = take(tar.as_slice(), Some("etc/conf"), &to, &task).unwrap_err();
        assert!(again.message.contains("exists"), "{again}");
        let one = place.path().join("a");
        take(tar.as_slice(), Some("etc/conf/a"), &one, &task).unwrap();
        assert_eq!(cove_sys::fs::read_to_string(&one).unwrap(), "hello");

        let none = place.path().join("none");
        for (path, word) in
            [("etc/none", "not there"), ("etc", "another name of"), ("etc/conf/c", "no plain")]
        {
            let error = take(tar.as_slice(), Some(path), &none, &task).unwrap_err();
            assert!(error.message.contains(word), "{path}: {error}");
            assert!(!none.exists(), "{path}");
        }
    }

    /// A folder with a sparse file in PAX's form 0.1: the map is in the headers, its data follows without the holes.
    fn sparse(size: u64) -> Vec<u8> {
        let mut records = Vec::new();
        for (name, value) in [("GNU.sparse.size", size.to_string()), ("GNU.sparse.map", "2,1,5,2".into())] {
            let own = name.len() + value.len() + 3;
            // The length counts its own digits.
            let length = (own + 1..).find(|length| own + length.to_string().len() == *length).unwrap();
            records.extend(format!("{length} {name}={value}\n").into_bytes());
        }
        let mut tar = archive(&[(Kind::File, "pax", "", std::str::from_utf8(&records).unwrap())]);
        tar[156] = b'x';
        tar[148..156].fill(b' ');
        let sum: u32 = tar[..512].iter().map(|&byte| u32::from(byte)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.truncate(tar.len() - 1024);
        tar.extend(archive(&[(Kind::File, "d/holes", "", "abc")]));
        tar
    }

    #[tokio::test]
    async fn holes_are_zeros() {
        let task = task().await;
        let place = tempfile::tempdir().unwrap();
        let tar = sparse(10);
        let to = place.path().join("holes");
        take(tar.as_slice(), Some("d/holes"), &to, &task).unwrap();
        assert_eq!(cove_sys::fs::read(&to).unwrap(), b"\0\0a\0\0bc\0\0\0");
        let folder = place.path().join("d.tar");
        take(tar.as_slice(), Some("d"), &folder, &task).unwrap();
        assert_eq!(told(&folder), [(Kind::File, "d/holes".to_owned(), String::new(), 10)]);
    }

    /// A container can make a file of holes that is larger than any disk.
    #[tokio::test]
    async fn holes_fill_no_disk() {
        use std::os::unix::fs::MetadataExt as _;

        let task = task().await;
        let place = tempfile::tempdir().unwrap();
        let tar = sparse(5 << 30);
        let to = place.path().join("holes");
        take(tar.as_slice(), Some("d/holes"), &to, &task).unwrap();
        let written = cove_sys::fs::metadata(&to).unwrap();
        assert!(written.len() == 5 << 30 && written.blocks() * 512 < 1 << 20, "{written:?}");
        let folder = place.path().join("d.tar");
        let error = take(tar.as_slice(), Some("d"), &folder, &task).unwrap_err();
        assert!(error.message.contains("d/holes: it has holes of"), "{error}");
        assert!(!folder.exists());
    }
}
