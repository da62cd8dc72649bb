//! A line of a build file with those around it, for people.

/// Lines before and after the one that is meant.
const AROUND: usize = 2;
/// Longest line that is shown, in characters.
const LONGEST: usize = 200;

/// The lines around one (counted from 1), which is marked.
#[must_use]
pub fn excerpt(text: &[u8], line: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let first = line.saturating_sub(AROUND).max(1);
    let shown = text.lines().enumerate().skip(first - 1).take(line + AROUND + 1 - first);
    shown
        .map(|(index, own)| {
            let mark = if index + 1 == line { ">>>" } else { "   " };
            let own: String = own.chars().take(LONGEST).collect();
            format!("{:>4} | {mark} {own}", index + 1).trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_marked_among_its_neighbours() {
        let text = b"FROM a\nRUN b\n\nRUN c\nRUN d\nRUN e\n";
        assert_eq!(
            excerpt(text, 4),
            ["   2 |     RUN b", "   3 |", "   4 | >>> RUN c", "   5 |     RUN d", "   6 |     RUN e"]
        );
        assert_eq!(excerpt(text, 1)[0], "   1 | >>> FROM a");
        assert_eq!(excerpt(text, 6).len(), 3);
        assert_eq!(excerpt(b"\xff", 1), ["   1 | >>> \u{fffd}"]);
        assert!(excerpt(b"", 1).is_empty());
    }
}
