//! Lines become a unit file.

use std::path::Path;
use std::sync::Arc;

use super::{Assignment, Line, UnitFile};
use crate::error::{Error, Place, Result};

/// Most lines of a file.
const MAX_LINES: usize = 50_000;
/// Most sections of a file.
const MAX_SECTIONS: usize = 256;

/// Reads the lines of a text into a unit that has none yet.
pub(super) fn into(unit: UnitFile, text: &str) -> Result<UnitFile> {
    let file = Arc::from(unit.path.as_path());
    let mut parser = Parser { unit, file, current: None, comments: Vec::new() };
    parser.all(text)?;
    Ok(parser.unit)
}

struct Parser {
    unit: UnitFile,
    file: Arc<Path>,
    /// The section that lines belong to.
    current: Option<usize>,
    /// Comments of which it is not known yet whether they belong to a head.
    comments: Vec<String>,
}

impl Parser {
    fn all(&mut self, text: &str) -> Result<()> {
        // What is continued, and the line on which it began.
        let mut begun: Option<(String, usize)> = None;
        for (index, line) in text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate() {
            let number = index + 1;
            if number > MAX_LINES {
                return Err(self.too_much(format!("more than {MAX_LINES} lines")));
            }
            if line.contains('\0') {
                return Err(self.syntax(number, "a unit file cannot have a NUL byte"));
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                if begun.is_none() {
                    self.comments.push(line.to_owned());
                }
                continue;
            }
            let (mut whole, first) = begun.take().unwrap_or((String::new(), number));
            match line.strip_suffix('\\') {
                Some(part) => {
                    whole.push_str(part);
                    begun = Some((whole, first));
                }
                None => {
                    whole.push_str(line);
                    self.line(&whole, first)?;
                }
            }
        }
        if let Some((whole, first)) = begun
            && !whole.trim().is_empty()
        {
            self.line(whole.trim_end(), first)?;
        }
        let comments = std::mem::take(&mut self.comments);
        match self.current {
            Some(current) => {
                self.unit.sections[current].lines.extend(comments.into_iter().map(Line::Comment));
            }
            None => self.unit.section_mut("").comments = comments,
        }
        Ok(())
    }

    fn line(&mut self, line: &str, number: usize) -> Result<()> {
        if let Some(rest) = line.strip_prefix('[')
            && let Some((name, after)) = rest.split_once(']')
            && after.trim().is_empty()
        {
            return self.head(name, number);
        }
        match line.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => self.assignment(key.trim_end(), value, number),
            _ => Err(self.wrong(
                number,
                format!(
                    "file contains line {number}: “{line}” which is not a key-value pair, group, or comment"
                ),
            )),
        }
    }

    fn head(&mut self, name: &str, number: usize) -> Result<()> {
        if name.is_empty() || name.contains('[') || name.chars().any(char::is_control) {
            return Err(self.syntax(number, &format!("invalid group name: {name}")));
        }
        let section = self.unit.section_mut(name);
        let mut comments = std::mem::take(&mut self.comments);
        // A blank line stands between sections whenever they are written.
        if comments.first().is_some_and(String::is_empty) {
            comments.remove(0);
        }
        section.comments.extend(comments);
        self.current = self.unit.sections.iter().position(|section| section.name == name);
        if self.unit.sections.len() > MAX_SECTIONS {
            return Err(self.too_much(format!("more than {MAX_SECTIONS} sections")));
        }
        Ok(())
    }

    fn assignment(&mut self, key: &str, value: &str, number: usize) -> Result<()> {
        let Some(current) = self.current else {
            return Err(self.syntax(number, "key file does not start with a group"));
        };
        if key.chars().any(char::is_control) {
            return Err(self.syntax(number, &format!("invalid key name: {key}")));
        }
        let place = Some(self.place(number));
        let comments = std::mem::take(&mut self.comments);
        let lines = &mut self.unit.sections[current].lines;
        lines.extend(comments.into_iter().map(Line::Comment));
        let assignment = Assignment { key: key.to_owned(), value: value.trim().to_owned(), place };
        lines.push(Line::Assignment(assignment));
        Ok(())
    }

    fn place(&self, number: usize) -> Place {
        Place { file: Arc::clone(&self.file), line: u32::try_from(number).unwrap_or(u32::MAX) }
    }

    fn syntax(&self, number: usize, message: &str) -> Error {
        self.wrong(number, format!("line {number}: {message}"))
    }

    fn wrong(&self, number: usize, message: String) -> Error {
        Error::Syntax { message, place: self.place(number) }
    }

    fn too_much(&self, message: String) -> Error {
        Error::TooMuch { path: self.file.to_path_buf(), message }
    }
}
