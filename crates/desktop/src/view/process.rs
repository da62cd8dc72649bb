//! Processes of containers.

use serde::{Deserialize, Serialize};

/// A process in a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProcessRow {
    /// Its number in the container.
    pub pid: u32,
    /// That of its parent; 0 is outside.
    pub parent: u32,
    /// As whom it runs.
    pub user: String,
    /// Per cent of one processor, over its whole life.
    pub cpu: f64,
    /// Bytes of memory that are its own or shared.
    pub memory: u64,
    /// For how long it has run, as the engine writes it.
    pub elapsed: String,
    /// The program and its arguments.
    pub command: String,
}

impl ProcessRow {
    /// What an engine is asked for (podman-top(1)), in the order of [`ProcessRow::of`].
    pub(crate) const COLUMNS: [&str; 7] = ["pid", "ppid", "user", "pcpu", "rss", "etime", "args"];

    /// A row of `top`; cells that are missing or no numbers are empty.
    pub(crate) fn of(cells: &[String]) -> Self {
        let text = |at: usize| cells.get(at).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        let number = |at: usize| text(at).parse().unwrap_or(0);
        Self {
            pid: number(0),
            parent: number(1),
            user: text(2),
            cpu: text(3).parse().ok().filter(|cpu: &f64| cpu.is_finite()).unwrap_or(0.0),
            // In KiB.
            memory: u64::from(number(4)) << 10,
            elapsed: text(5),
            command: text(6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_numbers_where_they_are_some() {
        let row =
            |cells: &[&str]| ProcessRow::of(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
        let whole = row(&["7", "1", "web", "12.500", "2048", "1m2s", "nginx -g x"]);
        assert_eq!((whole.pid, whole.parent, whole.memory), (7, 1, 2 << 20));
        assert_eq!((whole.cpu, whole.elapsed.as_str()), (12.5, "1m2s"));
        let odd = row(&["?", "-1", "web", "NaN"]);
        assert_eq!((odd.pid, odd.parent, odd.cpu, odd.command.as_str()), (0, 0, 0.0, ""));
    }
}
