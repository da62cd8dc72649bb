//! Finding the members of an image archive.
//!
//! Members are never extracted: only their place in the file is noted, so no name in an archive ever becomes a
//! path on the host.

use std::collections::HashMap;
use std::io::{self, Read, Seek};

use cove_archive::{Entry, Kind, Reader, Seekable, clean_beneath, clean_name};

const MAX_ENTRIES: usize = 1 << 20;
const MAX_NAMES: usize = 256 << 20;
const MAX_LINKS: usize = 16;

/// Where a member's data lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

enum Found {
    File(Place),
    Link(Vec<u8>),
    /// A file with holes, whose data is not in one piece.
    Sparse,
}

/// The members of an archive by their cleaned names.
#[derive(Default)]
pub(crate) struct TarIndex {
    entries: HashMap<Vec<u8>, Found>,
}

impl TarIndex {
    /// Reads all headers of `file`, whose length is `length`.
    pub(crate) fn scan(file: &mut (impl Read + Seek), length: u64) -> io::Result<Self> {
        let mut index = Self::default();
        let mut reader = Reader::new(Seekable::new(file, length));
        let (mut count, mut name_bytes) = (0_usize, 0_usize);
        while let Some(entry) = reader.next().map_err(broken)? {
            count += 1;
            name_bytes += entry.header.name.len() + entry.header.link.len();
            if count > MAX_ENTRIES {
                return Err(broken(reader.bad("it has too many members")));
            }
            if name_bytes > MAX_NAMES {
                return Err(broken(reader.bad("its members' names are too long")));
            }
            index.add(&entry, reader.offset());
        }
        Ok(index)
    }

    /// Notes an entry whose data begins at `offset`; the last of a name counts.
    fn add(&mut self, entry: &Entry, offset: u64) {
        let header = &entry.header;
        let Some(name) = clean_name(&header.name).filter(|name| !name.is_empty()) else { return };
        let folder = name.iter().rposition(|&byte| byte == b'/').map_or(&[][..], |slash| &name[..slash]);
        let found = match header.kind {
            Kind::File if entry.sparse.is_some() => Some(Found::Sparse),
            Kind::File => Some(Found::File(Place { offset, size: header.size })),
            Kind::HardLink => clean_name(&header.link).map(Found::Link),
            Kind::Symlink => clean_beneath(folder, &header.link).map(Found::Link),
            _ => None,
        };
        if let Some(found) = found {
            self.entries.insert(name, found);
        }
    }

    /// The regular file of this name, through links within the archive.
    ///
    /// # Errors
    /// It has holes.
    pub(crate) fn find(&self, name: &str) -> io::Result<Option<Place>> {
        let Some(mut name) = clean_name(name.as_bytes()) else { return Ok(None) };
        for _ in 0..MAX_LINKS {
            match self.entries.get(&name) {
                None => return Ok(None),
                Some(Found::File(place)) => return Ok(Some(*place)),
                Some(Found::Link(target)) => name.clone_from(target),
                Some(Found::Sparse) => {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "stored with holes (sparse), which is not supported",
                    ));
                }
            }
        }
        Ok(None)
    }
}

fn broken(error: cove_archive::Error) -> io::Error {
    match error {
        cove_archive::Error::Io(error) => error,
        bad => io::Error::new(io::ErrorKind::InvalidData, format!("not a usable tar archive: {bad}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use cove_archive::{Member, Writer};

    use super::*;

    fn scan(data: &[u8]) -> io::Result<TarIndex> {
        TarIndex::scan(&mut Cursor::new(data), data.len() as u64)
    }

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        writer.member(&Member::new(Kind::Directory, b"blobs/", 0o755)).unwrap();
        writer.file("./a/b.json", b"{}").unwrap();
        for (name, link) in [("a/link", "../a/b.json"), ("a/out", "../../etc/passwd"), ("a/round", "round")] {
            let link = link.as_bytes();
            writer.member(&Member { link, ..Member::new(Kind::Symlink, name.as_bytes(), 0o777) }).unwrap();
        }
        writer.file_from("c", 600, &mut io::repeat(7)).unwrap();
        writer.file(&format!("{}/{}", "d".repeat(99), "e".repeat(200)), b"long").unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn finds_what_was_written() {
        let data = sample();
        let index = scan(&data).unwrap();
        let find = |name: &str| index.find(name).unwrap();
        let bytes = |place: Place| &data[place.offset as usize..][..place.size as usize];
        let place = find("a/b.json").unwrap();
        assert_eq!(bytes(place), b"{}");
        assert_eq!(find("a/link"), Some(place));
        assert_eq!(find("/x/../a/./b.json"), Some(place));
        assert_eq!(find("c").unwrap().size, 600);
        assert_eq!(bytes(find(&format!("{}/{}", "d".repeat(99), "e".repeat(200))).unwrap()), b"long");
        for absent in ["a/out", "a/round", "blobs", "", "..", "nothing"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }

    #[test]
    fn refuses_damage() {
        let data = sample();
        assert!(scan(&data[..700]).is_err());
        assert!(scan(&data[..data.len() - 1534]).is_err());
        let mut wrong = data.clone();
        wrong[3] ^= 1;
        assert!(scan(&wrong).is_err());
        assert!(scan(b"this is no tar").is_err());
        let mut huge = data.clone();
        huge[512 + 124] = 0xff;
        assert!(scan(&huge).is_err());
        assert!(scan(b"").unwrap().find("a").unwrap().is_none());
    }
}
