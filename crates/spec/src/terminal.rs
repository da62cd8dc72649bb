//! `--detach-keys`.

use crate::error::{Result, bail};

/// The bytes that detach: keys with commas between them, each a character or `ctrl-X` with `X` out of `a` to `z`,
/// `@`, `[`, `\`, `]`, `^`, `_`. An empty text turns detaching off.
///
/// # Errors
/// A key is none of these.
pub fn detach_keys(text: &str) -> Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    for key in text.split(',') {
        let byte = match key.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_control() => *byte,
            _ => match key.to_ascii_lowercase().strip_prefix("ctrl-").map(str::as_bytes) {
                Some([letter @ b'a'..=b'z']) => letter - b'a' + 1,
                Some([b'@']) => 0,
                Some([sign @ b'['..=b'_']) => sign - b'@',
                _ => bail!("invalid detach keys {text:?}: unknown character: '{key}'"),
            },
        };
        bytes.push(byte);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (text, expected) in [
            ("ctrl-p,ctrl-q", &[16, 17][..]),
            ("", &[]),
            ("ctrl-a", &[1]),
            ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", &[0, 27, 28, 29, 30, 31]),
            ("a,B,CTRL-Z", &[97, 66, 26]),
        ] {
            assert_eq!(detach_keys(text).unwrap(), expected, "{text}");
        }
        for text in ["ctrl-", "ctrl-1", "ab", "ctrl-p,", "alt-x", "ü"] {
            assert!(detach_keys(text).unwrap_err().to_string().contains("unknown character"), "{text}");
        }
    }
}
