//! A template's text as pieces: plain text, and the tokens of each action between `{{` and `}}`.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Text to be copied.
    Text(String),
    /// An action's tokens; never empty but for `{{}}`.
    Action {
        /// Line of its start, from 1 on.
        line: usize,
        /// Its tokens.
        tokens: Vec<Token>,
    },
}

/// A token and whether white space stands before it (`.A.B` is not `.A .B`).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// White space stands before it.
    pub(crate) spaced: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `.`
    Dot,
    /// `.Name`
    Field(String),
    /// `$` or `$name`, with the dollar.
    Variable(String),
    /// A keyword or function.
    Word(String),
    /// A string or character constant.
    Text(String),
    /// A whole number.
    Int(i128),
    /// A floating point number.
    Float(f64),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `|`
    Pipe,
    /// `,`
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// Splits a template; an error is its line and what is wrong.
pub(crate) fn split(source: &str) -> Result<Vec<Piece>, (usize, String)> {
    let mut pieces = Vec::new();
    let mut rest = source;
    let mut line = 1;
    let mut trim_next = false;
    while let Some(start) = rest.find("{{") {
        let mut text = &rest[..start];
        if trim_next {
            text = text.trim_start();
        }
        line += newlines(&rest[..start]);
        let mut inside = &rest[start + 2..];
        if let Some(after) = inside.strip_prefix('-').filter(|after| after.starts_with(char::is_whitespace)) {
            text = text.trim_end();
            inside = after;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        let lead = inside.trim_start();
        if let Some(comment) = lead.strip_prefix("/*") {
            let end = comment.find("*/").ok_or((line, "unclosed comment".to_owned()))?;
            let after = comment[end + 2..].trim_start();
            let (trim, after) = match after.strip_prefix("-}}") {
                Some(after) => (true, after),
                None => (
                    false,
                    after
                        .strip_prefix("}}")
                        .ok_or((line, "comment ends before closing delimiter".to_owned()))?,
                ),
            };
            line += newlines(&inside[..inside.len() - after.len()]);
            trim_next = trim;
            rest = after;
            continue;
        }
        let action_line = line;
        let (tokens, used, trim) = tokens(inside).map_err(|message| (action_line, message))?;
        line += newlines(&inside[..used]);
        pieces.push(Piece::Action { line: action_line, tokens });
        trim_next = trim;
        rest = &inside[used..];
    }
    let text = if trim_next { rest.trim_start() } else { rest };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(pieces)
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The tokens up to `}}`, how many bytes they and the delimiter take, and whether it was ` -}}`.
fn tokens(text: &str) -> Result<(Vec<Token>, usize, bool), String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let spaces = text[at..].len() - text[at..].trim_start().len();
        let spaced = spaces > 0;
        at += spaces;
        let rest = &text[at..];
        if rest.starts_with("}}") {
            return Ok((tokens, at + 2, false));
        }
        if spaced && rest.starts_with("-}}") {
            return Ok((tokens, at + 3, true));
        }
        let Some(first) = rest.chars().next() else { return Err("unclosed action".into()) };
        let (kind, length) = match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '|' => (Kind::Pipe, 1),
            ',' => (Kind::Comma, 1),
            ':' if rest.starts_with(":=") => (Kind::Declare, 2),
            '=' => (Kind::Assign, 1),
            '"' => quoted(rest)?,
            '`' => {
                let end = rest[1..].find('`').ok_or("unterminated raw quoted string")?;
                (Kind::Text(rest[1..=end].to_owned()), end + 2)
            }
            '\'' => character(rest)?,
            '$' => {
                let length = 1 + word_length(&rest[1..]);
                (Kind::Variable(rest[..length].to_owned()), length)
            }
            '.' => {
                let length = word_length(&rest[1..]);
                if rest[1..].starts_with(|letter: char| letter.is_ascii_digit()) {
                    number(rest)?
                } else if length == 0 {
                    (Kind::Dot, 1)
                } else {
                    (Kind::Field(rest[1..=length].to_owned()), 1 + length)
                }
            }
            '+' | '-' | '0'..='9' => number(rest)?,
            letter if letter.is_alphabetic() || letter == '_' => {
                let length = word_length(rest);
                (Kind::Word(rest[..length].to_owned()), length)
            }
            other => return Err(format!("unexpected {other:?} in command")),
        };
        at += length;
        tokens.push(Token { kind, spaced });
    }
}

