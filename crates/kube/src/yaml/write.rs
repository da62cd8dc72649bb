//! Values as YAML, as Kubernetes' tools write it: keys in order, lists as far to the left as their key.

use std::fmt::Write as _;

use serde_json::Value;

/// A document, without its marker.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0, false),
        Value::Array(items) if !items.is_empty() => write_list(&mut text, items, 0),
        other => {
            write_inline(&mut text, other, 0);
            text.push('\n');
        }
    }
    text
}

fn write_map(text: &mut String, map: &serde_json::Map<String, Value>, indent: usize, after_dash: bool) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    for (place, (key, value)) in entries.into_iter().enumerate() {
        if place > 0 || !after_dash {
            push_indent(text, indent);
        }
        write_text(text, key, indent, true);
        text.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                write_map(text, map, indent + 1, false);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                write_list(text, items, indent);
            }
            other => {
                text.push(' ');
                write_inline(text, other, indent);
                text.push('\n');
            }
        }
    }
}

fn write_list(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        push_indent(text, indent);
        text.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => write_map(text, map, indent + 1, true),
            Value::Array(items) if !items.is_empty() => {
                let mut inner = String::new();
                write_list(&mut inner, items, indent + 1);
                text.push_str(inner.trim_start());
            }
            other => {
                write_inline(text, other, indent);
                text.push('\n');
            }
        }
    }
}

fn push_indent(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n("  ", indent));
}

fn write_inline(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(value) => write_text(text, value, indent, false),
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        other => text.push_str(&other.to_string()),
    }
}

/// A text: plain where it can only be read as itself, in blocks of lines, else in quotation marks.
fn write_text(text: &mut String, value: &str, indent: usize, key: bool) {
    let printable = |c: char| {
        c == '\n' || (!c.is_control() && !matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}'))
    };
    if !value.chars().all(printable) || (key && value.contains('\n')) {
        write_double_quoted(text, value);
    } else if value.contains('\n') {
        write_block(text, value, indent + 1);
    } else if is_plain(value) {
        text.push_str(value);
    } else if is_like_other(value) {
        write_double_quoted(text, value);
    } else {
        let _ = write!(text, "'{}'", value.replace('\'', "''"));
    }
}

fn write_block(text: &mut String, value: &str, indent: usize) {
    if value.lines().next().is_none_or(|first| first.is_empty() || first.starts_with(' ')) {
        return write_double_quoted(text, value);
    }
    text.push('|');
    match value.chars().rev().take_while(|c| *c == '\n').count() {
        0 => text.push('-'),
        1 => {}
        _ => text.push('+'),
    }
    for line in value.strip_suffix('\n').unwrap_or(value).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            push_indent(text, indent);
            text.push_str(line);
        }
    }
}

fn write_double_quoted(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if (c as u32) < 0x80 && !c.is_control() => text.push(c),
            c if (c as u32) < 0x100 && c.is_control() => {
                let _ = write!(text, "\\x{:02X}", c as u32);
            }
            '\u{feff}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04X}", c as u32);
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Whether a text without quotation marks is read as itself.
fn is_plain(value: &str) -> bool {
    let Some(first) = value.chars().next() else { return false };
    let opens = matches!(
        first,
        '-' | '?'
            | ':'
            | ','
            | '['
            | ']'
            | '{'
            | '}'
            | '#'
            | '&'
            | '*'
            | '!'
            | '|'
            | '>'
            | '\''
            | '"'
            | '%'
            | '@'
            | '`'
    );
    let follows = value[first.len_utf8()..].chars().next();
    let dash = matches!(first, '-' | '?' | ':') && follows.is_some_and(|c| c != ' ' && c != '-');
    (!opens || dash)
        && !value.starts_with(' ')
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
        && !is_like_other(value)
        && value != "-"
}

/// Whether a plain text would be read as a number, a truth, nothing or a time.
fn is_like_other(value: &str) -> bool {
    const WORDS: [&str; 13] =
        ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"];
    const INFINITE: [&str; 5] = [".inf", "-.inf", "+.inf", ".nan", "---"];
    let lower = value.to_ascii_lowercase();
    WORDS.contains(&lower.as_str())
        || INFINITE.contains(&lower.as_str())
        || (value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && (is_number(&lower) || is_time(value)))
}

fn is_number(value: &str) -> bool {
    let plain = value.replace('_', "");
    let digits = plain.trim_start_matches(['-', '+']);
    plain.parse::<f64>().is_ok()
        || ["0x", "0o", "0b"].iter().any(|prefix| {
            digits.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()))
        })
        // Numbers to the base of 60, such as 22:30.
        || (digits.contains(':') && digits.split(':').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())))
}

