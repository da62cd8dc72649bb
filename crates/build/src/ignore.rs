//! What is ignored of a context: the rules of `.dockerignore`.

use regex::bytes::Regex;

use crate::apply::join;
use crate::error::{BuildError, Result};
use crate::pattern::compile;

/// Largest file of rules, in bytes.
const MAX_FILE: usize = 1 << 20;
/// Most rules.
const MAX_RULES: usize = 10_000;

/// Rules of what is ignored; the last that holds decides.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Regex,
    /// What it holds for is not ignored.
    keeps: bool,
}

impl Ignore {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// A rule is none.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_FILE {
            return Err(BuildError::new(format!("the file of rules is larger than {} MiB", MAX_FILE >> 20)));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::of(text.lines().filter(|line| !line.starts_with('#')))
    }

    /// The rules of single lines.
    ///
    /// # Errors
    /// One is none.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut rules = Vec::new();
        for line in lines {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                return Err(BuildError::new("illegal exclusion pattern: \"!\""));
            }
            let pattern = join("/", pattern);
            // The context itself is never ignored.
            let Some(pattern) = pattern.strip_prefix('/').filter(|pattern| !pattern.is_empty()) else {
                continue;
            };
            if rules.len() >= MAX_RULES {
                return Err(BuildError::new(format!("more than {MAX_RULES} rules")));
            }
            rules.push(Rule { pattern: compile(pattern)?, keeps });
        }
        Ok(Self { rules })
    }

    /// Whether nothing is ignored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether something may be kept of what is ignored.
    #[must_use]
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.keeps)
    }

    /// Whether a path, relative to the context, is ignored.
    #[must_use]
    pub fn ignores(&self, path: &[u8]) -> bool {
        let mut ignored = false;
        for rule in &self.rules {
            // A rule that could change nothing is not looked at.
            if rule.keeps == ignored && rule.holds(path) {
                ignored = !rule.keeps;
            }
        }
        ignored
    }
}

impl Rule {
    /// Whether it holds for a path or a folder that it is in.
    fn holds(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        ends.chain([path.len()]).any(|end| self.pattern.is_match(&path[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_decide_in_their_order() {
        let rules = "# a comment\ntest*\n!test2*\nsubdir1\nsubdir2\n!*/sub1*\n!subdir1/sub3*\n/foo\n";
        let ignore = Ignore::parse(rules).unwrap();
        for (path, ignored) in [
            ("test1", true),
            ("test2", false),
            ("test2.txt", false),
            ("subdir1", true),
            ("subdir1/sub1", false),
            ("subdir1/sub2", true),
            ("subdir1/sub3.txt", false),
            ("foo", true),
            ("foo/below", true),
            ("a/foo", false),
            ("comment", false),
        ] {
            assert_eq!(ignore.ignores(path.as_bytes()), ignored, "{path}");
        }
        assert!(ignore.has_exceptions());
    }

    #[test]
    fn patterns_are_dockers() {
        for (pattern, path, matches) in [
            ("*", "a", true),
            ("*", ".a", true),
            ("*/b", "a/b", true),
            ("*/b", "a/x/b", false),
            ("**/b", "b", true),
            ("**/b", "a/x/b", true),
            ("**", "a/b", true),
            ("a/**", "a/b/c", true),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/x/y/c", true),
            ("**/*.go", "x/y.go", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c].txt", "b.txt", true),
            ("[^a-c].txt", "b.txt", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("./a/../b", "b", true),
            ("a.b", "axb", false),
            ("a", "a/b/c", true),
            (" spaced ", "spaced", true),
            ("/", "a", false),
        ] {
            assert_eq!(Ignore::parse(pattern).unwrap().ignores(path.as_bytes()), matches, "{pattern} {path}");
        }
        assert!(Ignore::parse("a\n*\n!a\n").unwrap().ignores(b"b"));
        assert!(!Ignore::parse("a\n*\n!a\n").unwrap().ignores(b"a"));
        for bad in ["!", "[a", "a\\"] {
            assert!(Ignore::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_need_not_be_text() {
        assert!(Ignore::parse("*").unwrap().ignores(b"\xff\xfe"));
        assert!(Ignore::parse("x?").unwrap().ignores(b"x\xff"));
    }
}
