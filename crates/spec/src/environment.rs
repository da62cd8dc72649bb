//! `-e`, `--env-file`, `--label`, `--label-file`, `--annotation`: names and values.

use cove_api::StringMap;

use crate::error::{Result, bail};

const WHITE_SPACE: [char; 2] = [' ', '\t'];

/// Largest environment or label file that is accepted, in bytes.
pub const FILE_LIMIT: u64 = 1 << 20;

/// Parses all `-e` flags: `NAME=VALUE`, `NAME` (the value of `own`, nothing where it is not there), `PREFIX*`.
///
/// # Errors
/// A name is empty or has a NUL character in it.
pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>, own: &[(String, String)]) -> Result<StringMap> {
    let mut variables = StringMap::new();
    for text in texts {
        add(&mut variables, text, own)?;
    }
    Ok(variables)
}

/// Parses the text of an `--env-file`: one entry a line, as in [`parse`]; empty lines and those that start with
/// `#` do not count. Values are taken as they are, quotes too.
///
/// # Errors
/// As [`parse`]; the message names `path` and the line.
pub fn parse_file(text: &str, path: &str, own: &[(String, String)]) -> Result<StringMap> {
    let mut variables = StringMap::new();
    lines(text, path, |line| add(&mut variables, line, own))?;
    Ok(variables)
}

/// Parses all `--label` (or `--annotation`) flags: `KEY=VALUE`, or `KEY` with an empty value.
///
/// # Errors
/// A key is empty.
pub fn labels<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<StringMap> {
    let mut labels = StringMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            bail!("invalid label format: {text:?}");
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}

/// Parses the text of a `--label-file`.
///
/// # Errors
/// A key is empty or has white space in it; the message names `path` and the line.
pub fn label_file(text: &str, path: &str) -> Result<StringMap> {
    let mut labels = StringMap::new();
    lines(text, path, |line| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key.is_empty() {
            bail!("invalid label format: {line:?}");
        }
        if key.contains(WHITE_SPACE) {
            bail!("name {key:?} has white spaces, poorly formatted name");
        }
        labels.insert(key.to_owned(), value.to_owned());
        Ok(())
    })?;
    Ok(labels)
}

/// Parses all `--annotation` flags, where the `=` is needed.
///
/// # Errors
/// One has no `=` or no key.
pub fn annotations<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<StringMap> {
    let mut annotations = StringMap::new();
    for text in texts {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                annotations.insert(key.to_owned(), value.to_owned());
            }
            _ => bail!("annotations must be formatted KEY=VALUE: {text:?}"),
        }
    }
    Ok(annotations)
}

/// Parses options `KEY=VALUE` of a driver (`--opt`); without `=` the value is empty. `what` is the flag.
///
/// # Errors
/// A key is empty.
pub fn options<'a>(texts: impl IntoIterator<Item = &'a str>, what: &str) -> Result<StringMap> {
    let mut options = StringMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            bail!("invalid {what} {text:?}: must be KEY=VALUE");
        }
        options.insert(key.to_owned(), value.to_owned());
    }
    Ok(options)
}

fn lines(text: &str, path: &str, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches(WHITE_SPACE);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        each(line).map_err(|error| {
            crate::Error::new(format!("parsing file {path:?}: line {}: {error}", index + 1))
        })?;
    }
    Ok(())
}

fn add(variables: &mut StringMap, text: &str, own: &[(String, String)]) -> Result<()> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let name = name.trim_start_matches(WHITE_SPACE);
    if name.is_empty() || text.contains('\0') {
        bail!("invalid variable: {text:?}");
    }
    match (value, name.strip_suffix('*')) {
        (Some(value), _) => {
            variables.insert(name.to_owned(), value.to_owned());
        }
        (None, Some(prefix)) => {
            let matching = own.iter().filter(|(own_name, _)| own_name.starts_with(prefix));
            variables.extend(matching.cloned());
        }
        (None, None) => {
            if let Some((_, value)) = own.iter().find(|(own_name, _)| own_name == name) {
                variables.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<(String, String)> {
        [("HOME", "/h"), ("LC_ALL", "C"), ("LC_X", "y"), ("EMPTY", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    fn show(map: &StringMap) -> String {
        map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn variables() {
        let check = |texts: &[&str], expected: &str| {
            assert_eq!(show(&parse(texts.iter().copied(), &own()).unwrap()), expected, "{texts:?}");
        };
        check(&["A=1", "B=", "C=a=b", "A=2"], "A=2 B= C=a=b");
        check(&["HOME", "MISSING", "EMPTY"], "EMPTY= HOME=/h");
        check(&["LC_*"], "LC_ALL=C LC_X=y");
        check(&["X*=1"], "X*=1");
        check(&[" A= b "], "A= b ");
        for text in ["=", "=a", "", "A=\0"] {
            assert!(parse([text], &own()).unwrap_err().to_string().starts_with("invalid variable"), "{text}");
        }
    }

    #[test]
    fn files() {
        let text = "\u{feff}A=1\r\n# comment\n\n  B=\"quoted\" # kept\nHOME\nNOPE\nLC_A*\n";
        let variables = parse_file(text, "x.env", &own()).unwrap();
        assert_eq!(show(&variables), "A=1 B=\"quoted\" # kept HOME=/h LC_ALL=C");
        let error = parse_file("A=1\n=2\n", "x.env", &[]).unwrap_err().to_string();
        assert!(error.contains("\"x.env\"") && error.contains("line 2"), "{error}");
        assert_eq!(show(&label_file("a=b\nc\n", "l").unwrap()), "a=b c=");
        assert!(label_file("a b=c\n", "l").unwrap_err().to_string().contains("white spaces"));
    }

    #[test]
    fn keys_and_values() {
        assert_eq!(show(&labels(["a", "b=c=d"]).unwrap()), "a= b=c=d");
        assert!(labels(["=x"]).is_err());
        assert!(annotations(["a"]).is_err());
        assert_eq!(show(&options(["type=tmpfs", "o=size=1m"], "--opt").unwrap()), "o=size=1m type=tmpfs");
    }
}
