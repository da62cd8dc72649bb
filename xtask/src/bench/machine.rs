//! `cove machine start` against the bare boot of the same kernel with the same accelerator.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::measure::{Figure, Row, Scale, once};
use super::sandbox::cove;
use crate::shell;

const NAME: &str = "cove-bench";

/// Time to an answering API, and in the note where it goes. The bare kernel is what the same boot took until its
/// first process ran, by the guest's own clock.
pub(crate) fn start(_: Scale, rows: &mut Vec<Row>) -> Result<()> {
    crate::build_vm_image(&[])?;
    let _ = shell::output(Command::new(cove()).args(["machine", "rm", "-f", NAME]));
    let image = crate::vm_image::native();
    shell::run(Command::new(cove()).args(["machine", "init", NAME, "--image"]).arg(image))?;
    let result = measure(rows);
    let _ = shell::output(Command::new(cove()).args(["machine", "rm", "-f", NAME]));
    result
}

fn measure(rows: &mut Vec<Row>) -> Result<()> {
    let ours = once(Command::new(cove()).args(["machine", "start", NAME]))?.wall;
    let format = "{{.ConsoleLog.Path}}";
    let path = shell::output(Command::new(cove()).args(["machine", "inspect", "--format", format, NAME]))?;
    let log = std::fs::read(path.trim()).with_context(|| path.clone())?;
    let stages = stages(&String::from_utf8_lossy(&log));
    let (_, bare) = stages.first().context("the guest's console names no stage")?;
    let mut note = String::from("boot:");
    for (name, at) in &stages {
        let _ = write!(note, " {name} {at:.2} s");
    }
    let figure = Figure::reported(ours / 1000.0, "s");
    let row = Row::alone("machine start to an answering API", figure);
    rows.push(row.beside("bare kernel to its first process", *bare).with_note(&note));
    Ok(())
}

/// Lines of the guest's first process: `cove-init: stage NAME SECONDS`.
fn stages(log: &str) -> Vec<(String, f64)> {
    let parse = |line: &str| {
        let (_, rest) = line.split_once("cove-init: stage ")?;
        let mut words = rest.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    log.lines().filter_map(parse).collect()
}
