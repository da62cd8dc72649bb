//! `--logfile`: where the lines of a build go in place of the terminal.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use cove_api::BuildOptions;
use cove_registry::Platform;
use cove_sys::output::{Existing, OutputFile};

use super::args::Args;
use crate::command_error::CommandError;

/// Files that lines are written to.
pub(super) enum Log {
    /// All of them into one.
    One(OutputFile),
    /// Those of a platform into its own; others into all of them.
    Split(Split),
}

/// Files of platforms.
pub(super) struct Split {
    files: BTreeMap<String, OutputFile>,
    /// What lines of a platform begin with, and its file.
    marks: Vec<(String, String)>,
}

impl Log {
    /// Opens what the options name.
    pub(super) fn open(args: &Args, options: &BuildOptions) -> Result<Option<Self>, CommandError> {
        let Some(path) = args.logfile.as_deref().filter(|path| !path.is_empty()) else { return Ok(None) };
        if args.logsplit != Some(true) {
            return Ok(Some(Self::One(OutputFile::create(Path::new(path), Existing::Replace)?)));
        }
        if options.all_platforms {
            return Err(CommandError::other("--logsplit and --all-platforms cannot be used together"));
        }
        let host = Platform::host();
        let mut platforms: Vec<Platform> =
            options.platforms.iter().filter_map(|text| Platform::parse(text)).collect();
        if platforms.is_empty() {
            platforms.push(host);
        }
        let mut split = Split { files: BTreeMap::new(), marks: Vec::new() };
        for platform in platforms {
            let name = name(path, &platform);
            if !split.files.contains_key(&name) {
                let file = OutputFile::create(Path::new(&name), Existing::Replace)?;
                split.files.insert(name.clone(), file);
            }
            split.marks.push((mark(&platform), name));
        }
        Ok(Some(Self::Split(split)))
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: &str) -> std::io::Result<()> {
        match self {
            Self::One(file) => writeln!(file, "{line}"),
            Self::Split(Split { files, marks }) => {
                let own =
                    marks.iter().find_map(|(mark, name)| Some((line.strip_prefix(mark.as_str())?, name)));
                match own.and_then(|(rest, name)| Some((rest, files.get_mut(name)?))) {
                    Some((rest, file)) => writeln!(file, "{rest}"),
                    None => files.values_mut().try_for_each(|file| writeln!(file, "{line}")),
                }
            }
        }
    }

    /// Ends the files.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        match self {
            Self::One(file) => file.finish()?,
            Self::Split(split) => {
                for file in split.files.into_values() {
                    file.finish()?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a platform's file: with its system and its architecture, without the variant.
fn name(path: &str, platform: &Platform) -> String {
    format!("{path}_{}_{}", platform.os, platform.architecture)
}

/// What the lines of a platform begin with where it is built for several.
fn mark(platform: &Platform) -> String {
    let Platform { os, architecture, variant, .. } = platform;
    match variant.is_empty() {
        true => format!("[{os}/{architecture}] "),
        false => format!("[{os}/{architecture}/{variant}] "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_platforms() {
        let platform = |text: &str| Platform::parse(text).unwrap();
        assert_eq!(name("/a/log", &platform("linux/arm/v7")), "/a/log_linux_arm");
        assert_eq!(mark(&platform("linux/amd64")), "[linux/amd64] ");
    }
}
