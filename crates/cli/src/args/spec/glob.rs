//! Paths of this machine by a pattern: `--mount type=glob`.

use std::path::Path;

use crate::command_error::CommandError;

/// Most paths that a pattern may stand for.
const MOST: usize = 10_000;

/// The paths that match, sorted. `*` and `?` stand for any characters and any one but `/`, `[a-z]` and `[^a-z]` for one
/// of a set, a backslash takes the meaning from the character behind it. As in Podman they also match a leading dot.
///
/// # Errors
/// There is none, or there are too many.
pub(super) fn paths(pattern: &str) -> Result<Vec<String>, CommandError> {
    let mut found = vec![if pattern.starts_with('/') { "/".to_owned() } else { String::new() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for base in &found {
            step(base, part, &mut next)?;
        }
        found = next;
    }
    if found.is_empty() || pattern.is_empty() {
        return Err(CommandError::other(format!("no file paths matching glob {pattern:?}")));
    }
    found.sort();
    Ok(found)
}

fn step(base: &str, part: &str, next: &mut Vec<String>) -> Result<(), CommandError> {
    let joined = |name: &str| match base {
        "" => name.to_owned(),
        base => format!("{}/{name}", base.trim_end_matches('/')),
    };
    if !part.contains(['*', '?', '[', '\\']) {
        let path = joined(part);
        if Path::new(&path).symlink_metadata().is_ok() {
            next.push(path);
        }
        return Ok(());
    }
    let Ok(entries) = cove_sys::fs::read_dir(if base.is_empty() { "." } else { base }) else { return Ok(()) };
    let pattern: Vec<char> = part.chars().collect();
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(name) = name.to_str()
            && matches(&pattern, &name.chars().collect::<Vec<_>>())
        {
            if next.len() >= MOST {
                return Err(CommandError::other(format!("more than {MOST} paths match {part:?}")));
            }
            next.push(joined(name));
        }
    }
    Ok(())
}

/// Whether a name matches. The work is bounded: only the last `*` is tried again.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, place));
            at += 1;
        } else if let Some(length) = one(&pattern[at..], name[place]) {
            at += length;
            place += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (at, place) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

/// How much of the pattern stands for this one character; [`None`] where it does not.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == character).then_some(2),
        ['[', rest @ ..] => {
            let negated = rest.first().is_some_and(|first| matches!(first, '^' | '!'));
            let set = &rest[usize::from(negated)..];
            // A bracket in the first place is one of the set.
            let end = 1 + set.iter().skip(1).position(|character| *character == ']')?;
            let mut inside = false;
            let mut index = 0;
            while index < end {
                if set.get(index + 1) == Some(&'-') && index + 2 < end {
                    inside |= (set[index]..=set[index + 2]).contains(&character);
                    index += 3;
                } else {
                    inside |= set[index] == character;
                    index += 1;
                }
            }
            (inside != negated).then_some(1 + usize::from(negated) + end + 1)
        }
        [other, ..] => (*other == character).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match() {
        for (pattern, name, expected) in [
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a?c", "abc", true),
            ("a?", "a", false),
            ("[a-c]1", "b1", true),
            ("[^a-c]1", "b1", false),
            ("[]x]", "]", true),
            ("[a", "a", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("", "", true),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&chars(pattern), &chars(name)), expected, "{pattern} {name}");
        }
        let slow = "*a".repeat(50);
        assert!(!matches(&slow.chars().collect::<Vec<_>>(), &['a'; 49]));
    }

    #[test]
    fn paths_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["v1a", "v1b", "v2", "d1/x", "d2/x"] {
            let path = folder.path().join(name);
            cove_sys::fs::create_dir_all(path.parent().unwrap()).unwrap();
            cove_sys::fs::write(&path, "").unwrap();
        }
        let base = folder.path().to_str().unwrap();
        let found = |pattern: &str| paths(&format!("{base}/{pattern}")).map(|found| found.len());
        assert_eq!(found("v1*").unwrap(), 2);
        assert_eq!(found("d?/x").unwrap(), 2);
        assert_eq!(found("v2").unwrap(), 1);
        assert!(found("v3*").is_err());
    }
}
