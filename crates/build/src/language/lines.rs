//! From text to logical lines: directives, comments, continuations and here-documents.

use super::words::raw_words;
use crate::error::{BuildError, Result};

/// Longest build file, in bytes.
const MAX_FILE: usize = 8 << 20;
/// Longest logical line, in bytes.
const MAX_LINE: usize = 1 << 20;

/// A document within an instruction (`<<NAME`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// Its name, without quotes.
    pub name: String,
    /// Its text, with a newline at the end of each line.
    pub text: String,
    /// Variables in it are replaced, as the name was not quoted.
    pub expand: bool,
    /// Leading tabs are taken away (`<<-`).
    pub chomp: bool,
}

/// An instruction before it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number of its first line, from 1.
    pub(crate) number: usize,
    /// The text with continuations joined.
    pub(crate) text: String,
    /// The documents that follow it.
    pub(crate) heredocs: Vec<Heredoc>,
}

/// A file taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// The character that continues lines and takes meaning away.
    pub(crate) escape: char,
    /// The instructions.
    pub(crate) lines: Vec<Line>,
    /// Numbers of instructions with an empty line among those that continue them.
    pub(crate) gaps: Vec<usize>,
    /// What the file says of how it is checked.
    pub(crate) checks: Checks,
}

/// `# check=skip=RULE,RULE;error=true`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// Rules that do not hold; `all` for none.
    pub skip: Vec<String>,
    /// What breaks a rule breaks the build.
    pub error: bool,
}

impl Checks {
    fn parse(text: &str) -> Result<Self> {
        let mut checks = Self::default();
        for option in text.split(';').map(str::trim).filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match (name.trim(), value.trim()) {
                ("skip", rules) => checks.skip.extend(rules.split(',').map(|rule| rule.trim().to_owned())),
                ("error", "true") => checks.error = true,
                ("error", "false") => checks.error = false,
                _ => return Err(BuildError::new(format!("invalid check option {option:?}"))),
            }
        }
        Ok(checks)
    }
}

/// Takes a file apart.
pub(crate) fn split(text: &[u8]) -> Result<Lines> {
    if text.len() > MAX_FILE {
        return Err(BuildError::new(format!("the build file is larger than {} MiB", MAX_FILE >> 20)));
    }
    let text = std::str::from_utf8(text).map_err(|_| BuildError::new("the build file is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let physical: Vec<&str> = text.lines().collect();
    let (escape, checks) = directives(&physical)?;
    let (mut lines, mut gaps) = (Vec::new(), Vec::new());
    let mut next = 0;
    while let Some(first) = physical.get(next) {
        let number = next + 1;
        next += 1;
        let trimmed = first.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (mut logical, mut open) = continued(trimmed, escape);
        while open && let Some(more) = physical.get(next) {
            next += 1;
            let without = more.trim_start();
            // Comments and empty lines between continued ones count as if they were not there.
            if without.is_empty() && gaps.last() != Some(&number) {
                gaps.push(number);
            }
            if without.is_empty() || without.starts_with('#') {
                continue;
            }
            let (part, again) = continued(more, escape);
            logical.push_str(&part);
            open = again;
            if logical.len() > MAX_LINE {
                return Err(BuildError::new("a line of more than 1 MiB").at(number));
            }
        }
        let mut heredocs = announced(&logical, escape);
        for heredoc in &mut heredocs {
            read_document(heredoc, &physical, &mut next).map_err(|error| error.at(number))?;
        }
        lines.push(Line { number, text: logical.trim_end().to_owned(), heredocs });
    }
    Ok(Lines { escape, lines, gaps, checks })
}

/// The directives at the head (`# name=value`): the escape character, and what is said of checks.
fn directives(lines: &[&str]) -> Result<(char, Checks)> {
    let (mut escape, mut checks) = (None, Checks::default());
    for (index, line) in lines.iter().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix('#') else { break };
        let Some((name, value)) = comment.split_once('=') else { break };
        let (name, value) = (name.trim(), value.trim());
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|character| character.is_ascii_alphanumeric());
        if !is_name || value.is_empty() {
            break;
        }
        match name.to_ascii_lowercase().as_str() {
            "escape" => {
                if escape.is_some() {
                    return Err(BuildError::new("only one escape parser directive can be used").at(index + 1));
                }
                escape = Some(match value {
                    "\\" => '\\',
                    "`" => '`',
                    other => {
                        let text = format!("invalid escape token {other:?}: it must be ` or \\");
                        return Err(BuildError::new(text).at(index + 1));
                    }
                });
            }
            // The built-in language is the one of docker/dockerfile:1; another is never fetched.
            "syntax" => check_syntax(value).map_err(|error| error.at(index + 1))?,
            "check" => checks = Checks::parse(value).map_err(|error| error.at(index + 1))?,
            _ => break,
        }
    }
    Ok((escape.unwrap_or('\\'), checks))
}

fn check_syntax(value: &str) -> Result<()> {
    let name = value.split('@').next().unwrap_or(value);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let known = ["docker/dockerfile", "docker/dockerfile-upstream"]
        .iter()
        .any(|known| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')));
    if known {
        return Ok(());
    }
    Err(BuildError::unsupported(format!(
        "the syntax {value:?} is not supported: it is no version of docker/dockerfile"
    )))
}

/// A line without its continuation mark, and whether it had one.
fn continued(line: &str, escape: char) -> (String, bool) {
    let trimmed = line.trim_end_matches([' ', '\t', '\r']);
    let Some(rest) = trimmed.strip_suffix(escape) else { return (line.to_owned(), false) };
    // Two of them are one that is meant.
    if rest.ends_with(escape) {
        return (line.to_owned(), false);
    }
    (rest.to_owned(), true)
}

/// The documents that a line announces, still empty.
fn announced(line: &str, escape: char) -> Vec<Heredoc> {
    let mut words = line.split_whitespace().map(str::to_ascii_uppercase);
    let mut name = words.next();
    if name.as_deref() == Some("ONBUILD") {
        name = words.next();
    }
    if !matches!(name.as_deref(), Some("RUN" | "COPY" | "ADD")) || !line.contains("<<") {
        return Vec::new();
    }
    raw_words(line, escape).iter().filter_map(|word| heredoc_of(word)).collect()
}

/// The document that a word announces: `[fd]<<[-]NAME`.
pub(crate) fn heredoc_of(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|character: char| character.is_ascii_digit()).strip_prefix("<<")?;
    let (chomp, name) = match rest.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, rest),
    };
    if name.is_empty() || name.contains('<') {
        return None;
    }
    let bare: String = name.chars().filter(|character| !matches!(character, '\'' | '"')).collect();
    if bare.is_empty() {
        return None;
    }
    Some(Heredoc { expand: bare == name, name: bare, text: String::new(), chomp })
}

fn read_document(heredoc: &mut Heredoc, lines: &[&str], next: &mut usize) -> Result<()> {
    while let Some(line) = lines.get(*next) {
        *next += 1;
        let line = if heredoc.chomp { line.trim_start_matches('\t') } else { line };
        if line == heredoc.name {
            return Ok(());
        }
        heredoc.text.push_str(line);
        heredoc.text.push('\n');
    }
    Err(BuildError::new(format!("unterminated heredoc {:?}", heredoc.name)))
}