fn word_length(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())
}

fn number(text: &str) -> Result<(Kind, usize), String> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = text.len() - body.len();
    let mut length = 0;
    let mut previous = ' ';
    for letter in body.chars() {
        let exponent_sign =
            matches!(letter, '+' | '-') && matches!(previous, 'e' | 'E') && !body.starts_with("0x");
        if !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '_' || exponent_sign) {
            break;
        }
        previous = letter;
        length += letter.len_utf8();
    }
    let literal = &text[..sign + length];
    let plain = literal.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let parsed = if let Some(hex) = lower.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()
    } else if let Some(octal) = lower.strip_prefix("0o") {
        i128::from_str_radix(octal, 8).ok()
    } else if let Some(binary) = lower.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()
    } else {
        lower.parse().ok()
    };
    let kind = match parsed.filter(|number| i64::try_from(*number).is_ok()) {
        Some(number) => Kind::Int(if negative { -number } else { number }),
        None => match plain.parse::<f64>() {
            Ok(number) if lower.starts_with(|digit: char| digit.is_ascii_digit() || digit == '.') => {
                Kind::Float(number)
            }
            _ => return Err(format!("bad number syntax: {literal:?}")),
        },
    };
    Ok((kind, literal.len()))
}

fn character(text: &str) -> Result<(Kind, usize), String> {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            '\'' if !escaped => {
                let content = unescape(&text[1..index])?;
                let mut letters = content.chars();
                return match (letters.next(), letters.next()) {
                    (Some(letter), None) => Ok((Kind::Int(u32::from(letter).into()), index + 1)),
                    _ => Err("malformed character constant".into()),
                };
            }
            '\n' => break,
            _ => escaped = false,
        }
    }
    Err("unterminated character constant".into())
}

fn quoted(text: &str) -> Result<(Kind, usize), String> {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Ok((Kind::Text(unescape(&text[1..index])?), index + 1)),
            // A newline that Podman made of \n inside a string is kept.
            _ => escaped = false,
        }
    }
    Err("unterminated quoted string".into())
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let escape = letters.next().unwrap_or('\\');
        let digits = match escape {
            'n' => {
                out.push('\n');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            'r' => {
                out.push('\r');
                continue;
            }
            'a' => {
                out.push('\u{7}');
                continue;
            }
            '\\' | '"' | '\'' => {
                out.push(escape);
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => return Err(format!("unknown escape sequence \\{other}")),
        };
        let code: String = letters.by_ref().take(digits).collect();
        let letter = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        out.push(letter.ok_or_else(|| format!("bad escape sequence \\{escape}{code}"))?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<Kind> {
        match split(source).unwrap().remove(0) {
            Piece::Action { tokens, .. } => tokens.into_iter().map(|token| token.kind).collect(),
            Piece::Text(text) => panic!("plain text {text:?}"),
        }
    }

    #[test]
    fn tokens_of_actions() {
        use Kind::*;
        assert_eq!(kinds("{{.A.B}}"), [Field("A".into()), Field("B".into())]);
        assert_eq!(kinds("{{ $x := 0x10 }}"), [Variable("$x".into()), Declare, Int(16)]);
        assert_eq!(kinds("{{-1}}"), [Int(-1)]);
        assert_eq!(kinds(r#"{{"\t\"" | len}}"#), [Text("\t\"".into()), Pipe, Word("len".into())]);
        assert_eq!(kinds("{{ 'a' 1.5 . }}"), [Int(97), Float(1.5), Dot]);
    }

    #[test]
    fn trims_and_comments() {
        let texts: Vec<_> = split("a {{- /* no */ -}} b {{- 1 -}} c")
            .unwrap()
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text),
                Piece::Action { .. } => None,
            })
            .collect();
        assert_eq!(texts, ["a", "b", "c"]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (source, message) in [
            ("{{ .A", "unclosed action"),
            ("{{ \"a }}", "unterminated quoted string"),
            ("{{/* a }}", "unclosed comment"),
            ("{{ 1a }}", "bad number syntax: \"1a\""),
            ("{{ ~ }}", "unexpected '~' in command"),
        ] {
            assert_eq!(split(source).unwrap_err().1, message, "{source}");
        }
    }
}
