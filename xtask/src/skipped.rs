//! What a test run did not test, and why: every suite adds lines to one file, and the run ends with a table of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The file of one run.
pub(crate) struct Skipped(PathBuf);

impl Skipped {
    /// An empty file.
    pub(crate) fn begin() -> Result<Self> {
        let path = shell::target().join("skipped.tsv");
        std::fs::create_dir_all(shell::target())?;
        std::fs::write(&path, "").with_context(|| path.display().to_string())?;
        // Suites that run as another user write to it as well.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
        Ok(Self(path))
    }

    /// Lets the command's tests tell what they skip.
    pub(crate) fn told_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("COVE_SKIPPED", &self.0)
    }

    /// Says that a part was not done, as the tests do; fails where `COVE_REQUIRE` names the need.
    pub(crate) fn skip(&self, need: &str, test: &str, why: &str) -> Result<()> {
        let required = std::env::var("COVE_REQUIRE").unwrap_or_default();
        if required.split(',').any(|word| word.trim() == need) {
            bail!("COVE_REQUIRE names {need}, but {test} cannot be done: {why}");
        }
        println!("skipped: {need}: {why}");
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.0)?;
        writeln!(file, "{need}\t{test}\t{}", why.replace(['\n', '\t'], " "))?;
        Ok(())
    }

    /// Shows the table.
    pub(crate) fn print(&self) -> Result<()> {
        let text = std::fs::read_to_string(&self.0).with_context(|| self.0.display().to_string())?;
        print!("{}", table(&text));
        Ok(())
    }
}

/// The rows by need, each test once.
fn table(text: &str) -> String {
    let mut needs: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(need), Some(test), Some(why)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let tests = needs.entry(need).or_default().entry(why).or_default();
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    if needs.is_empty() {
        return "\nNothing was skipped.\n".to_owned();
    }
    let mut shown = "\nNot tested on this machine:\n".to_owned();
    for (need, reasons) in needs {
        for (why, tests) in reasons {
            shown.push_str(&format!("  {need:10} {why}\n"));
            for test in tests {
                shown.push_str(&format!("             {test}\n"));
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_by_need() {
        assert_eq!(super::table(""), "\nNothing was skipped.\n");
        let lines = "tun\ta::one\tnot open\nroot\tb::two\tno root\ntun\ta::three\tnot open\ntun\ta::one\tnot open\nbad\n";
        let expected = "\nNot tested on this machine:\n  root       no root\n             b::two\n  tun        not open\n             a::one\n             a::three\n";
        assert_eq!(super::table(lines), expected);
    }
}
