//! Variables in texts: `$NAME`, `${NAME}` and its forms with a default, a replacement or an error; `$$` is a dollar.

use std::collections::BTreeMap;

use crate::error::{ComposeError, Result};

/// Most variables within variables.
const DEPTH: usize = 32;
/// Longest result, in bytes.
const LONGEST: usize = 1 << 20;

/// Where variables come from, and what was said of those that are missing.
pub(crate) struct Variables<'a> {
    /// Asked in this order.
    pub(crate) sources: Vec<&'a BTreeMap<String, String>>,
    /// Names without a value.
    pub(crate) missing: Vec<String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.sources.iter().find_map(|source| source.get(name)).cloned()
    }

    /// Replaces the variables of a text.
    ///
    /// # Errors
    /// A form is wrong, or a variable that must have a value has none.
    pub(crate) fn substitute(&mut self, text: &str) -> Result<String> {
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        self.replace(text, 0)
    }

    fn replace(&mut self, text: &str, depth: usize) -> Result<String> {
        let wrong = || {
            ComposeError::new(format!(
                "invalid interpolation format.\nYou may need to escape any $ with another $.\n{text}"
            ))
        };
        if depth > DEPTH {
            return Err(ComposeError::new("variables within variables are nested too deeply"));
        }
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                result.push('$');
                rest = after;
            } else if let Some(inner) = rest.strip_prefix('{') {
                let end = closing(inner).ok_or_else(wrong)?;
                let name = name_of(&inner[..end]).ok_or_else(wrong)?;
                let form = &inner[name.len()..end];
                rest = &inner[end + 1..];
                let value = self.form(name, form, depth, &wrong)?;
                result.push_str(&value);
            } else {
                let name = name_of(rest).ok_or_else(wrong)?;
                rest = &rest[name.len()..];
                let value = self.plain(name);
                result.push_str(&value);
            }
            if result.len() > LONGEST {
                return Err(ComposeError::new(format!("a value is longer than {LONGEST} bytes")));
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn plain(&mut self, name: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            if !self.missing.iter().any(|known| known == name) {
                self.missing.push(name.to_owned());
            }
            String::new()
        })
    }

    fn form(
        &mut self,
        name: &str,
        form: &str,
        depth: usize,
        wrong: &dyn Fn() -> ComposeError,
    ) -> Result<String> {
        if form.is_empty() {
            return Ok(self.plain(name));
        }
        let (filled, form) = form.strip_prefix(':').map_or((false, form), |form| (true, form));
        let value = self.get(name);
        let has = value.as_ref().is_some_and(|value| !filled || !value.is_empty());
        let operator = form.chars().next().ok_or_else(wrong)?;
        let word = &form[operator.len_utf8()..];
        match operator {
            '-' if has => Ok(value.unwrap_or_default()),
            '-' => self.replace(word, depth + 1),
            '+' if has => self.replace(word, depth + 1),
            '+' => Ok(value.unwrap_or_default()),
            '?' if has => Ok(value.unwrap_or_default()),
            '?' => {
                let reason = self.replace(word, depth + 1)?;
                let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
                Err(ComposeError::new(format!("required variable {name} is missing a value{reason}")))
            }
            _ => Err(wrong()),
        }
    }
}

/// The name at the beginning of a text.
fn name_of(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = &text[..end];
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

/// Where the brace closes whose inside a text begins with.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// A variable that a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// What it is without a value.
    pub default: String,
    /// What takes its place where it has one.
    pub alternate: String,
    /// Whether it must have one.
    pub required: bool,
    /// The one that it has, of the caller's environment or a file of variables.
    pub value: Option<String>,
}

/// The variables that a text names, and adds them to those of others.
pub(crate) fn named(text: &str, found: &mut BTreeMap<String, Variable>, depth: usize) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let (inner, after) = match rest.strip_prefix('{') {
            Some(inner) => match closing(inner) {
                Some(end) => (&inner[..end], &inner[end + 1..]),
                None => return,
            },
            None => match name_of(rest) {
                Some(name) => (name, &rest[name.len()..]),
                None => continue,
            },
        };
        rest = after;
        let Some(name) = name_of(inner) else { continue };
        let form = inner[name.len()..].trim_start_matches(':');
        let mut variable = Variable::default();
        if let Some(word) = form.strip_prefix('-') {
            word.clone_into(&mut variable.default);
        } else if let Some(word) = form.strip_prefix('+') {
            word.clone_into(&mut variable.alternate);
        } else {
            variable.required = form.starts_with('?');
        }
        found.insert(name.to_owned(), variable);
        if depth < DEPTH && form.len() > 1 {
            named(&form[1..], found, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let known: BTreeMap<_, _> =
            [("A", "a"), ("E", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut variables = Variables { sources: vec![&known], missing: Vec::new() };
        for (text, value) in [
            ("x", "x"),
            ("$A", "a"),
            ("${A}b", "ab"),
            ("$$A", "$A"),
            ("${E-d}", ""),
            ("${E:-d}", "d"),
            ("${N-d}", "d"),
            ("${N:-${A}x}", "ax"),
            ("${N:-${M:-z}}y", "zy"),
            ("${A+b}", "b"),
            ("${E+b}", "b"),
            ("${E:+b}", ""),
            ("${N+b}", ""),
            ("${A?no}", "a"),
            ("${N:-{}}", "{}"),
            ("$N-", "-"),
            ("${N:-http://x?y}", "http://x?y"),
        ] {
            assert_eq!(variables.substitute(text).unwrap(), value, "{text}");
        }
        assert_eq!(variables.missing, ["N"]);
        for (text, words) in [
            ("${N?why}", "required variable N is missing a value: why"),
            ("${E:?}", "required variable E is missing a value"),
            ("$", "invalid interpolation"),
            ("${", "invalid interpolation"),
            ("${1}", "invalid interpolation"),
            ("${A b}", "invalid interpolation"),
            ("a $ b", "invalid interpolation"),
        ] {
            assert!(variables.substitute(text).unwrap_err().to_string().contains(words), "{text}");
        }
        let deep = "${N:-".repeat(40) + &"}".repeat(40);
        assert!(variables.substitute(&deep).is_err());
    }
}
