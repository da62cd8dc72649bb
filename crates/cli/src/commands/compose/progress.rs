//! What is told of the steps of a command.

use super::line::{Line, Style};
use crate::context::Context;

/// Tells each step on standard error, as docker-compose does where that is no terminal.
pub(super) struct Progress<'a> {
    context: &'a Context,
    style: Style,
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

    /// A step of an object such as `Container shop-web-1`.
    pub(super) fn step(&self, object: &str, text: &str) {
        let (object, text) = (cove_api::shown::line(object), cove_api::shown::line(text));
        match self.style {
            Style::Auto | Style::Plain => self.context.printer.error_line(&format!(" {object}  {text}")),
            Style::Json => {
                self.context
                    .printer
                    .error_line(&serde_json::json!({"id": object, "status": text}).to_string());
            }
            Style::Quiet => {}
        }
    }
}
