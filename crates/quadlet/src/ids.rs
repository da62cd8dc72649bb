//! Ids by the names of users and groups. A generator runs before what else may know names, so the files decide.

use std::path::Path;

/// Largest file that is looked through, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// The id of a user, by number or by its name in `/etc/passwd`.
pub(crate) fn user(text: &str) -> Option<u32> {
    id(text, Path::new("/etc/passwd"))
}

/// The id of a group, by number or by its name in `/etc/group`.
pub(crate) fn group(text: &str) -> Option<u32> {
    id(text, Path::new("/etc/group"))
}

fn id(text: &str, file: &Path) -> Option<u32> {
    if let Some(number) = number(text) {
        // The last one means "none".
        return (number != u32::MAX).then_some(number);
    }
    let lines = cove_sys::read::bounded_text(file, MAX_FILE).ok()??;
    lines.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != text {
            return None;
        }
        fields.nth(1)?.parse().ok()
    })
}

/// A number as C writes them: decimal, hexadecimal after `0x`, octal after `0`.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    if !digits.starts_with(|character: char| character.is_ascii_alphanumeric()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases = [
            ("0", Some(0)),
            ("11", Some(11)),
            ("+11", Some(11)),
            ("0x1F", Some(31)),
            ("010", Some(8)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("", None),
            ("a", None),
            ("++1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(user("4294967295"), None);
    }

    #[test]
    fn names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwd");
        cove_sys::fs::write(&file, "root:x:0:0::/root:/bin/sh\nann:x:1001:5::/:/bin/sh\n").unwrap();
        assert_eq!(id("ann", &file), Some(1001));
        assert_eq!(id("bob", &file), None);
    }
}
