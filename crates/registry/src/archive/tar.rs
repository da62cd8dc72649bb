//! Just enough of tar for image archives: finding members, and writing plain ones.
//!
//! Members are never extracted: only their place in the file is noted, so no name in an archive ever becomes a
//! path on the host.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

const BLOCK: u64 = 512;
const MAX_ENTRIES: usize = 1 << 20;
const MAX_EXTENSION: u64 = 1 << 20;
const MAX_NAMES: usize = 256 << 20;
const MAX_LINKS: usize = 16;

/// Where a member's data lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

enum Entry {
    File(Place),
    Link(String),
}

/// The members of an archive by their cleaned names.
#[derive(Default)]
pub(crate) struct TarIndex {
    entries: HashMap<String, Entry>,
}

impl TarIndex {
    /// Reads all headers of `file`, whose length is `length`.
    pub(crate) fn scan(file: &mut (impl Read + Seek), length: u64) -> io::Result<Self> {
        let mut index = Self::default();
        let mut extension = Extension::default();
        let mut position = 0;
        let (mut count, mut name_bytes) = (0_usize, 0_usize);
        loop {
            let mut header = [0; BLOCK as usize];
            file.seek(SeekFrom::Start(position))?;
            match read_block(file, &mut header)? {
                Filled::Nothing => break,
                Filled::Partly => return Err(broken("it ends in the middle of a header")),
                Filled::Wholly => (),
            }
            if header.iter().all(|byte| *byte == 0) {
                break;
            }
            check_sum(&header)?;
            count += 1;
            if count > MAX_ENTRIES {
                return Err(broken("it has too many members"));
            }
            let data = position + BLOCK;
            let kind = header[156];
            let size = match extension.size.take() {
                Some(size) if !matches!(kind, b'x' | b'g' | b'L' | b'K') => size,
                _ => number(&header[124..136]).ok_or_else(|| broken("a member has a malformed size"))?,
            };
            let has_data = !matches!(kind, b'1'..=b'6');
            let stored = if has_data { size } else { 0 };
            let end = data.checked_add(stored).filter(|end| *end <= length);
            let end = end.ok_or_else(|| broken("it ends in the middle of a member"))?;
            match kind {
                b'x' | b'L' | b'K' => {
                    if size > MAX_EXTENSION {
                        return Err(broken("a member has an extended header that is too large"));
                    }
                    file.seek(SeekFrom::Start(data))?;
                    let mut value = Vec::new();
                    file.take(size).read_to_end(&mut value)?;
                    extension.read(kind, &value)?;
                }
                b'g' => (),
                _ => {
                    let name = extension.name.take().unwrap_or_else(|| ustar_name(&header));
                    let link = extension.link.take().unwrap_or_else(|| text(&header[157..257]));
                    let entry = match kind {
                        b'0' | 0 | b'7' => Some(Entry::File(Place { offset: data, size })),
                        b'1' => clean("", &link).map(Entry::Link),
                        b'2' => {
                            let folder = clean("", &name).unwrap_or_default();
                            let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
                            clean(folder, &link).map(Entry::Link)
                        }
                        _ => None,
                    };
                    extension = Extension::default();
                    if let (Some(entry), Some(name)) = (entry, clean("", &name)) {
                        name_bytes += name.len() + link.len();
                        if name_bytes > MAX_NAMES {
                            return Err(broken("its members' names are too long"));
                        }
                        index.entries.insert(name, entry);
                    }
                }
            }
            position = end.div_ceil(BLOCK).saturating_mul(BLOCK);
        }
        Ok(index)
    }

    /// The regular file of this name, through links within the archive.
    pub(crate) fn find(&self, name: &str) -> Option<Place> {
        let mut name = clean("", name)?;
        for _ in 0..MAX_LINKS {
            match self.entries.get(&name)? {
                Entry::File(place) => return Some(*place),
                Entry::Link(target) => name = target.clone(),
            }
        }
        None
    }
}

#[derive(Default)]
struct Extension {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

impl Extension {
    fn read(&mut self, kind: u8, value: &[u8]) -> io::Result<()> {
        match kind {
            b'L' => self.name = Some(text(value)),
            b'K' => self.link = Some(text(value)),
            _ => {
                let mut rest = value;
                while !rest.is_empty() {
                    let malformed = || broken("a member has a malformed extended header");
                    let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
                    let length: usize = std::str::from_utf8(&rest[..space])
                        .ok()
                        .and_then(|length| length.parse().ok())
                        .filter(|length| (space + 2..=rest.len()).contains(length))
                        .ok_or_else(malformed)?;
                    let record = &rest[space + 1..length - 1];
                    rest = &rest[length..];
                    let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
                    let value = String::from_utf8_lossy(&record[equals + 1..]).into_owned();
                    match &record[..equals] {
                        b"path" => self.name = Some(value),
                        b"linkpath" => self.link = Some(value),
                        b"size" => self.size = Some(value.parse().map_err(|_| malformed())?),
                        key if key.starts_with(b"GNU.sparse.") => {
                            return Err(broken("a member is stored sparsely, which is not supported"));
                        }
                        _ => (),
                    }
                }
            }
        }
        Ok(())
    }
}

/// `path` beneath `folder` without `.`, `..` and double slashes; `None` where it would leave the archive or is its
/// root.
fn clean(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => (),
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

enum Filled {
    Nothing,
    Partly,
    Wholly,
}

fn read_block(file: &mut impl Read, block: &mut [u8]) -> io::Result<Filled> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(match filled {
        0 => Filled::Nothing,
        full if full == block.len() => Filled::Wholly,
        _ => Filled::Partly,
    })
}

fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a usable tar archive: {reason}"))
}

