//! Ranges of versions, as the file of images to be copied writes them: `^1.20`, `>=1.2 <3 || 4.x`, `1.2 - 1.4.5`.

use std::cmp::Ordering;

/// A version; tags such as `v1.2` are versions, too.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    prerelease: Vec<String>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: String,
    version: Version,
    /// How many numbers were written: the rest is any.
    written: usize,
}

/// Alternatives of comparisons that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range(Vec<Vec<Comparison>>);

impl Range {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("improper constraint: {text}");
        let mut alternatives = Vec::new();
        for alternative in text.split("||") {
            let mut comparisons = Vec::new();
            for part in parts(alternative) {
                comparisons.push(Comparison::parse(&part).ok_or_else(wrong)?);
            }
            if comparisons.is_empty() {
                return Err(wrong());
            }
            alternatives.push(comparisons);
        }
        Ok(Self(alternatives))
    }

    /// Whether a tag is a version in the range.
    pub(super) fn has(&self, tag: &str) -> bool {
        let Some((version, _)) = Version::parse(tag) else { return false };
        self.0.iter().any(|all| all.iter().all(|comparison| comparison.holds(&version)))
    }
}

/// The comparisons of an alternative: `A - B` is two, and an operator may stand apart from its version.
fn parts(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split([' ', ',', '\t']).filter(|word| !word.is_empty()).collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words.get(at + 1) == Some(&"-")
            && let Some(end) = words.get(at + 2)
        {
            parts.push(format!(">={}", words[at]));
            parts.push(format!("<={end}"));
            at += 3;
            continue;
        }
        let is_operator = words[at].bytes().all(|byte| b"<>=!~^".contains(&byte));
        match words.get(at + 1) {
            Some(version) if is_operator => {
                parts.push(format!("{}{version}", words[at]));
                at += 2;
            }
            _ => {
                parts.push(words[at].to_owned());
                at += 1;
            }
        }
    }
    parts
}

impl Version {
    /// A version and how many of its numbers are written; `x` and `*` stand for any.
    fn parse(text: &str) -> Option<(Self, usize)> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (core, prerelease) = match text.split_once('-') {
            Some((core, prerelease)) => (core, prerelease.split('.').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let mut numbers = [0; 3];
        let mut written = 0;
        for (at, part) in core.split('.').enumerate() {
            if matches!(part, "x" | "X" | "*") {
                break;
            }
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *numbers.get_mut(at)? = part.parse().ok()?;
            written = at + 1;
        }
        let is_word = |word: &String| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        prerelease.iter().all(is_word).then_some((Self { numbers, prerelease }, written))
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_words(&self.prerelease, &other.prerelease),
            }
        })
    }
}

fn compare_words(one: &[String], other: &[String]) -> Ordering {
    for (one, other) in one.iter().zip(other) {
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        let at = text.find(|letter: char| !"<>=!~^".contains(letter))?;
        let (operator, version) = text.split_at(at);
        let operator = match operator {
            "" => "=",
            "=>" => ">=",
            "=<" => "<=",
            "~>" => "~",
            "=" | "!=" | ">" | "<" | ">=" | "<=" | "~" | "^" => operator,
            _ => return None,
        };
        let (version, written) = Version::parse(version)?;
        Some(Self { operator: operator.to_owned(), version, written })
    }

    fn holds(&self, version: &Version) -> bool {
        // A version before its release is meant only where the range says so.
        if !version.prerelease.is_empty() && self.version.prerelease.is_empty() {
            return false;
        }
        let order = version.compare(&self.version);
        // Where numbers are missing, versions with the same first ones are one.
        let first = version.numbers[..self.written].cmp(&self.version.numbers[..self.written]);
        let is_whole = self.written == 3;
        match self.operator.as_str() {
            "=" if is_whole => order == Ordering::Equal,
            "=" => first == Ordering::Equal,
            "!=" if is_whole => order != Ordering::Equal,
            "!=" => first != Ordering::Equal,
            ">" if is_whole => order == Ordering::Greater,
            ">" => first == Ordering::Greater,
            "<=" if is_whole => order != Ordering::Greater,
            "<=" => first != Ordering::Greater,
            "<" => order == Ordering::Less,
            ">=" => order != Ordering::Less,
            "~" => order != Ordering::Less && self.same(version, self.written.min(2)),
            _ => order != Ordering::Less && self.same(version, self.leading()),
        }
    }

    fn same(&self, version: &Version, count: usize) -> bool {
        version.numbers[..count] == self.version.numbers[..count]
    }

    /// The numbers that `^` keeps: up to the first that is not zero, as far as they are written.
    fn leading(&self) -> usize {
        let first = self.version.numbers.iter().position(|number| *number > 0).unwrap_or(2);
        (first + 1).min(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_by_ranges() {
        for (range, tag, expected) in [
            (">=3.14", "3.14", true),
            (">=3.14", "v3.14.1", true),
            (">=3.14", "3.13.9", false),
            (">=3.14", "latest", false),
            (">=3.14", "4.0.0-rc1", false),
            (">=3.14-0", "4.0.0-rc1", true),
            ("1.2.3", "1.2.3", true),
            ("1.2.3", "1.2.4", false),
            ("1.2", "1.2.9", true),
            ("1.x", "1.9.9", true),
            ("*", "7.1", true),
            ("!=1.2", "1.2.1", false),
            ("!=1.2", "1.3.0", true),
            (">11", "11.1.0", false),
            (">11", "12.0.0", true),
            ("<=11", "11.9", true),
            ("<11", "11.0.0", false),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "2.0.0", false),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^0.0.3", "0.0.4", false),
            ("^0", "0.9.0", true),
            ("^0.0", "0.1.0", false),
            (">=1.2 <3 || 4.x", "2.9", true),
            (">= 1.2, < 3", "3.0", false),
            (">=1.2 <3 || 4.x", "4.4", true),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.4.6", false),
            ("1.0.0-alpha.2", "1.0.0-alpha.10", false),
            (">1.0.0-alpha.2", "1.0.0-alpha.10", true),
        ] {
            assert_eq!(Range::parse(range).unwrap().has(tag), expected, "{range} {tag}");
        }
        for wrong in ["", "||", ">=", "1.2.3.4", "a.b", "=!1", "1..2", "99999999999999999999"] {
            assert!(Range::parse(wrong).is_err(), "{wrong}");
        }
    }
}
