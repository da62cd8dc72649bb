//! Headers that lie: each is refused in time with one message, or read as what it is.

use cove_archive::{Kind, Member, Writer};

use crate::support::{Block, archive, long, member, pax, read, record};

fn plain(name: &str) -> Vec<u8> {
    member(&Block::new(b'0', name.as_bytes(), 1), b"x")
}

/// Fields of a header and values that none may have, refused with a message that says so.
#[test]
fn numbers_that_are_none_are_refused() {
    let fields = [(100, 8, "mode"), (108, 8, "uid"), (116, 8, "gid"), (124, 12, "size"), (136, 12, "mtime")];
    let values: [&[u8]; 7] = [
        b"hello",
        b"0x12",
        b"9999999",
        b"-1",
        b"1.5",
        b"\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x1b[2J",
    ];
    let mut refused = 0;
    for (start, length, field) in fields {
        for value in values {
            let mut bytes = value.to_vec();
            bytes.resize(length, 0);
            let archive = archive(&[member(&Block::new(b'0', b"name", 0).with(start, &bytes), b"")]);
            if let Err(error) = read(&archive) {
                refused += 1;
                let text = error.to_string();
                assert!(text.len() < 300 && !text.contains('\x1b'), "{field}: {text}");
            }
        }
    }
    assert!(refused >= 30, "{refused}");
}

