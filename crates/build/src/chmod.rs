//! Permission bits, as chmod(1) takes them.

use crate::error::{BuildError, Result};

/// What `--chmod` does to permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chmod(Vec<Change>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// All bits are these.
    All(u32),
    /// Those of some are added, taken away or set.
    Some { who: u32, operator: char, bits: u32, execute_where_sensible: bool },
}

impl Chmod {
    /// Reads octal digits or a list such as `u=rwX,go-w`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || BuildError::new(format!("invalid chmod parameter: {text:?}"));
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777).ok_or_else(bad)?;
            return Ok(Self(vec![Change::All(bits)]));
        }
        let mut changes = Vec::new();
        for part in text.split(',') {
            let start = part.find(['+', '-', '=']).ok_or_else(bad)?;
            let mut who = 0;
            for class in part[..start].chars() {
                who |= match class {
                    'u' => 0o4700,
                    'g' => 0o2070,
                    'o' => 0o1007,
                    'a' => 0o7777,
                    _ => return Err(bad()),
                };
            }
            let who = if who == 0 { 0o7777 } else { who };
            let operator = part[start..].chars().next().unwrap_or('=');
            let (mut bits, mut execute_where_sensible) = (0, false);
            for letter in part[start + 1..].chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    's' => 0o6000,
                    't' => 0o1000,
                    'X' => {
                        execute_where_sensible = true;
                        0
                    }
                    _ => return Err(bad()),
                };
            }
            changes.push(Change::Some { who, operator, bits, execute_where_sensible });
        }
        Ok(Self(changes))
    }

    /// The bits that something with these bits gets.
    #[must_use]
    pub fn applied(&self, mut mode: u32, is_directory: bool) -> u32 {
        for change in &self.0 {
            match change {
                Change::All(bits) => mode = *bits,
                Change::Some { who, operator, bits, execute_where_sensible } => {
                    let mut bits = *bits;
                    if *execute_where_sensible && (is_directory || mode & 0o111 != 0) {
                        bits |= 0o111;
                    }
                    let bits = bits & who;
                    mode = match operator {
                        '+' => mode | bits,
                        '-' => mode & !bits,
                        _ => (mode & !(who & 0o777)) | bits,
                    };
                }
            }
        }
        mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_change_as_with_chmod() {
        for (text, before, directory, after) in [
            ("755", 0o600, false, 0o755),
            ("4755", 0o600, false, 0o4755),
            ("u=rwX,go=rX", 0o600, false, 0o644),
            ("u=rwX,go=rX", 0o700, false, 0o755),
            ("u=rwX,go=rX", 0o600, true, 0o755),
            ("+x", 0o644, false, 0o755),
            ("go-w", 0o666, false, 0o644),
            ("a=r", 0o777, false, 0o444),
        ] {
            assert_eq!(Chmod::parse(text).unwrap().applied(before, directory), after, "{text}");
        }
        for bad in ["", "8", "99999", "u", "z+x", "u+q", "77777"] {
            assert!(Chmod::parse(bad).is_err(), "{bad}");
        }
    }
}
