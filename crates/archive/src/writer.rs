//! Writing tar: ustar, with PAX records for what it cannot hold.

use std::io::{self, Read, Write};

use crate::header::Kind;

/// An entry to write.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name; a directory's ends in a slash by custom.
    pub name: &'a [u8],
    /// The target of a link.
    pub link: &'a [u8],
    /// Permission bits and the three above them.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// Bytes of data that will follow.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// A device's major and minor number.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: &'a [(String, Vec<u8>)],
}

impl<'a> Member<'a> {
    /// Something of root's without data, from 1970.
    #[must_use]
    pub fn new(kind: Kind, name: &'a [u8], mode: u32) -> Self {
        let (link, xattrs): (&[u8], &[(String, Vec<u8>)]) = (b"", &[]);
        Self { kind, name, link, mode, uid: 0, gid: 0, size: 0, mtime: 0, device: (0, 0), xattrs }
    }
}

/// Writes entries one after another.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// An archive that begins here.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes an entry's headers. Its data, exactly as much as announced, goes to [`Writer::data`] and is followed by
    /// [`Writer::pad`].
    ///
    /// # Errors
    /// Writing failed.
    pub fn member(&mut self, member: &Member<'_>) -> io::Result<()> {
        let mut records = Vec::new();
        let mut block = [0; 512];
        put_names(&mut block, &mut records, member);
        put_numbers(&mut block, &mut records, member);
        for (name, value) in member.xattrs {
            pax(&mut records, &format!("SCHILY.xattr.{name}"), value);
        }
        if !records.is_empty() {
            let mut extension = [0; 512];
            extension[..20].copy_from_slice(b"PaxHeaders.0/entry\0\0");
            octal(&mut extension[100..108], 0o644);
            octal(&mut extension[108..116], 0);
            octal(&mut extension[116..124], 0);
            octal(&mut extension[124..136], records.len() as u64);
            octal(&mut extension[136..148], 0);
            extension[156] = b'x';
            extension[257..265].copy_from_slice(b"ustar\x0000");
            self.put_header(&mut extension)?;
            self.out.write_all(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.put_header(&mut block)
    }

    /// Writes a part of the present entry's data.
    ///
    /// # Errors
    /// Writing failed.
    pub fn data(&mut self, data: &[u8]) -> io::Result<()> {
        self.out.write_all(data)
    }

    /// Fills up the last block of `size` bytes of data.
    ///
    /// # Errors
    /// Writing failed.
    pub fn pad(&mut self, size: u64) -> io::Result<()> {
        let padding = usize::try_from(size.wrapping_neg() % 512).unwrap_or_default();
        self.out.write_all(&[0; 512][..padding])
    }

    /// Writes a whole file of root's, with mode 0644.
    ///
    /// # Errors
    /// Writing failed.
    pub fn file(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        self.file_from(name, data.len() as u64, &mut &*data)
    }

    /// The same with exactly `size` bytes of `data`.
    ///
    /// # Errors
    /// Writing failed, or `data` has fewer.
    pub fn file_from(&mut self, name: &str, size: u64, data: &mut impl Read) -> io::Result<()> {
        self.member(&Member { size, ..Member::new(Kind::File, name.as_bytes(), 0o644) })?;
        let copied = io::copy(&mut data.take(size), &mut self.out)?;
        if copied != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pad(size)
    }

    /// Writes the archive's end and gives the output back.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 1024])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put_header(&mut self, block: &mut [u8; 512]) -> io::Result<()> {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.out.write_all(block)
    }
}

fn put_names(block: &mut [u8; 512], records: &mut Vec<u8>, member: &Member<'_>) {
    let fits = |name: &[u8]| name.len() <= 100 && name.is_ascii();
    if fits(member.name) {
        block[..member.name.len()].copy_from_slice(member.name);
    } else if let Some(slash) = ustar_split(member.name) {
        block[345..345 + slash].copy_from_slice(&member.name[..slash]);
        let rest = &member.name[slash + 1..];
        block[..rest.len()].copy_from_slice(rest);
    } else {
        pax(records, "path", member.name);
        let short = &member.name[..member.name.len().min(100)];
        block[..short.len()].copy_from_slice(short);
    }
    let short = &member.link[..member.link.len().min(100)];
    block[157..157 + short.len()].copy_from_slice(short);
    if !fits(member.link) {
        pax(records, "linkpath", member.link);
    }
}

fn put_numbers(block: &mut [u8; 512], records: &mut Vec<u8>, member: &Member<'_>) {
    octal(&mut block[100..108], u64::from(member.mode & 0o7777));
    for (range, value, key) in [
        (108..116, u64::from(member.uid), "uid"),
        (116..124, u64::from(member.gid), "gid"),
        (124..136, member.size, "size"),
    ] {
        if !octal(&mut block[range], value) {
            pax(records, key, value.to_string().as_bytes());
        }
    }
    if !u64::try_from(member.mtime).is_ok_and(|seconds| octal(&mut block[136..148], seconds)) {
        octal(&mut block[136..148], 0);
        pax(records, "mtime", member.mtime.to_string().as_bytes());
    }
    block[156] = match member.kind {
        Kind::File => b'0',
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::CharDevice => b'3',
        Kind::BlockDevice => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
    };
    block[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut block[329..337], member.device.0.into());
    octal(&mut block[337..345], member.device.1.into());
}

/// Where a name divides into ustar's prefix (155) and name (100).
fn ustar_split(name: &[u8]) -> Option<usize> {
    if !name.is_ascii() || name.len() > 256 {
        return None;
    }
    // A trailing slash belongs to the name.
    let last = name.len().checked_sub(1)?;
    (1..last.min(156)).rev().find(|&index| name[index] == b'/' && name.len() - index - 1 <= 100)
}

/// Writes an octal field with a final NUL; `false`, and zero written, where it does not fit.
fn octal(field: &mut [u8], value: u64) -> bool {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    field[digits] = 0;
    if text.len() > digits {
        field[..digits].fill(b'0');
        return false;
    }
    field[..digits].copy_from_slice(text.as_bytes());
    true
}

/// Adds a record, whose length counts its own digits.
fn pax(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() != rest.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_their_own_length() {
        for length in 0..300 {
            let mut records = Vec::new();
            pax(&mut records, "path", &vec![b'a'; length]);
            let text = String::from_utf8(records.clone()).unwrap();
            let (number, _) = text.split_once(' ').unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), records.len());
        }
    }

    #[test]
    fn names_split_where_ustar_allows() {
        let name = [vec![b'a'; 120], b"/".to_vec(), vec![b'b'; 90]].concat();
        assert_eq!(ustar_split(&name), Some(120));
        assert_eq!(ustar_split(&[b'a'; 120]), None);
        assert!(octal(&mut [0; 8], 0o777_7777));
        assert!(!octal(&mut [0; 8], 0o1000_0000));
    }
}
