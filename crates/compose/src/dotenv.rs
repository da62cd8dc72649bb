//! Files of variables.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use cove_sys::fs::File;

use crate::error::{ComposeError, Result};
use crate::interpolate::Variables;

/// Largest file, in bytes.
const LARGEST: u64 = 4 << 20;

/// Reads a regular file within bounds.
///
/// # Errors
/// It is not there, no file, too large, or no UTF-8.
pub(crate) fn read_file(path: &Path) -> Result<String> {
    let wrong = |error: std::io::Error| {
        let message = format!("{}: {error}", path.display());
        if error.kind() == std::io::ErrorKind::NotFound {
            ComposeError::not_found(message)
        } else {
            ComposeError::new(message)
        }
    };
    // A pipe without a writer would be waited for: its kind is asked first, and again of what was opened.
    let is_file = |metadata: std::fs::Metadata| {
        if metadata.is_file() {
            Ok(())
        } else {
            Err(ComposeError::new(format!("{} is not a file", path.display())))
        }
    };
    is_file(path.metadata().map_err(wrong)?)?;
    let file = File::open(path).map_err(wrong)?;
    is_file(file.metadata().map_err(wrong)?)?;
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(wrong)?;
    if text.len() as u64 > LARGEST {
        return Err(ComposeError::new(format!("{} is larger than {LARGEST} bytes", path.display())));
    }
    Ok(text)
}

/// Reads variables of a file and adds them to those of earlier ones.
///
/// `known` are asked first when a value names variables.
///
/// # Errors
/// The file cannot be read, or a line is wrong.
pub(crate) fn read(
    path: &Path,
    format: &str,
    known: &[&BTreeMap<String, String>],
    into: &mut BTreeMap<String, String>,
) -> Result<()> {
    let text = read_file(path)?;
    let wrong = |(line, message): (usize, String)| {
        ComposeError::new(message).at(&path.display().to_string().into(), line, "")
    };
    match format {
        "" | ".env" => parse(&text, known, into).map_err(wrong),
        "raw" => raw(&text, known, into).map_err(wrong),
        other => Err(ComposeError::new(format!("unsupported env_file format {other:?}"))),
    }
}

/// The variables of a file as `--env-from-file` names it; `known` are asked first when a value names variables.
///
/// # Errors
/// The file cannot be read, or a line is wrong.
pub fn env_file(path: &Path, known: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    read(path, "", &[known], &mut found)?;
    Ok(found)
}

type Fault = (usize, String);

fn raw(
    text: &str,
    known: &[&BTreeMap<String, String>],
    into: &mut BTreeMap<String, String>,
) -> Result<(), Fault> {
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err((number + 1, format!("invalid variable name {name:?}")));
        }
        let value =
            value.map(str::to_owned).or_else(|| known.iter().find_map(|source| source.get(name)).cloned());
        if let Some(value) = value {
            into.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

fn parse(
    text: &str,
    known: &[&BTreeMap<String, String>],
    into: &mut BTreeMap<String, String>,
) -> Result<(), Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        if rest.is_empty() {
            return Ok(());
        }
        if rest.starts_with('#') {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
            continue;
        }
        let first = rest.lines().next().unwrap_or_default();
        if let Some(after) = rest.strip_prefix("export").filter(|after| after.starts_with([' ', '\t'])) {
            rest = after.trim_start_matches([' ', '\t']);
        }
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if name.contains(char::is_whitespace) {
            return Err((line, "key cannot contain a space".to_owned()));
        }
        if let Some(wrong) = name.chars().find(|c| !c.is_alphanumeric() && !"_.-[]".contains(*c)) {
            return Err((line, format!("unexpected character {wrong:?} in variable name {first:?}")));
        }
        if name.is_empty() {
            return Err((line, "a variable has no name".to_owned()));
        }
        if !rest[end..].starts_with(['=', ':']) {
            // A name alone is inherited.
            if let Some(value) = known.iter().find_map(|source| source.get(name)) {
                into.insert(name.to_owned(), value.clone());
            }
            rest = &rest[end..];
            continue;
        }
        let after = rest[end + 1..].trim_start_matches([' ', '\t', '\r']);
        let (value, left) = value(after, known, into).map_err(|message| (line, message))?;
        into.insert(name.to_owned(), value);
        rest = left;
    }
}

/// A value, and what comes after it.
fn value<'a>(
    text: &'a str,
    known: &[&BTreeMap<String, String>],
    others: &BTreeMap<String, String>,
) -> Result<(String, &'a str), String> {
    let expand = |text: &str| {
        let mut sources = known.to_vec();
        sources.push(others);
        Variables { sources, missing: Vec::new() }.substitute(text).map_err(|error| error.message)
    };
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let (line, left) = text.split_once('\n').unwrap_or((text, ""));
        let line = line.split_once(" #").map_or(line, |(line, _)| line).trim_end();
        return Ok((expand(line)?, left));
    };
    let mut inner = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (false, c) if c == quote => {
                let inner = if quote == '"' { expand(&unescape(&inner))? } else { inner };
                return Ok((inner, &text[at + 1..]));
            }
            (true, c) if c == quote => {
                inner.push(c);
                escaped = false;
            }
            (was_escaped, c) => {
                if was_escaped {
                    inner.push('\\');
                }
                inner.push(c);
                escaped = false;
            }
        }
    }
    Err(format!("unterminated quoted value {}", text.lines().next().unwrap_or_default()))
}

/// What `\n` and its kin stand for; `\$` is a dollar.
fn unescape(text: &str) -> String {
    let mut result = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => result.push('\n'),
            Some('r') => result.push('\r'),
            Some('t') => result.push('\t'),
            Some('a') => result.push('\u{7}'),
            Some('b') => result.push('\u{8}'),
            Some('f') => result.push('\u{c}'),
            Some('v') => result.push('\u{b}'),
            Some('$') => result.push_str("$$"),
            Some('\\') => result.push('\\'),
            Some(other) => {
                result.push('\\');
                result.push(other);
            }
            None => result.push('\\'),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_format() {
        let known = BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]);
        let mut found = BTreeMap::new();
        let text = "# comment\nA=1\nexport B = two words # no\nC='$A # x'\nD=\"${A}\\n$$x\"\nE: yaml\nHOME\nNONE\n\
                    F=\nG=\"a\nb\"\nH=$HOME/x";
        parse(text, &[&known], &mut found).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$A # x"),
            ("D", "1\n$x"),
            ("E", "yaml"),
            ("F", ""),
            ("G", "a\nb"),
            ("H", "/root/x"),
            ("HOME", "/root"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        for (text, line) in [("A=1\nB C=2", 2), ("A=\"x", 1), ("\n\n%=1", 3), ("=1", 1)] {
            assert_eq!(parse(text, &[], &mut BTreeMap::new()).unwrap_err().0, line, "{text}");
        }
        assert!(read_file(Path::new("/dev/zero")).is_err());
    }
}
