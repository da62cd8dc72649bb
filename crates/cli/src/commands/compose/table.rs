//! Lists as Docker's formats write them.

use serde::Serialize;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::format::{Struct, Template, Value, align_with, to_json, to_value};

/// Docker's table of names and values: the least width of a column, and the space after it.
const DOCKER: (usize, usize) = (10, 3);

/// Cells in columns, each at least so wide.
pub(super) fn columns(rows: &[Vec<String>], narrowest: usize) -> String {
    spaced(rows, narrowest, DOCKER.1)
}

/// The same with so much space after each.
pub(super) fn spaced(rows: &[Vec<String>], narrowest: usize, padding: usize) -> String {
    let line = |cells: &Vec<String>| {
        let shown: Vec<_> = cells.iter().map(|cell| cove_api::shown::cell(cell)).collect();
        shown.join("\t") + "\n"
    };
    align_with(&rows.iter().map(line).collect::<String>(), narrowest, padding)
}

/// A list by `--format`: `table`, `table TEMPLATE`, `json` (a line for each), or a template. `heads` are fields and the
/// heads of their columns where the two differ; `usual` is the template of the table.
///
/// # Errors
/// The template is wrong.
pub(super) fn print<T: Serialize>(
    context: &Context,
    format: &str,
    rows: &[T],
    usual: &str,
    heads: &[(&str, &str)],
) -> Result<(), CommandError> {
    let rows: Vec<Value> = rows.iter().map(to_value).collect();
    if format == "json" || format == "{{json .}}" {
        // As Go writes them, for scripts that compare.
        let escaped = |text: String| {
            text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") + "\n"
        };
        let lines: String = rows.iter().map(|row| escaped(to_json(row, 0))).collect();
        return context.printer.text(&lines);
    }
    let (template, table) = match format {
        "" | "table" => (usual.to_owned(), true),
        format => match format.strip_prefix("table ") {
            Some(rest) => (rest.trim().to_owned(), true),
            None => (format.to_owned(), false),
        },
    };
    let template = Template::parse("format", &(template.replace("\\t", "\t").replace("\\n", "\n") + "\n"))?;
    let mut text = String::new();
    if table {
        text.push_str(&template.render(&header(heads))?);
    }
    for row in &rows {
        text.push_str(&template.render(row)?);
    }
    context.printer.text(&align_with(&text, DOCKER.0, DOCKER.1))
}

fn header(heads: &[(&str, &str)]) -> Value {
    let mut row = Struct::new("formatter.SubHeaderContext");
    for (field, head) in heads {
        row.set(field, (*head).to_owned());
    }
    row.into()
}
