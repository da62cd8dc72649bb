//! What Podman does around a template: the `table` keyword, `\t` and `\n`, the implied range over rows, headers.

use cove_api::shown;

use super::error::FormatError;
use super::eval::Template;
use super::tabs::align;
use super::value::{Struct, Value};

/// Whether a `--format` asks for JSON, in one of the ways people write it.
pub(crate) fn is_json(format: &str) -> bool {
    let plain: String = format.chars().filter(|letter| !letter.is_whitespace()).collect();
    matches!(plain.as_str(), "json" | "{{json}}" | "{{json.}}")
}

/// Heads of columns: field names in upper case with spaces between words, but for some.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headers(pub(crate) &'static [(&'static str, &'static str)]);

impl Headers {
    fn of(self, field: &str) -> String {
        match self.0.iter().find(|(name, _)| *name == field) {
            Some((_, head)) => (*head).to_owned(),
            None => words(field),
        }
    }
}

/// The type of the row of heads.
pub(crate) const HEADS: &str = "heads";

/// `RestartCount` as `RESTART COUNT`; runs of capitals stay together.
pub(crate) fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && letters[at - 1].is_lowercase();
        let before_lower = at > 0
            && letters[at - 1].is_uppercase()
            && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            out.push(' ');
        }
        out.extend(letter.to_uppercase());
    }
    out
}

/// A format applied to rows.
#[derive(Debug)]
pub(crate) struct Report {
    template: Template,
    table: bool,
    /// The user's own format: data for a program, which stays exact.
    exact: bool,
}

impl Report {
    /// The user's own format.
    pub(crate) fn user(name: &str, format: &str) -> Result<Self, FormatError> {
        let (plain, table) = match format.strip_prefix("table ") {
            Some(rest) => (rest, true),
            None => (format, false),
        };
        let mut normal = plain.replace("\\t", "\t").replace("\\n", "\n");
        if table {
            normal = normal.replace(' ', "\t");
        }
        if !normal.ends_with('\n') {
            normal.push('\n');
        }
        // Replacing inside a quoted string can break a template; then the text is taken as it is.
        let template = match Template::parse(name, &ranged(&normal)) {
            Ok(template) => template,
            Err(error) => Template::parse(name, &ranged(plain)).map_err(|_| error)?,
        };
        Ok(Self { template, table, exact: true })
    }

    /// A format of the program's own: tab-separated columns.
    pub(crate) fn own(name: &str, format: &str) -> Result<Self, FormatError> {
        let template = Template::parse(name, &ranged(&format!("{format}\n")))?;
        Ok(Self { template, table: true, exact: false })
    }

    /// The text for `rows`, with heads where the format is a table and `headers` are given.
    pub(crate) fn render(&self, rows: Vec<Value>, headers: Option<Headers>) -> Result<String, FormatError> {
        let mut text = String::new();
        let rows = if self.exact { rows } else { rows.into_iter().map(cells).collect() };
        if let (true, Some(headers)) = (self.table, headers) {
            let head = head_row(&rows, headers);
            text.push_str(&self.template.render(&Value::List(vec![head]))?);
        }
        text.push_str(&self.template.render(&Value::List(rows))?);
        Ok(if self.table { align(&text) } else { text })
    }
}

/// A row of our own tables: no text in it can leave its cell.
fn cells(row: Value) -> Value {
    match row {
        Value::Text(text) => Value::Text(shown::cell(&text).into_owned()),
        Value::List(items) => Value::List(items.into_iter().map(cells).collect()),
        Value::Map(entries) => Value::Map(
            entries.into_iter().map(|(key, value)| (shown::cell(&key).into_owned(), cells(value))).collect(),
        ),
        Value::Struct(mut inner) => {
            for field in &mut inner.fields {
                field.value = cells(std::mem::replace(&mut field.value, Value::Nil));
            }
            Value::Struct(inner)
        }
        other => other,
    }
}

/// A row whose fields hold their own heads; it answers for every name.
fn head_row(rows: &[Value], headers: Headers) -> Value {
    let mut head = Struct::new(HEADS);
    if let Some(Value::Struct(row)) = rows.first() {
        for field in &row.fields {
            head.set(&field.name, headers.of(&field.name));
        }
    }
    for (name, text) in headers.0 {
        head.set(name, *text);
    }
    Value::Struct(head)
}

fn ranged(format: &str) -> String {
    let has_range = format.find("{{").is_some_and(|_| {
        let compact: String = format.chars().filter(|letter| !letter.is_whitespace()).collect();
        compact.contains("{{range.}}") && (compact.contains("{{end}}") || compact.contains("{{end-}}"))
    });
    if has_range { format.to_owned() } else { format!("{{{{range .}}}}{format}{{{{end -}}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Value> {
        vec![
            Struct::new("Row").with("ID", "a1").with("RestartCount", 3).into(),
            Struct::new("Row").with("ID", "b2").with("RestartCount", 4).into(),
        ]
    }

    #[test]
    fn tables_and_plain_formats() {
        for (format, expect) in [
            ("{{.ID}}", "a1\nb2\n"),
            ("{{.ID}}\\t{{.RestartCount}}", "a1\t3\nb2\t4\n"),
            (
                "table {{.ID}} {{.RestartCount}}",
                "CONTAINER ID  RESTART COUNT\na1            3\nb2            4\n",
            ),
            ("{{range .}}{{.ID}};{{end}}", "a1;b2;\n"),
        ] {
            let report = Report::user("list", format).unwrap();
            let text = report.render(rows(), Some(Headers(&[("ID", "CONTAINER ID")]))).unwrap();
            assert_eq!(text, expect, "{format}");
        }
    }

    #[test]
    fn no_text_leaves_its_cell() {
        let rows = || vec![Struct::new("Row").with("ID", "a\tb\nc\u{1b}[2J").with("N", vec!["x\ny"]).into()];
        let own = Report::own("list", "{{.ID}}\t{{.N}}").unwrap();
        assert_eq!(own.render(rows(), None).unwrap(), "a\\tb\\nc\\x1b[2J  [x\\ny]\n");
        let exact = Report::user("list", "{{.ID}}").unwrap();
        assert_eq!(exact.render(rows(), None).unwrap(), "a\tb\nc\u{1b}[2J\n");
    }

    #[test]
    fn words_of_heads() {
        for (name, head) in
            [("RestartCount", "RESTART COUNT"), ("ID", "ID"), ("CIDFile", "CID FILE"), ("Names", "NAMES")]
        {
            assert_eq!(words(name), head);
        }
    }

    #[test]
    fn json_in_all_its_forms() {
        for format in ["json", " json ", "{{json .}}", "{{ json . }}", "{{json}}"] {
            assert!(is_json(format), "{format}");
        }
        assert!(!is_json("{{json .ID}}"));
    }
}
