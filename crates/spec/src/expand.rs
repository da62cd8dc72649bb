//! Words in which `$NAME`, `${NAME}`, `${NAME:-WORD}` and `${NAME:+WORD}` stand for variables, as in a Dockerfile.

use crate::error::{Result, bail};

/// The deepest nesting of words in words.
const MAX_DEPTH: usize = 16;

/// Puts the values of variables in their places; one that is not set is empty. Single quotes keep everything in them as
/// it is, a backslash the character after it; double quotes only group.
///
/// # Errors
/// A quote or a brace is not closed, or what is in the braces is no variable.
pub fn word(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    expand(text, value, 0)
}

fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>, depth: usize) -> Result<String> {
    if depth > MAX_DEPTH {
        bail!("words are nested too deeply in {text:?}");
    }
    let mut result = String::new();
    let mut rest = text;
    let mut double = false;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\'' if !double => {
                let Some((quoted, after)) = rest.split_once('\'') else {
                    bail!("a single quote in {text:?} is not closed");
                };
                result.push_str(quoted);
                rest = after;
            }
            '"' => double = !double,
            '\\' => match rest.chars().next() {
                // In double quotes it is special only before what is special there.
                Some(next) if !double || matches!(next, '"' | '$' | '\\') => {
                    result.push(next);
                    rest = &rest[next.len_utf8()..];
                }
                _ => result.push('\\'),
            },
            '$' => rest = variable(text, rest, value, depth, &mut result)?,
            other => result.push(other),
        }
    }
    if double {
        bail!("a double quote in {text:?} is not closed");
    }
    Ok(result)
}

/// Reads what is behind a `$`; answers what is left.
fn variable<'a>(
    text: &str,
    rest: &'a str,
    value: &dyn Fn(&str) -> Option<String>,
    depth: usize,
    result: &mut String,
) -> Result<&'a str> {
    let Some(braced) = rest.strip_prefix('{') else {
        let length = name_length(rest);
        if length == 0 {
            result.push('$');
        } else {
            result.push_str(&value(&rest[..length]).unwrap_or_default());
        }
        return Ok(&rest[length..]);
    };
    let Some(end) = closing(braced) else { bail!("a brace in {text:?} is not closed") };
    let (inside, after) = (&braced[..end], &braced[end + 1..]);
    let length = name_length(inside);
    let set = value(&inside[..length]).filter(|value| !value.is_empty());
    match (length, inside[length..].get(..2), inside.get(length + 2..)) {
        (1.., None, _) if inside.len() == length => result.push_str(&set.unwrap_or_default()),
        (1.., Some(":-"), Some(word)) => match set {
            Some(value) => result.push_str(&value),
            None => result.push_str(&expand(word, value, depth + 1)?),
        },
        (1.., Some(":+"), Some(word)) => {
            if set.is_some() {
                result.push_str(&expand(word, value, depth + 1)?);
            }
        }
        _ => bail!("unsupported modifier in substitution {inside:?} of {text:?}"),
    }
    Ok(after)
}

/// Bytes of the name of a variable at the beginning of a text; a digit alone is a name.
fn name_length(text: &str) -> usize {
    match text.bytes().next() {
        Some(b'0'..=b'9') => 1,
        _ => text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count(),
    }
}

/// Where the brace closes that was opened just before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(index),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_get_their_values() {
        for (text, expected) in [
            ("x=${A}-y", "x=one-y"),
            ("x=$A/$MISSING/", "x=one//"),
            ("${MISSING:-a${A}}", "aone"),
            ("${EMPTY:-b}${A:+c}${MISSING:+d}", "bc"),
            ("'$A' \"$A\" \\$A", "$A one $A"),
            ("a$", "a$"),
            ("$ü", "$ü"),
            ("\\", "\\"),
        ] {
            assert_eq!(word(text, &set).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for text in ["${A", "'a", "\"a", "${}", "${A:?x}", "${A-}", "${-a}", "${Aü}"] {
            assert!(word(text, &set).is_err(), "{text}");
        }
        let deep = format!("{}x{}", "${M:-".repeat(100), "}".repeat(100));
        assert!(word(&deep, &set).is_err());
    }
}
