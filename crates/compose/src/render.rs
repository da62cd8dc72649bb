//! A project as `docker-compose config` prints it.

use serde_json::{Map, Value};

use crate::model::{EXTENSIONS, Project};

/// As JSON. Extensions are shown at the top only, as docker-compose does. Dollars are doubled, so that it can be read
/// again.
#[must_use]
pub fn to_json(project: &Project) -> String {
    json_text(&json_value(project)).replace('$', "$$")
}

/// As YAML, with all extensions; dollars are doubled.
#[must_use]
pub fn to_yaml(project: &Project) -> String {
    let value = numbers(serde_json::to_value(project).unwrap_or_default());
    let mut value = inlined(value, &mut Vec::new());
    if let Some(root) = value.as_object_mut() {
        root.retain(|key, value| key != "name" || value.as_str() != Some(""));
    }
    let mut text = String::new();
    yaml(&value, 0, &mut text);
    text.replace('$', "$$")
}

/// A tree without types as JSON.
#[must_use]
pub fn json_text(value: &Value) -> String {
    escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A part of a project as JSON on one line.
pub(crate) fn part_json(part: &impl serde::Serialize) -> String {
    let value = bare(numbers(serde_json::to_value(part).unwrap_or_default()));
    escaped(&value.to_string())
}

/// As Go writes JSON, safe within HTML.
fn escaped(text: &str) -> String {
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")]
        .iter()
        .fold(text.to_owned(), |text, (character, escape)| text.replace(*character, escape))
}

/// A tree without types as YAML.
#[must_use]
pub fn yaml_text(value: &Value) -> String {
    let mut text = String::new();
    yaml(value, 0, &mut text);
    text
}

/// The value that [`to_json`] writes, without doubled dollars.
#[must_use]
pub fn json_value(project: &Project) -> Value {
    let mut value = numbers(serde_json::to_value(project).unwrap_or_default());
    let top = value.as_object_mut().and_then(|root| root.shift_remove(EXTENSIONS));
    let mut value = bare(value);
    if let (Some(root), Some(Value::Object(top))) = (value.as_object_mut(), top) {
        root.extend(top);
        // docker-compose does not print models here.
        root.shift_remove("models");
    } else if let Some(root) = value.as_object_mut() {
        root.shift_remove("models");
    }
    sorted(value)
}

/// The keys of the root in their order: JSON has them sorted.
fn sorted(value: Value) -> Value {
    let Value::Object(root) = value else { return value };
    let mut entries: Vec<(String, Value)> = root.into_iter().collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(entries.into_iter().collect())
}

/// Numbers with a fraction have single precision in the model.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            #[allow(clippy::cast_possible_truncation)]
            let single = number.as_f64().unwrap_or_default() as f32;
            let text = single.to_string();
            text.parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.parse::<f64>().map(Value::from))
                .unwrap_or(Value::Number(number))
        }
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| if key == EXTENSIONS { (key, value) } else { (key, numbers(value)) })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Without extensions.
fn bare(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(bare).collect(),
        Value::Object(entries) => entries
            .into_iter()
            .filter(|(key, value)| key != EXTENSIONS || !value.is_object())
            .map(|(key, value)| (key, bare(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Extensions among the keys, and without what YAML leaves out.
fn inlined(value: Value, path: &mut Vec<String>) -> Value {
    match value {
        Value::Array(items) => {
            path.push("[]".to_owned());
            let items = items.into_iter().map(|item| inlined(item, path)).collect();
            path.pop();
            items
        }
        Value::Object(entries) => {
            let mut object = Map::new();
            let mut extensions = Map::new();
            for (key, value) in entries {
                match value {
                    Value::Object(more) if key == EXTENSIONS => extensions = more,
                    value => {
                        path.push(key.clone());
                        let value = inlined(value, path);
                        let left_out = match path.last().map(String::as_str) {
                            Some("command" | "entrypoint") => value.is_null() && !in_names(path),
                            Some("resources" | "placement" | "ipam" | "exec") => {
                                value.as_object().is_some_and(Map::is_empty) && !in_names(path)
                            }
                            _ => false,
                        };
                        path.pop();
                        if !left_out {
                            object.insert(lower(&key, path), value);
                        }
                    }
                }
            }
            object.extend(extensions);
            object.into()
        }
        other => other,
    }
}

/// Whether the last key is a name that the user chose.
fn in_names(path: &[String]) -> bool {
    [
        "services.*",
        "networks.*",
        "volumes.*",
        "secrets.*",
        "configs.*",
        "models.*",
        "services.*.networks.*",
        "services.*.models.*",
    ]
    .iter()
    .any(|pattern| crate::tree::matches(path, pattern))
        || path.iter().rev().nth(1).is_some_and(|key| {
            matches!(
                key.as_str(),
                "environment" | "labels" | "args" | "annotations" | "driver_opts" | "options"
            )
        })
}

/// Keys that only JSON has in capitals.
fn lower(key: &str, path: &[String]) -> String {
    if path.iter().any(|part| part == "blkio_config") && matches!(key, "Path" | "Weight" | "Rate") {
        key.to_ascii_lowercase()
    } else {
        key.to_owned()
    }
}

fn yaml(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                text.push_str(&pad);
                text.push_str(&scalar(key, indent));
                text.push(':');
                under(value, indent + 2, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&pad);
                text.push('-');
                match item {
                    Value::Object(entries) if !entries.is_empty() => {
                        let mut inner = String::new();
                        yaml(item, indent + 2, &mut inner);
                        text.push(' ');
                        text.push_str(inner.trim_start_matches(' '));
                    }
                    Value::Array(items) if !items.is_empty() => {
                        let mut inner = String::new();
                        yaml(item, indent + 2, &mut inner);
                        text.push(' ');
                        text.push_str(inner.trim_start_matches(' '));
                    }
                    _ => under(item, indent + 2, text),
                }
            }
        }
        _ => {
            text.push_str(&pad);
            under(value, indent, text);
        }
    }
}

fn under(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            yaml(value, indent, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            yaml(value, indent, text);
        }
        Value::Object(_) => text.push_str(" {}\n"),
        Value::Array(_) => text.push_str(" []\n"),
        Value::String(string) => {
            text.push(' ');
            text.push_str(&scalar(string, indent));
            text.push('\n');
        }
        other => {
            text.push_str(&format!(" {other}\n"));
        }
    }
}

