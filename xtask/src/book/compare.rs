//! Whether what was written is what a page shows: exactly, but for what differs from run to run.
//!
//! `...` in a line stands for any text, and as a line for any number of lines. Ids, times, dates, sizes and the width of
//! columns are taken for the same where they have the same shape.

/// Whether `written` is what is shown.
pub(crate) fn same(shown: &[String], written: &str) -> bool {
    let shown: Vec<String> =
        trimmed(shown.iter().map(String::as_str)).iter().map(|line| plain(line)).collect();
    let written: Vec<String> = trimmed(written.lines()).iter().map(|line| plain(line)).collect();
    lines_match(&shown, &written)
}

/// Without empty lines at the end.
fn trimmed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut lines: Vec<&str> = lines.collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

fn lines_match(shown: &[String], written: &[String]) -> bool {
    match shown.split_first() {
        None => written.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=written.len()).any(|skipped| lines_match(rest, &written[skipped..]))
        }
        Some((first, rest)) => written
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(shown: &str, written: &str) -> bool {
    let mut parts = shown.split("...");
    let Some(mut rest) = written.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The line with the shapes in place of what varies.
fn plain(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        if is_unit_of_time(word) {
            while words.last().is_some_and(|last| is_number(last) || is_vague(last)) {
                words.pop();
            }
            words.push("TIME".to_owned());
        } else if is_unit_of_size(word) && words.last().is_some_and(|last| is_number(last)) {
            words.pop();
            words.push("SIZE".to_owned());
        } else {
            words.push(shape(word));
        }
    }
    words.join(" ")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn is_vague(word: &str) -> bool {
    matches!(word, "About" | "Less" | "than" | "a" | "an" | "less" | "about")
}

fn is_unit_of_time(word: &str) -> bool {
    let word = word.trim_end_matches(['s', ',', ')']);
    matches!(word, "second" | "minute" | "hour" | "day")
}

fn is_unit_of_size(word: &str) -> bool {
    matches!(word, "B" | "kB" | "MB" | "GB" | "KiB" | "MiB" | "GiB")
}

/// A word with its ids, dates and sizes replaced.
fn shape(word: &str) -> String {
    let date = word.get(..11).is_some_and(|start| {
        start.bytes().zip(b"0000-00-00T").all(|(byte, model)| match model {
            b'0' => byte.is_ascii_digit(),
            model => byte == *model,
        })
    });
    if date {
        return "DATE".to_owned();
    }
    let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if is_number(number) && is_unit_of_size(&word[number.len()..]) {
        return "SIZE".to_owned();
    }
    let mut shaped = String::new();
    for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = name.len() >= 12 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_id {
            shaped.push_str(&format!("ID{}", name.len()));
            shaped.push_str(&part[name.len()..]);
        } else {
            shaped.push_str(part);
        }
    }
    shaped
}

#[cfg(test)]
mod tests {
    use super::same;

    fn is(shown: &str, written: &str) -> bool {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        same(&shown, written)
    }

    #[test]
    fn what_varies_is_the_same() {
        for (shown, written) in [
            ("", ""),
            ("", "\n"),
            ("a  b", "a b\n"),
            ("web", "web"),
            (
                "0123456789ab  x  2 seconds ago  Up 2 seconds",
                "ffff456789ab x  About a minute ago  Up Less than a second",
            ),
            ("created 2026-11-27T10:00:00Z", "created 2026-01-01T00:00:00.123Z"),
            ("a 1.05 MB 7kB", "a 20 kB 8.1GB"),
            ("Up 2 hours (healthy)", "Up 1 second (healthy)"),
            ("a ... d", "a b c d"),
            ("a\n...\nd", "a\nb\nc\nd"),
            ("a\n...\nd", "a\nd"),
            ("x...", "x"),
            ("sh -c mkdir;...  1 second ago", "sh -c mkdir;...  9 seconds ago"),
        ] {
            assert!(is(shown, written), "{shown:?} {written:?}");
        }
    }

    #[test]
    fn the_rest_is_not() {
        for (shown, written) in [
            ("", "a"),
            ("a", ""),
            ("a", "b"),
            ("a", "a\nb"),
            ("a\n\nb", "a\nb"),
            ("0123456789ab", "0123456789abcdef"),
            ("0123456789ab", "web"),
            ("a ... d", "a b c"),
            ("1 second", "1 MB"),
            ("a\n...\nd", "a\nb"),
        ] {
            assert!(!is(shown, written), "{shown:?} {written:?}");
        }
    }
}
