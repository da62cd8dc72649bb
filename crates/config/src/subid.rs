//! Ranges of subordinate ids: `/etc/subuid` and `/etc/subgid` (subuid(5)).

use std::path::Path;

use crate::error::{Error, ParseError, Result};

/// A range of subordinate ids of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// User name or decimal user id.
    pub owner: String,
    /// First id.
    pub start: u32,
    /// Number of ids, at least 1.
    pub count: u32,
}

/// Parses the file. Empty lines and those that start with `#` do not count.
///
/// # Errors
/// A line is not `OWNER:START:COUNT`, has no id in it, or leaves the 32 bits of ids.
pub fn parse(text: &str) -> Result<Vec<Range>, ParseError> {
    let mut ranges = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let fields: Vec<&str> = line.split(':').collect();
        let [owner, start, count] = fields[..] else {
            return Err(ParseError::at(number, format!("{line:?} is not OWNER:START:COUNT")));
        };
        let parse = |text: &str, what: &str| {
            text.trim().parse::<u32>().map_err(|_| {
                ParseError::at(number, format!("{what} {text:?} is no number from 0 to 4294967295"))
            })
        };
        let (start, count) = (parse(start, "start")?, parse(count, "count")?);
        if count == 0 {
            return Err(ParseError::at(number, "the range has no id in it"));
        }
        // Id 4294967295 means "none" to the kernel.
        if start.checked_add(count - 1).is_none_or(|last| last == u32::MAX) {
            return Err(ParseError::at(number, "the range goes beyond the last id"));
        }
        ranges.push(Range { owner: owner.to_owned(), start, count });
    }
    Ok(ranges)
}

/// The ranges of one user, by name or id.
pub fn of_user<'a>(ranges: &'a [Range], name: &str, uid: u32) -> Vec<&'a Range> {
    let uid = uid.to_string();
    ranges.iter().filter(|range| (!name.is_empty() && range.owner == name) || range.owner == uid).collect()
}

/// Two ranges that share ids, where there are any.
pub fn overlap<'a>(ranges: &[&'a Range]) -> Option<(&'a Range, &'a Range)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    sorted
        .windows(2)
        .find(|pair| u64::from(pair[0].start) + u64::from(pair[0].count) > u64::from(pair[1].start))
        .map(|pair| (pair[0], pair[1]))
}

/// Reads the ranges of one user from `path`.
///
/// # Errors
/// The file is missing or broken, or the user has no ranges or ones that overlap; the text says how to add them.
pub fn load(path: &Path, name: &str, uid: u32) -> Result<Vec<Range>> {
    let option = if path.ends_with("subgid") { "--add-subgids" } else { "--add-subuids" };
    let hint = format!(
        "add one with: usermod {option} 100000-165535 {}",
        if name.is_empty() { "USER" } else { name }
    );
    let failed = |message: String| Error::SubordinateIds { path: path.to_owned(), message };
    let text = cove_sys::read::bounded_text(path, crate::file::SIZE_LIMIT)
        .map_err(|error| Error::read(path, error))?
        .ok_or_else(|| {
            failed(format!("the file does not exist, so user {name:?} has no subordinate ids; {hint}"))
        })?;
    let ranges = parse(&text).map_err(|error| Error::parse(path, error))?;
    let own = of_user(&ranges, name, uid);
    if own.is_empty() {
        return Err(failed(format!("no subordinate ids for user {name:?} (uid {uid}); {hint}")));
    }
    if let Some((one, two)) = overlap(&own) {
        return Err(failed(format!(
            "the ranges {}:{} and {}:{} of user {name:?} overlap",
            one.start, one.count, two.start, two.count
        )));
    }
    Ok(own.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        let ranges = parse("# comment\nann:100000:65536\n\n1000:300000:1\nbob:500:10\n").unwrap();
        assert_eq!(ranges.len(), 3);
        assert_eq!(of_user(&ranges, "ann", 1000).len(), 2);
        assert_eq!(of_user(&ranges, "", 1000).len(), 1);
    }

    #[test]
    fn refuses() {
        for (text, line, expected) in [
            ("ann:1", 1, "OWNER:START:COUNT"),
            ("ok:1:2\nann:x:1", 2, "no number"),
            ("ann:1:0", 1, "no id"),
            ("ann:4294967295:2", 1, "beyond"),
            ("ann:-1:2", 1, "no number"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}");
            assert!(error.message.contains(expected), "{text}: {error}");
        }
        let ranges = parse("a:10:10\na:15:2").unwrap();
        assert!(overlap(&ranges.iter().collect::<Vec<_>>()).is_some());
        let ranges = parse("a:20:10\na:10:10").unwrap();
        assert!(overlap(&ranges.iter().collect::<Vec<_>>()).is_none());
    }

    #[test]
    fn says_what_to_do() {
        let error = load(Path::new("/nonexistent/subuid"), "ann", 5).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/subuid") && error.contains("--add-subuids"), "{error}");
    }
}
