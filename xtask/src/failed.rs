//! What failed in the suites of the screens, told once more where a run ends: their logs are long, and a log that is
//! cut at its beginning keeps the end.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// Most lines that are told again.
const MOST_LINES: usize = 60;

/// The failures of one run: what its parts answered, and a file to which the suites' reporters add their tests.
pub(crate) struct Failed {
    file: PathBuf,
    parts: Vec<(&'static str, String)>,
}

impl Failed {
    /// No failure yet.
    pub(crate) fn begin() -> Result<Self> {
        let file = shell::target().join("failed.txt");
        std::fs::create_dir_all(shell::target())?;
        std::fs::write(&file, "").with_context(|| file.display().to_string())?;
        Ok(Self { file, parts: Vec::new() })
    }

    /// Lets the command's tests tell what fails.
    pub(crate) fn told_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("COVE_FAILED", &self.file)
    }

    /// A part has failed.
    pub(crate) fn add(&mut self, part: &'static str, error: &anyhow::Error) {
        self.parts.push((part, format!("{error:#}")));
    }

    /// The parts that failed.
    pub(crate) fn parts(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(part, _)| *part).collect()
    }

    /// Shows what failed.
    pub(crate) fn print(&self) -> Result<()> {
        let tests = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        print!("{}", list(&self.parts, &tests));
        Ok(())
    }
}

/// The parts with their commands, then the tests.
fn list(parts: &[(&str, String)], tests: &str) -> String {
    if parts.is_empty() {
        return String::new();
    }
    let mut shown = "\nFailed:\n".to_owned();
    for (part, error) in parts {
        shown.push_str(&format!("  {part}: {error}\n"));
    }
    for line in tests.lines().take(MOST_LINES) {
        shown.push_str(line);
        shown.push('\n');
    }
    let left = tests.lines().count().saturating_sub(MOST_LINES);
    if left > 0 {
        shown.push_str(&format!("  … {left} more lines are in target/failed.txt\n"));
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_is_bounded() {
        assert_eq!(super::list(&[], ""), "");
        let parts = [("ui", "user interface: npm test: exit status: 1".to_owned())];
        let short = super::list(&parts, "  a.spec.ts:1 › a test\n    why\n");
        assert_eq!(
            short,
            "\nFailed:\n  ui: user interface: npm test: exit status: 1\n  a.spec.ts:1 › a test\n    why\n"
        );
        let long = super::list(&parts, &"line\n".repeat(super::MOST_LINES + 3));
        assert_eq!(long.matches("line\n").count(), super::MOST_LINES);
        assert!(long.ends_with("  … 3 more lines are in target/failed.txt\n"), "{long}");
    }
}