fn is_time(value: &str) -> bool {
    let mut parts = value.splitn(3, '-');
    let numeric = |part: Option<&str>| {
        part.is_some_and(|part| part.len() >= 2 && part.chars().all(|c| c.is_ascii_digit()))
    };
    let year = parts.next().filter(|part| part.len() == 4);
    numeric(year)
        && numeric(parts.next())
        && parts.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::documents;

    #[test]
    fn the_form_of_kubernetes_tools() {
        let value = json!({
            "kind": "Pod",
            "spec": {"containers": [{"name": "c", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}]}, {"name": "d"}],
                     "empty": {}, "none": []},
            "apiVersion": "v1", "on": true, "m": 5,
        });
        assert_eq!(
            to_yaml(&value),
            "apiVersion: v1\nkind: Pod\nm: 5\n\"on\": true\nspec:\n  containers:\n  - args:\n    - a\n    - b\n    \
             env:\n    - name: A\n      value: \"1\"\n    name: c\n  - name: d\n  empty: {}\n  none: []\n"
        );
    }

    /// Whatever a text is, it is read as it was.
    #[test]
    fn every_text_comes_back() {
        for text in [
            "",
            " ",
            "a b",
            "a: b",
            "a #b",
            "#a",
            "- a",
            "-a",
            "-",
            "--",
            "---",
            "...",
            "?x",
            "? x",
            "true",
            "No",
            "12",
            "1e3",
            "0x1f",
            "1_000",
            "22:30",
            "2026-11-27",
            "2026-11-27T05:00:00Z",
            "null",
            "~",
            "'a'",
            "\"a\"",
            "a\"b",
            "it's",
            "[a]",
            "{a}",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "a\nb",
            "a\nb\n",
            "a\n\nb\n\n",
            "\na",
            " a\nb",
            "a \n b",
            "a\tb",
            "\ta",
            "a\r\nb",
            "\u{7f}",
            "\u{85}x",
            "\u{2028}",
            "\u{feff}a",
            "ü",
            "日本\n語",
            "a:",
            ":a",
            ".5",
            ".inf",
            "=",
            "<<",
            "a\\b",
            "1.2.3",
            "v1",
            "x ",
            "a: |\n  b",
        ] {
            let document = to_yaml(&json!({"k": [text, {"m": text}]}));
            let read = documents(&document).unwrap_or_else(|error| panic!("{text:?}: {document}: {error}"));
            let list = match &read[0].get("k").unwrap().value {
                crate::yaml::Value::List(items) => items,
                other => panic!("{other:?}"),
            };
            assert_eq!(scalar(&list[0]), text, "{document}");
            assert_eq!(scalar(list[1].get("m").unwrap()), text, "{document}");
            let key = to_yaml(&json!({ text: 1 }));
            if text != "<<" {
                let read = documents(&key).unwrap_or_else(|error| panic!("{text:?}: {key}: {error}"));
                assert!(read[0].get(text).is_some(), "{text:?}: {key}");
            }
        }
    }

    fn scalar(node: &crate::yaml::Node) -> String {
        match &node.value {
            crate::yaml::Value::Scalar { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_like_something_else_is_quoted() {
        for text in
            ["true", "No", "12", "1e3", "0x1f", "1_000", "22:30", "2026-11-27T05:00:00Z", "null", "", "y"]
        {
            assert_eq!(to_yaml(&json!(text)), format!("\"{text}\"\n"));
        }
        for text in ["a", "v1", "1.2.3", "-a", "/bin/sh", "docker.io/library/busybox:latest", "a:b", "it's"] {
            assert_eq!(to_yaml(&json!(text)), format!("{text}\n"));
        }
    }
}
