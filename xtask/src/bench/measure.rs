//! Running commands in turn, and the table of what came out.

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
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("{command:?}"))?;
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        std::io::Read::read_to_string(&mut stderr, &mut errors)?;
    }
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of that plain structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let pid = i32::try_from(child.id())?;
    // SAFETY: pid is our child, which nobody has waited for; both pointers are to live values.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed().as_secs_f64() * 1000.0;
    if waited != pid || !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        bail!("{command:?} failed: {}", errors.trim());
    }
    // Kilobytes, on Linux.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let memory = usage.ru_maxrss as f64 / 1024.0;
    Ok(Run { wall, memory })
}

/// Runs the commands in turn, one warm-up and `runs` counted, and answers the median wall time of each.
pub(crate) fn in_turn<const N: usize>(
    runs: usize,
    commands: [&dyn Fn() -> Result<()>; N],
) -> Result<[f64; N]> {
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
    Ok(times.map(|times| median(&times)))
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
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
