//! What a page asks of a test: its fenced blocks, and the comments before them that say how they are run.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// As whom a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The super-user.
    Root,
    /// An ordinary user with ranges in /etc/subuid.
    User,
}

impl Who {
    /// How pages and messages call them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
        }
    }
}

/// One step of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command of a `console` block, with what is shown below it.
    Command {
        /// Its first line in the page.
        line: usize,
        /// What the shell is given.
        text: String,
        /// What it shows.
        shown: Vec<String>,
        /// Whether the page shows that it fails.
        fails: bool,
    },
    /// A file that the reader writes: `<!-- file PATH -->` before a block.
    File {
        /// Where, for the shell.
        path: String,
        /// What is in it.
        text: String,
    },
    /// What is so on the reader's machine: `<!-- given: COMMAND -->`.
    Given {
        /// Its line.
        line: usize,
        /// What makes it so in a test.
        text: String,
    },
    /// From here to the next heading only where a command succeeds: `<!-- needs NEED: COMMAND -->`.
    Needs {
        /// The name of what is needed.
        need: String,
        /// What tells.
        text: String,
    },
    /// A heading, which ends what was needed.
    Heading,
    /// A block that no test can run: `<!-- skip NEED: WHY -->`.
    Skip {
        /// Its line.
        line: usize,
        /// The name of what is missing.
        need: String,
        /// Why.
        why: String,
    },
}

/// A page.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// Its name, as the file's without its ending.
    pub(crate) name: String,
    /// What is done, in this order.
    pub(crate) steps: Vec<Step>,
    only: Option<Who>,
}

/// What a comment says of the next block.
enum Note {
    File(String),
    Skip(String, String),
}