/// A text, quoted where it must be.
fn scalar(text: &str, indent: usize) -> String {
    let control = text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{feff}');
    if text.contains('\n') && !control && !text.starts_with([' ', '\n']) {
        let keep = if text.ends_with("\n\n") {
            "+"
        } else if text.ends_with('\n') {
            ""
        } else {
            "-"
        };
        let body = text.strip_suffix('\n').unwrap_or(text);
        let pad = " ".repeat(indent.max(2));
        let mut block = format!("|{keep}");
        for line in body.split('\n') {
            block.push('\n');
            if !line.is_empty() {
                block.push_str(&pad);
                block.push_str(line);
            }
        }
        return block;
    }
    if control || text.contains('\n') || is_other(text) {
        return double_quoted(text);
    }
    let special = text.starts_with(|c: char| "-?:,[]{}#&*!|>'\"%@` ".contains(c))
        && !(text.len() > 1 && text.starts_with(['-', '?', ':']) && !text[1..].starts_with(' '))
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || text == "---"
        || text == "...";
    if special { format!("'{}'", text.replace('\'', "''")) } else { text.to_owned() }
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || c == '\u{feff}' => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a plain text would be something else than a text, in YAML 1.1 or 1.2.
fn is_other(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "" | "~"
            | "null"
            | "true"
            | "false"
            | "y"
            | "n"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "<<"
            | ".inf"
            | "-.inf"
            | "+.inf"
            | ".nan"
            | "="
    ) {
        return true;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return false;
    }
    let plain = text.replace('_', "");
    let bare = plain.trim_start_matches(['+', '-']);
    let date = text.len() >= 8
        && text.split('-').count() >= 3
        && text
            .split('-')
            .next()
            .is_some_and(|year| year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()));
    let radix = ["0x", "0o", "0b"].iter().any(|prefix| {
        bare.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // YAML 1.1 has numbers to the base of 60.
    let sixty = bare.contains(':')
        && bare.split(':').all(digits)
        && bare.split(':').skip(1).all(|part| part.parse::<f64>().is_ok_and(|part| part < 60.0));
    let number = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') && bare.parse::<f64>().is_ok();
    date || radix || sixty || number
}
