//! Paths as text, for files that need not be there.

use std::path::{Component, Path, PathBuf};

/// The path without `.`, `..` and doubled slashes, by its text alone.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(".."),
            },
            other => clean.push(other),
        }
    }
    clean
}

/// True for what systemd fills in first, so that it cannot be told whether it is relative.
pub(crate) fn starts_with_specifier(path: &str) -> bool {
    path.starts_with('%') && !path.starts_with("%%")
}

/// True for what is fetched from somewhere.
pub(crate) fn is_url(text: &str) -> bool {
    ["http://", "https://", "git://"].iter().any(|scheme| text.starts_with(scheme))
        || text.split_once("github.com/").is_some_and(|(_, rest)| !rest.is_empty())
}

/// Text in which systemd finds no specifier.
pub(crate) fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

/// True for a name that a file beneath a folder of systemd's may have.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.contains('/')
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning() {
        let cases = [
            ("/a/./b//c/../d", "/a/b/d"),
            ("/../a", "/a"),
            ("/a/../..", "/"),
            ("a/..", ""),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("../../a", "../../a"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn urls_and_specifiers() {
        assert!(is_url("https://example.com/x.git") && is_url("git://x") && is_url("github.com/a/b"));
        assert!(!is_url("http") && !is_url("/a/b") && !is_url("github.com/"));
        assert!(
            starts_with_specifier("%h/a") && !starts_with_specifier("%%a") && !starts_with_specifier("a%h")
        );
    }

    #[test]
    fn names() {
        assert!(is_plain_name("a b.service") && is_plain_name("a@b.service"));
        assert!(
            !is_plain_name("..") && !is_plain_name("a/b") && !is_plain_name("a\nb") && !is_plain_name("")
        );
    }
}
