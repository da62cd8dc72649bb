//! A unit file as systemd reads it, with all it needs to be written again: order, comments, unknown sections.
//!
//! As in Podman, a line that ends in a backslash goes on in the next one that is no comment, with nothing in the
//! backslash's place and without the blanks around the lines.

mod parse;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Place, Result};
use crate::words::{self, WordError};

/// A unit file.
#[derive(Debug, Clone, Default)]
pub struct UnitFile {
    /// The name of the file, such as `web.container`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    sections: Vec<Section>,
}

#[derive(Debug, Clone, Default)]
struct Section {
    name: String,
    /// Comments that stand before its head.
    comments: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
enum Line {
    Comment(String),
    Assignment(Assignment),
}

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) key: String,
    /// The value on one line, without blanks around it.
    pub(crate) value: String,
    /// Where it stands; nowhere for what is added.
    pub(crate) place: Option<Place>,
}

impl Assignment {
    /// The value without a pair of double quotes around it. Quotes inside are left alone: they may be a shell's.
    pub(crate) fn text(&self) -> &str {
        let value = self.value.trim_end();
        match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => inner,
            None => value,
        }
    }
}

/// What the lists of words of a key are, and those lines that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl UnitFile {
    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// A line that is no comment, head of a section or assignment, or more of them than anybody writes.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        parse::into(Self { name, path: path.to_owned(), sections: Vec::new() }, text)
    }

    /// The names of its sections, in their order.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The keys of a section with their values, in their order.
    pub fn lines<'a>(&'a self, section: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.assignments(section).map(|assignment| (assignment.key.as_str(), assignment.value.as_str()))
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    fn section_mut(&mut self, name: &str) -> &mut Section {
        let index = match self.sections.iter().position(|section| section.name == name) {
            Some(index) => index,
            None => {
                self.sections.push(Section { name: name.to_owned(), ..Section::default() });
                self.sections.len() - 1
            }
        };
        &mut self.sections[index]
    }

    /// All assignments of a section, in their order.
    pub(crate) fn assignments(&self, section: &str) -> impl Iterator<Item = &Assignment> {
        self.section(section).into_iter().flat_map(|section| &section.lines).filter_map(|line| match line {
            Line::Assignment(assignment) => Some(assignment),
            Line::Comment(_) => None,
        })
    }

    /// The last assignment of a key, which is the one that counts where it takes one value.
    pub(crate) fn last(&self, section: &str, key: &str) -> Option<&Assignment> {
        self.assignments(section).filter(|assignment| assignment.key == key).last()
    }

    /// The text of the last assignment; `None` where it is empty too.
    pub fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.last(section, key).map(Assignment::text).filter(|text| !text.is_empty())
    }

    /// All assignments of a key since the last empty one.
    pub(crate) fn all(&self, section: &str, key: &str) -> Vec<&Assignment> {
        let mut all = Vec::new();
        for assignment in self.assignments(section).filter(|assignment| assignment.key == key) {
            if assignment.value.is_empty() {
                all.clear();
            } else {
                all.push(assignment);
            }
        }
        all
    }

    /// The words of all assignments of a key that is a list of names.
    pub(crate) fn list(&self, section: &str, key: &str) -> Words {
        self.words_of(section, key, words::list)
    }

    /// The words of all assignments of a key that is a command line.
    pub(crate) fn command(&self, section: &str, key: &str) -> Words {
        self.words_of(section, key, words::command)
    }

    fn words_of(&self, section: &str, key: &str, split: fn(&str) -> Result<Vec<String>, WordError>) -> Words {
        let mut all = Words::default();
        for assignment in self.all(section, key) {
            match split(&assignment.value) {
                Ok(words) => all.words.extend(words),
                Err(error) => all.faults.push(fault(assignment, error)),
            }
        }
        all
    }

    /// The command line of the last assignment of a key; `None` where there is none or it cannot be read.
    pub(crate) fn last_command(&self, section: &str, key: &str) -> (Option<Vec<String>>, Option<String>) {
        match self.last(section, key) {
            None => (None, None),
            Some(assignment) => match words::command(&assignment.value) {
                Ok(words) => (Some(words), None),
                Err(error) => (None, Some(fault(assignment, error))),
            },
        }
    }

    /// `NAME=VALUE` and `NAME` from all assignments of a key; of equal names the last one counts.
    pub(crate) fn pairs(&self, section: &str, key: &str) -> (BTreeMap<String, Option<String>>, Vec<String>) {
        let Words { words, faults } = self.command(section, key);
        let pairs = words.into_iter().map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        });
        (pairs.collect(), faults)
    }

    /// Adds an assignment at the end of a section.
    pub(crate) fn add(&mut self, section: &str, key: &str, value: impl Into<String>) {
        self.section_mut(section).lines.push(added(key, value.into()));
    }

    /// Adds an assignment at the beginning of a section.
    pub(crate) fn prepend(&mut self, section: &str, key: &str, value: impl Into<String>) {
        self.section_mut(section).lines.insert(0, added(key, value.into()));
    }

    /// Gives the last assignment of a key that value, or adds one.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: &str) {
        let lines = &mut self.section_mut(section).lines;
        let last = lines.iter_mut().rev().find_map(|line| match line {
            Line::Assignment(assignment) if assignment.key == key => Some(assignment),
            _ => None,
        });
        match last {
            Some(assignment) => value.clone_into(&mut assignment.value),
            None => lines.push(added(key, value.to_owned())),
        }
    }

    /// As [`UnitFile::set`], where the key has no value yet.
    pub(crate) fn set_default(&mut self, section: &str, key: &str, value: &str) {
        if self.last(section, key).is_none() {
            self.add(section, key, value);
        }
    }

    /// Takes all assignments of a key away.
    pub(crate) fn unset(&mut self, section: &str, key: &str) {
        let is_it = |line: &Line| matches!(line, Line::Assignment(assignment) if assignment.key == key);
        self.section_mut(section).lines.retain(|line| !is_it(line));
    }

    /// Gives a section another name; where there is one of that name, its lines are added to that.
    pub(crate) fn rename(&mut self, section: &str, name: &str) {
        let Some(index) = self.sections.iter().position(|one| one.name == section) else { return };
        if self.section(name).is_none() {
            name.clone_into(&mut self.sections[index].name);
            return;
        }
        let Section { comments, lines, .. } = self.sections.remove(index);
        let target = self.section_mut(name);
        target.comments.extend(comments);
        target.lines.extend(lines);
    }

    /// Adds all lines of another file, section by section.
    pub(crate) fn merge(&mut self, other: Self) {
        for Section { name, comments, lines } in other.sections {
            let section = self.section_mut(&name);
            section.comments.extend(comments);
            section.lines.extend(lines);
        }
    }

    /// Puts a comment before all else.
    pub(crate) fn comment(&mut self, text: &str) {
        let first = match self.sections.first_mut() {
            Some(first) => first,
            None => self.section_mut(""),
        };
        first.comments.splice(0..0, [format!("# {text}"), "#".to_owned()]);
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (index, section) in self.sections.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            for comment in &section.comments {
                let _ = writeln!(text, "{comment}");
            }
            if !section.name.is_empty() {
                let _ = writeln!(text, "[{}]", section.name);
            }
            for line in &section.lines {
                let _ = match line {
                    Line::Comment(comment) => writeln!(text, "{comment}"),
                    Line::Assignment(Assignment { key, value, .. }) => writeln!(text, "{key}={value}"),
                };
            }
        }
        text
    }
}

