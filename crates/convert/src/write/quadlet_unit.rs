//! The text of a unit file, with the quotes that each sort of key wants.

use std::fmt::Write as _;

use cove_quadlet::join_words;

/// How a key's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Text,
    /// Names with blanks between, in which a backslash is like any other character.
    List,
    /// Words of a command line.
    Words,
}

/// A unit file in the making.
#[derive(Debug, Default)]
pub(super) struct Unit {
    sections: Vec<(&'static str, Vec<String>)>,
}

impl Unit {
    /// Adds a line to a section.
    pub(super) fn line(&mut self, section: &'static str, key: &str, value: &str) {
        let line = format!("{key}={value}");
        match self.sections.iter_mut().find(|(name, _)| *name == section) {
            Some((_, lines)) => lines.push(line),
            None => self.sections.push((section, vec![line])),
        }
    }

    /// Adds the value of a key in its form, where systemd and Quadlet read it again as it is. False where they would not.
    pub(super) fn key(&mut self, section: &'static str, key: &str, value: &str, form: Form) -> bool {
        let literal = literal(value);
        let text =
            match form {
                Form::Text if is_plain(value) => literal,
                Form::List if is_plain(value) && !value.contains(['"', '\'']) => {
                    if value.contains([' ', '\t']) { format!("\"{literal}\"") } else { literal }
                }
                Form::Words => word(&literal),
                Form::Text | Form::List => return false,
            };
        self.line(section, key, &text);
        true
    }

    /// Adds words of a command line as one value.
    pub(super) fn words(&mut self, section: &'static str, key: &str, words: &[String]) {
        let literal: Vec<String> = words.iter().map(|word| self::literal(word)).collect();
        let words: Vec<String> = literal.iter().map(|text| word(text)).collect();
        self.line(section, key, &words.join(" "));
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for name in ["Unit", "Container", "Pod", "Network", "Volume", "Service", "Install"] {
            let Some((_, lines)) = self.sections.iter().find(|(section, _)| *section == name) else {
                continue;
            };
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "[{name}]");
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// A word of a command line: in quotes where that is enough, else with escapes.
fn word(text: &str) -> String {
    let needs_escapes = text.contains(['"', '\\']) || text.contains(char::is_control);
    if needs_escapes || !text.contains([' ', '\'']) {
        return join_words([text]);
    }
    format!("\"{text}\"")
}

/// Text in which systemd finds neither a specifier nor a variable: all of it ends in a command.
fn literal(text: &str) -> String {
    text.replace('%', "%%").replace('$', "$$")
}

/// Whether it stands on a line as it is: nothing of it is taken for a quote around it, a blank, or a line that goes on.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.trim() == value
        && !value.ends_with('\\')
        && !value.starts_with('"')
        && !value.contains(char::is_control)
}
