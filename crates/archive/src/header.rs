//! Tar headers: ustar, the GNU and PAX extensions. Pure parsing; sizes are bounded by the caller's reads.

use std::fmt;

use crate::name::lossy;

/// The largest PAX header, GNU long name or sparse map, as in Go's archive/tar.
pub(crate) const MAX_EXTENSION: u64 = 1024 * 1024;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, with holes or not.
    File,
    /// Another name of an entry before it.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A FIFO.
    Fifo,
}

/// What a header block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// An entry.
    Entry,
    /// A GNU sparse file, old style.
    GnuSparse,
    /// PAX records for the next entry.
    Pax,
    /// PAX records for all that follow; ignored, as podman does.
    GlobalPax,
    /// GNU: the next entry's name.
    LongName,
    /// GNU: the next entry's link target.
    LongLink,
}

/// What an entry's headers say, extensions merged into it.
#[derive(Debug, Clone)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Its name as written: not cleaned, and nothing that may be opened.
    pub name: Vec<u8>,
    /// The target of a link, as written.
    pub link: Vec<u8>,
    /// Permission bits and the three above them.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// Bytes of data that follow in the archive.
    pub size: u64,
    /// Seconds since 1970 and nanoseconds.
    pub mtime: (i64, u32),
    /// A device's major number.
    pub major: u32,
    /// A device's minor number.
    pub minor: u32,
    /// Extended attributes.
    pub xattrs: Vec<(String, Vec<u8>)>,
    pub(crate) role: Role,
    /// The type byte was NUL, from before there were types: what ends in a slash is a directory.
    untyped: bool,
}

/// What the extension headers in front of an entry said.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) pax: PaxRecords,
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
}

/// Why a header was not accepted.
#[derive(Debug)]
pub(crate) struct BadHeader(pub(crate) String);

impl fmt::Display for BadHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

type Parsed<T> = Result<T, BadHeader>;

fn bad<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(BadHeader(reason.into()))
}

impl Header {
    /// Parses one header block. What it gives is not the entry yet: that is [`Header::complete`]'s.
    pub(crate) fn parse(block: &[u8; 512]) -> Parsed<Self> {
        let stored = number(&block[148..156])?;
        let (unsigned, signed) = checksums(block);
        if stored != unsigned && stored != signed {
            return bad("the checksum of a header is wrong, so this is no tar archive");
        }
        let mut name = text(&block[..100]).to_vec();
        // POSIX magic only: in GNU headers these bytes hold other things.
        if &block[257..263] == b"ustar\0" {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        let (role, kind) = match block[156] {
            // Or a directory: `complete` decides, for the name here may be the beginning of a longer one.
            b'0' | 0 | b'7' => (Role::Entry, Kind::File),
            b'1' => (Role::Entry, Kind::HardLink),
            b'2' => (Role::Entry, Kind::Symlink),
            b'3' => (Role::Entry, Kind::CharDevice),
            b'4' => (Role::Entry, Kind::BlockDevice),
            b'5' => (Role::Entry, Kind::Directory),
            b'6' => (Role::Entry, Kind::Fifo),
            b'S' => (Role::GnuSparse, Kind::File),
            b'x' => (Role::Pax, Kind::File),
            b'g' => (Role::GlobalPax, Kind::File),
            b'L' => (Role::LongName, Kind::File),
            b'K' => (Role::LongLink, Kind::File),
            other => return bad(format!("entry {:?} is of the unknown type {other}", lossy(&name))),
        };
        let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
        let device_number = |range: std::ops::Range<usize>| {
            if device { small(number(&block[range])?, "device number") } else { Ok(0) }
        };
        let size = number(&block[124..136])?;
        Ok(Self {
            kind,
            name,
            link: text(&block[157..257]).to_vec(),
            mode: u32::try_from(number(&block[100..108])? & 0o7777).unwrap_or_default(),
            uid: small(number(&block[108..116])?, "user id")?,
            gid: small(number(&block[116..124])?, "group id")?,
            size: u64::try_from(size).map_err(|_| BadHeader(format!("negative size {size}")))?,
            mtime: (number(&block[136..148])?, 0),
            major: device_number(329..337)?,
            minor: device_number(337..345)?,
            xattrs: Vec::new(),
            role,
            untyped: block[156] == 0,
        })
    }

    /// Takes over what the extension headers in front of it say, and only then decides what the entry is: a
    /// short name may end in a slash where the whole one does not. The sparse records are left to the caller.
    pub(crate) fn complete(&mut self, extensions: &Extensions) -> Parsed<()> {
        for (key, value) in extensions.pax.iter() {
            match key {
                // An empty record takes an earlier one back; an attribute may be empty.
                "path" | "linkpath" | "size" | "uid" | "gid" | "mtime" if value.is_empty() => {}
                "path" => self.name = value.to_vec(),
                "linkpath" => self.link = value.to_vec(),
                "size" => self.size = decimal(value)?,
                "uid" => self.uid = small_decimal(value)?,
                "gid" => self.gid = small_decimal(value)?,
                "mtime" => self.mtime = pax_time(value)?,
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        self.xattrs.push((name.to_owned(), value.to_vec()));
                    }
                }
            }
        }
        if let Some(name) = &extensions.name {
            self.name.clone_from(name);
        }
        if let Some(link) = &extensions.link {
            self.link.clone_from(link);
        }
        // Where there is a type, data that comes with a name in a slash is a file's, as podman has it.
        let may_be = self.kind == Kind::File && self.role == Role::Entry;
        if may_be && self.name.ends_with(b"/") && (self.untyped || self.size == 0) {
            self.kind = Kind::Directory;
        }
        // Others have no data, whatever their size field says.
        if self.kind != Kind::File {
            self.size = 0;
        }
        Ok(())
    }
}

