//! Columns from tabs, as Go's `text/tabwriter` makes them.

/// Least width of a column.
const NARROWEST: usize = 12;
/// Spaces between columns.
const PADDING: usize = 2;

/// Replaces the tabs of `text` with spaces so that cells of neighbouring lines stand in columns. A cell is what a
/// tab ends; the rest of a line belongs to no column.
pub(crate) fn align(text: &str) -> String {
    align_with(text, NARROWEST, PADDING)
}

/// As [`align`] with another least width and padding.
pub(crate) fn align_with(text: &str, narrowest: usize, padding: usize) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let most = lines.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..most {
        let mut start = 0;
        while start < lines.len() {
            // A column is a run of neighbouring lines that have a tab-ended cell there.
            let end = (start..lines.len()).find(|at| lines[*at].len() <= column + 1).unwrap_or(lines.len());
            let widest =
                lines[start..end].iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
            let width = if widest == 0 && narrowest == 0 { 0 } else { (widest + padding).max(narrowest) };
            for cells in &mut widths[start..end] {
                cells[column] = width;
            }
            start = end.max(start + 1);
        }
    }
    let mut out = String::new();
    for (index, (cells, widths)) in lines.iter().zip(&widths).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        for (at, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(at) {
                out.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_at_least_twelve_wide() {
        assert_eq!(align("A\tB\tC\n1\t2\t3\n"), "A           B           C\n1           2           3\n");
    }

    #[test]
    fn the_widest_cell_counts() {
        assert_eq!(
            align("REPOSITORY\tTAG\tID\ndocker.io/library/x\t1\tabc\n"),
            "REPOSITORY           TAG         ID\ndocker.io/library/x  1           abc\n"
        );
    }

    #[test]
    fn a_line_without_the_cell_ends_the_column() {
        assert_eq!(align_with("a\tb\nx\nlonger\tc", 0, 1), "a b\nx\nlonger c");
    }
}