fn added(key: &str, value: String) -> Line {
    Line::Assignment(Assignment { key: key.to_owned(), value, place: None })
}

fn fault(assignment: &Assignment, error: WordError) -> String {
    match &assignment.place {
        Some(place) => format!("{}= is ignored: {error} ({place})", assignment.key),
        None => format!("{}= is ignored: {error}", assignment.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UnitFile> {
        UnitFile::parse(Path::new("/units/a.container"), text)
    }

    fn values(unit: &UnitFile, key: &str) -> Vec<String> {
        unit.all("Container", key).iter().map(|assignment| assignment.value.clone()).collect()
    }

    #[test]
    fn assignments() {
        let cases: &[(&str, &[&str])] = &[
            ("Key=a", &["a"]),
            ("  Key = a  ", &["a"]),
            ("Key=a\nKey=b", &["a", "b"]),
            ("Key=a\nKey=\nKey=b", &["b"]),
            ("Key=a=b", &["a=b"]),
            ("Key=a \\\n  b", &["a b"]),
            ("Key=a\\\nb", &["ab"]),
            ("Key=a \\  \n# comment\n; other\n\nb", &["a b"]),
            ("Key=a \\", &["a"]),
            ("Key=a \\\n# comment", &["a"]),
            ("# Key=a\n;Key=b", &[]),
            ("Other=a", &[]),
            ("Key=a\n[Other]\nKey=b\n[Container]\nKey=c", &["a", "c"]),
        ];
        for (text, expected) in cases {
            let unit = parse(&format!("[Container]\n{text}\n")).unwrap();
            assert_eq!(values(&unit, "Key"), *expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_unit_file_says_the_line() {
        let cases = [
            ("[Container]\n\nnothing", "line 3: “nothing” which is not a key-value pair, group, or comment"),
            ("# comment\nKey=a", "line 2: key file does not start with a group"),
            ("[Container]\n=a", "line 2: “=a”"),
            ("[Container", "line 1: “[Container”"),
            ("[]\n", "line 1: invalid group name"),
            ("[a[b]\n", "line 1: invalid group name"),
            ("[Container]\nA=1\nKey=a\0b", "line 3: a unit file cannot have a NUL byte"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains("/units/a.container"), "{error}");
        }
    }

    #[test]
    fn places_are_those_of_the_first_line() {
        let unit = parse("[Container]\n\nA=a \\\n b\nB=c").unwrap();
        let line = |key| unit.last("Container", key).and_then(|found| found.place.as_ref()).unwrap().line;
        assert_eq!((line("A"), line("B")), (3, 5));
    }

    #[test]
    fn texts_lose_one_pair_of_quotes() {
        let cases = [
            (r#""a b""#, "a b"),
            (r#""a"b""#, r#"a"b"#),
            (r#"sh -c "x""#, r#"sh -c "x""#),
            (r#"""#, r#"""#),
            ("'a'", "'a'"),
        ];
        for (value, expected) in cases {
            let unit = parse(&format!("[Container]\nKey={value}")).unwrap();
            assert_eq!(unit.text("Container", "Key"), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_hostile_file_is_refused() {
        let sections = (0..300).map(|number| format!("[{number}]\n")).collect::<String>();
        assert!(parse(&sections).unwrap_err().to_string().contains("sections"));
        assert!(parse(&"\n".repeat(60_000)).unwrap_err().to_string().contains("lines"));
    }

    #[test]
    fn what_is_read_is_written_again() {
        let text = "# head\n[Unit]\nA=1\n\n# before\n[Container]\n# inside\nB=2 \\\n  3\nA=\n\n; end\n";
        let mut unit = parse(text).unwrap();
        let rendered = unit.render();
        assert_eq!(rendered, "# head\n[Unit]\nA=1\n\n# before\n[Container]\n# inside\nB=2 3\nA=\n\n; end\n");
        assert_eq!(parse(&rendered).unwrap().render(), rendered);
        unit.rename("Container", "X-Container");
        unit.set("Unit", "A", "2");
        unit.prepend("Unit", "First", "1");
        unit.add("Service", "Type", "notify");
        unit.set_default("Service", "Type", "oneshot");
        unit.unset("X-Container", "A");
        unit.comment("made");
        assert_eq!(
            unit.render(),
            "# made\n#\n# head\n[Unit]\nFirst=1\nA=2\n\n# before\n[X-Container]\n# inside\nB=2 3\n\n; end\n\n[Service]\nType=notify\n"
        );
    }

    #[test]
    fn a_renamed_section_joins_its_namesake() {
        let mut unit = parse("[Container]\nA=1\n[X-Container]\nB=2").unwrap();
        unit.rename("Container", "X-Container");
        assert_eq!(unit.render(), "[X-Container]\nB=2\nA=1\n");
    }
}