/// The records of a PAX header, in order.
#[derive(Debug, Default)]
pub(crate) struct PaxRecords(Vec<(String, Vec<u8>)>);

impl PaxRecords {
    /// Parses `LENGTH KEY=VALUE\n…`.
    pub(crate) fn parse(mut data: &[u8]) -> Parsed<Self> {
        let mut records = Vec::new();
        while !data.is_empty() && data[0] != 0 {
            let space = data.iter().take(20).position(|&byte| byte == b' ');
            let Some(space) = space else { return bad("a PAX record has no length") };
            let length = usize::try_from(decimal(&data[..space])?).unwrap_or(usize::MAX);
            if length <= space + 1 || length > data.len() || data[length - 1] != b'\n' {
                return bad("a PAX record has a wrong length");
            }
            let record = &data[space + 1..length - 1];
            let Some(equals) = record.iter().position(|&byte| byte == b'=') else {
                return bad("a PAX record has no '='");
            };
            let Ok(key) = std::str::from_utf8(&record[..equals]) else {
                return bad("a PAX record has a key that is not UTF-8");
            };
            let value = &record[equals + 1..];
            if matches!(key, "path" | "linkpath") && value.contains(&0) {
                return bad("a PAX record has a name with a NUL byte");
            }
            records.push((key.to_owned(), value.to_vec()));
            data = &data[length..];
        }
        Ok(Self(records))
    }

    /// Keys and values in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// The last record of that key.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_slice())
    }
}

/// A piece of data in a sparse file: offset and length.
pub type Extent = (u64, u64);

/// The extents of an old GNU header (at byte 386) or of one of its extension blocks (at 0), and whether
/// another extension block follows.
pub(crate) fn gnu_extents(block: &[u8; 512], in_header: bool) -> Parsed<(Vec<Extent>, bool)> {
    let (start, count, more) = if in_header { (386, 4, 482) } else { (0, 21, 504) };
    let mut extents = Vec::new();
    for index in 0..count {
        let entry = &block[start + index * 24..start + (index + 1) * 24];
        if entry[0] == 0 {
            break;
        }
        extents.push((unsigned(&entry[..12])?, unsigned(&entry[12..])?));
    }
    Ok((extents, block[more] != 0))
}

/// The full size of an old GNU sparse file.
pub(crate) fn gnu_real_size(block: &[u8; 512]) -> Parsed<u64> {
    unsigned(&block[483..495])
}

/// The map of PAX sparse format 0.1: `offset,length,offset,length…`.
pub(crate) fn pax_map(value: &[u8]) -> Parsed<Vec<Extent>> {
    let numbers = value.split(|&byte| byte == b',').map(decimal).collect::<Parsed<Vec<u64>>>()?;
    if numbers.len() % 2 != 0 {
        return bad("a sparse map has an odd number of values");
    }
    Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// A decimal number.
pub(crate) fn decimal(text: &[u8]) -> Parsed<u64> {
    std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|&number| i64::try_from(number).is_ok())
        .ok_or_else(|| BadHeader(format!("{:?} is not a number", lossy(text))))
}

