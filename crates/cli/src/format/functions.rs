//! The functions of templates: Go's own and those that Podman and Docker add.

use std::cmp::Ordering;

use super::print::{display, to_json};
use super::value::Value;

/// Most characters that padding may ask for.
const WIDEST: i128 = 4096;

/// Whether there is a function of that name; `and` and `or` are the evaluator's.
pub(crate) fn exists(name: &str) -> bool {
    matches!(
        name,
        "and"
            | "or"
            | "not"
            | "len"
            | "index"
            | "slice"
            | "print"
            | "printf"
            | "println"
            | "html"
            | "js"
            | "urlquery"
            | "eq"
            | "ne"
            | "lt"
            | "le"
            | "gt"
            | "ge"
            | "join"
            | "json"
            | "lower"
            | "pad"
            | "split"
            | "title"
            | "truncate"
            | "upper"
    )
}

/// Calls a function; an error is what is wrong.
pub(crate) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let text = |index: usize| -> Result<&str, String> {
        let value: &Value = arguments.get(index).ok_or_else(|| format!("wrong number of args for {name}"))?;
        value
            .as_text()
            .ok_or_else(|| format!("wrong type for value; expected string; got {}", value.type_name()))
    };
    let number = |index: usize| -> Result<i128, String> {
        match arguments.get(index) {
            Some(Value::Int(number)) => Ok(*number),
            Some(other) => Err(format!("wrong type for value; expected int; got {}", other.type_name())),
            None => Err(format!("wrong number of args for {name}")),
        }
    };
    let exactly = |wanted: usize| -> Result<(), String> {
        if arguments.len() == wanted {
            Ok(())
        } else {
            Err(format!("wrong number of args for {name}: want {wanted} got {}", arguments.len()))
        }
    };
    Ok(match name {
        "not" => {
            exactly(1)?;
            Value::Bool(!arguments[0].is_true())
        }
        "len" => {
            exactly(1)?;
            Value::from(length(&arguments[0])?)
        }
        "index" => index(arguments)?,
        "slice" => slice(arguments)?,
        "print" => Value::Text(print(arguments)),
        "println" => {
            let mut texts: Vec<String> = arguments.iter().map(display).collect();
            let last = texts.pop().unwrap_or_default();
            texts.push(last + "\n");
            Value::Text(texts.join(" "))
        }
        "printf" => Value::Text(printf(text(0)?, arguments.get(1..).unwrap_or_default())),
        "html" => Value::Text(
            print(arguments)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .replace('\'', "&#39;"),
        ),
        "js" => Value::Text(
            print(arguments)
                .replace('\\', "\\\\")
                .replace('\'', "\\'")
                .replace('"', "\\\"")
                .replace('<', "\\u003C")
                .replace('>', "\\u003E")
                .replace('&', "\\u0026")
                .replace('=', "\\u003D")
                .replace('\n', "\\n"),
        ),
        "urlquery" => Value::Text(url_query(&print(arguments))),
        "eq" => {
            if arguments.len() < 2 {
                return Err("error calling eq: missing argument for comparison".into());
            }
            let mut equal = false;
            for other in &arguments[1..] {
                equal = equal || equals(&arguments[0], other)?;
            }
            Value::Bool(equal)
        }
        "ne" => {
            exactly(2)?;
            Value::Bool(!equals(&arguments[0], &arguments[1])?)
        }
        "lt" | "le" | "gt" | "ge" => {
            exactly(2)?;
            let order = compare(&arguments[0], &arguments[1])
                .map_err(|message| format!("error calling {name}: {message}"))?;
            Value::Bool(match name {
                "lt" => order == Ordering::Less,
                "le" => order != Ordering::Greater,
                "gt" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })
        }
        "join" => {
            exactly(2)?;
            match &arguments[0] {
                Value::List(items) => {
                    Value::Text(items.iter().map(display).collect::<Vec<_>>().join(text(1)?))
                }
                Value::Nil => Value::from(""),
                other => {
                    return Err(format!(
                        "wrong type for value; expected []string; got {}",
                        other.type_name()
                    ));
                }
            }
        }
        "json" => {
            exactly(1)?;
            Value::Text(to_json(&arguments[0], 0))
        }
        "lower" => {
            exactly(1)?;
            Value::Text(text(0)?.to_lowercase())
        }
        "upper" => {
            exactly(1)?;
            Value::Text(text(0)?.to_uppercase())
        }
        "title" => {
            exactly(1)?;
            Value::Text(title(text(0)?))
        }
        "split" => {
            exactly(2)?;
            let (source, separator) = (text(0)?, text(1)?);
            if separator.is_empty() {
                Value::from(source.chars().map(String::from).collect::<Vec<_>>())
            } else {
                Value::from(source.split(separator).map(str::to_owned).collect::<Vec<_>>())
            }
        }
        "pad" => {
            exactly(3)?;
            let spaces = |count: i128| " ".repeat(usize::try_from(count.clamp(0, WIDEST)).unwrap_or(0));
            let source = text(0)?;
            if source.is_empty() {
                Value::from("")
            } else {
                Value::Text(spaces(number(1)?) + source + &spaces(number(2)?))
            }
        }
        "truncate" => {
            exactly(2)?;
            let (source, length) = (text(0)?, usize::try_from(number(1)?).unwrap_or(0));
            if source.len() < length {
                Value::from(source)
            } else {
                let cut = (0..=length).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
                Value::from(&source[..cut])
            }
        }
        _ => return Err(format!("function {name:?} not defined")),
    })
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::Text(text) => Ok(text.len()),
        Value::List(items) => Ok(items.len()),
        Value::Map(entries) => Ok(entries.len()),
        other => Err(format!("error calling len: len of type {}", other.type_name())),
    }
}