fn check_sum(header: &[u8; BLOCK as usize]) -> io::Result<()> {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(position, byte)| u64::from(if (148..156).contains(&position) { b' ' } else { *byte }))
        .sum();
    if number(&header[148..156]) == Some(sum) {
        return Ok(());
    }
    Err(broken("a header's check sum is wrong"))
}

/// An octal field, or GNU's binary form for large numbers.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let (head, tail) = field.split_at(field.len().checked_sub(8)?);
        if head.iter().enumerate().any(|(position, byte)| *byte != if position == 0 { 0x80 } else { 0 }) {
            return None;
        }
        return Some(u64::from_be_bytes(tail.try_into().ok()?));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn ustar_name(header: &[u8; BLOCK as usize]) -> String {
    let name = text(&header[..100]);
    let prefix = if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// Writes members one after another.
pub(crate) struct TarWriter<W> {
    out: W,
}

impl<W: Write> TarWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out }
    }

    pub(crate) fn folder(&mut self, name: &str) -> io::Result<()> {
        self.header(&format!("{name}/"), 0, b'5', 0o755, "")
    }

    pub(crate) fn symlink(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.header(name, 0, b'2', 0o777, target)
    }

    pub(crate) fn file(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        self.begin_file(name, data.len() as u64)?;
        self.out.write_all(data)?;
        self.pad(data.len() as u64)
    }

    /// Copies exactly `size` bytes from `data`.
    pub(crate) fn file_from(&mut self, name: &str, size: u64, data: &mut impl Read) -> io::Result<()> {
        self.begin_file(name, size)?;
        let copied = io::copy(&mut data.take(size), &mut self.out)?;
        if copied != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pad(size)
    }

    fn begin_file(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.header(name, size, b'0', 0o644, "")
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let missing = (BLOCK - size % BLOCK) % BLOCK;
        self.out.write_all(&[0; BLOCK as usize][..missing as usize])
    }

    fn header(&mut self, name: &str, size: u64, kind: u8, mode: u32, link: &str) -> io::Result<()> {
        let mut header = [0_u8; BLOCK as usize];
        if name.len() > 100 || link.len() > 100 {
            // The names that this crate writes are shorter.
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("name too long for tar: {name}"),
            ));
        }
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        let mut octal = |start: usize, length: usize, value: u64| {
            let digits = format!("{value:0width$o}\0", width = length - 1);
            header[start..start + length].copy_from_slice(digits.as_bytes());
        };
        octal(100, 8, u64::from(mode));
        octal(108, 8, 0);
        octal(116, 8, 0);
        octal(136, 12, 0);
        if size < 1 << 33 {
            octal(124, 12, size);
        } else {
            header[124] = 0x80;
            header[128..136].copy_from_slice(&size.to_be_bytes());
        }
        header[148..156].fill(b' ');
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.out.write_all(&header)
    }

    /// Writes the end of the archive and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK as usize])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn scan(data: &[u8]) -> io::Result<TarIndex> {
        TarIndex::scan(&mut Cursor::new(data), data.len() as u64)
    }

    fn sample() -> Vec<u8> {
        let mut writer = TarWriter::new(Vec::new());
        writer.folder("blobs").unwrap();
        writer.file("./a/b.json", b"{}").unwrap();
        writer.symlink("a/link", "../a/b.json").unwrap();
        writer.symlink("a/out", "../../etc/passwd").unwrap();
        writer.symlink("a/round", "round").unwrap();
        writer.file_from("c", 600, &mut io::repeat(7)).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn finds_what_it_wrote() {
        let data = sample();
        let index = scan(&data).unwrap();
        let place = index.find("a/b.json").unwrap();
        assert_eq!(&data[place.offset as usize..][..place.size as usize], b"{}");
        assert_eq!(index.find("a/link"), Some(place));
        assert_eq!(index.find("/x/../a/./b.json"), Some(place));
        assert_eq!(index.find("c").unwrap().size, 600);
        for absent in ["a/out", "a/round", "blobs", "", "..", "nothing"] {
            assert_eq!(index.find(absent), None, "{absent}");
        }
    }

    #[test]
    fn refuses_damage() {
        let data = sample();
        assert!(scan(&data[..700]).is_err());
        assert!(scan(&data[..data.len() - 1500]).is_err());
        let mut wrong = data.clone();
        wrong[3] ^= 1;
        assert!(scan(&wrong).is_err());
        assert!(scan(b"this is no tar").is_err());
        let mut huge = data.clone();
        huge[512 + 124] = 0xff;
        assert!(scan(&huge).is_err());
        assert!(scan(b"").unwrap().find("a").is_none());
    }

    #[test]
    fn large_sizes_survive_the_header() {
        let mut writer = TarWriter::new(Vec::new());
        writer.begin_file("big", 1 << 40).unwrap();
        assert_eq!(number(&writer.out[124..136]), Some(1 << 40));
    }
}
