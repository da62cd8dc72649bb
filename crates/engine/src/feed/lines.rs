//! The lines that were told last.

use std::collections::VecDeque;

use cove_api::StateLine;

/// Lines that are kept.
const MOST_LINES: usize = 1024;
/// Rows and keys in them, in all.
const MOST_ROWS: usize = 16_384;

/// The lines that were told last, with numbers that follow each other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: VecDeque<StateLine>,
    rows: usize,
}

fn weight(line: &StateLine) -> usize {
    line.changed.len() + line.removed.len()
}

impl Lines {
    pub(super) fn push(&mut self, line: StateLine) {
        self.rows += weight(&line);
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.rows > MOST_ROWS {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.rows -= weight(&oldest);
        }
    }

    /// The line after the one of that number, where it is kept.
    pub(super) fn after(&self, sequence: u64) -> Option<&StateLine> {
        let first = self.lines.front()?.sequence;
        let index = sequence.checked_add(1)?.checked_sub(first)?;
        self.lines.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::StateKeys;

    fn line(sequence: u64, rows: usize) -> StateLine {
        let removed = StateKeys { volumes: vec![String::new(); rows], ..StateKeys::default() };
        StateLine { sequence, removed, ..StateLine::default() }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut lines = Lines::default();
        assert!(lines.after(0).is_none());
        for sequence in 100..100 + 2 * MOST_LINES as u64 {
            lines.push(line(sequence, 1));
        }
        let last = 99 + 2 * MOST_LINES as u64;
        let first = last + 1 - MOST_LINES as u64;
        assert!(lines.after(first - 2).is_none() && lines.after(last).is_none());
        assert!(lines.after(u64::MAX).is_none() && lines.after(0).is_none());
        assert_eq!(lines.after(first - 1).map(|line| line.sequence), Some(first));
        assert_eq!(lines.after(last - 1).map(|line| line.sequence), Some(last));
        // One that is larger than all that is kept leaves nothing.
        lines.push(line(last + 1, MOST_ROWS + 1));
        assert!(lines.after(last).is_none());
        lines.push(line(last + 2, 1));
        assert_eq!(lines.after(last + 1).map(|line| line.sequence), Some(last + 2));
    }
}
