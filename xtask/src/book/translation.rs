//! Translated pages: the same commands, files and marks as their originals, so that one test holds for both.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Compares each page with its original.
pub(crate) fn compare(pairs: &[(PathBuf, PathBuf)]) -> Result<()> {
    let mut wrong = Vec::new();
    for (original, translated) in pairs {
        let read = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| path.display().to_string());
        let (first, second) = (read(original)?, read(translated)?);
        if let Some(difference) = difference(&blocks(&first), &blocks(&second)) {
            wrong.push(format!("{}: {difference}", translated.display()));
        }
    }
    if !wrong.is_empty() {
        bail!("blocks of a translation differ from its original:\n{}", wrong.join("\n"));
    }
    Ok(())
}

/// The marks and fenced blocks of a page. Remarks in commands are in the page's language.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<!-- ") {
            blocks.push(line.to_owned());
        } else if line.starts_with("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let block = block.iter().filter(|line| !line.trim_start().starts_with("# "));
            let block: Vec<&str> =
                block.map(|line| line.split("  # ").next().unwrap_or_default().trim_end()).collect();
            let block = block.iter().filter(|line| !line.is_empty()).copied();
            blocks.push(format!("{line}\n{}", block.collect::<Vec<_>>().join("\n")));
        }
    }
    blocks
}

fn difference(original: &[String], translated: &[String]) -> Option<String> {
    let at = (0..original.len().max(translated.len())).find(|at| original.get(*at) != translated.get(*at))?;
    let shown = |blocks: &[String]| blocks.get(at).map_or("nothing", String::as_str).to_owned();
    Some(format!("block {}: it has\n{}\nthe original has\n{}", at + 1, shown(translated), shown(original)))
}

#[cfg(test)]
mod tests {
    use super::{blocks, difference};

    #[test]
    fn remarks_may_differ_and_nothing_else() {
        let english = blocks("Text\n```console\n$ a  # one\n# two\nout\n```\n<!-- skip x: y -->\n");
        let korean = blocks("글\n```console\n$ a  # 하나\n# 둘\nout\n```\n<!-- skip x: y -->\n");
        assert_eq!(difference(&english, &korean), None);
        let other = blocks("```console\n$ b\nout\n```\n<!-- skip x: y -->\n");
        assert!(difference(&english, &other).is_some_and(|text| text.starts_with("block 1")));
        assert!(difference(&english, &english[..1]).is_some_and(|text| text.starts_with("block 2")));
    }
}
