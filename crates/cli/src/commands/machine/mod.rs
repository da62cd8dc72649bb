//! Machines.

use std::ffi::OsString;

use cove_config::connections::Connections;
use cove_machine::{DEFAULT_MACHINE, MachineFolders, MachineName, Machines, Progress};

use crate::command_error::CommandError;
use crate::context::Context;
use crate::printer::Printer;

pub(crate) mod agent;
pub(crate) mod compact;
pub(crate) mod cp;
pub(crate) mod default;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod logs;
mod refused;
pub(crate) mod remove;
pub(crate) mod reset;
pub(crate) mod resize;
pub(crate) mod set;
pub(crate) mod snapshot;
pub(crate) mod ssh;
pub(crate) mod start;
pub(crate) mod stop;

impl From<cove_machine::Error> for CommandError {
    fn from(error: cove_machine::Error) -> Self {
        cove_api::Error::from(error).into()
    }
}

/// The user's machines.
pub(crate) fn machines(context: &Context) -> Machines {
    let data = context.directories.machine_data();
    Machines {
        image_folders: cove_machine::image::default_folders(&context.executable, &data),
        folders: MachineFolders { data, runtime: context.directories.machine_runtime() },
        connections: Connections::new(
            context.directories.connections_file(&context.environment),
            &context.conf,
        ),
        agent_command: [context.executable.clone().into_os_string()]
            .into_iter()
            .chain(["machine", "agent"].map(OsString::from))
            .collect(),
    }
}

/// The machine that was named, or the usual one.
pub(crate) fn name(names: &[String]) -> Result<MachineName, CommandError> {
    let text = names.first().map_or(DEFAULT_MACHINE, String::as_str);
    Ok(text.parse::<MachineName>()?)
}

/// Asks whether to go on.
pub(crate) fn is_sure() -> Result<bool, CommandError> {
    let answer = crate::terminal::ask("Are you sure you want to continue? [y/N] ")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Tells of steps on standard error.
pub(crate) fn tell(printer: &Printer, quiet: bool) -> impl Fn(Progress) + Send + Sync {
    let terminal = printer.error_is_terminal();
    move |progress| {
        let printer = Printer::new(true);
        match progress {
            Progress::Note(text) => printer.error_line(&format!("Note: {text}")),
            Progress::Done(step, time) if !quiet => {
                printer.error_line(&format!("{step:<12} {:>7.2} s", time.as_secs_f64()));
            }
            Progress::Begin(step) if !quiet && terminal => {
                printer.error_bytes(format!("{step} ...\r").as_bytes())
            }
            Progress::Begin(_) | Progress::Done(..) => {}
        }
    }
}
