//! Running commands in turn, and the table of what came out.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::FromRawFd as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::shell;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As much as the goals speak of.
    Whole,
    /// A tenth of it: shows that the measurements work, not how fast anything is.
    Small,
}

impl Scale {
    /// So many of `whole` runs, containers or files; one at least.
    pub(crate) fn of(self, whole: usize) -> usize {
        match self {
            Self::Whole => whole,
            Self::Small => (whole / 10).max(1),
        }
    }
}

/// One value, in its unit.
pub(crate) struct Figure {
    value: f64,
    unit: &'static str,
    /// The largest that is good enough; `None` where it is only reported.
    limit: Option<f64>,
}

impl Figure {
    /// A value that should not be larger.
    pub(crate) fn at_most(value: f64, limit: f64, unit: &'static str) -> Self {
        Self { value, unit, limit: Some(limit) }
    }

    /// A value without a goal.
    pub(crate) fn reported(value: f64, unit: &'static str) -> Self {
        Self { value, unit, limit: None }
    }
}

/// One line of the table.
pub(crate) struct Row {
    name: String,
    ours: Figure,
    /// The peer's name and its value, in the same unit.
    peer: Option<(String, f64)>,
    /// Largest ratio that is good enough; `None` where it is only reported.
    goal: Option<f64>,
    note: String,
}

impl Row {
    /// A row of two that were run in turn, the ratio of their fastest runs in the note.
    pub(crate) fn new(name: &str, ours: Times, peer: &str, theirs: Times, goal: Option<f64>) -> Self {
        let note =
            format!("fastest {:.1} / {:.1} ms: {:.2}", ours.best, theirs.best, ours.best / theirs.best);
        let row = Self::alone(name, Figure::reported(ours.median, "ms")).beside(peer, theirs.median);
        Self { goal, note, ..row }
    }

    /// A row of one figure.
    pub(crate) fn alone(name: &str, ours: Figure) -> Self {
        Self { name: name.to_owned(), ours, peer: None, goal: None, note: String::new() }
    }

    /// Gives the peer's value in the same unit.
    pub(crate) fn beside(mut self, peer: &str, theirs: f64) -> Self {
        self.peer = Some((peer.to_owned(), theirs));
        self
    }

    /// Adds to the note.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        if !self.note.is_empty() {
            self.note.push_str("; ");
        }
        self.note.push_str(note);
        self
    }

    fn ratio(&self) -> Option<f64> {
        let (_, theirs) = self.peer.as_ref()?;
        (*theirs > 0.0).then(|| self.ours.value / theirs)
    }

    fn verdict(&self) -> &'static str {
        let by_ratio = self.goal.map(|goal| self.ratio().is_some_and(|ratio| ratio <= goal));
        let by_limit = self.ours.limit.map(|limit| self.ours.value <= limit);
        match [by_ratio, by_limit] {
            [None, None] => "",
            verdicts if verdicts.contains(&Some(false)) => "missed",
            _ => "met",
        }
    }

    /// What the verdict compares with.
    fn aim(&self) -> String {
        let limit = self.ours.limit.map(|limit| format!("{limit} {}", self.ours.unit));
        limit.or_else(|| self.goal.map(|goal| format!("{goal:.2}"))).unwrap_or_default()
    }

    fn line(&self) -> String {
        let value = |value: f64| format!("{value:.1} {}", self.ours.unit);
        let peer = self.peer.as_ref();
        format!(
            "{:<42} {:>12}  {:<28} {:>12} {:>7} {:>7}  {} {}",
            self.name,
            value(self.ours.value),
            peer.map_or("", |(name, _)| name),
            peer.map(|(_, theirs)| value(*theirs)).unwrap_or_default(),
            self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            self.aim(),
            self.verdict(),
            self.note
        )
    }

    fn json(&self) -> serde_json::Value {
        let peer = self.peer.as_ref();
        json!({"what": self.name, "unit": self.ours.unit, "cove": self.ours.value, "limit": self.ours.limit,
               "peer": peer.map(|(name, _)| name), "theirs": peer.map(|(_, theirs)| theirs),
               "ratio": self.ratio(), "goal": self.goal, "verdict": self.verdict(), "note": self.note})
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

/// Starts all commands before it waits for any, and fails where one fails.
pub(crate) fn all_at_once(commands: impl Iterator<Item = Command>) -> Result<()> {
    std::thread::scope(|scope| {
        let runs: Vec<_> = commands.map(|mut command| scope.spawn(move || once(&mut command))).collect();
        let results: Vec<_> = runs.into_iter().map(|run| run.join()).collect();
        for result in results {
            result.map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
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

/// No further round after so long: a peer may take minutes for what takes us a moment.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the commands in turn, one warm-up and `runs` counted (fewer of very slow ones, but one), and answers the wall
/// times of each.
pub(crate) fn in_turn<const N: usize>(
    runs: usize,
    commands: [&dyn Fn() -> Result<()>; N],
) -> Result<[Times; N]> {
    let mut times = [(); N].map(|()| Vec::with_capacity(runs));
    let begun = Instant::now();
    for round in 0..=runs {
        if round > 1 && begun.elapsed() > PATIENCE {
            break;
        }
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

/// Prints the table, which [`save`] has written.
pub(crate) fn print(rows: &[Row]) {
    println!("\n{:<42} {:>12}  {:<28} {:>12} {:>7} {:>7}", "what", "cove", "peer", "peer's", "ratio", "goal");
    for row in rows {
        println!("{}", row.line());
    }
}

/// Writes `target/bench.json`.
pub(crate) fn save(rows: &[Row]) -> Result<()> {
    let rows: Vec<serde_json::Value> = rows.iter().map(Row::json).collect();
    let path = shell::target().join("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&rows)?).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let times = |median| Times { median, best: median };
        let row = |ours, goal| Row::new("run", times(ours), "podman", times(10.0), goal);
        assert_eq!((row(3.0, Some(0.3)).verdict(), row(3.1, Some(0.3)).verdict()), ("met", "missed"));
        assert_eq!((row(3.0, None).verdict(), row(3.0, Some(0.3)).ratio()), ("", Some(0.3)));
        let alone = |value| Row::alone("stats", Figure::at_most(value, 100.0, "ms"));
        assert_eq!((alone(100.0).verdict(), alone(100.1).verdict()), ("met", "missed"));
        assert_eq!(alone(1.0).aim(), "100 ms");
        // A peer that could not be measured meets no goal.
        assert_eq!(Row { goal: Some(1.0), ..alone(1.0) }.verdict(), "missed");
    }

    #[test]
    fn a_tenth_and_one_at_least() {
        assert_eq!([Scale::Whole.of(100), Scale::Small.of(100), Scale::Small.of(3)], [100, 10, 1]);
    }
}