fn index(arguments: &[Value]) -> Result<Value, String> {
    let Some((first, keys)) = arguments.split_first() else {
        return Err("wrong number of args for index: want at least 1 got 0".into());
    };
    let mut value = first.clone();
    for key in keys {
        value = match (&value, key) {
            (Value::Map(entries), Value::Text(key)) => {
                // Go answers the zero value of the map's type, which for all our maps is empty.
                entries.get(key).cloned().unwrap_or_else(|| {
                    entries.values().next().map_or(Value::from(""), |other| match other {
                        Value::List(_) => Value::List(Vec::new()),
                        Value::Map(_) => Value::Map(Default::default()),
                        Value::Text(_) => Value::from(""),
                        _ => Value::Nil,
                    })
                })
            }
            (Value::Struct(inner), Value::Text(key)) if inner.name == super::serialize::FLATTENED => {
                inner.get(key).cloned().unwrap_or(Value::Nil)
            }
            (Value::List(items), Value::Int(number)) => {
                let found = usize::try_from(*number).ok().and_then(|at| items.get(at));
                found.cloned().ok_or_else(|| {
                    format!("error calling index: reflect: slice index out of range: {number}")
                })?
            }
            (Value::Text(text), Value::Int(number)) => {
                let found = usize::try_from(*number).ok().and_then(|at| text.as_bytes().get(at));
                Value::Int(i128::from(
                    *found.ok_or_else(|| format!("error calling index: index out of range: {number}"))?,
                ))
            }
            (Value::Missing | Value::Nil, _) => {
                return Err("error calling index: index of untyped nil".into());
            }
            (value, key) => {
                return Err(format!(
                    "error calling index: can't index item of type {} with {}",
                    value.type_name(),
                    key.type_name()
                ));
            }
        };
    }
    Ok(value)
}

fn slice(arguments: &[Value]) -> Result<Value, String> {
    let Some((first, bounds)) = arguments.split_first() else {
        return Err("wrong number of args for slice: want at least 1 got 0".into());
    };
    let length = length(first)
        .map_err(|_| format!("error calling slice: can't slice item of type {}", first.type_name()))?;
    let bound = |index: usize, default: usize| match bounds.get(index) {
        None => Ok(default),
        Some(Value::Int(number)) => usize::try_from(*number)
            .ok()
            .filter(|at| *at <= length)
            .ok_or_else(|| format!("error calling slice: index out of range: {number}")),
        Some(other) => {
            Err(format!("error calling slice: cannot index slice/array with type {}", other.type_name()))
        }
    };
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    if start > end {
        return Err(format!("error calling slice: invalid slice index: {start} > {end}"));
    }
    match first {
        Value::List(items) => Ok(Value::List(items[start..end].to_vec())),
        Value::Text(text) => {
            Ok(Value::Text(String::from_utf8_lossy(&text.as_bytes()[start..end]).into_owned()))
        }
        other => Err(format!("error calling slice: can't slice item of type {}", other.type_name())),
    }
}

/// Go's `Sprint`: a space between operands when neither is a text.
fn print(arguments: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in arguments.iter().enumerate() {
        let both_plain = at > 0 && value.as_text().is_none() && arguments[at - 1].as_text().is_none();
        if both_plain {
            out.push(' ');
        }
        out.push_str(&display(value));
    }
    out
}

