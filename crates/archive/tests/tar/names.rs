//! What an entry is must not depend on where a header's name field ends: every length from 90 to 300 with a slash at
//! every place, in all four formats.

use cove_archive::Kind;

use crate::support::{Block, archive, long, member, pax, read, record};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    V7,
    Ustar,
    Gnu,
    Pax,
}

/// The entry as that format writes it; `None` where it cannot.
fn written(format: Format, kind: u8, name: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let block = Block::new(kind, name, data.len());
    match format {
        Format::V7 if name.len() > 100 => None,
        Format::V7 => {
            let old = if kind == b'0' { 0 } else { kind };
            Some(member(&block.with(156, &[old]).with(257, &[0; 8]), data))
        }
        Format::Ustar if name.len() <= 100 => Some(member(&block, data)),
        Format::Ustar => {
            let fits = |&at: &usize| name[at] == b'/' && (1..=100).contains(&(name.len() - at - 1));
            let at = (1..name.len().min(156)).find(fits)?;
            let mut block = Block::new(kind, &name[at + 1..], data.len());
            block.put(345, &name[..at]);
            block.sum();
            Some(member(&block, data))
        }
        Format::Gnu => {
            let entry = member(&block.with(257, b"ustar  \0"), data);
            Some(if name.len() < 100 { entry } else { [long(b'L', name), entry].concat() })
        }
        Format::Pax => {
            let entry = member(&block, data);
            Some(if name.len() <= 100 { entry } else { [pax(&[record("path", name)]), entry].concat() })
        }
    }
}

fn check(format: Format, kind: u8, name: &[u8], data: &[u8]) -> bool {
    let Some(first) = written(format, kind, name, data) else { return false };
    let after = member(&Block::new(b'0', b"after", 3), b"end");
    let entries = read(&archive(&[first, after]));
    let shown = || format!("{format:?}, {} bytes: {}", name.len(), String::from_utf8_lossy(name));
    let entries = entries.unwrap_or_else(|error| panic!("{error}: {}", shown()));
    let wanted = if kind == b'5' { Kind::Directory } else { Kind::File };
    assert_eq!(entries.len(), 2, "{}", shown());
    assert!(entries[0].0.header.name == name, "{}", shown());
    assert_eq!(entries[0].0.header.kind, wanted, "{}", shown());
    assert!(entries[0].1 == data, "{}", shown());
    assert_eq!((entries[1].0.header.name.as_slice(), entries[1].1.as_slice()), (&b"after"[..], &b"end"[..]));
    true
}

#[test]
fn names_of_every_length_keep_their_kind() {
    let mut checked = 0;
    for format in [Format::V7, Format::Ustar, Format::Gnu, Format::Pax] {
        for length in 90..=300 {
            for slash in 1..length - 1 {
                let mut name = vec![b'n'; length];
                name[slash] = b'/';
                let data: &[u8] = if (length + slash) % 2 == 0 { b"contents" } else { b"" };
                checked += usize::from(check(format, b'0', &name, data));
                // Around the ends of the fields, both.
                if (97..=103).contains(&slash) || (153..=158).contains(&slash) {
                    check(format, b'0', &name, b"");
                    check(format, b'0', &name, b"contents");
                }
            }
            let mut directory = "d/".repeat(length / 2).into_bytes();
            checked += usize::from(check(format, b'5', &directory, b""));
            directory.extend_from_slice(b"leaf");
            checked += usize::from(check(format, b'0', &directory, b"contents"));
            checked += usize::from(check(format, b'0', &directory, b""));
        }
    }
    assert!(checked > 80_000, "{checked}");
}

#[test]
fn the_final_name_decides() {
    let kinds = |members: &[Vec<u8>]| -> Vec<(Kind, Vec<u8>)> {
        let entries = read(&archive(members)).unwrap();
        entries.into_iter().map(|(entry, _)| (entry.header.kind, entry.header.name)).collect()
    };
    let directory = |name: &[u8]| (Kind::Directory, name.to_vec());
    let file = |name: &[u8]| (Kind::File, name.to_vec());
    // Before there were types, a slash made the directory.
    let old = |name: &[u8], size| Block::new(0, name, size).with(257, &[0; 8]);
    assert_eq!(kinds(&[member(&old(b"a/", 0), b"")]), [directory(b"a/")]);
    assert_eq!(kinds(&[member(&Block::new(b'0', b"a/", 0), b"")]), [directory(b"a/")]);
    // With a type, contents are never thrown away.
    assert_eq!(kinds(&[member(&Block::new(b'0', b"a/", 1), b"x")]), [file(b"a/")]);
    // Names that come later win, and of those GNU's.
    assert_eq!(kinds(&[long(b'L', b"a/b"), member(&old(b"a/", 1), b"x")]), [file(b"a/b")]);
    assert_eq!(kinds(&[long(b'L', b"a/"), member(&old(b"a/b", 0), b"")]), [directory(b"a/")]);
    assert_eq!(kinds(&[pax(&[record("path", b"a/b")]), member(&old(b"a/", 1), b"x")]), [file(b"a/b")]);
    assert_eq!(
        kinds(&[pax(&[record("path", b"p/")]), long(b'L', b"g"), member(&old(b"a/", 1), b"x")]),
        [file(b"g")]
    );
    // An extension is for one entry only.
    let plain = member(&Block::new(b'0', b"c", 0), b"");
    assert_eq!(kinds(&[long(b'L', b"a/b"), plain.clone(), plain]), [file(b"a/b"), file(b"c")]);
}