fn small_decimal(text: &[u8]) -> Parsed<u32> {
    u32::try_from(decimal(text)?).map_err(|_| BadHeader(format!("the id {:?} is too large", lossy(text))))
}

fn pax_time(text: &[u8]) -> Parsed<(i64, u32)> {
    let wrong = || BadHeader(format!("{:?} is not a time", lossy(text)));
    let string = std::str::from_utf8(text).map_err(|_| wrong())?;
    let (whole, fraction) = string.split_once('.').unwrap_or((string, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let seconds: i64 = whole.parse().map_err(|_| wrong())?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().map_err(|_| wrong())?;
    if whole.starts_with('-') && nanos > 0 {
        return Ok((seconds.saturating_sub(1), 1_000_000_000 - nanos));
    }
    Ok((seconds, nanos))
}

fn small(value: i64, what: &str) -> Parsed<u32> {
    u32::try_from(value).map_err(|_| BadHeader(format!("the {what} {value} is out of range")))
}

fn unsigned(field: &[u8]) -> Parsed<u64> {
    u64::try_from(number(field)?).map_err(|_| BadHeader("a negative number".into()))
}

/// A numeric field: octal text, or base 256 where the first bit is set.
fn number(field: &[u8]) -> Parsed<i64> {
    if field[0] & 0x80 != 0 {
        // Two's complement; bit 6 of the first byte is the sign.
        let mut value: i128 = if field[0] & 0x40 != 0 { -1 } else { 0 };
        for (index, &byte) in field.iter().enumerate() {
            let byte = if index == 0 { (byte & 0x7f) | if value < 0 { 0x80 } else { 0 } } else { byte };
            value = (value << 8) | i128::from(byte);
        }
        return i64::try_from(value).map_err(|_| BadHeader("a number is out of range".into()));
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|&byte| byte == 0 || byte == b' ').unwrap_or(digits.len());
    let mut value: i64 = 0;
    for &byte in &digits[..end] {
        if !(b'0'..=b'7').contains(&byte) {
            return bad("a number in a header is not octal, so this is no tar archive");
        }
        value = value
            .checked_mul(8)
            .and_then(|value| value.checked_add(i64::from(byte - b'0')))
            .ok_or_else(|| BadHeader("a number is out of range".into()))?;
    }
    Ok(value)
}

/// The checksum by unsigned bytes, and by signed ones as some old programs did.
fn checksums(block: &[u8; 512]) -> (i64, i64) {
    let blanked = block.iter().enumerate().map(|(i, &b)| if (148..156).contains(&i) { b' ' } else { b });
    blanked.fold((0, 0), |(unsigned, signed), byte| {
        (unsigned + i64::from(byte), signed + i64::from(byte.cast_signed()))
    })
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_forms() {
        assert_eq!(number(b"0000644\0").unwrap(), 0o644);
        assert_eq!(number(b"   644 \0").unwrap(), 0o644);
        assert_eq!(number(&[0; 8]).unwrap(), 0);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 0]).unwrap(), 256);
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]).unwrap(), -2);
        assert!(number(b"hello\0\0\0").is_err());
        assert!(number(b"777777777777777777777777").is_err());
    }

    #[test]
    fn pax_records() {
        let records = PaxRecords::parse(b"11 path=abc\n22 SCHILY.xattr.user.a=b\n").unwrap_err();
        assert!(records.0.contains("length"), "{records}");
        let records = PaxRecords::parse(b"12 path=abc\n25 SCHILY.xattr.user.a=b\n").unwrap();
        assert_eq!(records.get("path").unwrap(), b"abc");
        assert_eq!(records.get("SCHILY.xattr.user.a").unwrap(), b"b");
        for wrong in [&b"99999999999999999999 a=b\n"[..], b"5 a\n", b"x", b"0 a=b\n"] {
            assert!(PaxRecords::parse(wrong).is_err());
        }
    }

    #[test]
    fn times() {
        assert_eq!(pax_time(b"1.5").unwrap(), (1, 500_000_000));
        assert_eq!(pax_time(b"-1.25").unwrap(), (-2, 750_000_000));
        assert_eq!(pax_time(b"12").unwrap(), (12, 0));
        assert!(pax_time(b"1.x").is_err());
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Header::parse(&[b'x'; 512]).is_err());
    }
}
