//! Running commands in turn, and the table of what came out.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::FromRawFd as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::shell;

/// One comparison.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Median of ours, in milliseconds.
    pub(crate) ours: f64,
    pub(crate) peer: String,
    /// Median of the peer, in milliseconds.
    pub(crate) theirs: f64,
    /// Largest ratio that is good enough; `None` where the figure is only reported.
    pub(crate) goal: Option<f64>,
    pub(crate) note: String,
}

impl Row {
    /// A row of two that were run in turn, the ratio of their fastest runs in the note.
    pub(crate) fn new(name: &str, ours: Times, peer: &str, theirs: Times, goal: Option<f64>) -> Self {
        let note =
            format!("fastest {:.1} / {:.1} ms: {:.2}", ours.best, theirs.best, ours.best / theirs.best);
        let (name, peer) = (name.to_owned(), peer.to_owned());
        Self { name, ours: ours.median, peer, theirs: theirs.median, goal, note }
    }

    /// Adds to the note.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        if !self.note.is_empty() {
            self.note.push_str("; ");
        }
        self.note.push_str(note);
        self
    }

    fn ratio(&self) -> f64 {
        if self.theirs > 0.0 { self.ours / self.theirs } else { f64::NAN }
    }

    fn verdict(&self) -> &'static str {
        match self.goal {
            None => "",
            Some(goal) if self.ratio() <= goal => "met",
            Some(_) => "missed",
        }
    }
}

/// What one run took.
pub(crate) struct Run {
    /// Wall time in milliseconds.
    pub(crate) wall: f64,
    /// Peak resident memory of the largest process, in MiB.
    pub(crate) memory: f64,
}

/// Runs a command to its end, quietly.
pub(crate) fn once(command: &mut Command) -> Result<Run> {
    // A file, because a pipe stays open for as long as a process that the command leaves behind.
    let mut errors = memory_file()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.try_clone()?);
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("{command:?}"))?;
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of that plain structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let pid = i32::try_from(child.id())?;
    // SAFETY: pid is our child, which nobody has waited for; both pointers are to live values.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed().as_secs_f64() * 1000.0;
    if waited != pid || !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        let mut text = String::new();
        errors.rewind()?;
        errors.read_to_string(&mut text)?;
        bail!("{command:?} failed: {}", text.trim());
    }
    // Kilobytes, on Linux.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let memory = usage.ru_maxrss as f64 / 1024.0;
    Ok(Run { wall, memory })
}

/// Wall times of one command, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) median: f64,
    /// The fastest run: what other work on the machine disturbed least.
    pub(crate) best: f64,
}

impl Times {
    pub(crate) fn of(values: &[f64]) -> Self {
        let best = values.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::NAN);
        Self { median: median(values), best }
    }
}

fn memory_file() -> Result<File> {
    // SAFETY: the name is a valid C string.
    let descriptor = unsafe { libc::memfd_create(c"cove-bench".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error()).context("memfd_create");
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Runs the commands in turn, one warm-up and `runs` counted, and answers the wall times of each.
pub(crate) fn in_turn<const N: usize>(
    runs: usize,
    commands: [&dyn Fn() -> Result<()>; N],
) -> Result<[Times; N]> {
    let mut times = [(); N].map(|()| Vec::with_capacity(runs));
    for round in 0..=runs {
        for (command, times) in commands.iter().zip(&mut times) {
            let start = Instant::now();
            command()?;
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    Ok(times.map(|times| Times::of(&times)))
}

/// The middle value.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints the table and writes `target/bench.json`.
pub(crate) fn print(rows: &[Row]) -> Result<()> {
    println!(
        "\n{:<42} {:>10}  {:<28} {:>10} {:>7} {:>6}  ",
        "what", "cove ms", "peer", "peer ms", "ratio", "goal"
    );
    for row in rows {
        let goal = row.goal.map(|goal| format!("{goal:.2}")).unwrap_or_default();
        println!(
            "{:<42} {:>10.1}  {:<28} {:>10.1} {:>7.2} {:>6}  {} {}",
            row.name,
            row.ours,
            row.peer,
            row.theirs,
            row.ratio(),
            goal,
            row.verdict(),
            row.note
        );
    }
    let rows: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            json!({"what": row.name, "cove_ms": row.ours, "peer": row.peer, "peer_ms": row.theirs,
                   "ratio": row.ratio(), "goal": row.goal, "note": row.note})
        })
        .collect();
    let path = shell::target().join("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&rows)?)
        .with_context(|| path.display().to_string())?;
    println!("\nalso in {}", path.display());
    Ok(())
}
