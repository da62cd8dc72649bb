//! The `cove` command: arguments, rendering, exit codes, and the place where everything is put together.

mod app;
mod args;
mod command_error;
mod commands;
mod connect;
mod context;
mod format;
mod hints;
mod logging;
mod printer;
mod render;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(app::main())
}
