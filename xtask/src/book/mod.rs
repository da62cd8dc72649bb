//! `cargo xtask book`: what the book and the README show is done, block by block, and compared.
//!
//! A chapter is read into steps (`chapter.rs`), made one script of a shell (`script.rs`), and run in a room of its own as
//! root and as an ordinary user (`room.rs`), with look-alikes for the images of the internet (`look_alikes.rs`). What it
//! wrote is compared with what the page shows (`compare.rs`). CONTRIBUTING.md says what a page may hold.

mod chapter;
mod compare;
mod folder;
mod look_alikes;
mod room;
mod script;
mod translation;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell;
use crate::skipped::Skipped;
use chapter::Chapter;
use look_alikes::LookAlikes;

/// The version of mdBook that is compiled.
const MDBOOK: &str = "0.5.4";

/// Runs the command.
pub(crate) fn run(named: &[String]) -> Result<()> {
    let skipped = Skipped::begin()?;
    let result = follow(named, &skipped);
    skipped.print()?;
    result
}

/// Does what all pages show, or those that are named: chapters (`running`), or the README (`README`).
pub(crate) fn follow(named: &[String], skipped: &Skipped) -> Result<()> {
    let chapters = chapters(named)?;
    for chapter in &chapters {
        for (line, need, why) in chapter.never_run() {
            skipped.skip(need, &format!("book::{}", chapter.name), &format!("line {line}: {why}"))?;
        }
    }
    if let Some(program) = look_alikes::lack() {
        return skipped.skip(
            "registry",
            "book",
            &format!("not installed: {program} (cargo xtask setup test)"),
        );
    }
    let images = LookAlikes::start()?;
    let mut wrong = Vec::new();
    for chapter in chapters.iter().filter(|chapter| chapter.runs()) {
        for who in chapter.readers() {
            let title = format!("{} as {}", chapter.name, who.name());
            if let Some((need, why)) = room::lack(who) {
                skipped.skip(need, &format!("book::{}", chapter.name), &why)?;
                continue;
            }
            let read = shell::step(&title, || room::read(chapter, who, &images))?;
            for (need, why) in read.skipped {
                skipped.skip(&need, &format!("book::{title}"), &why)?;
            }
            wrong.extend(read.wrong.into_iter().map(|text| format!("{title}: {text}")));
        }
    }
    if !wrong.is_empty() {
        bail!("{} of what the pages show is not so:\n\n{}", wrong.len(), wrong.join("\n\n"));
    }
    Ok(())
}

/// The folder of the book.
fn folder() -> PathBuf {
    shell::root().join("docs/book")
}

/// Every page with commands: the README, and the chapters in the order of the book.
fn chapters(named: &[String]) -> Result<Vec<Chapter>> {
    let mut pages = vec![("README".to_owned(), shell::root().join("README.md"))];
    pages.extend(pages_of(&folder().join("src"))?.into_iter().filter(|(name, _)| !name.starts_with(KOREAN)));
    if let Some(unknown) = named.iter().find(|name| !pages.iter().any(|(page, _)| page == *name)) {
        let all: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        bail!("there is no chapter {unknown:?}; there are {}", all.join(", "));
    }
    let wanted = pages.into_iter().filter(|(name, _)| named.is_empty() || named.contains(name));
    wanted.map(|(name, path)| Chapter::read(&name, &path)).collect()
}

/// Where the Korean pages are, each under the name of its original.
const KOREAN: &str = "ko/";

/// Whether the translated pages show the same commands and files as their originals, so that one run is for both.
pub(crate) fn translations() -> Result<()> {
    let mut pairs = vec![(shell::root().join("README.md"), shell::root().join("README.ko.md"))];
    let source = folder().join("src");
    for (name, path) in pages_of(&source)? {
        if let Some(original) = name.strip_prefix(KOREAN) {
            pairs.push((source.join(format!("{original}.md")), path));
        }
    }
    translation::compare(&pairs)
}

/// The chapters that a summary names, in its order.
fn pages_of(source: &Path) -> Result<Vec<(String, PathBuf)>> {
    let path = source.join("SUMMARY.md");
    let summary = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let targets = summary.lines().filter_map(|line| line.split_once("](")?.1.split_once(')'));
    Ok(targets.map(|(target, _)| (target.trim_end_matches(".md").to_owned(), source.join(target))).collect())
}

/// Builds the book into `target/book` with mdBook, which is compiled for it where it is not installed.
pub(crate) fn build() -> Result<()> {
    shell::run(shell::command(mdbook()?).arg("build").arg(folder()))
}

fn mdbook() -> Result<PathBuf> {
    let own = shell::target().join("tools");
    let program = own.join("bin/mdbook");
    if let Some(installed) = shell::find("mdbook") {
        return Ok(installed);
    }
    if !program.exists() {
        let mut install = shell::cargo();
        install.args([
            "install",
            "--quiet",
            "--locked",
            "--no-default-features",
            "--version",
            MDBOOK,
            "mdbook",
        ]);
        shell::run(install.arg("--root").arg(own))?;
    }
    Ok(program)
}
