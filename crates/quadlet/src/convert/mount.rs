//! `Mount=`: a line of values with commas, of which the source may be another unit's.

use super::Conversion;
use crate::error::Result;

impl Conversion<'_> {
    /// The value of `--mount` for one of `Mount=`.
    pub(super) fn mount(&mut self, mount: &str) -> Result<String> {
        let fields = split(mount).ok_or_else(|| {
            self.fault("Mount", format!("incorrect mount format {mount:?}: should be type=…,source=…,…"))
        })?;
        let kind = fields.iter().position(|field| is_type(field));
        let kind_name = kind.map_or("volume", |index| &fields[index]["type=".len()..]).to_owned();
        if !["artifact", "bind", "glob", "image", "volume"].contains(&kind_name.as_str()) {
            return Ok(mount.to_owned());
        }
        let mut values = vec![format!("type={kind_name}")];
        let mut has_source = false;
        for (index, field) in fields.into_iter().enumerate() {
            if Some(index) == kind {
                continue;
            }
            match field.split_once('=') {
                None if field == "source" || field == "src" => {
                    return Err(self.fault("Mount", "source parameter does not include a value"));
                }
                Some(("source" | "src", source)) if !source.is_empty() => {
                    values.push(format!("source={}", self.source("Mount", source, true)?));
                    has_source = true;
                }
                _ => values.push(field),
            }
        }
        if !has_source && kind_name != "volume" {
            let message = format!("source parameter is required for mount type {kind_name}");
            return Err(self.fault("Mount", message));
        }
        Ok(join(&values))
    }
}

fn is_type(field: &str) -> bool {
    field.strip_prefix("type=").is_some_and(|kind| !kind.contains('='))
}

/// The fields of a line of comma-separated values, where one in double quotes may have commas.
fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains('"') {
                    return None;
                }
                (rest[..end].to_owned(), &rest[end..])
            }
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                (quoted[..end].replace("\"\"", "\""), &quoted[end + 1..])
            }
        };
        fields.push(field);
        if after.is_empty() {
            break;
        }
        rest = after.strip_prefix(',')?;
    }
    (!line.is_empty() && !line.contains('\n')).then_some(fields)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + text[from..].find('"')?;
        if !text[end + 1..].starts_with('"') {
            return Some(end);
        }
        from = end + 2;
    }
}

fn join(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        let is_plain = !field.contains([',', '"', '\n', '\r']) && !field.starts_with(' ');
        if is_plain { field.clone() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("type=bind,src=/a", Some(&["type=bind", "src=/a"])),
            ("a,\"b,c\",d", Some(&["a", "b,c", "d"])),
            ("\"say \"\"hi\"\"\"", Some(&["say \"hi\""])),
            ("a,", Some(&["a", ""])),
            ("", None),
            ("\"open", None),
            ("\"a\"b", None),
            ("a\"b", None),
        ];
        for (line, expected) in cases {
            let fields = split(line);
            let expected = expected.map(|fields| fields.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(fields, expected, "{line}");
            if let Some(fields) = fields {
                assert_eq!(split(&join(&fields)).unwrap(), fields);
            }
        }
    }
}
