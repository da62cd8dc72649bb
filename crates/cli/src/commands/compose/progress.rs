//! What is told of the steps of a command.

use serde::Serialize;

use super::line::{Line, Style};
use crate::context::Context;

/// Tells each step on standard error, as docker-compose does where that is no terminal.
pub(super) struct Progress<'a> {
    context: &'a Context,
    style: Style,
}

/// A step as an object.
#[derive(Default, Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "is_false")]
    tail: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> Progress<'a> {
    /// As the command line asks for it.
    pub(super) fn of(context: &'a Context, line: &Line) -> Self {
        let variable = || match context.environment.get("COMPOSE_PROGRESS") {
            Some("json") => Some(Style::Json),
            Some("quiet") => Some(Style::Quiet),
            _ => None,
        };
        Self { context, style: line.progress.or_else(variable).unwrap_or(Style::Auto) }
    }

    /// In that style, where the command itself asks for one.
    pub(super) fn in_style(self, style: Option<Style>) -> Self {
        Self { style: style.unwrap_or(self.style), ..self }
    }

    /// Whether nothing is told.
    pub(super) fn is_quiet(&self) -> bool {
        self.style == Style::Quiet
    }

    /// A step of an object such as `Container shop-web-1`.
    pub(super) fn step(&self, object: &str, status: &str) {
        self.event(object, "", status);
    }

    /// A step of what has an own text: `web Pulling`.
    pub(super) fn event(&self, id: &str, text: &str, status: &str) {
        let [id, text, status] = [id, text, status].map(cove_api::shown::line);
        match self.style {
            Style::Auto | Style::Plain => {
                self.context.printer.error_line(&format!(" {id} {text} {status}"));
            }
            Style::Json => self.json(&Told { id: &id, text: &text, status: &status, ..Told::default() }),
            Style::Quiet => {}
        }
    }

    /// What is to be known at the end.
    pub(super) fn tail(&self, text: &str) {
        match self.style {
            Style::Auto | Style::Plain => self.context.printer.error_line(text),
            Style::Json => self.json(&Told { tail: true, text, ..Told::default() }),
            Style::Quiet => {}
        }
    }

    fn json(&self, told: &Told<'_>) {
        if let Ok(text) = serde_json::to_string(told) {
            self.context.printer.error_line(&text);
        }
    }
}
