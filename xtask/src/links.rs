//! Whether the links of the documents lead somewhere: to a file of the repository, and to a heading in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Checks every document.
pub(crate) fn check() -> Result<()> {
    let listed =
        shell::output(shell::command("git").args(["ls-files", "-co", "--exclude-standard", "--", "*.md"]))?;
    let mut wrong = Vec::new();
    for name in listed.lines() {
        let path = shell::root().join(name);
        // What is deleted and not yet committed.
        if !path.exists() {
            continue;
        }
        for (line, target) in links(&read(&path)?) {
            if let Err(why) = follow(&path, &target) {
                wrong.push(format!("{name}:{line}: {target}: {why}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// The targets of inline links and images, with their lines; what is code is no link.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split(' ').next().unwrap_or_default();
            found.push((number, target.to_owned()));
            rest = &rest[end..];
        }
    }
    found
}

/// The lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

fn follow(page: &Path, target: &str) -> std::result::Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => page.to_path_buf(),
        _ => page.parent().map_or_else(PathBuf::new, |folder| folder.join(file)),
    };
    if !path.exists() {
        return Err("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    if anchors(&text).contains(anchor) { Ok(()) } else { Err("there is no such heading".to_owned()) }
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> HashSet<String> {
    let headings = prose(text).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len() && title.starts_with(' ')).then(|| anchor(title.trim()))
    });
    headings.collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_what_are_none() {
        let page = "[a](x.md) and ![b](y.png \"title\") `[c](z)`\n```\n[d](w)\n```\n[e](#here)\n";
        let expected = [(1, "x.md"), (1, "y.png"), (5, "#here")].map(|(line, name)| (line, name.to_owned()));
        assert_eq!(links(page), expected);
    }

    #[test]
    fn headings_and_their_anchors() {
        let page = "# What `cove run` does, and not\n## 문제 해결\n```\n# no heading\n```\n#neither\n";
        let expected = ["what-cove-run-does-and-not", "문제-해결"].map(str::to_owned);
        assert_eq!(anchors(page), HashSet::from(expected));
    }
}
