//! A whole build file: stages of steps.

use super::instruction::{From, Instruction};
use super::lines::{self, Checks, Line};
use super::parse::instruction;
use crate::error::{BuildError, Result};

/// Most instructions in a file.
const MAX_STEPS: usize = 10_000;

/// A build file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile {
    /// The character that takes meaning away.
    pub escape: char,
    /// `ARG` before the first `FROM`.
    pub arguments: Vec<Step>,
    /// The stages.
    pub stages: Vec<Stage>,
    /// What the file says of how it is checked.
    pub checks: Checks,
    /// Lines of instructions with an empty line among those that continue them.
    pub(crate) gaps: Vec<usize>,
}

/// From one `FROM` to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Line of its `FROM`.
    pub line: usize,
    /// The text of its `FROM`.
    pub text: String,
    /// What it begins with.
    pub from: From,
    /// What follows.
    pub steps: Vec<Step>,
}

/// An instruction and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Number of its first line, from 1; 0 for what stands in no file.
    pub line: usize,
    /// As it is written, its continuations joined.
    pub text: String,
    /// What it says.
    pub instruction: Instruction,
}

impl BuildFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It is none; the error has the line.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let split = lines::split(text)?;
        let lines::Lines { escape, checks, gaps, .. } = split;
        let mut file = Self { escape, arguments: Vec::new(), stages: Vec::new(), checks, gaps };
        if split.lines.len() > MAX_STEPS {
            return Err(BuildError::new(format!("more than {MAX_STEPS} instructions")));
        }
        for line in split.lines {
            let step = step(line, file.escape)?;
            match (step.instruction, file.stages.last_mut()) {
                (Instruction::From(from), _) => {
                    file.stages.push(Stage { line: step.line, text: step.text, from, steps: Vec::new() });
                }
                (instruction, Some(stage)) => stage.steps.push(Step { instruction, ..step }),
                (instruction @ Instruction::Arg(_), None) => {
                    file.arguments.push(Step { instruction, ..step })
                }
                (_, None) => return Err(BuildError::new("no build stage in current context").at(step.line)),
            }
        }
        if file.stages.is_empty() {
            return Err(BuildError::new("file with no instructions"));
        }
        Ok(file)
    }
}

/// Reads one instruction, such as that of an `ONBUILD`, with the documents that follow it.
///
/// # Errors
/// It is none.
pub fn parse_line(text: &str, escape: char) -> Result<Step> {
    // A directive says which character escapes; the text itself has none.
    let head = if escape == '`' { "# escape=`\n" } else { "" };
    let mut lines = lines::split(format!("{head}{text}").as_bytes())?.lines;
    if lines.len() != 1 {
        return Err(BuildError::new(format!("{text:?} is not one instruction")));
    }
    let mut step = step(lines.remove(0), escape)?;
    step.line = 0;
    Ok(step)
}

fn step(line: Line, escape: char) -> Result<Step> {
    let instruction = instruction(&line, escape).map_err(|error| error.at(line.number))?;
    Ok(Step { line: line.number, text: line.text, instruction })
}