#[test]
fn sizes_beyond_the_end_are_refused() {
    let huge = [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let cases: Vec<Vec<u8>> = vec![
        member(&Block::new(b'0', b"a", 1_000_000), b"x"),
        member(&Block::new(b'0', b"a", 0).with(124, &huge), b"x"),
        [pax(&[record("size", b"9223372036854775807")]), plain("a")].concat(),
        [pax(&[record("size", b"100000")]), plain("a")].concat(),
    ];
    for case in cases {
        let error = read(&archive(&[case])).unwrap_err().to_string();
        assert!(error.contains("ends inside"), "{error}");
    }
    for size in ["18446744073709551615", "9223372036854775808", "-1", "1e3", " 1", "0x1"] {
        let error = read(&archive(&[pax(&[record("size", size.as_bytes())]), plain("a")])).unwrap_err();
        assert!(error.to_string().contains("not a number"), "{error}");
    }
}

#[test]
fn extensions_are_bounded_and_parsed_strictly() {
    let with = |data: &[u8]| [member(&Block::new(b'x', b"x", data.len()), data), plain("a")].concat();
    for wrong in [
        &b"x"[..],
        b"5 a\n",
        b"0 a=b\n",
        b"3 =\n",
        b"99999999999999999999 a=b\n",
        b"6 a=b",
        b"7 a=b\n",
        b"-6 a=b\n",
        b" 6 a=b\n",
        b"9 path=\0\n",
        b"11 path=a\0\n",
        b"14 linkpath=\0\n",
        b"6 \xff=b\n",
        b"9 uid=-1\n",
        b"18 uid=4294967296\n",
        b"11 mtime=x\n",
        b"13 mtime=1.x\n",
    ] {
        let error = read(&archive(&[with(wrong)]));
        assert!(error.is_err(), "{:?}", String::from_utf8_lossy(wrong));
    }
    for kind in [b'x', b'g', b'L', b'K'] {
        let block = Block::new(kind, b"x", 2_000_000);
        let error = read(&archive(&[member(&block, &vec![b'a'; 2_000_000])])).unwrap_err().to_string();
        assert!(error.contains("2000000 bytes"), "{error}");
    }
    // Global records and unknown ones change nothing; the last of two counts.
    let global = member(&Block::new(b'g', b"g", 14), b"14 path=global");
    let known =
        pax(&[record("path", b"one"), record("path", b"two"), record("comment", b"x"), record("uid", b"7")]);
    let entries = read(&archive(&[global, known, plain("short")])).unwrap();
    assert_eq!((entries[0].0.header.name.as_slice(), entries[0].0.header.uid), (&b"two"[..], 7));
}

#[test]
fn unknown_types_are_named_and_their_names_escaped() {
    let known = b"\x000123456 7xgLKS";
    for kind in 1..=255u8 {
        if known.contains(&kind) {
            continue;
        }
        let error = read(&archive(&[member(&Block::new(kind, b"\x1b]0;x\x07\n2", 0), b"")])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("unknown type") && !text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn only_files_have_data() {
    for kind in *b"123456" {
        let entries = read(&archive(&[member(&Block::new(kind, b"a", 5000), b""), plain("b")])).unwrap();
        assert_eq!(entries.len(), 2, "{kind}");
        assert_eq!(entries[0].0.header.size, 0);
    }
}

#[test]
fn sparse_maps_must_be_true() {
    let sparse = |records: &[(&str, &str)], data: &[u8]| {
        let records: Vec<_> = records.iter().map(|(key, value)| record(key, value.as_bytes())).collect();
        archive(&[pax(&records), member(&Block::new(b'0', b"s", data.len()), data), plain("after")])
    };
    let good = sparse(&[("GNU.sparse.size", "10"), ("GNU.sparse.map", "2,3,7,1")], b"abcd");
    let entries = read(&good).unwrap();
    assert_eq!(entries[0].0.sparse.as_ref().unwrap().extents, [(2, 3), (7, 1)]);
    assert_eq!((entries[0].0.header.kind, entries[1].1.as_slice()), (Kind::File, &b"x"[..]));
    for (size, map) in [
        ("10", "2,3,4,1"),
        ("10", "2,9"),
        ("10", "9223372036854775807,9223372036854775807"),
        ("10", "2"),
        ("10", "2,x"),
        ("10", "2,-1"),
        ("10", "0,5"),
        ("-1", "0,1"),
    ] {
        assert!(
            read(&sparse(&[("GNU.sparse.size", size), ("GNU.sparse.map", map)], b"abcd")).is_err(),
            "{size} {map}"
        );
    }
    let in_data = |text: &str| {
        let mut data = text.as_bytes().to_vec();
        data.resize(512, 0);
        data.extend_from_slice(b"abcd");
        let keys = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "10")];
        sparse(&[&keys[..], &[("GNU.sparse.name", "real")]].concat(), &data)
    };
    let entries = read(&in_data("1\n3\n4\n")).unwrap();
    assert_eq!((entries[0].0.header.name.as_slice(), entries[0].1.as_slice()), (&b"real"[..], &b"abcd"[..]));
    for text in ["1\n3\n5\n", "x\n", "9999999999999\n1\n1\n", "", "-1\n", "1\n1\n"] {
        assert!(read(&in_data(text)).is_err(), "{text:?}");
    }
    let old = Block::new(b'S', b"s", 4).with(257, b"ustar  \0");
    let old = old.with(386, b"00000000002\0").with(398, b"00000000004\0").with(483, b"00000000012\0");
    let entries = read(&archive(&[member(&old, b"abcd")])).unwrap();
    assert_eq!(entries[0].0.sparse.as_ref().unwrap().extents, [(2, 4)]);
    // One extension block after another without end.
    let endless = old.with(482, b"\x01");
    let mut more = [0; 512];
    more[504] = 1;
    let all = [endless.0.to_vec(), more.repeat(4000)].concat();
    assert!(read(&archive(&[all])).is_err());
}

#[test]
fn ends_are_where_they_should_be() {
    assert!(read(b"").unwrap().is_empty());
    assert!(read(&[0; 512]).unwrap().is_empty());
    assert!(read(&[0; 1024]).unwrap().is_empty());
    assert_eq!(read(&plain("a")).unwrap().len(), 1);
    // What follows the end is nobody's.
    assert_eq!(read(&[archive(&[plain("a")]), b"rest".repeat(1000)].concat()).unwrap().len(), 1);
    let zero_inside = [plain("a"), vec![0; 512], plain("b")].concat();
    assert!(read(&zero_inside).unwrap_err().to_string().contains("zero block"));
    let whole = archive(&[long(b'L', &[b'a'; 200]), plain("a")]);
    // Up to the last byte of data: what fills up the last block may be missing, as below.
    for cut in (1..whole.len() - 1024 - 511).step_by(37).filter(|cut| cut % 512 != 0) {
        assert!(read(&whole[..cut]).is_err(), "{cut}");
    }
    // As docker's client sends a context to which it adds a build file.
    let last = [plain("a"), member(&Block::new(b'0', b"b", 3), b"xyz")].concat();
    let (least, most) = (last.len() - 509, last.len());
    for cut in [least, least + 1, least + 300, most - 1] {
        assert_eq!(read(&last[..cut]).unwrap().len(), 2, "{cut}");
    }
    assert!(read(&last[..least - 1]).unwrap_err().to_string().contains("ends inside"));
}

/// Every byte of a header, and of the extensions before it, changed in many ways: no panic, no endless loop, and
/// never more data than there is.
#[test]
fn changed_bytes_never_get_the_better_of_the_reader() {
    let first = [
        long(b'L', &[b'a'; 150]),
        long(b'K', &[b'b'; 150]),
        pax(&[record("path", b"p"), record("GNU.sparse.size", b"9"), record("GNU.sparse.map", b"1,1")]),
        plain("file"),
    ];
    let whole = archive(&first);
    let (mut good, mut bad) = (0, 0);
    for position in 0..whole.len() - 1024 {
        for value in [0, b' ', b'0', b'7', b'9', b'/', 0x1b, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[position] = value;
            // Half of the headers get a right checksum again, to come further.
            let block = position / 512 * 512;
            if changed[block + 257..block + 262] == *b"ustar" && !(148..156).contains(&(position - block)) {
                let mut header = Block(changed[block..block + 512].try_into().unwrap());
                header.sum();
                changed[block..block + 512].copy_from_slice(&header.0);
            }
            match read(&changed) {
                Ok(entries) => {
                    good += 1;
                    assert!(entries.iter().map(|(_, data)| data.len()).sum::<usize>() <= changed.len());
                }
                Err(error) => {
                    bad += 1;
                    assert!(error.to_string().len() < 2000);
                }
            }
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} {bad}");
}

#[test]
fn what_the_writer_writes_is_read() {
    let xattrs = vec![("user.a".to_owned(), b"\0\xff\n".to_vec())];
    for length in [1, 99, 100, 101, 155, 156, 157, 255, 256, 257, 300, 5000] {
        for slash in [0, 50, 99, 100, 154, 155, length / 2] {
            let mut name = vec![b'n'; length];
            if slash > 0 && slash < length - 1 {
                name[slash] = b'/';
            }
            let mut writer = Writer::new(Vec::new());
            let file = Member {
                uid: 4_000_000_000,
                gid: 7,
                size: 3,
                mtime: -5,
                xattrs: &xattrs,
                ..Member::new(Kind::File, &name, 0o4755)
            };
            writer.member(&file).unwrap();
            writer.data(b"abc").unwrap();
            writer.pad(3).unwrap();
            writer.member(&Member { link: &name, ..Member::new(Kind::HardLink, b"l\xff", 0o777) }).unwrap();
            let device = Member { device: (8, 1), ..Member::new(Kind::BlockDevice, b"dev", 0o600) };
            writer.member(&device).unwrap();
            let entries = read(&writer.finish().unwrap()).unwrap();
            let first = &entries[0].0.header;
            assert!(first.name == name, "{length} {slash}");
            assert_eq!(
                (first.kind, first.mode, first.uid, first.gid),
                (Kind::File, 0o4755, 4_000_000_000, 7)
            );
            assert_eq!((first.mtime, &first.xattrs), ((-5, 0), &xattrs));
            assert_eq!(entries[0].1, b"abc");
            assert!(entries[1].0.header.link == name && entries[1].0.header.name == b"l\xff");
            assert_eq!((entries[2].0.header.major, entries[2].0.header.minor), (8, 1));
        }
    }
}
