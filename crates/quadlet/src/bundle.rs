//! `.quadlets`: several unit files in one, with a line `---` between them and a comment with the name of each.

use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::path;

/// The unit files of a bundle: their names and texts.
///
/// # Errors
/// A part without a section of a unit or without a name, a name that no file may have, or two equal ones.
pub fn split(text: &str) -> Result<Vec<(String, String)>> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        match parts.last_mut() {
            Some(part) if line.trim() != "---" => {
                part.push_str(line);
                part.push('\n');
            }
            _ => parts.push(String::new()),
        }
    }
    let mut files: Vec<(String, String)> = Vec::new();
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| !part.trim().is_empty()) {
        let number = index + 1;
        let kind = kind(part).ok_or_else(|| {
            Error::invalid(format!(
                "unable to detect quadlet type in section {number}: no recognized quadlet section found"
            ))
        })?;
        let name = format!("{}.{}", name(part, number)?, kind.extension());
        if Kind::of(&name).is_none() || !path::is_plain_name(&name) {
            return Err(Error::Name { what: "FileName", name });
        }
        if files.iter().any(|(other, _)| *other == name) {
            return Err(Error::invalid(format!("section {number}: there is a {name} before it")));
        }
        files.push((name, format!("{}\n", part.trim())));
    }
    if files.is_empty() {
        return Err(Error::invalid("no valid quadlet sections found"));
    }
    Ok(files)
}

/// The kind of the first section that is one of a unit.
fn kind(part: &str) -> Option<Kind> {
    let heads = part.lines().filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
    heads.filter_map(Kind::of_section).next()
}

fn name(part: &str, number: usize) -> Result<String> {
    let mut names =
        part.lines().filter_map(|line| line.trim().strip_prefix('#')?.trim().strip_prefix("FileName="));
    let Some(name) = names.next().map(str::trim) else {
        return Err(Error::invalid(format!(
            "section {number}: missing required '# FileName=<name>' comment at the beginning of quadlet section"
        )));
    };
    if name.is_empty() {
        return Err(Error::invalid(format!(
            "section {number}: FileName comment found but no filename specified"
        )));
    }
    if name.contains(['/', '\\']) {
        return Err(Error::invalid(format!(
            "section {number}: FileName '{name}' cannot contain path separators"
        )));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let text = "# FileName=web\n[Unit]\nA=1\n[Container]\nImage=a\n---\n\n ---\n#FileName= data \n[volume]\n\n---\n";
        let files = split(text).unwrap();
        let expected = [
            ("web.container", "# FileName=web\n[Unit]\nA=1\n[Container]\nImage=a\n"),
            ("data.volume", "#FileName= data \n[volume]\n"),
        ];
        assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn what_is_no_bundle() {
        let cases = [
            ("", "no valid quadlet sections"),
            ("---\n---", "no valid quadlet sections"),
            ("[Container]\nImage=a", "section 1: missing required '# FileName"),
            ("# FileName=a\n[Pod]\n---\n[Pod]", "section 2: missing required"),
            ("# FileName=\n[Pod]", "no filename specified"),
            ("# FileName=../a\n[Pod]", "path separators"),
            ("# FileName=.a\n[Pod]", "cannot be a file name"),
            ("# FileName=a\u{7}\n[Pod]", "cannot be a file name"),
            ("# FileName=a\n[Service]", "type in section 1"),
            ("# FileName=a\n[Pod]\n---\n# FileName=a\n[Pod]", "there is a a.pod before it"),
        ];
        for (text, expected) in cases {
            let error = split(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
