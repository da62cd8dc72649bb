//! The paths of `cp`: which end they are on, and what their last characters say.

use crate::error::{Result, bail};

/// An end of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End<'a> {
    /// The container; `None` for this machine.
    pub container: Option<&'a str>,
    /// The path.
    pub path: &'a str,
}

/// Reads the two ends: `[CONTAINER:]PATH`. What begins with a dot or a slash names no container.
///
/// # Errors
/// A path is missing.
pub fn ends<'a>(source: &'a str, destination: &'a str) -> Result<(End<'a>, End<'a>)> {
    let (from, to) = (end(source), end(destination));
    if from.path.is_empty() || to.path.is_empty() {
        bail!("invalid arguments {source:?}, {destination:?}: you must specify paths");
    }
    if from.container.is_none() && to.container.is_none() {
        bail!("invalid arguments {source:?}, {destination:?}: exactly 1 container expected but 0 specified");
    }
    Ok((from, to))
}

fn end(text: &str) -> End<'_> {
    match text.split_once(':') {
        Some((container, path)) if !text.starts_with(['.', '/']) => End { container: Some(container), path },
        _ => End { container: None, path: text },
    }
}

/// The last component: `.` for an empty path and for one that ends in `/.`, `/` for the root.
#[must_use]
pub fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/",
        Some(base) => base,
    }
}

/// What the last component is in: `.` where there is only one.
#[must_use]
pub fn directory(path: &str) -> &str {
    match path.rfind('/') {
        None => ".",
        Some(slash) => match path[..slash].trim_end_matches('/') {
            "" => "/",
            directory => directory,
        },
    }
}

/// `resolved` with the `/` or `/.` that `asked` has at its end: these say what of a directory is copied.
#[must_use]
pub fn as_asked(asked: &str, mut resolved: String) -> String {
    if base(asked) == "." && base(&resolved) != "." {
        if !resolved.ends_with('/') {
            resolved.push('/');
        }
        resolved.push('.');
    }
    if asked.ends_with('/') && !resolved.ends_with('/') {
        resolved.push('/');
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_copy() {
        let at = |container, path| End { container, path };
        for (text, expected) in [
            ("c:/a", at(Some("c"), "/a")),
            ("c:a:b", at(Some("c"), "a:b")),
            ("/a:b", at(None, "/a:b")),
            ("./c:a", at(None, "./c:a")),
            ("-", at(None, "-")),
            ("a", at(None, "a")),
        ] {
            assert_eq!(end(text), expected, "{text}");
        }
        assert!(ends("c:", "x").unwrap_err().to_string().contains("you must specify paths"));
        assert!(ends("a", "b").unwrap_err().to_string().contains("exactly 1 container"));
        assert!(ends("a:x", "b:y").is_ok());
    }

    #[test]
    fn what_was_asked_for_stays() {
        for (asked, resolved, expected) in [
            ("/a", "/a", "/a"),
            ("/a/", "/a", "/a/"),
            ("/a/.", "/a", "/a/."),
            (".", "/srv", "/srv/."),
            ("./", "/srv", "/srv/./"),
            ("/.", "/", "/."),
            ("/x.", "/x.", "/x."),
        ] {
            assert_eq!(as_asked(asked, resolved.into()), expected, "{asked}");
        }
    }

    #[test]
    fn components() {
        for (path, last, before) in [
            ("/a/b", "b", "/a"),
            ("/a/", "a", "/a"),
            ("/", "/", "/"),
            ("", ".", "."),
            ("/a/.", ".", "/a"),
            ("x.", "x.", "."),
            ("/a", "a", "/"),
            ("a//b", "b", "a"),
        ] {
            assert_eq!((base(path), directory(path)), (last, before), "{path}");
        }
    }
}
