//! Values of `--filter` that several resources share.

pub(crate) use cove_api::filter::truth;
use cove_api::{Error, Result, Timestamp};
use regex::{Regex, RegexBuilder};

/// The moment that a filter such as `until` names: RFC 3339, a date, seconds since the epoch, or how long ago.
pub(crate) fn time(key: &str, values: &[String]) -> Result<Timestamp> {
    let text = match values {
        [one] => one.as_str(),
        _ => return Err(Error::invalid(format!("specify exactly one timestamp for {key}"))),
    };
    cove_api::time::moment(text, Timestamp::now())
}

/// The regular expression in a filter's value, as podman matches names.
pub(crate) fn regular(key: &str, value: &str) -> Result<Regex> {
    RegexBuilder::new(value).size_limit(1 << 20).build().map_err(|error| {
        Error::invalid(format!("{value:?} is not a valid value for the {key:?} filter: {error}"))
    })
}

/// Whether the whole text matches a shell pattern.
pub(crate) fn shell_match(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    glob(&pattern, &text)
}

/// Shell matching without backtracking beyond the last star.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') => {
                p += 1;
                t += 1;
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    while pattern.get(p) == Some(&'*') {
        p += 1;
    }
    p == pattern.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        assert!(regular("name", "^web").unwrap().is_match("web1"));
        assert!(regular("name", "(").is_err());
        assert!(shell_match("w*1", "wab1") && shell_match("?b", "ab") && !shell_match("a*", "ba"));
    }

    #[test]
    fn times() {
        assert_eq!(time("until", &["10".into()]).unwrap().as_second(), 10);
        assert!(time("until", &["1h".into()]).unwrap() < Timestamp::now());
        assert!(time("until", &["1h".into(), "2h".into()]).is_err());
    }
}
