//! What every command gets: the printer, the choices of the user, and the engine.

use std::path::PathBuf;

use cove_api::Engine;
use cove_config::containers::ContainersConf;
use cove_config::{Directories, Environment};
use tokio::sync::OnceCell;

use crate::args::GlobalOptions;
use crate::command_error::CommandError;
use crate::connect;
use crate::printer::Printer;

/// What every command gets.
pub(crate) struct Context {
    /// The outputs.
    pub(crate) printer: Printer,
    /// The environment as it was at the start.
    pub(crate) environment: Environment,
    /// The user's directories.
    pub(crate) directories: Directories,
    /// containers.conf.
    pub(crate) conf: ContainersConf,
    /// Global options.
    pub(crate) global: GlobalOptions,
    /// The name the program was called by.
    pub(crate) program: String,
    /// The path of the command, such as `container ls`.
    pub(crate) path: String,
    /// The whole command line, as typed.
    pub(crate) command_line: Vec<String>,
    /// This program's own file.
    pub(crate) executable: PathBuf,
    /// Which engine.
    pub(crate) destination: connect::Destination,
    /// What a command of compose was told before its name.
    #[cfg(unix)]
    pub(crate) compose: std::sync::OnceLock<crate::commands::compose::Line>,
    engine: OnceCell<Box<dyn Engine>>,
}

impl Context {
    /// A context whose engine is not opened yet.
    #[allow(clippy::too_many_arguments, reason = "called once, with everything there is")]
    pub(crate) fn new(
        printer: Printer,
        environment: Environment,
        directories: Directories,
        conf: ContainersConf,
        global: GlobalOptions,
        program: String,
        path: String,
        command_line: Vec<String>,
        executable: PathBuf,
        destination: connect::Destination,
    ) -> Self {
        Self {
            printer,
            environment,
            directories,
            conf,
            global,
            program,
            path,
            command_line,
            executable,
            destination,
            #[cfg(unix)]
            compose: std::sync::OnceLock::new(),
            engine: OnceCell::new(),
        }
    }

    /// The engine, opened or connected to at the first call.
    ///
    /// # Errors
    /// It cannot be opened or reached.
    pub(crate) async fn engine(&self) -> Result<&dyn Engine, CommandError> {
        let engine = self.engine.get_or_try_init(|| connect::open(self)).await?;
        Ok(engine.as_ref())
    }

    /// Refuses a command whose mounts only those see who are in the namespaces of rootless containers, where nobody who
    /// called it is: `unshare` brings them there.
    ///
    /// # Errors
    /// The engine is here, rootless, and this process was started outside.
    pub(crate) fn require_unshare(&self) -> Result<(), CommandError> {
        let is_inside = self.environment.get(cove_config::env::ROOTLESS_UID).is_some();
        let is_local = self.destination == connect::Destination::Local;
        if !is_local || !self.directories.user.rootless || is_inside {
            return Ok(());
        }
        Err(CommandError::other(format!(
            "cannot run command {:?} in rootless mode, must execute `{} unshare` first",
            self.command_name(),
            self.program
        )))
    }

    /// Whether the program was called by the name under which it has skopeo's command line, messages and exit codes.
    pub(crate) fn is_skopeo(&self) -> bool {
        self.program == crate::args::SKOPEO_NAME
    }

    /// The command with the program's name, for messages.
    pub(crate) fn command_name(&self) -> String {
        format!("{} {}", self.program, self.path)
    }
}
