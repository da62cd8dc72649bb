//! Values as YAML, for documents that people read.

use std::fmt::Write as _;

use crate::format::Value;

/// The value as a YAML document without a line end after it.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.trim_end().to_owned()
}

fn write(value: &Value, level: usize, out: &mut String) {
    let entries: Vec<(&str, &Value)> = match value {
        Value::Struct(inner) => inner
            .fields
            .iter()
            .filter(|field| !field.omitted)
            .map(|field| (field.name.as_str(), &field.value))
            .collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.as_str(), value)).collect(),
        Value::List(items) => {
            for item in items {
                indent(level, out);
                out.push('-');
                nested(item, level, out);
            }
            return;
        }
        _ => {
            out.push_str(&scalar(value));
            out.push('\n');
            return;
        }
    };
    for (key, value) in entries {
        indent(level, out);
        out.push_str(&scalar(&Value::from(key)));
        out.push(':');
        nested(value, level, out);
    }
}

/// What stands after a key or a dash.
fn nested(value: &Value, level: usize, out: &mut String) {
    let is_group = match value {
        Value::Struct(inner) => inner.fields.iter().any(|field| !field.omitted),
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if is_group {
        out.push('\n');
        write(value, level + 1, out);
    } else {
        let _ = writeln!(out, " {}", scalar(value));
    }
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', level * 2));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Nil | Value::Missing => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Time(time) => format!("\"{time}\""),
        Value::Duration(span) => span.to_string(),
        Value::List(_) => "[]".into(),
        Value::Map(_) | Value::Struct(_) => "{}".into(),
        Value::Text(text) if text.contains('\n') => serde_json::to_string(text).unwrap_or_default(),
        Value::Text(text) if needs_quotes(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Value::Text(text) => text.clone(),
    }
}

fn needs_quotes(text: &str) -> bool {
    let special_start = |letter: char| "-?:,[]{}#&*!|>'\"%@` ".contains(letter);
    text.is_empty()
        || text.parse::<f64>().is_ok()
        || matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~" | "y" | "n")
        || text.starts_with(special_start) && !text.starts_with('/')
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Struct;

    #[test]
    fn documents() {
        let value: Value = Struct::new("Info")
            .with("host", Struct::new("Host").with("arch", "amd64").with("cpus", 2).with("empty", ""))
            .with("list", vec!["a", "true"])
            .with("none", Value::List(Vec::new()))
            .into();
        assert_eq!(
            to_yaml(&value),
            "host:\n  arch: amd64\n  cpus: 2\n  empty: \"\"\nlist:\n  - a\n  - \"true\"\nnone: []"
        );
    }
}
