//! Names in archives: untrusted, and never a path on the host as they are.

/// The name without `.`, `..`, doubled and leading slashes, resolved in the text alone: empty for the root itself,
/// `None` where it leads out of the root or holds a NUL byte.
#[must_use]
pub fn clean_name(name: &[u8]) -> Option<Vec<u8>> {
    clean_beneath(b"", name)
}

/// As [`clean_name`], for a name that counts from the folder `folder`.
#[must_use]
pub fn clean_beneath(folder: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    if name.contains(&0) {
        return None;
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in folder.split(|&byte| byte == b'/').chain(name.split(|&byte| byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join(&b'/'))
}

/// A name for messages, shortened.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, clean) in [
            (&b"./a//b/../c/"[..], Some(&b"a/c"[..])),
            (b"/etc/passwd", Some(b"etc/passwd")),
            (b"./", Some(b"")),
            (b"", Some(b"")),
            (b"a/..", Some(b"")),
            (b"...", Some(b"...")),
            (b"a/../../b", None),
            (b"..", None),
            (b"/../a", None),
            (b"a\0b", None),
        ] {
            assert_eq!(clean_name(name).as_deref(), clean, "{}", lossy(name));
        }
        assert_eq!(clean_beneath(b"a/b", b"../c").as_deref(), Some(&b"a/c"[..]));
        assert_eq!(clean_beneath(b"a", b"../../c"), None);
    }
}
