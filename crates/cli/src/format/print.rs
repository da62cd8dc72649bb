//! Values as Go prints them (`fmt`'s `%v`) and as JSON.

use std::fmt::Write as _;

use super::value::Value;

/// The text that `{{.}}` gives.
pub(crate) fn display(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Missing => out.push_str("<no value>"),
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => out.push_str(text),
        Value::Time(time) => out.push_str(&go_time(*time)),
        Value::Duration(span) => {
            if *span < 0 {
                out.push('-');
            }
            out.push_str(&crate::render::go_duration(span.unsigned_abs()));
        }
        Value::List(items) => {
            out.push('[');
            write_spaced(items.iter(), out);
            out.push(']');
        }
        Value::Map(entries) => {
            out.push_str("map[");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_value(value, out);
            }
            out.push(']');
        }
        Value::Struct(inner) => {
            out.push('{');
            write_spaced(inner.fields.iter().map(|field| &field.value), out);
            out.push('}');
        }
    }
}

fn write_spaced<'a>(values: impl Iterator<Item = &'a Value>, out: &mut String) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(' ');
        }
        write_value(value, out);
    }
}

/// A number as Go's `%v` writes it.
pub(crate) fn float(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-4 || number.abs() >= 1e21) {
        let text = format!("{number:e}");
        // Go writes at least two digits of the exponent, and its sign.
        return match text.split_once('e') {
            Some((mantissa, exponent)) => {
                let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
                format!("{mantissa}e{sign}{digits:0>2}")
            }
            None => text,
        };
    }
    format!("{number}")
}

/// A time as Go's `String` method writes it, in UTC.
pub(crate) fn go_time(time: jiff::Timestamp) -> String {
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let fraction = time.subsec_nanosecond();
    let mut text = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push_str(" +0000 UTC");
    text
}

/// The value as JSON; `indent` is the number of spaces per level, 0 for one line.
pub(crate) fn to_json(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    write_json(value, indent, 0, &mut text);
    text
}

fn write_json(value: &Value, indent: usize, level: usize, out: &mut String) {
    match value {
        Value::Missing | Value::Nil => out.push_str("null"),
        Value::Bool(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => write_json_text(text, out),
        Value::Time(time) => {
            let _ = write!(out, "\"{time}\"");
        }
        Value::Duration(span) => {
            let _ = write!(out, "{span}");
        }
        Value::List(items) => {
            write_json_group('[', ']', items.iter().map(|item| (None, item)), indent, level, out)
        }
        Value::Map(entries) => write_json_group(
            '{',
            '}',
            entries.iter().map(|(key, item)| (Some(key.as_str()), item)),
            indent,
            level,
            out,
        ),
        Value::Struct(inner) => write_json_group(
            '{',
            '}',
            inner
                .fields
                .iter()
                .filter(|field| !field.omitted)
                .map(|field| (Some(field.name.as_str()), &field.value)),
            indent,
            level,
            out,
        ),
    }
}

fn write_json_group<'a>(
    open: char,
    close: char,
    items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    indent: usize,
    level: usize,
    out: &mut String,
) {
    out.push(open);
    let mut any = false;
    for (key, item) in items {
        if any {
            out.push(',');
        }
        any = true;
        if indent > 0 {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * (level + 1)));
        }
        if let Some(key) = key {
            write_json_text(key, out);
            out.push(':');
            if indent > 0 {
                out.push(' ');
            }
        }
        write_json(item, indent, level + 1, out);
    }
    if any && indent > 0 {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * level));
    }
    out.push(close);
}

fn write_json_text(text: &str, out: &mut String) {
    // A string always has a JSON form.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_go_s() {
        for (number, text) in [(1.5, "1.5"), (1e21, "1e+21"), (0.00001, "1e-05"), (0.0, "0"), (100.0, "100")]
        {
            assert_eq!(float(number), text);
        }
        let time: jiff::Timestamp = "2022-11-22T10:00:00.120Z".parse().unwrap();
        assert_eq!(go_time(time), "2022-11-22 10:00:00.12 +0000 UTC");
        assert_eq!(go_time(cove_api::zero_time()), "0001-01-01 00:00:00 +0000 UTC");
    }

    #[test]
    fn json_is_indented_as_go_does() {
        let value = Value::List(vec![Value::from("a\"<b>"), Value::List(Vec::new())]);
        assert_eq!(to_json(&value, 0), r#"["a\"<b>",[]]"#);
        assert_eq!(to_json(&value, 4), "[\n    \"a\\\"<b>\",\n    []\n]");
    }
}
