//! The keys that leave an attached process running (`ctrl-p,ctrl-q`).

use crate::command_error::CommandError;

/// Most keys in a sequence.
const LONGEST: usize = 64;

/// Looks for the keys in what is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys {
    keys: Vec<u8>,
    matched: usize,
}

impl DetachKeys {
    /// The keys a user wrote: single characters or `ctrl-X`, with commas; an empty text is none at all.
    pub(crate) fn parse(text: &str) -> Result<Self, CommandError> {
        let fault = || CommandError::other(format!("invalid detach keys: unknown character: '{text}'"));
        let mut keys = Vec::new();
        for word in text.split(',').filter(|_| !text.is_empty()) {
            let control = word.strip_prefix("ctrl-").and_then(|rest| match rest.as_bytes() {
                [letter @ b'a'..=b'z'] => Some(letter - b'a' + 1),
                b"@" => Some(0),
                b"[" => Some(27),
                b"\\" => Some(28),
                b"]" => Some(29),
                b"^" => Some(30),
                b"_" => Some(31),
                _ => None,
            });
            match (control, word.as_bytes()) {
                (Some(code), _) => keys.push(code),
                (None, [byte]) if byte.is_ascii() => keys.push(*byte),
                _ => return Err(fault()),
            }
        }
        if keys.len() > LONGEST {
            return Err(fault());
        }
        Ok(Self { keys, matched: 0 })
    }

    /// What to pass on of `typed`, and whether the keys are complete. Keys that might begin the sequence are held
    /// back until it is clear that they do not.
    pub(crate) fn feed(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        if self.keys.is_empty() {
            return (typed.to_vec(), false);
        }
        let mut out = Vec::with_capacity(typed.len());
        for byte in typed {
            if *byte == self.keys[self.matched] {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return (out, true);
                }
                continue;
            }
            out.extend_from_slice(&self.keys[..self.matched]);
            self.matched = 0;
            if *byte == self.keys[0] {
                self.matched = 1;
            } else {
                out.push(*byte);
            }
        }
        (out, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_keys() {
        let mut keys = DetachKeys::parse("ctrl-p,ctrl-q").unwrap();
        assert_eq!(keys.feed(b"ab"), (b"ab".to_vec(), false));
        assert_eq!(keys.feed(&[16]), (Vec::new(), false));
        assert_eq!(keys.feed(b"x"), (vec![16, b'x'], false));
        assert_eq!(keys.feed(&[16, 16, 17]), (vec![16], true));
        assert_eq!(DetachKeys::parse("").unwrap().feed(&[16, 17]), (vec![16, 17], false));
        assert_eq!(DetachKeys::parse("a").unwrap().feed(b"ba"), (b"b".to_vec(), true));
        assert!(DetachKeys::parse("ctrl-").is_err());
        assert!(DetachKeys::parse("a,,b").is_err());
    }
}