impl Chapter {
    /// Reads the page at `path`.
    pub(crate) fn read(name: &str, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(name, &text).with_context(|| path.display().to_string())
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let mut chapter = Self { name: name.to_owned(), steps: Vec::new(), only: None };
        let mut note = None;
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let number = at + 1;
            if let Some(comment) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
                let next = chapter.comment(number, comment).with_context(|| format!("line {number}"))?;
                if note.is_some() {
                    bail!("line {number}: the comment before it is followed by no block");
                }
                note = next;
            } else if let Some(language) = line.strip_prefix("```") {
                let block: Vec<&str> =
                    lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
                chapter.block(number, language, &block, note.take())?;
            } else if line.starts_with('#') {
                chapter.steps.push(Step::Heading);
            } else if note.is_some() && !line.is_empty() {
                bail!("line {number}: the comment before it is followed by no block");
            }
        }
        chapter.mark_failures();
        Ok(chapter)
    }

    fn comment(&mut self, line: usize, comment: &str) -> Result<Option<Note>> {
        let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
        let named = |rest: &str| {
            let (need, text) = rest.split_once(": ").context("a need, a colon and a text are wanted")?;
            anyhow::Ok((need.to_owned(), text.to_owned()))
        };
        match word {
            "as" if rest == "root" => self.only = Some(Who::Root),
            "as" if rest == "user" => self.only = Some(Who::User),
            "given:" => self.steps.push(Step::Given { line, text: rest.to_owned() }),
            "needs" => {
                let (need, text) = named(rest)?;
                self.steps.push(Step::Needs { need, text });
            }
            "file" => return Ok(Some(Note::File(rest.to_owned()))),
            "skip" => {
                let (need, why) = named(rest)?;
                return Ok(Some(Note::Skip(need, why)));
            }
            _ => bail!("a comment of a page is one of: as, given:, needs, file, skip"),
        }
        Ok(None)
    }

    fn block(&mut self, line: usize, language: &str, block: &[&str], note: Option<Note>) -> Result<()> {
        match (language, note) {
            (_, Some(Note::File(path))) => {
                self.steps.push(Step::File { path, text: block.join("\n") + "\n" });
            }
            (_, Some(Note::Skip(need, why))) => self.steps.push(Step::Skip { line, need, why }),
            ("console", None) => self.commands(line, block)?,
            ("sh" | "bash" | "shell", None) => bail!("line {line}: commands stand in a `console` block"),
            _ => {}
        }
        Ok(())
    }

    fn commands(&mut self, line: usize, block: &[&str]) -> Result<()> {
        let mut lines = block.iter().zip(line + 1..).peekable();
        while let Some((first, number)) = lines.next() {
            let Some(command) = first.strip_prefix("$ ") else {
                bail!("line {number}: a block begins with a command, after \"$ \"");
            };
            let mut text = command.to_owned();
            // What goes on: after a backslash, or after the shell's second prompt.
            while let Some((next, _)) = lines.peek() {
                let goes_on = if text.ends_with('\\') { Some(**next) } else { next.strip_prefix("> ") };
                let Some(next) = goes_on else { break };
                text = format!("{text}\n{next}");
                lines.next();
            }
            let mut shown = Vec::new();
            while let Some((next, _)) = lines.next_if(|(next, _)| !next.starts_with("$ ")) {
                shown.push((*next).to_owned());
            }
            self.steps.push(Step::Command { line: number, text, shown, fails: false });
        }
        Ok(())
    }

    /// A command fails where the page shows an error, or the exit code after it.
    fn mark_failures(&mut self) {
        for at in 0..self.steps.len() {
            let code_follows = match self.steps.get(at + 1) {
                Some(Step::Command { text, shown, .. }) => text == "echo $?" && shown != &["0"],
                _ => false,
            };
            if let Step::Command { shown, fails, .. } = &mut self.steps[at] {
                *fails = code_follows || shown.iter().any(|line| line.starts_with("Error"));
            }
        }
    }

    /// Whether there is anything to run.
    pub(crate) fn runs(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Command { .. }))
    }

    /// As whom it is read.
    pub(crate) fn readers(&self) -> Vec<Who> {
        self.only.map_or_else(|| vec![Who::Root, Who::User], |only| vec![only])
    }

    /// The blocks that are not run anywhere: line, need and reason.
    pub(crate) fn never_run(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Skip { line, need, why } => Some((*line, need.as_str(), why.as_str())),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: usize, text: &str, shown: &[&str], fails: bool) -> Step {
        let shown = shown.iter().map(|line| (*line).to_owned()).collect();
        Step::Command { line, text: text.to_owned(), shown, fails }
    }

    #[test]
    fn a_page_is_steps() {
        let page = "# Title\n<!-- as user -->\n\n<!-- file a.txt -->\n```text\none\ntwo\n```\n\n```console\n$ a \\\n    b\n\
            out\n\n$ cat <<X\n> in\n> X\n$ c\nError: no\n$ echo $?\n125\n```\n<!-- skip macos: no Mac here -->\n\
            ```console\n$ d\n```\n<!-- given: touch x -->\n<!-- needs compose: e -->\n```yaml\nx: y\n```\n";
        let chapter = Chapter::parse("page", page).unwrap();
        assert_eq!(chapter.readers(), [Who::User]);
        assert!(chapter.runs());
        let expected = [
            Step::Heading,
            Step::File { path: "a.txt".into(), text: "one\ntwo\n".into() },
            command(11, "a \\\n    b", &["out", ""], false),
            command(15, "cat <<X\nin\nX", &[], false),
            command(18, "c", &["Error: no"], true),
            command(20, "echo $?", &["125"], false),
            Step::Skip { line: 24, need: "macos".into(), why: "no Mac here".into() },
            Step::Given { line: 27, text: "touch x".into() },
            Step::Needs { need: "compose".into(), text: "e".into() },
        ];
        assert_eq!(chapter.steps, expected);
    }

    #[test]
    fn what_is_no_page() {
        for (page, message) in [
            ("```sh\nx\n```\n", "line 1: commands stand in a `console` block"),
            ("```console\nx\n```\n", "line 2: a block begins with a command"),
            ("<!-- skip macos: why -->\ntext\n", "line 2: the comment before it is followed by no block"),
            ("<!-- skip macos -->\n", "line 1"),
            ("<!-- whatever -->\n", "line 1"),
        ] {
            let error = format!("{:#}", Chapter::parse("page", page).unwrap_err());
            assert!(error.contains(message), "{page}: {error}");
        }
    }
}
