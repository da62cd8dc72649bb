//! Values that are lists of words, with the quotes and escapes of systemd.syntax(7) and systemd.service(5).

/// What may be wrong with a list of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// A backslash with what no escape is.
    #[error("unsupported escape char")]
    Escape,
    /// A quote that is not closed.
    #[error("unbalanced quotes")]
    Quote,
    /// Escapes that together are no text.
    #[error("the escapes make no UTF-8 text")]
    Encoding,
}

/// The words of a command line: quotes are taken away, also one that is not closed, and escapes of C are applied.
///
/// # Errors
/// An escape is none, or what they make is no text.
pub fn command(text: &str) -> Result<Vec<String>, WordError> {
    split(text, true)
}

/// The words of a list of names: quotes are taken away, a backslash is like any other character.
pub(crate) fn list(text: &str) -> Result<Vec<String>, WordError> {
    split(text, false)
}

fn split(text: &str, is_command: bool) -> Result<Vec<String>, WordError> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|byte| is_separator(*byte)) {
            at += 1;
        }
        if at >= bytes.len() {
            return Ok(words);
        }
        let mut word = Vec::new();
        let mut quote = None;
        // An empty word is one only where quotes say so.
        let mut is_word = false;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match quote {
                Some(open) if byte == open => quote = None,
                _ if byte == b'\\' && is_command => {
                    if at < bytes.len() {
                        at += unescape(&bytes[at..], &mut word)?;
                    }
                }
                None if byte == b'"' || byte == b'\'' => {
                    quote = Some(byte);
                    is_word = true;
                }
                None if is_separator(byte) => break,
                _ => word.push(byte),
            }
        }
        if quote.is_some() && !is_command {
            return Err(WordError::Quote);
        }
        if is_word || !word.is_empty() {
            words.push(String::from_utf8(word).map_err(|_| WordError::Encoding)?);
        }
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Adds what the escape means whose backslash stands before `bytes`, and says how long it is.
fn unescape(bytes: &[u8], word: &mut Vec<u8>) -> Result<usize, WordError> {
    let plain = match bytes[0] {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b's' => b' ',
        same @ (b'\\' | b'"' | b'\'') => same,
        b'x' => return number(bytes, 1, 2, 16).and_then(|code| byte(code, word)).map(|()| 3),
        b'u' => return number(bytes, 1, 4, 16).and_then(|code| character(code, word)).map(|()| 5),
        b'U' => return number(bytes, 1, 8, 16).and_then(|code| character(code, word)).map(|()| 9),
        b'0'..=b'7' => return number(bytes, 0, 3, 8).and_then(|code| byte(code, word)).map(|()| 3),
        _ => return Err(WordError::Escape),
    };
    word.push(plain);
    Ok(1)
}

fn number(bytes: &[u8], from: usize, length: usize, radix: u32) -> Result<u32, WordError> {
    let digits = bytes.get(from..from + length).ok_or(WordError::Escape)?;
    let mut number = 0_u32;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix).ok_or(WordError::Escape)?;
        number = number.wrapping_mul(radix) + digit;
    }
    // No argument of a program can have it.
    if number == 0 { Err(WordError::Escape) } else { Ok(number) }
}

fn byte(code: u32, word: &mut Vec<u8>) -> Result<(), WordError> {
    word.push(u8::try_from(code).map_err(|_| WordError::Escape)?);
    Ok(())
}

fn character(code: u32, word: &mut Vec<u8>) -> Result<(), WordError> {
    let character = char::from_u32(code).ok_or(WordError::Escape)?;
    word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}

/// The words as one value that systemd reads as these words again.
#[must_use]
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (index, word) in words.into_iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        push(&mut text, word);
    }
    text
}

/// One word as a value.
pub(crate) fn quoted(word: &str) -> String {
    join([word])
}

fn push(text: &mut String, word: &str) {
    // A semicolon alone would separate two commands.
    let is_plain = !word.is_empty() && word != ";" && !word.chars().any(needs_escape);
    if is_plain {
        text.push_str(word);
        return;
    }
    text.push('"');
    for character in word.chars() {
        match character {
            '\u{7}' => text.push_str("\\a"),
            '\u{8}' => text.push_str("\\b"),
            '\u{b}' => text.push_str("\\v"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\'' => text.push('\''),
            other if needs_escape(other) => text.push_str(&format!("\\x{:02x}", u32::from(other))),
            other => text.push(other),
        }
    }
    text.push('"');
}

fn needs_escape(character: char) -> bool {
    character.is_ascii()
        && (character == ' ' || character.is_ascii_control() || matches!(character, '"' | '\'' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let cases: &[(&str, Result<&[&str], WordError>)] = &[
            ("", Ok(&[])),
            ("  a\t b ", Ok(&["a", "b"])),
            ("\"a b\" 'c d'", Ok(&["a b", "c d"])),
            ("a\"b c\"d", Ok(&["ab cd"])),
            ("a '' b", Ok(&["a", "", "b"])),
            (r#"'a"b' "c'd""#, Ok(&["a\"b", "c'd"])),
            (r"\x41\102\u0043\U00000044\s\t", Ok(&["ABCD \t"])),
            (r"\xc3\xa9", Ok(&["é"])),
            ("'not closed", Ok(&["not closed"])),
            ("end\\", Ok(&["end"])),
            ("\\", Ok(&[])),
            (r"a\.b", Err(WordError::Escape)),
            (r"\x4", Err(WordError::Escape)),
            (r"\x00", Err(WordError::Escape)),
            (r"\777", Err(WordError::Escape)),
            (r"\UFFFFFFFF", Err(WordError::Escape)),
            (r"\uD800", Err(WordError::Escape)),
            (r"\xff", Err(WordError::Encoding)),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|words| words.iter().map(ToString::to_string).collect());
            assert_eq!(command(text), expected, "{text}");
        }
    }

    #[test]
    fn lists() {
        assert_eq!(list(r#"a\x20b "c d""#).unwrap(), [r"a\x20b", "c d"]);
        assert_eq!(list("a \"b"), Err(WordError::Quote));
    }

    #[test]
    fn what_is_joined_is_read_again() {
        let words = [
            "plain",
            "",
            ";",
            "a b",
            "quote\"s'",
            "back\\slash",
            "line\nfeed",
            "bell\u{7}\u{1b}",
            "é",
            "$x%n",
        ];
        let text = join(words);
        assert_eq!(command(&text).unwrap(), words);
        assert_eq!(quoted("a b"), r#""a\x20b""#);
        assert_eq!(quoted(";"), r#"";""#);
        assert!(!text.contains('\n'));
    }
}
