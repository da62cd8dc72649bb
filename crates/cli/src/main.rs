//! The `cove` command: arguments, rendering, exit codes, and the place where everything is put together.

mod app;
mod args;
mod command_error;
mod commands;
mod completion;
mod connect;
mod context;
mod format;
#[cfg(target_os = "linux")]
mod forward;
#[cfg(target_os = "linux")]
mod generator;
mod hints;
mod logging;
mod printer;
mod render;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = cove_machine::guest::take_over() {
        return ExitCode::from(code);
    }
    #[cfg(target_os = "linux")]
    if let Some(code) = forward::take_over() {
        return ExitCode::from(code);
    }
    #[cfg(target_os = "linux")]
    if let Some(code) = generator::take_over() {
        return ExitCode::from(code);
    }
    ExitCode::from(app::main())
}
