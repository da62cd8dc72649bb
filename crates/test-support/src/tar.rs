//! Archives with exactly the members that a test wants, however strange.

/// One member of a hand-made archive.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its name, at most 100 bytes.
    pub name: &'a str,
    /// Its type flag: `0` file, `1` hard link, `2` symbolic link, `5` folder, or anything else.
    pub kind: u8,
    /// Where a link leads, at most 100 bytes.
    pub link: &'a str,
    /// Its content.
    pub data: &'a [u8],
    /// Its mode.
    pub mode: u32,
}

impl<'a> Member<'a> {
    /// A file.
    pub fn file(name: &'a str, data: &'a [u8]) -> Self {
        Self { name, kind: b'0', link: "", data, mode: 0o644 }
    }

    /// A folder.
    pub fn directory(name: &'a str) -> Self {
        Self { name, kind: b'5', link: "", data: b"", mode: 0o755 }
    }

    /// A link of this kind to `link`, or any other member without content.
    pub fn link(name: &'a str, kind: u8, link: &'a str) -> Self {
        Self { name, kind, link, data: b"", mode: 0o777 }
    }
}

/// A ustar archive of these members, owned by root, with its end.
///
/// # Panics
/// Where a name or link does not fit a header.
pub fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        archive.extend_from_slice(&header(member));
        archive.extend_from_slice(member.data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn header(member: &Member<'_>) -> [u8; 512] {
    let mut block = [0_u8; 512];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, member.name);
    put(100, &format!("{:07o}", member.mode));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", member.data.len()));
    put(136, "14000000000");
    put(148, "        ");
    put(157, member.link);
    put(257, "ustar\x0000");
    block[156] = member.kind;
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