fn equals(one: &Value, other: &Value) -> Result<bool, String> {
    match (one, other) {
        (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => {
            Err("error calling eq: incompatible types for comparison".into())
        }
        (Value::List(_) | Value::Map(_), _) | (_, Value::List(_) | Value::Map(_)) => {
            if matches!(one, Value::Nil) || matches!(other, Value::Nil) {
                return Ok(!one.is_true() && !other.is_true());
            }
            Err("error calling eq: non-comparable type".into())
        }
        (Value::Nil | Value::Missing, _) | (_, Value::Nil | Value::Missing) => {
            Ok(matches!(one, Value::Nil | Value::Missing) && matches!(other, Value::Nil | Value::Missing))
        }
        _ if std::mem::discriminant(one) != std::mem::discriminant(other) => {
            Err("error calling eq: incompatible types for comparison".into())
        }
        _ => Ok(one == other),
    }
}

fn compare(one: &Value, other: &Value) -> Result<Ordering, &'static str> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Ok(one.cmp(other)),
        (Value::Text(one), Value::Text(other)) => Ok(one.cmp(other)),
        (Value::Float(one), Value::Float(other)) => {
            one.partial_cmp(other).ok_or("invalid type for comparison")
        }
        (Value::Time(one), Value::Time(other)) => Ok(one.cmp(other)),
        (Value::Duration(one), Value::Duration(other)) => Ok(one.cmp(other)),
        _ if std::mem::discriminant(one) != std::mem::discriminant(other) => {
            Err("incompatible types for comparison")
        }
        _ => Err("invalid type for comparison"),
    }
}

fn title(text: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    for letter in text.chars() {
        if start {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
        start = !(letter.is_alphanumeric() || letter == '_' || letter == '\'');
    }
    out
}

fn url_query(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Go's `Sprintf` for the verbs that make sense on this data.
fn printf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = letters.next_if(|letter| matches!(letter, '-' | '+' | '#' | ' ' | '0')) {
            flags.push(flag);
        }
        let mut digits = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Option<usize> {
            if letters.next_if_eq(&'*').is_some() {
                return match arguments.next() {
                    Some(Value::Int(number)) => usize::try_from((*number).clamp(0, WIDEST)).ok(),
                    _ => None,
                };
            }
            let mut number = None;
            while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
                letters.next();
                number = Some((number.unwrap_or(0_usize) * 10 + digit as usize).min(WIDEST as usize));
            }
            number
        };
        let width = digits(&mut letters);
        let precision =
            if letters.next_if_eq(&'.').is_some() { Some(digits(&mut letters).unwrap_or(0)) } else { None };
        let Some(verb) = letters.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = arguments.next() else {
            out.push_str(&format!("%!{verb}(MISSING)"));
            continue;
        };
        let text = format_verb(verb, &flags, precision, value);
        let missing = width.unwrap_or(0).saturating_sub(text.chars().count());
        if flags.contains('-') {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if flags.contains('0') && matches!(value, Value::Int(_) | Value::Float(_)) {
            let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(&text);
        }
    }
    let rest: Vec<String> =
        arguments.map(|value| format!("{}={}", value.type_name(), display(value))).collect();
    if !rest.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", rest.join(", ")));
    }
    out
}

fn format_verb(verb: char, flags: &str, precision: Option<usize>, value: &Value) -> String {
    let cut = |text: String| match precision {
        Some(length) => text.chars().take(length).collect(),
        None => text,
    };
    match (verb, value) {
        ('v', Value::Text(text)) if flags.contains('#') => format!("{text:?}"),
        ('v', _) => display(value),
        ('s', Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
            format!("%!s({}={})", value.type_name(), display(value))
        }
        ('s', _) => cut(display(value)),
        ('q', Value::List(items)) => {
            let items: Vec<String> = items.iter().map(|item| format!("{:?}", display(item))).collect();
            format!("[{}]", items.join(" "))
        }
        ('q', _) => format!("{:?}", display(value)),
        ('d', Value::Int(number)) if flags.contains('+') && *number >= 0 => format!("+{number}"),
        ('d', Value::Int(number)) => number.to_string(),
        ('x', Value::Int(number)) => format!("{number:x}"),
        ('X', Value::Int(number)) => format!("{number:X}"),
        ('o', Value::Int(number)) => format!("{number:o}"),
        ('b', Value::Int(number)) => format!("{number:b}"),
        ('c', Value::Int(number)) => {
            u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        ('x', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ('t', Value::Bool(value)) => value.to_string(),
        ('f' | 'F', Value::Float(number)) => format!("{number:.*}", precision.unwrap_or(6)),
        ('g', Value::Float(number)) => super::print::float(*number),
        ('T', _) => value.type_name().to_owned(),
        (verb, value) => format!("%!{verb}({}={})", value.type_name(), display(value)),
    }
}
